// SPDX-License-Identifier: MPL-2.0

// Package sandbox starts a simulated AWS in this process: services that speak
// AWS's own wire protocols, with real PostgreSQL servers, a real DNS server and
// an application behind them, and faults on request. It is for rehearsing a
// failover and for the tests of those who automate one. It guards nothing: any
// secret is accepted, and everything listens on loopback addresses.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
	"github.com/drstate/terraform-provider-dr/sandbox/s3"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
	"github.com/drstate/terraform-provider-dr/sandbox/secretsmanager"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// Options of a sandbox. The zero value has free ports, a temporary data
// directory, real time and nothing in it.
type Options struct {
	// Listen and DNS are HOST:PORT on a loopback address; port 0 is a free one.
	Listen, DNS string
	// DataDir keeps the real parts' files; empty means a temporary directory
	// that Close removes.
	DataDir string
	// TimeScale divides the durations of lifecycles (not of DNS TTLs).
	TimeScale float64
	// Scenario to start with, by name; empty means an empty world.
	Scenario string
	// StateOnly runs no PostgreSQL: instances have their lifecycle only.
	StateOnly bool
	// Log receives what happens; nil discards it.
	Log *slog.Logger
}

// Database is an instance that a client can connect to.
type Database = scenario.Database

// Application is a region's instance of the application.
type Application = scenario.Application

// Sandbox is a running one. Close it.
type Sandbox struct {
	options Options
	started time.Time
	engine  *engine.Engine
	world   *scenario.World

	endpoint, dns string
	regions       map[string]string
	servers       []*http.Server
	serving       sync.WaitGroup
	lock          *os.File // of the data directory
	temporary     bool

	closing sync.Once
	closed  error
}

// Start starts a sandbox and returns when it is ready. On an error nothing is
// left running. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.DNS == "" {
		o.DNS = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sandbox{options: o, started: time.Now().UTC(), regions: map[string]string{}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context) error {
	if s.options.TimeScale != 0 && s.options.TimeScale < 1 {
		return fmt.Errorf("the time scale is %v: it must be at least 1 (1 is real time)", s.options.TimeScale)
	}
	var seed scenario.Scenario
	if s.options.Scenario != "" {
		var err error
		if seed, err = scenario.Find(s.options.Scenario); err != nil {
			return err
		}
	}
	for _, addr := range []string{s.options.Listen, s.options.DNS} {
		if err := loopbackOnly(addr); err != nil {
			return err
		}
	}
	if err := s.dataDir(); err != nil {
		return err
	}
	s.engine = engine.New(engine.Options{TimeScale: s.options.TimeScale, DataDir: s.options.DataDir, Log: s.options.Log})
	s.world = &scenario.World{Engine: s.engine, StateOnly: s.options.StateOnly}
	if err := s.services(); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	if seed.Build != nil {
		if err := s.world.RDS.Prepare(ctx); err != nil {
			return fmt.Errorf("%w\nInstall PostgreSQL, or start without databases to connect to: --state-only (in Go, Options.StateOnly)", err)
		}
		if err := seed.Build(ctx, s.world); err != nil {
			return fmt.Errorf("scenario %s: %w", seed.Name, err)
		}
	}
	return nil
}

// services makes and registers every service.
func (s *Sandbox) services() error {
	w := s.world
	ca, err := app.NewCA()
	if err != nil {
		return err
	}
	w.CA, w.CAFile = ca, filepath.Join(s.engine.DataDir, "ca.pem")
	if err := os.WriteFile(w.CAFile, ca.PEM(), 0o644); err != nil { //nolint:gosec // a public certificate
		return err
	}
	w.STS = sts.New(s.engine)
	w.S3 = s3.New(s.engine)
	w.CloudWatch = cloudwatch.New(s.engine)
	w.Route53 = route53.New(s.engine, route53.WithAlarms(w.CloudWatch), route53.WithObjects(w.S3))
	w.Closers = append(w.Closers, w.Route53.Close)
	w.EC2 = ec2.New(s.engine)
	w.Secrets = secretsmanager.New(s.engine)
	w.RDS = rds.New(s.engine, rds.Options{StateOnly: s.options.StateOnly, EC2: w.EC2, Metrics: w.CloudWatch, Certificates: ca.Issue})
	w.Closers = append(w.Closers, w.RDS.Close)
	for _, service := range []interface{ Definition() engine.Service }{w.STS, w.S3, w.Route53, w.CloudWatch, w.EC2, w.Secrets, w.RDS} {
		s.engine.Register(service.Definition())
	}
	server, err := w.Route53.ListenDNS(s.options.DNS)
	if err != nil {
		return err
	}
	s.dns = server.Addr()
	return nil
}

// listen opens the shared endpoint, and one of its own for each region.
func (s *Sandbox) listen(ctx context.Context) error {
	main, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.options.Listen)
	if err != nil {
		return fmt.Errorf("listening at %s: %w; give another address, or port 0 for a free one", s.options.Listen, err)
	}
	s.endpoint = "http://" + main.Addr().String()
	mux := http.NewServeMux()
	mux.Handle(adminPath, s.admin())
	mux.Handle("/", s.engine.Handler())
	s.serve(main, mux)
	port := main.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is TCP
	for _, region := range s.engine.RegionNames() {
		ip, err := s.engine.Network.Address()
		if err != nil {
			return err
		}
		// The server itself has an address that nobody is told: what fails
		// with the region is the way to it.
		hidden, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0") // never the region's own port
		if err != nil {
			return err
		}
		s.serve(hidden, s.engine.RegionHandler(region))
		target := hidden.Addr().String()
		proxy, err := s.engine.Network.Proxy(fmt.Sprintf("%s:%d", ip, port), func() string { return target }, region)
		if err != nil {
			return err
		}
		s.regions[region] = "http://" + proxy.Addr().String()
	}
	return nil
}

func (s *Sandbox) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.options.Log.Error("an endpoint stopped", "error", err)
		}
	})
}

func loopbackOnly(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s is not a loopback address: the sandbox accepts any secret and must not be reached from outside", addr)
	}
	return nil
}

// Close stops everything that Start started: calls that are held end with a
// reset, processes are ended. It may be called again.
func (s *Sandbox) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Sandbox) close() error {
	var errs []error
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	s.serving.Wait()
	if s.world != nil {
		for _, f := range slices.Backward(s.world.Closers) {
			errs = append(errs, f())
		}
	}
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.options.DataDir))
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
