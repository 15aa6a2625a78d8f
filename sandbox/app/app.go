// SPDX-License-Identifier: MPL-2.0

// Package app is the application that each region of the sandbox runs: a small
// HTTP service that writes orders into its region's database. It is healthy only
// when it can write, and says which region it is, so that a check can tell the
// regions apart. It serves the same ports on an address of each region's own,
// behind a proxy that fails with the region.
package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Store is where a region's application keeps its orders.
type Store interface {
	// Writable tells, by trying, whether a row could be committed now.
	Writable(ctx context.Context) error
	// Insert returns when the row is committed. An id that is there already is
	// no error: a client may repeat a request whose answer it lost.
	Insert(ctx context.Context, id string) error
	Count(ctx context.Context) (int, error)
	Close()
}

// Options of a Fleet.
type Options struct {
	Network engine.Network
	// Stores of the regions, by region.
	Stores map[string]Store
	// CA signs the certificate, for Names and the addresses.
	CA    *CA
	Names []string
	// Log may be nil.
	Log *slog.Logger
}

// Fleet is the applications of all regions.
type Fleet struct {
	HTTPPort, HTTPSPort int
	addresses           map[string]net.IP

	stores  map[string]Store
	proxies []engine.Proxy
	servers []*http.Server
	serving sync.WaitGroup
}

// requestTimeout bounds what a request does in the database.
const requestTimeout = 2 * time.Second

// Start starts an application per region. Close it.
func Start(o Options) (*Fleet, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{addresses: map[string]net.IP{}, stores: o.Stores}
	if err := f.start(o); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fleet) start(o Options) error {
	ips := []net.IP{}
	for region := range o.Stores {
		ip, err := o.Network.Address()
		if err != nil {
			return err
		}
		f.addresses[region] = ip
		ips = append(ips, ip)
	}
	certificate, err := o.CA.Issue(o.Names, ips)
	if err != nil {
		return err
	}
	for region, store := range o.Stores {
		handler := Handler(region, store)
		plain, err := f.serve(o, handler, nil)
		if err != nil {
			return err
		}
		secure, err := f.serve(o, handler, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		// The first region picks the ports, the others take the same: their
		// addresses are the sandbox's own, so the ports are free there.
		if f.HTTPPort, err = f.proxy(o, region, f.HTTPPort, plain); err != nil {
			return err
		}
		if f.HTTPSPort, err = f.proxy(o, region, f.HTTPSPort, secure); err != nil {
			return err
		}
	}
	return nil
}

// serve serves a handler at an address that nobody is told.
func (f *Fleet) serve(o Options, handler http.Handler, config *tls.Config) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	f.servers = append(f.servers, server)
	f.serving.Go(func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("an application stopped", "error", err)
		}
	})
	return address, nil
}

func (f *Fleet) proxy(o Options, region string, port int, target string) (int, error) {
	listen := net.JoinHostPort(f.addresses[region].String(), strconv.Itoa(port))
	p, err := o.Network.Proxy(listen, func() string { return target }, region)
	if err != nil {
		return 0, fmt.Errorf("the application of %s: %w", region, err)
	}
	f.proxies = append(f.proxies, p)
	_, text, err := net.SplitHostPort(p.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// Address is where a region's application answers; nil for an unknown region.
func (f *Fleet) Address(region string) net.IP { return f.addresses[region] }

// HTTP and HTTPS are the URLs of a region's application by its address.
func (f *Fleet) HTTP(region string) string {
	return "http://" + net.JoinHostPort(f.addresses[region].String(), strconv.Itoa(f.HTTPPort))
}

// HTTPS is the URL with TLS.
func (f *Fleet) HTTPS(region string) string {
	return "https://" + net.JoinHostPort(f.addresses[region].String(), strconv.Itoa(f.HTTPSPort))
}

// Close stops the applications and closes their stores.
func (f *Fleet) Close() error {
	for _, p := range f.proxies {
		_ = p.Close()
	}
	var errs []error
	for _, s := range f.servers {
		errs = append(errs, s.Close())
	}
	f.serving.Wait()
	for _, s := range f.stores {
		s.Close()
	}
	f.proxies, f.servers, f.stores = nil, nil, nil
	return errors.Join(errs...)
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Handler is the application of one region.
//
//	GET  /health        200 {"region", "writable": true} if a row could be written, else 503
//	POST /orders        {"id": UUID}: 201 {"id", "region"} once the row is committed
//	GET  /orders/count  200 {"region", "count"}
func Handler(region string, store Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		if err := store.Writable(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]any{"region": region, "writable": false, "reason": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]any{"region": region, "writable": true})
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			ID string `json:"id"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&order); err != nil || !uuidPattern.MatchString(order.ID) {
			answer(w, http.StatusBadRequest, map[string]any{"region": region, "reason": `the body must be {"id": UUID} with a lower-case UUID`})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		if err := store.Insert(ctx, order.ID); err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]any{"region": region, "reason": err.Error()})
			return
		}
		answer(w, http.StatusCreated, map[string]any{"region": region, "id": order.ID})
	})
	mux.HandleFunc("GET /orders/count", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		n, err := store.Count(ctx)
		if err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]any{"region": region, "reason": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]any{"region": region, "count": n})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
