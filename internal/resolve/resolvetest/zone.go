// SPDX-License-Identifier: MPL-2.0

// Package resolvetest is a name server for tests.
package resolvetest

import (
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Zone is a DNS server that gives one answer to every name, and it can move.
// With an alias, app.example.com leads there.
type Zone struct {
	mu             sync.Mutex
	address, alias string
	asked          int
}

// NewZone makes a zone that answers with an address; with NXDOMAIN if it is
// empty.
func NewZone(address string) *Zone { return &Zone{address: address} }

// ServeDNS implements dns.Handler.
func (z *Zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	switch {
	case z.alias != "" && q.Name == "app.example.com.":
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: z.alias})
	case z.address == "":
		m.Rcode = dns.RcodeNameError
	case q.Qtype == dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.ParseIP(z.address)})
	}
	_ = w.WriteMsg(m)
}

// Set moves the answer.
func (z *Zone) Set(address, alias string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.address, z.alias = address, alias
}

// Asked is how many questions were asked.
func (z *Zone) Asked() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked
}

// Serve answers at a UDP address, whose port may be 0 for a free one, until the
// test ends. It returns the port.
func (z *Zone) Serve(t *testing.T, address string) string {
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
