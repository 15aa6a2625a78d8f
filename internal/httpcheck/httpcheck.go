// SPDX-License-Identifier: MPL-2.0

// Package httpcheck proves that an HTTP endpoint is served by whom it should
// be. Every attempt resolves the name anew, past the caches, and opens a
// connection of its own, so that an answer tells where the name leads now.
//
// It follows no redirects, keeps no connection, uses no proxy, and changes
// nothing.
package httpcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/resolve"
)

// Check says what is asked, and what counts as success.
type Check struct {
	URL, Method string
	Headers     map[string]string
	// Status that is expected, and matchers that must all hold.
	Status   int
	Matchers []Matcher
	// Successes in a row that are needed, Interval apart.
	Successes int
	Interval  time.Duration
	// RequestTimeout bounds one attempt, its look-up included.
	RequestTimeout time.Duration
	// Resolver is the HOST:PORT to ask for addresses; empty means the zone's
	// own name servers.
	Resolver string
	// RootCAs in PEM replace the system's, if not empty.
	RootCAs []byte
	// ServerName replaces the URL's host in the certificate's check.
	ServerName string
	// SkipVerify accepts any certificate.
	SkipVerify bool
}

// Result is a check that succeeded.
type Result struct {
	// Attempts made, the failed ones included.
	Attempts int
	// Address that served the last one (IP:PORT).
	Address string
	At      time.Time
}

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// Run makes attempts until enough in a row succeed or ctx ends. A check that
// does not succeed is a *FailedError with what was seen.
func (c Check) Run(ctx context.Context) (Result, error) {
	started := time.Now()
	config, err := c.tlsConfig()
	if err != nil {
		return Result{}, err
	}
	target, err := url.Parse(c.URL)
	if err != nil {
		return Result{}, err
	}
	names := resolve.New(c.Resolver)
	var history history
	for row := 0; ; {
		seen := c.attempt(ctx, target, names, config)
		if ctx.Err() != nil && seen.Problem != "" {
			// It was cut short; that says nothing about the endpoint.
			return Result{}, &FailedError{Check: c, History: history, Spent: time.Since(started), Cause: ctx.Err()}
		}
		history.add(seen)
		if seen.Problem == "" {
			row++
		} else {
			row = 0
		}
		if row >= c.Successes {
			return Result{Attempts: history.Total, Address: seen.Address, At: seen.At}, nil
		}
		timer := time.NewTimer(c.Interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Result{}, &FailedError{Check: c, History: history, Spent: time.Since(started), Cause: ctx.Err()}
		}
	}
}

func (c Check) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: c.ServerName,
		InsecureSkipVerify: c.SkipVerify, //nolint:gosec // asked for by name
	}
	if len(c.RootCAs) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(c.RootCAs) {
			return nil, &InvalidError{Field: "ca_certificate_pem", Reason: "holds no certificate in PEM"}
		}
	}
	return config, nil
}

// attempt makes one request. It never returns an error: what went wrong is what
// it saw.
func (c Check) attempt(ctx context.Context, target *url.URL, names *resolve.Resolver, config *tls.Config) Seen {
	ctx, cancel := context.WithTimeout(ctx, c.RequestTimeout)
	defer cancel()
	seen := Seen{At: time.Now()}
	ip, via, err := names.Address(ctx, target.Hostname())
	if err != nil {
		seen.Problem = err.Error()
		return seen
	}
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	seen.Address, seen.Via = net.JoinHostPort(ip, port), via
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   config.Clone(),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, seen.Address)
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	req, err := http.NewRequestWithContext(ctx, c.Method, c.URL, nil)
	if err != nil {
		seen.Problem = err.Error()
		return seen
	}
	for k, v := range c.Headers {
		if http.CanonicalHeaderKey(k) == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		seen.Problem = plain(err, c.RequestTimeout)
		return seen
	}
	defer resp.Body.Close()
	seen.Status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		seen.Problem = "reading the answer: " + plain(err, c.RequestTimeout)
		return seen
	}
	if resp.StatusCode != c.Status {
		seen.Problem = fmt.Sprintf("status %d, want %d", resp.StatusCode, c.Status)
		if l := resp.Header.Get("Location"); l != "" {
			seen.Problem += " (a redirect, which is not followed)"
		}
		return seen
	}
	for _, m := range c.Matchers {
		if err := m.Match(body); err != nil {
			seen.Problem = err.Error()
			return seen
		}
	}
	return seen
}

// plain is an error without the URL, which is said elsewhere, and with a
// time-out in words.
func plain(err error, timeout time.Duration) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	return err.Error()
}
