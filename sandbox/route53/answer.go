// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

const (
	// networkTTL is that of the names of the sandbox's network (an RDS
	// endpoint's); aliasTTL that of an alias to one of them, as of an alias to
	// a load balancer.
	networkTTL = 5
	aliasTTL   = 60
	maxChase   = 8
)

// lookupNetwork finds a name of the sandbox's network, with or without the
// prefix that a load balancer's name may have.
func (s *Service) lookupNetwork(canonical string) (net.IP, bool) {
	if s.engine.Network == nil {
		return nil, false
	}
	name := strings.TrimSuffix(canonical, ".")
	if ip, ok := s.engine.Network.LookupName(name); ok {
		return ip, true
	}
	if rest, ok := strings.CutPrefix(name, "dualstack."); ok {
		return s.engine.Network.LookupName(rest)
	}
	return nil, false
}

// zoneOf finds the zone in sync that a name is answered from: the closest, and
// of several of one name the oldest. The caller holds the lock.
func (s *Service) zoneOf(name string) (*zone, *zoneData) {
	now := s.now()
	var (
		best *zone
		data *zoneData
	)
	for _, z := range s.zones {
		if !inZone(name, z.name) || best != nil && (len(z.name) < len(best.name) || z.name == best.name && z.order > best.order) {
			continue
		}
		if d := z.current(now); d != nil {
			best, data = z, d
		}
	}
	return best, data
}

// resolve answers a question with what is in sync, following aliases and CNAMEs
// through all zones and the sandbox's own names.
func (s *Service) resolve(name string, qtype uint16, from asker) *dns.Msg {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := new(dns.Msg)
	if z, data := s.zoneOf(name); z == nil {
		s.resolveOutside(out, name, qtype, true)
	} else {
		s.resolveIn(out, z, data, name, qtype, from)
	}
	return out
}

// resolveOutside answers what lies in no hosted zone: the network's names and
// the name servers' own.
func (s *Service) resolveOutside(out *dns.Msg, name string, qtype uint16, first bool) {
	ip, ok := s.lookupNetwork(name)
	if !ok {
		ip, ok = s.nameServerAddress(name)
	}
	if !ok {
		if first {
			out.Rcode = dns.RcodeRefused
		}
		return
	}
	out.Authoritative = true
	if v4 := ip.To4(); v4 != nil && qtype == dns.TypeA {
		out.Answer = append(out.Answer, &dns.A{Hdr: header(name, dns.TypeA, networkTTL), A: v4})
	}
}

func header(name string, typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: dnsName(name), Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

// nameServerAddress gives the zones' name servers the address of the DNS
// server, so that they can be asked (at its port). The caller holds the lock.
func (s *Service) nameServerAddress(name string) (net.IP, bool) {
	if len(s.servers) == 0 {
		return nil, false
	}
	for _, z := range s.zones {
		for _, ns := range z.nameServers {
			if ns+"." == name {
				return s.servers[0].ip(), true
			}
		}
	}
	return nil, false
}

func (s *Service) resolveIn(out *dns.Msg, z *zone, data *zoneData, name string, qtype uint16, from asker) {
	out.Authoritative = true
	for range maxChase {
		if s.refer(out, z, data, name, qtype) {
			return
		}
		node, exists := closest(data, z.name, name)
		if !exists {
			out.Rcode = dns.RcodeNameError
			out.Ns = append(out.Ns, soaOf(data, z.name)...)
			return
		}
		sets := data.group(node, types.RRType(dns.TypeToString[qtype]))
		if len(sets) == 0 {
			sets = data.group(node, types.RRTypeCname)
		}
		chosen := s.choose(data, z.id, sets, from)
		var target string
		for _, r := range chosen {
			rrs := s.expand(data, z.id, r, name, from, 0)
			out.Answer = append(out.Answer, rrs...)
			if r.Type == types.RRTypeCname && qtype != dns.TypeCNAME && len(rrs) > 0 {
				target, _ = fromDNSName(rrs[0].(*dns.CNAME).Target) //nolint:forcetypeassert // expand keeps the type
			}
		}
		if target == "" {
			if len(out.Answer) == 0 || answersOnlyCNAMEs(out, qtype) {
				out.Ns = append(out.Ns, soaOf(data, z.name)...)
			}
			return
		}
		name = target
		if z, data = s.zoneOf(name); z == nil {
			s.resolveOutside(out, name, qtype, false)
			return
		}
	}
}

func answersOnlyCNAMEs(out *dns.Msg, qtype uint16) bool {
	return qtype != dns.TypeCNAME && out.Answer[len(out.Answer)-1].Header().Rrtype == dns.TypeCNAME
}

// refer answers with a delegation if the name is at or below one.
func (s *Service) refer(out *dns.Msg, z *zone, data *zoneData, name string, qtype uint16) bool {
	var cut string
	for n := name; n != z.name; n = parent(n) {
		if len(data.group(n, types.RRTypeNs)) > 0 && (n != name || qtype != dns.TypeDS) {
			cut = n
		}
	}
	if cut == "" {
		return false
	}
	out.Authoritative = len(out.Answer) > 0
	for _, r := range data.group(cut, types.RRTypeNs) {
		out.Ns = append(out.Ns, s.expand(data, z.id, r, cut, asker{}, 0)...)
	}
	return true
}

// closest finds the node whose records answer a name: the name itself, or the
// wildcard below its closest ancestor that exists.
func closest(data *zoneData, apex, name string) (string, bool) {
	if data.exists(name) {
		return name, true
	}
	for n := parent(name); n != "" && inZone(n, apex); n = parent(n) {
		if data.exists(n) {
			wildcard := wildcardLabel + "." + n
			return wildcard, len(data.byName[wildcard]) > 0
		}
	}
	return "", false
}

// expand turns a record set into records of a name, an alias into those of its
// target.
func (s *Service) expand(data *zoneData, zoneID string, r *recordSet, owner string, from asker, depth int) []dns.RR {
	var out []dns.RR
	if r.AliasTarget == nil {
		for _, v := range r.ResourceRecords {
			if rr, err := parseValue(owner, aws.ToInt64(r.TTL), r.Type, *v.Value); err == nil {
				out = append(out, rr)
			}
		}
		return out
	}
	target := *r.AliasTarget.DNSName
	if *r.AliasTarget.HostedZoneId != zoneID {
		if ip, ok := s.lookupNetwork(target); ok && ip.To4() != nil && r.Type == types.RRTypeA {
			out = append(out, &dns.A{Hdr: header(owner, dns.TypeA, aliasTTL), A: ip.To4()})
		}
		return out
	}
	if depth >= maxChase {
		return nil
	}
	for _, t := range s.choose(data, zoneID, data.group(target, r.Type), from) {
		out = append(out, s.expand(data, zoneID, t, owner, from, depth+1)...)
	}
	return out
}

// soaOf is the authority of a negative answer; its TTL is the time for which
// resolvers keep it (RFC 2308).
func soaOf(data *zoneData, apex string) []dns.RR {
	for _, r := range data.group(apex, types.RRTypeSoa) {
		for _, v := range r.ResourceRecords {
			rr, err := parseValue(apex, aws.ToInt64(r.TTL), r.Type, *v.Value)
			if soa, ok := rr.(*dns.SOA); err == nil && ok {
				soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
				return []dns.RR{soa}
			}
		}
	}
	return nil
}
