// SPDX-License-Identifier: MPL-2.0

package resolve

import (
	"slices"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/resolve/resolvetest"
)

func TestEveryServerAnswersForItself(t *testing.T) {
	t.Parallel()
	one, two := resolvetest.NewZone("192.0.2.1"), resolvetest.NewZone("192.0.2.2")
	port := one.Serve(t, "127.0.0.1:0")
	two.Serve(t, "127.0.0.2:"+port)
	n := New("")
	n.port, n.system = port, &machine{
		zones: map[string][]string{"example.com.": {"ns1.example.com.", "ns2.example.com.", "ns3.example.com."}},
		hosts: map[string]string{"ns1.example.com": "127.0.0.1", "ns2.example.com": "127.0.0.2", "ns3.example.com": "127.0.0.4"},
	}
	said, err := n.Answers(within(t, 10*time.Second), "app.example.com", "A")
	if err != nil || len(said) != 3 {
		t.Fatalf("%+v, %v", said, err)
	}
	if !slices.Equal(said[0].Values, []string{"192.0.2.1"}) || !slices.Equal(said[1].Values, []string{"192.0.2.2"}) || said[2].Err == nil {
		t.Errorf("saw %+v", said)
	}
	if _, err := n.Answers(within(t, 10*time.Second), "app.example.net", "A"); err == nil {
		t.Error("a name of no zone has servers")
	}
	if got, err := n.Values(within(t, 10*time.Second), "app.example.com", "A"); err != nil || len(got) != 1 {
		t.Errorf("values %v, %v", got, err)
	}
	one.Set("192.0.2.1", "west.example.org.")
	got, err := New("127.0.0.1:"+port).Values(within(t, 10*time.Second), "app.example.com", "CNAME")
	if err != nil || !slices.Equal(got, []string{"west.example.org."}) {
		t.Errorf("the alias is %v, %v", got, err)
	}
	one.Set("", "")
	if got, err := New("127.0.0.1:"+port).Values(within(t, 10*time.Second), "app.example.com", "A"); err == nil {
		t.Errorf("nothing is %v", got)
	}
}
