// SPDX-License-Identifier: MPL-2.0

// Package resolve asks name servers without a cache in between: one resolver, or
// a zone's own name servers, which no cache can be behind. It trusts no single
// server to speak for the others.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Resolver finds what names lead to. It is for one caller at a time.
type Resolver struct {
	server string // HOST:PORT; empty for the zone's own name servers
	system system
	port   string // of name servers

	// The name servers of a name are looked up once and kept until they fail:
	// it is the answers that have to be fresh.
	servers map[string][]string
	turn    int
}

// system is the machine's own resolver.
type system interface {
	LookupNS(context.Context, string) ([]*net.NS, error)
	LookupHost(context.Context, string) ([]string, error)
}

// New makes a Resolver that asks one server (HOST:PORT), or the zone's own name
// servers where that is empty.
func New(server string) *Resolver {
	return &Resolver{server: server, system: net.DefaultResolver, port: "53", servers: map[string][]string{}}
}

// maxChase bounds a chain of CNAMEs.
const maxChase = 8

// Address returns an address of host and who named it. Each call begins with
// another of the zone's name servers, so that a row of successes covers them.
func (n *Resolver) Address(ctx context.Context, host string) (ip, via string, err error) {
	if net.ParseIP(host) != nil {
		return host, "the URL", nil
	}
	n.turn++
	name := dns.Fqdn(host)
	for range maxChase {
		servers, err := n.serversOf(ctx, name)
		if err != nil {
			return "", "", fmt.Errorf("finding the name servers of %s: %w", name, err)
		}
		if len(servers) == 0 { // a name of no public zone (a hosts file, a search domain)
			addresses, err := n.system.LookupHost(ctx, strings.TrimSuffix(name, "."))
			if err != nil {
				return "", "", err
			}
			return addresses[0], "the system's resolver", nil
		}
		first := n.turn % len(servers)
		ip, alias, server, err := ask(ctx, append(slices.Clone(servers[first:]), servers[:first]...), name, n.server != "")
		if err != nil {
			delete(n.servers, name)
			return "", "", err
		}
		if ip != "" {
			return ip, server, nil
		}
		name = alias
	}
	return "", "", fmt.Errorf("%s: more than %d CNAMEs in a row", host, maxChase)
}

func (n *Resolver) serversOf(ctx context.Context, name string) ([]string, error) {
	if n.server != "" {
		return []string{n.server}, nil
	}
	if servers, ok := n.servers[name]; ok {
		return servers, nil
	}
	servers, err := n.authorities(ctx, name)
	if err == nil {
		n.servers[name] = servers
	}
	return servers, err
}

// authorities are the name servers of the closest zone above name; none if
// there is no such zone.
func (n *Resolver) authorities(ctx context.Context, name string) ([]string, error) {
	for zone := name; dns.CountLabel(zone) >= 2; {
		records, err := n.system.LookupNS(ctx, zone)
		var missing *net.DNSError
		if err != nil && (!errors.As(err, &missing) || !missing.IsNotFound) {
			return nil, err
		}
		var servers []string
		for _, ns := range records {
			addresses, err := n.system.LookupHost(ctx, strings.TrimSuffix(ns.Host, "."))
			if err != nil {
				continue // another server may do
			}
			servers = append(servers, net.JoinHostPort(addresses[0], n.port))
		}
		if len(servers) > 0 {
			return servers, nil
		}
		if len(records) > 0 {
			return nil, fmt.Errorf("none of the %d name servers of %s has an address", len(records), zone)
		}
		next, end := dns.NextLabel(zone, 0)
		if end {
			break
		}
		zone = zone[next:]
	}
	return nil, nil
}

// ask asks the servers in turn for an A record, then an AAAA record. It returns
// an address, or the name that a CNAME leads to.
func ask(ctx context.Context, servers []string, name string, recurse bool) (ip, alias, server string, err error) {
	var last error
	for _, server := range servers {
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
			ip, alias, err := exchange(ctx, server, name, kind, recurse)
			if err != nil {
				last = fmt.Errorf("asking %s for %s: %w", server, name, err)
				break
			}
			if ip != "" || alias != "" {
				return ip, alias, server, nil
			}
			last = fmt.Errorf("%s says that %s has no address", server, name)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return "", "", "", last
}

func exchange(ctx context.Context, server, name string, kind uint16, recurse bool) (ip, alias string, err error) {
	values, alias, err := query(ctx, server, name, kind, recurse)
	if err == nil && len(values) > 0 {
		return values[0], "", nil
	}
	return "", alias, err
}

// query asks one server for one kind of record. It returns the values at the end
// of the aliases that the answer holds, or the name that they lead to.
func query(ctx context.Context, server, name string, kind uint16, recurse bool) (values []string, alias string, err error) {
	var m dns.Msg
	m.SetQuestion(name, kind)
	m.RecursionDesired = recurse
	answer, _, err := (&dns.Client{}).ExchangeContext(ctx, &m, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, &m, server)
	}
	if err != nil {
		return nil, "", err
	}
	if answer.Rcode != dns.RcodeSuccess {
		return nil, "", errors.New(dns.RcodeToString[answer.Rcode])
	}
	at := name
	for range 1 + len(answer.Answer) { // each CNAME leads one further
		next := ""
		for _, rr := range answer.Answer {
			if !strings.EqualFold(rr.Header().Name, at) {
				continue
			}
			switch rr := rr.(type) {
			case *dns.A:
				values = append(values, rr.A.String())
			case *dns.AAAA:
				values = append(values, rr.AAAA.String())
			case *dns.CNAME:
				if kind == dns.TypeCNAME {
					return []string{strings.ToLower(rr.Target)}, "", nil
				}
				next = rr.Target
			}
		}
		if len(values) > 0 || next == "" {
			break
		}
		at = next
	}
	if len(values) == 0 && at != name {
		alias = at
	}
	return values, alias, nil
}
