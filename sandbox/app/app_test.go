// SPDX-License-Identifier: MPL-2.0

package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const order = `{"id":"11111111-2222-4333-8444-555555555555"}`

func TestFleetFailsWithItsRegion(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Options{})
	t.Cleanup(func() { _ = e.Close() })
	ca, err := app.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	var promoted atomic.Bool
	fleet, err := app.Start(app.Options{
		Network: e.Network, CA: ca, Names: []string{"app.example.com"},
		Stores: map[string]app.Store{
			"us-east-1": app.Memory(func(context.Context) error { return nil }),
			"us-west-2": app.Memory(func(context.Context) error {
				if promoted.Load() {
					return nil
				}
				return errors.New("orders-usw2 is a read replica")
			}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "app.example.com", MinVersion: tls.VersionTLS12},
	}}
	try := func(method, url, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	want := func(status int, text, method, url, body string) {
		t.Helper()
		if got, b := try(method, url, body); got != status || !strings.Contains(b, text) {
			t.Errorf("%s %s = %d %s, want %d with %s", method, url, got, b, status, text)
		}
	}

	want(200, `"region":"us-east-1","writable":true`, "GET", fleet.HTTPS("us-east-1")+"/health", "")
	want(503, `"reason":"orders-usw2 is a read replica"`, "GET", fleet.HTTP("us-west-2")+"/health", "")
	want(201, `"region":"us-east-1"`, "POST", fleet.HTTP("us-east-1")+"/orders", order)
	want(201, `"region":"us-east-1"`, "POST", fleet.HTTP("us-east-1")+"/orders", order)
	want(200, `"count":1`, "GET", fleet.HTTP("us-east-1")+"/orders/count", "")
	want(503, "read replica", "POST", fleet.HTTP("us-west-2")+"/orders", order)
	want(400, "UUID", "POST", fleet.HTTP("us-east-1")+"/orders", `{"id":"x"}`)

	e.SetRegion("us-east-1", engine.Down)
	if got, b := try("GET", fleet.HTTP("us-east-1")+"/health", ""); got != 0 {
		t.Errorf("the application of a region that is down answers %d %s", got, b)
	}
	promoted.Store(true)
	want(200, `"writable":true`, "GET", fleet.HTTPS("us-west-2")+"/health", "")
	e.SetRegion("us-east-1", engine.Up)
	want(200, `"writable":true`, "GET", fleet.HTTP("us-east-1")+"/health", "")
}
