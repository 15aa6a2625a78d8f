// SPDX-License-Identifier: MPL-2.0

package route53

import "testing"

func TestNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, canonical, display string }{
		{"App.Example.COM", "app.example.com.", "app.example.com"},
		{"app.example.com.", "app.example.com.", "app.example.com"},
		{"*.example.com", `\052.example.com.`, "*.example.com"},
		{`\052.example.com.`, `\052.example.com.`, "*.example.com"},
		{"_dmarc.example.com", "_dmarc.example.com.", "_dmarc.example.com"},
		{`a\056b.example.com`, `a\056b.example.com.`, `a\056b.example.com`},
		{`\101pp.example.com`, "app.example.com.", "app.example.com"},
		{"f\xfcbar.example.com", `f\374bar.example.com.`, `f\374bar.example.com`},
		{`x@y.example.com`, `x\100y.example.com.`, `x\100y.example.com`},
	} {
		if got := CanonicalName(test.in); got != test.canonical {
			t.Errorf("CanonicalName(%q) = %q, want %q", test.in, got, test.canonical)
		}
		if got := DisplayName(test.in); got != test.display {
			t.Errorf("DisplayName(%q) = %q, want %q", test.in, got, test.display)
		}
	}
	if order("a.example.com.") >= order("b.a.example.com.") || order("a-b.example.com.") >= order("a.example.com.") {
		t.Error("the order of names is not that of reversed labels with a trailing dot")
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]Key{
		"Z1_app.example.com_A":            {"Z1", "app.example.com", "A", ""},
		"Z1__dmarc.example.com_TXT":       {"Z1", "_dmarc.example.com", "TXT", ""},
		"Z1_app.example.com_AAAA_us_east": {"Z1", "app.example.com", "AAAA", "us_east"},
		"Z1_a_txt.example.com_CNAME_A_A":  {"Z1", "a_txt.example.com", "CNAME", "A_A"},
	} {
		got, err := ParseID(id)
		if err != nil || got != want {
			t.Errorf("ParseID(%q) = %+v, %v", id, got, err)
		}
		if got.ID() != id {
			t.Errorf("%+v has the id %q, want %q", got, got.ID(), id)
		}
	}
	for _, id := range []string{"", "Z1", "Z1_app.example.com", "Z1_app.example.com_a", "_app.example.com_A", "Z1_A"} {
		if got, err := ParseID(id); err == nil {
			t.Errorf("ParseID(%q) = %+v", id, got)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		recordType string
		a, b       []string
		equal      bool
	}{
		{"A", []string{"192.0.2.1", "192.0.2.2"}, []string{"192.0.2.2", "192.0.2.1"}, true},
		{"A", []string{"192.0.2.1"}, []string{"192.0.2.1", "192.0.2.2"}, false},
		{"AAAA", []string{"2001:DB8:0::1"}, []string{"2001:db8::1"}, true},
		{"CNAME", []string{"LB.example.com"}, []string{"lb.example.com."}, true},
		{"MX", []string{"10  Mail.example.com"}, []string{"10 mail.example.com."}, true},
		{"MX", []string{"10 mail.example.com"}, []string{"20 mail.example.com."}, false},
		{"TXT", []string{"region=us-west-2"}, []string{`"region=us-west-2"`}, true},
		{"TXT", []string{`"ab" "cd"`}, []string{`"abcd"`}, true},
		{"TXT", []string{`a "quoted" word`}, []string{`"a \"quoted\" word"`}, true},
		{"TXT", []string{`"tab\011"`}, []string{"tab\t"}, false}, // space around a value is trimmed
		{"TXT", []string{"Case"}, []string{"case"}, false},
		{"CAA", []string{`0 issue "ca.example.net"`}, []string{`0 ISSUE ca.example.net`}, true},
		{"SRV", []string{"1 10 5269 xmpp.example.com."}, []string{"1 10 5269 xmpp.example.com"}, true},
	} {
		if got := equalValues(test.recordType, test.a, test.b); got != test.equal {
			t.Errorf("%s %q and %q: equal = %t", test.recordType, test.a, test.b, got)
		}
	}
	for in, want := range map[string]string{
		"region=us-west-2":   `"region=us-west-2"`,
		`"as it is" "twice"`: `"as it is" "twice"`,
		`a "b" \`:            `"a \"b\" \\"`,
		"é":                  `"\303\251"`,
	} {
		if got := wireValue("TXT", in); got != want {
			t.Errorf("wireValue(%q) = %s, want %s", in, got, want)
		}
	}
}
