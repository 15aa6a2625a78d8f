// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// endpoint is an HTTP server whose health can be switched.
type endpoint struct {
	ok     atomic.Bool
	probes atomic.Int64
	host   atomic.Value
	addr   netip.AddrPort
}

func newEndpoint(t *testing.T, secure bool) *endpoint {
	t.Helper()
	ep := &endpoint{}
	ep.ok.Store(true)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ep.probes.Add(1)
		ep.host.Store(r.Host)
		if !ep.ok.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, `{"region":"us-west-2","writable":true}`)
	})
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	ep.addr = netip.MustParseAddrPort(server.Listener.Addr().String())
	return ep
}

func (ep *endpoint) config(kind types.HealthCheckType) *types.HealthCheckConfig {
	return &types.HealthCheckConfig{
		Type: kind, IPAddress: aws.String(ep.addr.Addr().String()), Port: aws.Int32(int32(ep.addr.Port())),
		RequestInterval: aws.Int32(10), FailureThreshold: aws.Int32(2),
	}
}

func (b *bench) makeCheck(reference string, config *types.HealthCheckConfig) string {
	b.Helper()
	out, err := b.client.CreateHealthCheck(b.Context(), &sdk.CreateHealthCheckInput{CallerReference: aws.String(reference), HealthCheckConfig: config})
	if err != nil {
		b.Fatal(err)
	}
	return *out.HealthCheck.Id
}

func TestFailoverFollowsHealth(t *testing.T) {
	t.Parallel()
	b := start(t, 500) // 10 s take 20 ms
	east, west := newEndpoint(t, false), newEndpoint(t, false)
	eastCheck, westCheck := b.makeCheck("east", east.config("HTTP")), b.makeCheck("west", west.config("HTTP"))
	f := func(kind types.ResourceRecordSetFailover, value, hc string) *types.ResourceRecordSet {
		return with(simple("app.example.com", "A", 5, value), id(string(kind)), failover(kind), check(hc))
	}
	b.seed(f("PRIMARY", "192.0.2.1", eastCheck), f("SECONDARY", "192.0.2.2", westCheck),
		alias("example.com", "A", zoneID, "app.example.com", true),
		with(simple("l.example.com", "A", 5, "192.0.2.1"), id("e"), region("us-east-1"), check(eastCheck)),
		with(simple("l.example.com", "A", 5, "192.0.2.2"), id("w"), region("us-west-2"), check(westCheck)),
		with(simple("w.example.com", "A", 5, "192.0.2.1"), id("e"), weight(100), check(eastCheck)),
		with(simple("w.example.com", "A", 5, "192.0.2.2"), id("w"), weight(0), check(westCheck)),
		simple("east.example.com", "A", 5, "192.0.2.1"), // no check: always healthy
		with(alias("t.example.com", "A", zoneID, "app.example.com", true), id("p"), failover("PRIMARY")),
		with(alias("t.example.com", "A", zoneID, "east.example.com", true), id("s"), failover("SECONDARY")))
	expect := func(when, want string, names ...string) {
		t.Helper()
		for _, name := range names {
			if got := b.answers(name); got != want {
				t.Errorf("%s: %s answers %s, want %s", when, name, got, want)
			}
		}
	}
	all := []string{"app.example.com", "example.com", "l.example.com", "w.example.com", "t.example.com"}
	expect("both healthy", "192.0.2.1", all...)
	east.ok.Store(false)
	b.eventually("east unhealthy", func() bool { return !b.service.Healthy(eastCheck) })
	expect("east unhealthy", "192.0.2.2", all...)
	west.ok.Store(false)
	b.eventually("west unhealthy", func() bool { return !b.service.Healthy(westCheck) })
	expect("both unhealthy", "192.0.2.1", all[:4]...)
	east.ok.Store(true)
	b.eventually("east healthy again", func() bool { return b.service.Healthy(eastCheck) })
	expect("east healthy again", "192.0.2.1", all...)
}

func TestHealthCheckKinds(t *testing.T) {
	t.Parallel()
	b := start(t, 500)
	plain, secure := newEndpoint(t, false), newEndpoint(t, true)
	search := func(ep *endpoint, kind types.HealthCheckType, s string) *types.HealthCheckConfig {
		c := ep.config(kind)
		c.SearchString = aws.String(s)
		return c
	}
	named := plain.config("HTTP")
	named.IPAddress, named.FullyQualifiedDomainName, named.ResourcePath = nil, aws.String("app.example.com"), aws.String("/health?x=1")
	b.seed(simple("app.example.com", "A", 5, plain.addr.Addr().String()))
	unresolved := plain.config("HTTP")
	unresolved.IPAddress, unresolved.FullyQualifiedDomainName = nil, aws.String("none.example.com")
	closed := plain.config("TCP")
	closed.Port = aws.Int32(1)
	elsewhere := plain.config("HTTP")
	elsewhere.IPAddress = aws.String("203.0.113.1")
	inverted := plain.config("HTTP")
	inverted.Inverted = aws.Bool(true)
	disabled := unresolvedCopy(unresolved)
	disabled.Disabled = aws.Bool(true)
	for name, tc := range map[string]struct {
		config  *types.HealthCheckConfig
		healthy bool
	}{
		"HTTP": {plain.config("HTTP"), true}, "HTTPS": {secure.config("HTTPS"), true}, "TCP": {plain.config("TCP"), true},
		"string found": {search(plain, "HTTP_STR_MATCH", "us-west-2"), true}, "string missing": {search(secure, "HTTPS_STR_MATCH", "us-east-1"), false},
		"by name": {named, true}, "unresolved": {unresolved, false}, "closed port": {closed, false}, "outside the sandbox": {elsewhere, false},
		"HTTP to TLS": {secure.config("HTTP"), false}, "inverted": {inverted, false}, "disabled": {disabled, true},
	} {
		hc := b.makeCheck(name, tc.config)
		if name != "disabled" {
			b.eventually(name+" probed", func() bool {
				out, err := b.client.GetHealthCheckStatus(t.Context(), &sdk.GetHealthCheckStatusInput{HealthCheckId: aws.String(hc)})
				if err != nil {
					t.Fatal(err)
				}
				if len(out.HealthCheckObservations) == 0 {
					return false
				}
				o := out.HealthCheckObservations[0]
				want := tc.healthy != aws.ToBool(tc.config.Inverted)
				return strings.HasPrefix(*o.StatusReport.Status, "Success") == want && o.StatusReport.CheckedTime != nil
			})
		}
		b.eventually(name, func() bool { return b.service.Healthy(hc) == tc.healthy })
	}
	if host := plain.host.Load(); host == nil {
		t.Error("no Host header was seen")
	}
	// A deleted check is probed no longer.
	list, err := b.client.ListHealthChecks(t.Context(), &sdk.ListHealthChecksInput{})
	if err != nil || len(list.HealthChecks) != 12 {
		t.Fatalf("%d health checks, %v", len(list.HealthChecks), err)
	}
	for _, h := range list.HealthChecks {
		if _, err := b.client.DeleteHealthCheck(t.Context(), &sdk.DeleteHealthCheckInput{HealthCheckId: h.Id}); err != nil {
			t.Error(err)
		}
	}
}

func unresolvedCopy(c *types.HealthCheckConfig) *types.HealthCheckConfig { d := *c; return &d }

func TestHealthCheckLife(t *testing.T) {
	t.Parallel()
	b := start(t, 500)
	ctx := t.Context()
	ep := newEndpoint(t, false)
	hc := b.makeCheck("one", ep.config("HTTP"))
	if again := b.makeCheck("one", ep.config("HTTP")); again != hc {
		t.Error("the same call again made another check")
	}
	got, err := b.client.GetHealthCheck(ctx, &sdk.GetHealthCheckInput{HealthCheckId: aws.String(hc)})
	if err != nil || *got.HealthCheck.HealthCheckVersion != 1 || got.HealthCheck.HealthCheckConfig.Inverted == nil || *got.HealthCheck.HealthCheckConfig.Inverted {
		t.Errorf("%+v, %v", got, err)
	}
	updated, err := b.client.UpdateHealthCheck(ctx, &sdk.UpdateHealthCheckInput{
		HealthCheckId: aws.String(hc), HealthCheckVersion: aws.Int64(1), Inverted: aws.Bool(true), FailureThreshold: aws.Int32(1),
	})
	if err != nil || *updated.HealthCheck.HealthCheckVersion != 2 {
		t.Fatalf("%+v, %v", updated, err)
	}
	b.eventually("inverted", func() bool { return !b.service.Healthy(hc) })
	calculated := b.makeCheck("sum", &types.HealthCheckConfig{Type: "CALCULATED", ChildHealthChecks: []string{hc}, HealthThreshold: aws.Int32(1)})
	if b.service.Healthy(calculated) {
		t.Error("a calculated check is healthy without its children")
	}

	makeWith := func(reference string, change func(*types.HealthCheckConfig)) error {
		c := ep.config("HTTP")
		change(c)
		_, err := b.client.CreateHealthCheck(ctx, &sdk.CreateHealthCheckInput{CallerReference: aws.String(reference), HealthCheckConfig: c})
		return err
	}
	for what, tc := range map[string]struct {
		err  error
		code string
	}{
		"reference with other settings": {makeWith("one", func(c *types.HealthCheckConfig) { c.Port = aws.Int32(9) }), "HealthCheckAlreadyExists"},
		"interval":                      {makeWith("x", func(c *types.HealthCheckConfig) { c.RequestInterval = aws.Int32(20) }), "InvalidInput"},
		"threshold":                     {makeWith("x", func(c *types.HealthCheckConfig) { c.FailureThreshold = aws.Int32(11) }), "InvalidInput"},
		"port":                          {makeWith("x", func(c *types.HealthCheckConfig) { c.Port = aws.Int32(70000) }), "InvalidInput"},
		"no endpoint":                   {makeWith("x", func(c *types.HealthCheckConfig) { c.IPAddress = nil }), "InvalidInput"},
		"private address":               {makeWith("x", func(c *types.HealthCheckConfig) { c.IPAddress = aws.String("10.0.0.1") }), "InvalidInput"},
		"no address":                    {makeWith("x", func(c *types.HealthCheckConfig) { c.IPAddress = aws.String("app") }), "InvalidInput"},
		"two regions":                   {makeWith("x", func(c *types.HealthCheckConfig) { c.Regions = []types.HealthCheckRegion{"us-east-1", "us-west-2"} }), "InvalidInput"},
		"no search string":              {makeWith("x", func(c *types.HealthCheckConfig) { c.Type = "HTTP_STR_MATCH" }), "InvalidInput"},
		"alarm":                         {makeWith("x", func(c *types.HealthCheckConfig) { c.Type = "CLOUDWATCH_METRIC" }), "InvalidInput"},
		"TCP without port":              {makeWith("x", func(c *types.HealthCheckConfig) { c.Type, c.Port = "TCP", nil }), "InvalidInput"},
		"no such check":                 {errOf(b.client.GetHealthCheck(ctx, &sdk.GetHealthCheckInput{HealthCheckId: aws.String("none")})), "NoSuchHealthCheck"},
		"old version": {errOf(b.client.UpdateHealthCheck(ctx, &sdk.UpdateHealthCheckInput{HealthCheckId: aws.String(hc), HealthCheckVersion: aws.Int64(1)})),
			"HealthCheckVersionMismatch"},
		"child in use":      {errOf(b.client.DeleteHealthCheck(ctx, &sdk.DeleteHealthCheckInput{HealthCheckId: aws.String(hc)})), "HealthCheckInUse"},
		"calculated status": {errOf(b.client.GetHealthCheckStatus(ctx, &sdk.GetHealthCheckStatusInput{HealthCheckId: aws.String(calculated)})), "InvalidInput"},
		"another account's": {errOf(b.clientAs(engine.WorkloadAccessKey).GetHealthCheck(ctx, &sdk.GetHealthCheckInput{HealthCheckId: aws.String(hc)})), "AccessDenied"},
	} {
		if code(tc.err) != tc.code {
			t.Errorf("%s: %v, want %s", what, tc.err, tc.code)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }
