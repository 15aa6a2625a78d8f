// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
)

func TestDNSAnswers(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	b.engine.Network.SetName("orders.abc.us-west-2.rds.amazonaws.com", net.IPv4(127, 0, 0, 7))
	b.seed(
		simple("app.example.com", types.RRTypeA, 5, "192.0.2.1", "192.0.2.2"),
		simple("www.example.com", types.RRTypeCname, 30, "app.example.com"),
		simple("db.example.com", types.RRTypeCname, 30, "orders.abc.us-west-2.rds.amazonaws.com"),
		simple("gone.example.com", types.RRTypeCname, 30, "nothing.example.com"),
		simple("far.example.com", types.RRTypeCname, 30, "app.example.org"),
		simple("loop.example.com", types.RRTypeCname, 30, "loop.example.com"),
		simple("*.wild.example.com", types.RRTypeA, 60, "192.0.2.3"),
		simple("here.wild.example.com", types.RRTypeTxt, 60, `"x"`),
		simple("deep.down.example.com", types.RRTypeA, 60, "192.0.2.4"),
		simple("child.example.com", types.RRTypeNs, 300, "ns.example.net"),
		alias("example.com", types.RRTypeA, zoneID, "app.example.com", false),
	)
	if err := b.service.SeedZone(engine.DNSAccount, "ZSUB", "sub.example.com"); err != nil {
		t.Fatal(err)
	}
	if err := b.service.SeedA("ZSUB", "x.sub.example.com", 60, "192.0.2.5"); err != nil {
		t.Fatal(err)
	}
	a, txt := dns.TypeA, dns.TypeTXT
	for _, tc := range []struct {
		name          string
		qtype         uint16
		want          string
		authoritative bool
		soa           bool
	}{
		{"app.example.com", a, "192.0.2.1 192.0.2.2", true, false},
		{"APP.Example.COM", a, "192.0.2.1 192.0.2.2", true, false},
		{"app.example.com", txt, "", true, true},
		{"none.example.com", a, "NXDOMAIN", true, true},
		{"down.example.com", a, "", true, true}, // an empty non-terminal is no NXDOMAIN
		{"www.example.com", a, "192.0.2.1 192.0.2.2 app.example.com.", true, false},
		{"www.example.com", dns.TypeCNAME, "app.example.com.", true, false},
		{"www.example.com", txt, "app.example.com.", true, true},
		{"db.example.com", a, "127.0.0.7 orders.abc.us-west-2.rds.amazonaws.com.", true, false},
		{"gone.example.com", a, "NXDOMAIN", true, true},
		{"far.example.com", a, "app.example.org.", true, false},
		{"orders.abc.us-west-2.rds.amazonaws.com", a, "127.0.0.7", true, false},
		{"orders.abc.us-west-2.rds.amazonaws.com", dns.TypeAAAA, "", true, false},
		{"any.wild.example.com", a, "192.0.2.3", true, false},
		{"a.b.wild.example.com", a, "192.0.2.3", true, false},
		{"here.wild.example.com", a, "", true, true}, // the wildcard is not for names that exist
		{"any.wild.example.com", txt, "", true, true},
		{"x.sub.example.com", a, "192.0.2.5", true, false},
		{"y.sub.example.com", a, "NXDOMAIN", true, true},
		{"example.com", a, "192.0.2.1 192.0.2.2", true, false},
		{"app.example.org", a, "REFUSED", false, false},
		{"x.child.example.com", a, "", false, false},
	} {
		m := b.query(tc.name, tc.qtype)
		soa := len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA
		if got := data(m); got != tc.want || m.Authoritative != tc.authoritative || soa != tc.soa {
			t.Errorf("%s %s: %q, authoritative %t, SOA %t; want %q %t %t",
				tc.name, dns.TypeToString[tc.qtype], got, m.Authoritative, soa, tc.want, tc.authoritative, tc.soa)
		}
	}
	if m := b.query("x.child.example.com", a); len(m.Ns) != 1 || m.Ns[0].Header().Name != "child.example.com." {
		t.Errorf("referral %v", m.Ns)
	}
	if m := b.query("loop.example.com", a); m.Rcode != dns.RcodeSuccess {
		t.Errorf("a loop answers %s", dns.RcodeToString[m.Rcode])
	}
	for name, ttl := range map[string]uint32{"app.example.com": 5, "example.com": 5, "orders.abc.us-west-2.rds.amazonaws.com": 5, "any.wild.example.com": 60} {
		if m := b.query(name, a); m.Answer[0].Header().Ttl != ttl || !strings.EqualFold(m.Answer[0].Header().Name, name+".") {
			t.Errorf("%s: %s", name, m.Answer[0])
		}
	}
	if m := b.query("none.example.com", a); m.Ns[0].Header().Ttl != 900 {
		t.Errorf("negative answers are kept for %d s", m.Ns[0].Header().Ttl)
	}
	// Go programs resolve through it; the zone's name servers have its address.
	got, err := b.service.Resolver().LookupHost(t.Context(), "www.example.com.")
	if err != nil || len(got) != 2 {
		t.Errorf("resolver: %v, %v", got, err)
	}
	ns, _, _ := strings.Cut(data(b.query("example.com", dns.TypeNS)), " ")
	if got := b.answers(ns); got != "127.0.0.1" {
		t.Errorf("%s answers %s", ns, got)
	}
}

func TestDNSOverTCPAndTruncation(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	var values []string
	for i := range 200 {
		values = append(values, fmt.Sprintf("192.0.2.%d", i))
	}
	b.seed(simple("many.example.com", types.RRTypeA, 5, values...))
	if m := b.query("many.example.com", dns.TypeA); !m.Truncated || len(m.Answer) >= 200 {
		t.Errorf("over UDP: truncated %t, %d answers", m.Truncated, len(m.Answer))
	}
	q := new(dns.Msg)
	q.SetQuestion("many.example.com.", dns.TypeA)
	m, _, err := (&dns.Client{Net: "tcp"}).Exchange(q, b.dns.Addr())
	if err != nil || len(m.Answer) != 200 || m.Truncated {
		t.Errorf("over TCP: %v, %v", m, err)
	}
}

func TestRoutingByPlace(t *testing.T) {
	t.Parallel()
	regions := map[string]string{"198.51.100.1": "us-west-1", "198.51.100.2": "eu-west-3", "198.51.100.3": "ap-south-1"}
	b := start(t, 1000, route53.WithAskerRegion(func(ip netip.Addr) string { return regions[ip.String()] }))
	latency := func(r, value string) *types.ResourceRecordSet {
		return with(simple("l.example.com", "A", 5, value), id(r), region(r))
	}
	geo := func(name, value string, g types.GeoLocation) *types.ResourceRecordSet {
		return with(simple("g.example.com", "A", 5, value), id(name), func(r *types.ResourceRecordSet) { r.GeoLocation = &g })
	}
	b.seed(latency("us-east-1", "192.0.2.1"), latency("us-west-2", "192.0.2.2"), latency("eu-central-1", "192.0.2.3"),
		geo("default", "192.0.2.10", types.GeoLocation{CountryCode: aws.String("*")}),
		geo("europe", "192.0.2.11", types.GeoLocation{ContinentCode: aws.String("EU")}),
		geo("us", "192.0.2.12", types.GeoLocation{CountryCode: aws.String("US")}),
		geo("california", "192.0.2.13", types.GeoLocation{CountryCode: aws.String("US"), SubdivisionCode: aws.String("CA")}),
		with(simple("only.example.com", "A", 5, "192.0.2.14"), id("x"), func(r *types.ResourceRecordSet) {
			r.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("EU")}
		}))
	for _, tc := range []struct{ name, subnet, want string }{
		{"l.example.com", "203.0.113.1", "192.0.2.1"}, // not known: us-east-1
		{"l.example.com", "198.51.100.1", "192.0.2.2"},
		{"l.example.com", "198.51.100.2", "192.0.2.3"},
		{"g.example.com", "203.0.113.1", "192.0.2.12"},
		{"g.example.com", "198.51.100.1", "192.0.2.13"},
		{"g.example.com", "198.51.100.2", "192.0.2.11"},
		{"g.example.com", "198.51.100.3", "192.0.2.10"},
		{"only.example.com", "198.51.100.3", ""},
	} {
		if got := b.answers(tc.name, tc.subnet); got != tc.want {
			t.Errorf("%s from %s: %q, want %q", tc.name, tc.subnet, got, tc.want)
		}
	}
	out, err := b.client.TestDNSAnswer(t.Context(), &sdk.TestDNSAnswerInput{
		HostedZoneId: aws.String(zoneID), RecordName: aws.String("l.example.com"), RecordType: "A", ResolverIP: aws.String("198.51.100.2"),
	})
	if err != nil || len(out.RecordData) != 1 || out.RecordData[0] != "192.0.2.3" || *out.ResponseCode != "NOERROR" {
		t.Errorf("TestDNSAnswer: %+v, %v", out, err)
	}
}

func TestWeightsAndMultivalue(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	w := func(name, set string, n int64, value string) *types.ResourceRecordSet {
		return with(simple(name, "A", 5, value), id(set), weight(n))
	}
	b.seed(w("w.example.com", "a", 3, "192.0.2.1"), w("w.example.com", "b", 1, "192.0.2.2"), w("w.example.com", "c", 0, "192.0.2.3"),
		w("zero.example.com", "a", 0, "192.0.2.1"), w("zero.example.com", "b", 0, "192.0.2.2"))
	for i := range 10 {
		b.seed(with(simple("m.example.com", "A", 5, fmt.Sprintf("192.0.2.%d", i)), id(fmt.Sprint(i)), func(r *types.ResourceRecordSet) {
			r.MultiValueAnswer = aws.Bool(true)
		}))
	}
	seen := map[string]int{}
	for range 400 {
		seen[b.answers("w.example.com")]++
		seen["zero "+b.answers("zero.example.com")]++
	}
	if n := seen["192.0.2.1"]; n < 240 || n > 360 || seen["192.0.2.1"]+seen["192.0.2.2"] != 400 {
		t.Errorf("weights 3, 1 and 0 are answered %v", seen)
	}
	if seen["zero 192.0.2.1"] == 0 || seen["zero 192.0.2.2"] == 0 {
		t.Errorf("weights of zero only are answered %v", seen)
	}
	if n := len(strings.Fields(b.answers("m.example.com"))); n != 8 {
		t.Errorf("%d of 10 values are answered", n)
	}
}
