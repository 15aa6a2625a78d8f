// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/miekg/dns"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// DNSServer answers the hosted zones at one address over UDP and TCP. It is
// the data plane: regions going down, aws-global included, leave it up.
type DNSServer struct {
	service  *Service
	addr     string
	udp, tcp *dns.Server
}

// ListenDNS starts a DNS server at an address (HOST:PORT, port 0 for a free
// one). The service's Close ends it too.
func (s *Service) ListenDNS(addr string) (*DNSServer, error) {
	var lc net.ListenConfig
	ctx := context.Background()
	// The port that is free for UDP may be taken for TCP.
	var err error
	for range 20 {
		var packets net.PacketConn
		if packets, err = lc.ListenPacket(ctx, "udp", addr); err != nil {
			break
		}
		var listener net.Listener
		if listener, err = lc.Listen(ctx, "tcp", packets.LocalAddr().String()); err != nil {
			_ = packets.Close()
			if strings.HasSuffix(addr, ":0") {
				continue
			}
			break
		}
		d := &DNSServer{service: s, addr: packets.LocalAddr().String()}
		handler := dns.HandlerFunc(d.serve)
		d.udp = &dns.Server{PacketConn: packets, Handler: handler}
		d.tcp = &dns.Server{Listener: listener, Handler: handler}
		for _, server := range []*dns.Server{d.udp, d.tcp} {
			started := make(chan struct{})
			server.NotifyStartedFunc = func() { close(started) }
			go func() { _ = server.ActivateAndServe() }()
			<-started
		}
		s.mu.Lock()
		s.servers = append(s.servers, d)
		s.mu.Unlock()
		return d, nil
	}
	return nil, fmt.Errorf("listen for DNS at %s: %w", addr, err)
}

// Addr is the address, HOST:PORT, of both UDP and TCP.
func (d *DNSServer) Addr() string { return d.addr }

// Close stops the server.
func (d *DNSServer) Close() error {
	return errors.Join(d.udp.Shutdown(), d.tcp.Shutdown())
}

func (d *DNSServer) ip() net.IP {
	host, _, _ := net.SplitHostPort(d.addr)
	return net.ParseIP(host)
}

// Resolver is a resolver for Go programs that asks this server, and caches
// nothing.
func (d *DNSServer) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, d.addr)
	}}
}

// Resolver is that of the first DNS server, nil if there is none.
func (s *Service) Resolver() *net.Resolver {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.servers) == 0 {
		return nil
	}
	return s.servers[0].Resolver()
}

func (d *DNSServer) serve(w dns.ResponseWriter, q *dns.Msg) {
	reply := d.service.reply(q, w.RemoteAddr())
	if w.RemoteAddr().Network() == "udp" {
		size := dns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size)
	}
	_ = w.WriteMsg(reply)
}

// reply answers a query message.
func (s *Service) reply(q *dns.Msg, remote net.Addr) *dns.Msg {
	out := new(dns.Msg)
	out.SetReply(q)
	opt := q.IsEdns0()
	if opt != nil {
		out.SetEdns0(opt.UDPSize(), false)
	}
	switch {
	case q.Opcode != dns.OpcodeQuery || len(q.Question) != 1:
		out.Rcode = dns.RcodeNotImplemented
		return out
	case q.Question[0].Qclass != dns.ClassINET:
		out.Rcode = dns.RcodeRefused
		return out
	case q.Question[0].Qtype == dns.TypeANY:
		out.Rcode = dns.RcodeNotImplemented
		return out
	}
	name, err := fromDNSName(q.Question[0].Name)
	if err != nil {
		out.Rcode = dns.RcodeFormatError
		return out
	}
	var from asker
	if a, err := netip.ParseAddrPort(remote.String()); err == nil {
		from.addr = a.Addr().Unmap()
	}
	if opt != nil {
		for _, o := range opt.Option {
			if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
				if a, ok := netip.AddrFromSlice(subnet.Address); ok {
					from.addr = a.Unmap()
				}
			}
		}
	}
	answer := s.resolve(name, q.Question[0].Qtype, from)
	out.Authoritative, out.Rcode = answer.Authoritative, answer.Rcode
	out.Answer, out.Ns = answer.Answer, answer.Ns
	return out
}

// testDNSAnswer tells what the name servers answer to a question.
func (s *Service) testDNSAnswer(c *engine.Call, in *route53.TestDNSAnswerInput) (*route53.TestDNSAnswerOutput, error) {
	s.mu.RLock()
	z, refusal := s.zoneFor(c, in.HostedZoneId)
	s.mu.RUnlock()
	if refusal != nil {
		return nil, refusal
	}
	name, err := canonicalName(aws.ToString(in.RecordName))
	if err != nil {
		return nil, invalidInput("the name %q is not valid: %v", aws.ToString(in.RecordName), err)
	}
	qtype, ok := dns.StringToType[string(in.RecordType)]
	if !ok {
		return nil, invalidInput("the type %q does not exist", in.RecordType)
	}
	var from asker
	for _, a := range []*string{in.EDNS0ClientSubnetIP, in.ResolverIP} {
		if aws.ToString(a) == "" {
			continue
		}
		if from.addr, err = netip.ParseAddr(*a); err != nil {
			return nil, invalidInput("%q is not an IP address", *a)
		}
		break
	}
	answer := s.resolve(name, qtype, from)
	out := &route53.TestDNSAnswerOutput{
		Nameserver: aws.String(z.nameServers[0]), Protocol: aws.String("UDP"), RecordName: aws.String(strings.TrimSuffix(name, ".")),
		RecordType: in.RecordType, ResponseCode: aws.String(dns.RcodeToString[answer.Rcode]), RecordData: []string{},
	}
	for _, rr := range answer.Answer {
		if rr.Header().Rrtype == qtype {
			out.RecordData = append(out.RecordData, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return out, nil
}
