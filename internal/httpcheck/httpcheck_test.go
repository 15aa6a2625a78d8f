// SPDX-License-Identifier: MPL-2.0

package httpcheck

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/resolve/resolvetest"
)

func serveZone(t *testing.T, z *resolvetest.Zone) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", z.Serve(t, "127.0.0.1:0"))
}

// serve answers with body and returns the port.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s, u.Port()
}

func check(target, resolver string, matchers ...Matcher) Check {
	return Check{
		URL: target, Method: http.MethodGet, Status: 200, Matchers: matchers, Successes: 2,
		Interval: time.Millisecond, RequestTimeout: time.Second, Resolver: resolver,
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestFollowsTheNameAsItMoves(t *testing.T) {
	t.Parallel()
	var region atomic.Value
	region.Store("us-east-1")
	_, port := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"region":"` + region.Load().(string) + `"}`)) //nolint:forcetypeassert // always a string
	})
	z := resolvetest.NewZone("127.0.0.1")
	c := check("http://app.example.com:"+port+"/health", serveZone(t, z), JSONValue{"region", "us-west-2"})
	go func() {
		time.Sleep(20 * time.Millisecond)
		region.Store("us-west-2")
	}()
	r, err := c.Run(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if r.Address != "127.0.0.1:"+port || r.Attempts < 3 {
		t.Errorf("got %+v, want a few attempts at 127.0.0.1", r)
	}
	if z.Asked() < r.Attempts {
		t.Errorf("%d look-ups for %d attempts: an answer was kept", z.Asked(), r.Attempts)
	}
}

func TestFollowsCNAME(t *testing.T) {
	t.Parallel()
	_, port := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("us-west-2")) })
	z := resolvetest.NewZone("127.0.0.1")
	z.Set("127.0.0.1", "west.example.com.")
	if _, err := check("http://app.example.com:"+port, serveZone(t, z), Contains("us-west-2")).Run(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestOpensAConnectionPerAttempt(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := check(s.URL, "", Contains("x"))
	c.Successes = 4
	if _, err := c.Run(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := connections.Load(); n != 4 {
		t.Errorf("%d connections for 4 attempts", n)
	}
}

func TestFailuresTellWhatWasSeen(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	_, port := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/elsewhere":
			t.Error("a redirect was followed")
		case "/hang":
			<-r.Context().Done()
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = w.Write([]byte(`{"region":"us-east-1","checks":[{"ok":true}]}`))
		}
	})
	z := resolvetest.NewZone("127.0.0.1")
	resolver := serveZone(t, z)
	tests := map[string]struct {
		path    string
		matcher Matcher
		want    string
	}{
		"wrong region":  {"/health", JSONValue{"region", "us-west-2"}, `region is "us-east-1", want "us-west-2"`},
		"missing value": {"/health", JSONValue{"checks.1.ok", "true"}, `nothing at "checks.1.ok"`},
		"wrong body":    {"/health", Contains("us-west-2"), `does not contain "us-west-2"`},
		"regexp":        {"/health", Regexp{regexp.MustCompile("us-west-[0-9]")}, "does not match /us-west-[0-9]/"},
		"status":        {"/down", Contains("x"), "status 503, want 200"},
		"redirect":      {"/redirect", Contains("x"), "a redirect, which is not followed"},
		"hang":          {"/hang", Contains("x"), "no answer within 1s"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := check("http://app.example.com:"+port+tc.path, resolver, tc.matcher)
			c.Interval = 200 * time.Millisecond
			_, err := c.Run(within(t, 4*time.Second))
			var failed *FailedError
			if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want a FailedError", err)
			}
			if detail := failed.Detail(); !strings.Contains(detail, tc.want) || !strings.Contains(detail, "127.0.0.1:"+port) {
				t.Errorf("the detail lacks %q or the address:\n%s", tc.want, detail)
			}
		})
	}
}

func TestUnknownNameAndDeadServer(t *testing.T) {
	t.Parallel()
	c := check("http://gone.example.com/", serveZone(t, resolvetest.NewZone("")), Contains("x"))
	c.Interval = 200 * time.Millisecond
	_, err := c.Run(within(t, 3*time.Second))
	var failed *FailedError
	if !errors.As(err, &failed) || !strings.Contains(failed.Detail(), "NXDOMAIN") {
		t.Errorf("got %v", err)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	t.Cleanup(s.Close)
	c := check(s.URL, "", Contains("x"))
	c.Interval = 200 * time.Millisecond
	_, err := c.Run(within(t, 4*time.Second))
	var failed *FailedError
	if !errors.As(err, &failed) || !strings.Contains(failed.Detail(), "certificate") {
		t.Errorf("an unknown authority gives %v", errors.Join(err, errors.New(failed.Detail())))
	}
	c.RootCAs = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if _, err := c.Run(within(t, 10*time.Second)); err != nil {
		t.Errorf("with its CA: %v", err)
	}
	c.RootCAs = []byte("nonsense")
	var invalid *InvalidError
	if _, err := c.Run(within(t, time.Second)); !errors.As(err, &invalid) || invalid.Attribute() != "ca_certificate_pem" {
		t.Errorf("got %v, want an InvalidError", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	var h history
	for i := range 1000 {
		h.add(Seen{At: time.Unix(int64(i), 0), Problem: strings.Repeat("x", i%7)})
	}
	if lines := strings.Count(h.String(), "\n"); lines > keepFirst+keepLast+1 {
		t.Errorf("%d lines", lines)
	}
	if h.Total != 1000 {
		t.Errorf("%d attempts", h.Total)
	}
}
