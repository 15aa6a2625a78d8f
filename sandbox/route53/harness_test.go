// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	"github.com/miekg/dns"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
)

const zoneID = "Z0EXAMPLE00000000001"

// bench is a Route 53 behind the wire protocol, with a zone and a DNS server.
type bench struct {
	*testing.T
	engine   *engine.Engine
	service  *route53.Service
	client   *sdk.Client
	endpoint string
	dns      *route53.DNSServer
}

func start(t *testing.T, scale float64, opts ...route53.Option) *bench {
	t.Helper()
	e := engine.New(engine.Options{TimeScale: scale})
	s := route53.New(e, opts...)
	e.Register(s.Definition())
	server := httptest.NewServer(e.Handler())
	d, err := s.ListenDNS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = e.Close(); server.Close() })
	if err := s.SeedZone(engine.DNSAccount, zoneID, "example.com"); err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, engine: e, service: s, dns: d, endpoint: server.URL}
	b.client = b.clientAs(engine.DNSAccessKey)
	return b
}

func (b *bench) clientAs(key string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(b.endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

func (b *bench) query(name string, qtype uint16, subnet ...string) *dns.Msg {
	b.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	if len(subnet) > 0 {
		q.SetEdns0(4096, false)
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 32, Address: net.ParseIP(subnet[0]).To4(),
		})
	}
	reply, err := dns.Exchange(q, b.dns.Addr())
	if err != nil {
		b.Fatal(err)
	}
	return reply
}

// answers asks for A records, sorted, "NXDOMAIN" and the like for a failure.
func (b *bench) answers(name string, subnet ...string) string {
	b.Helper()
	return data(b.query(name, dns.TypeA, subnet...))
}

func data(m *dns.Msg) string {
	if m.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[m.Rcode]
	}
	var out []string
	for _, rr := range m.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func simple(name string, typ types.RRType, ttl int64, values ...string) *types.ResourceRecordSet {
	r := &types.ResourceRecordSet{Name: aws.String(name), Type: typ, TTL: aws.Int64(ttl)}
	for _, v := range values {
		r.ResourceRecords = append(r.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return r
}

func with(r *types.ResourceRecordSet, changes ...func(*types.ResourceRecordSet)) *types.ResourceRecordSet {
	for _, c := range changes {
		c(r)
	}
	return r
}

func id(s string) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.SetIdentifier = aws.String(s) }
}

func weight(n int64) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.Weight = aws.Int64(n) }
}

func region(name string) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.Region = types.ResourceRecordSetRegion(name) }
}

func failover(kind types.ResourceRecordSetFailover) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.Failover = kind }
}

func check(id string) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.HealthCheckId = aws.String(id) }
}

func alias(name string, typ types.RRType, zone, target string, evaluate bool) *types.ResourceRecordSet {
	return &types.ResourceRecordSet{Name: aws.String(name), Type: typ, AliasTarget: &types.AliasTarget{
		HostedZoneId: aws.String(zone), DNSName: aws.String(target), EvaluateTargetHealth: evaluate,
	}}
}

func do(action types.ChangeAction, r *types.ResourceRecordSet) types.Change {
	return types.Change{Action: action, ResourceRecordSet: r}
}

func create(r *types.ResourceRecordSet) types.Change { return do(types.ChangeActionCreate, r) }
func upsert(r *types.ResourceRecordSet) types.Change { return do(types.ChangeActionUpsert, r) }
func remove(r *types.ResourceRecordSet) types.Change { return do(types.ChangeActionDelete, r) }

func (b *bench) change(changes ...types.Change) (*types.ChangeInfo, error) {
	out, err := b.client.ChangeResourceRecordSets(context.Background(), &sdk.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(zoneID), ChangeBatch: &types.ChangeBatch{Changes: changes},
	})
	if err != nil {
		return nil, err
	}
	return out.ChangeInfo, nil
}

func (b *bench) seed(records ...*types.ResourceRecordSet) {
	b.Helper()
	for _, r := range records {
		if err := b.service.SeedRecord(zoneID, *r); err != nil {
			b.Fatal(err)
		}
	}
}

// eventually waits for a condition that time brings about.
func (b *bench) eventually(what string, ok func() bool) {
	b.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	b.Fatalf("waited in vain for: %s", what)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func messages(err error) string {
	var invalid *types.InvalidChangeBatch
	if errors.As(err, &invalid) && len(invalid.Messages) > 0 {
		return strings.Join(invalid.Messages, "; ")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }
