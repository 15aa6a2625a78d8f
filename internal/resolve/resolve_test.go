// SPDX-License-Identifier: MPL-2.0

package resolve

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/resolve/resolvetest"
)

// machine is the system's resolver: it knows who serves which zone, and its
// cache of anything else is stale.
type machine struct {
	zones map[string][]string // name servers by zone
	hosts map[string]string
	asked int
}

func (m *machine) LookupNS(_ context.Context, zone string) ([]*net.NS, error) {
	m.asked++
	var out []*net.NS
	for _, host := range m.zones[zone] {
		out = append(out, &net.NS{Host: host})
	}
	if out == nil {
		return nil, &net.DNSError{Name: zone, IsNotFound: true}
	}
	return out, nil
}

func (m *machine) LookupHost(_ context.Context, host string) ([]string, error) {
	if ip, ok := m.hosts[host]; ok {
		return []string{ip}, nil
	}
	return nil, &net.DNSError{Name: host, IsNotFound: true}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAsksTheZonesOwnServers(t *testing.T) {
	t.Parallel()
	one, two, other := resolvetest.NewZone("192.0.2.1"), resolvetest.NewZone("192.0.2.2"), resolvetest.NewZone("192.0.2.9")
	port := one.Serve(t, "127.0.0.1:0")
	two.Serve(t, "127.0.0.2:"+port)
	other.Serve(t, "127.0.0.3:"+port)
	system := &machine{
		zones: map[string][]string{"example.com.": {"ns1.example.com.", "ns2.example.com."}, "example.net.": {"ns.example.net."}},
		hosts: map[string]string{
			"ns1.example.com": "127.0.0.1", "ns2.example.com": "127.0.0.2", "ns.example.net": "127.0.0.3",
			"app.example.com": "203.0.113.1", "build-host": "127.0.0.9",
		},
	}
	n := New("")
	n.system, n.port = system, port

	seen := map[string]int{}
	for range 4 {
		ip, via, err := n.Address(within(t, 5*time.Second), "app.example.com")
		if err != nil {
			t.Fatal(err)
		}
		seen[ip+" by "+via]++
	}
	if seen["192.0.2.1 by 127.0.0.1:"+port] != 2 || seen["192.0.2.2 by 127.0.0.2:"+port] != 2 {
		t.Errorf("saw %v, want each of the zone's servers twice and no cache", seen)
	}
	if system.asked != 2 {
		t.Errorf("%d look-ups of name servers, want app.example.com and example.com once each", system.asked)
	}

	// Into another zone by a CNAME: that zone's servers are asked.
	one.Set("", "lb.example.net.")
	two.Set("", "lb.example.net.")
	if ip, _, err := n.Address(within(t, 5*time.Second), "app.example.com"); err != nil || ip != "192.0.2.9" {
		t.Errorf("the alias leads to %s, %v", ip, err)
	}
	// A dead server is passed over.
	one.Set("192.0.2.1", "")
	two.Set("192.0.2.1", "")
	system.hosts["ns2.example.com"] = "127.0.0.4"
	n.servers = map[string][]string{}
	for range 2 {
		if ip, _, err := n.Address(within(t, 10*time.Second), "app.example.com"); err != nil || ip != "192.0.2.1" {
			t.Errorf("with a dead server: %s, %v", ip, err)
		}
	}
	// A name of no zone is the machine's own business.
	if ip, via, err := n.Address(within(t, 5*time.Second), "build-host"); err != nil || ip != "127.0.0.9" || !strings.Contains(via, "system") {
		t.Errorf("build-host is %s by %s, %v", ip, via, err)
	}
}
