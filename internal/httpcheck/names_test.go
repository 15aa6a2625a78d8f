// SPDX-License-Identifier: MPL-2.0

package httpcheck

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
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

// serveAt is serveZone at one address and port, 0 for a free one.
func serveAt(t *testing.T, address string, z *zone) string {
	t.Helper()
	pc, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: pc, Handler: z, NotifyStartedFunc: func() { close(started) }}
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	_, port, err := net.SplitHostPort(pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAsksTheZonesOwnServers(t *testing.T) {
	t.Parallel()
	one, two, other := &zone{address: "192.0.2.1"}, &zone{address: "192.0.2.2"}, &zone{address: "192.0.2.9"}
	port := serveAt(t, "127.0.0.1:0", one)
	serveAt(t, "127.0.0.2:"+port, two)
	serveAt(t, "127.0.0.3:"+port, other)
	system := &machine{
		zones: map[string][]string{"example.com.": {"ns1.example.com.", "ns2.example.com."}, "example.net.": {"ns.example.net."}},
		hosts: map[string]string{
			"ns1.example.com": "127.0.0.1", "ns2.example.com": "127.0.0.2", "ns.example.net": "127.0.0.3",
			"app.example.com": "203.0.113.1", "build-host": "127.0.0.9",
		},
	}
	n := newNames("")
	n.system, n.port = system, port

	seen := map[string]int{}
	for range 4 {
		ip, via, err := n.resolve(within(t, 5*time.Second), "app.example.com")
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
	one.set("", "lb.example.net.")
	two.set("", "lb.example.net.")
	if ip, _, err := n.resolve(within(t, 5*time.Second), "app.example.com"); err != nil || ip != "192.0.2.9" {
		t.Errorf("the alias leads to %s, %v", ip, err)
	}
	// A dead server is passed over.
	one.set("192.0.2.1", "")
	two.set("192.0.2.1", "")
	system.hosts["ns2.example.com"] = "127.0.0.4"
	n.servers = map[string][]string{}
	for range 2 {
		if ip, _, err := n.resolve(within(t, 10*time.Second), "app.example.com"); err != nil || ip != "192.0.2.1" {
			t.Errorf("with a dead server: %s, %v", ip, err)
		}
	}
	// A name of no zone is the machine's own business.
	if ip, via, err := n.resolve(within(t, 5*time.Second), "build-host"); err != nil || ip != "127.0.0.9" || !strings.Contains(via, "system") {
		t.Errorf("build-host is %s by %s, %v", ip, via, err)
	}
}
