// SPDX-License-Identifier: MPL-2.0

// Package postgres runs the PostgreSQL servers that stand behind the sandbox's
// RDS instances: it finds (or fetches) the binaries, makes servers and streaming
// replicas of them, promotes replicas, and leaves no process behind. It knows
// nothing of AWS.
//
// Every server listens on 127.0.0.1 only, on a port of its own, without Unix
// sockets, and asks for SCRAM passwords. Power loss is not simulated, so servers
// run with fsync off; a killed process loses nothing by that, since what it
// wrote is with the kernel.
//
// It runs on Linux and other Unix systems.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/drstate/terraform-provider-dr/sandbox/internal/lock"
)

// Options say where servers live and where their binaries come from.
type Options struct {
	// DataDir keeps everything: the template, the servers, their logs. It
	// belongs to one Manager at a time.
	DataDir string
	// BinDir names the directory of initdb and postgres; empty means to look
	// on PATH, then under /usr/lib/postgresql, then to fetch.
	BinDir string
	// Repository is the Maven repository that the binaries are fetched from
	// when the machine has none. Empty means the environment's
	// DR_SANDBOX_POSTGRES_REPOSITORY, else Maven Central.
	Repository string
	// CacheDir keeps what was fetched; empty means the user's cache directory.
	CacheDir string
	// Log may be nil.
	Log *slog.Logger
}

// Manager owns the servers of one data directory.
type Manager struct {
	log     *slog.Logger
	bin     binaries
	root    string // a directory that the servers' user can reach
	outside bool   // root is not inside the data directory
	user    *account
	lock    *os.File
	secret  string // password of rdsadmin and rdsrepladmin
	mu      sync.Mutex
	servers map[*Server]struct{}
	closed  bool
}

// Open finds the binaries, takes over the data directory, ends servers that a
// killed predecessor left there, and prepares the template cluster.
func Open(ctx context.Context, o Options) (*Manager, error) {
	if o.DataDir == "" {
		return nil, errors.New("postgres: no data directory given")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	root, outside, err := reachableDir(o.DataDir, user)
	if err != nil {
		return nil, err
	}
	held, err := lock.Try(filepath.Join(root, "lock"))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", root, err)
	}
	m := &Manager{log: o.Log, root: root, outside: outside, user: user, lock: held, servers: map[*Server]struct{}{}}
	if err := m.open(ctx, o); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Manager) open(ctx context.Context, o Options) error {
	if err := m.reap(); err != nil {
		return err
	}
	m.sweep()
	bin, err := find(ctx, o, m.root, m.user)
	if err != nil {
		return err
	}
	m.bin = bin
	m.log.Debug("postgres found", "dir", bin.dir, "version", bin.version)
	return m.prepareTemplate(ctx)
}

// Version is the servers' version as PostgreSQL gives it ("16.9").
func (m *Manager) Version() string { return m.bin.version }

// BinDir is where the binaries are.
func (m *Manager) BinDir() string { return m.bin.dir }

// Close stops every server and removes their data. The template stays, if it is
// inside the data directory.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	servers := make([]*Server, 0, len(m.servers))
	for s := range m.servers {
		servers = append(servers, s)
	}
	m.mu.Unlock()

	var wg sync.WaitGroup
	ends := make([]error, len(servers))
	for i, s := range servers {
		wg.Go(func() { ends[i] = s.Destroy() })
	}
	wg.Wait()
	err := errors.Join(ends...)
	if m.outside {
		err = errors.Join(err, os.RemoveAll(m.root))
	}
	return errors.Join(err, m.lock.Close())
}

// add registers a server, unless the manager is closing.
func (m *Manager) add(s *Server) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errors.New("postgres: the sandbox is stopping")
	}
	m.servers[s] = struct{}{}
	return nil
}

func (m *Manager) remove(s *Server) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.servers, s)
}

func randomSecret() string { return rand.Text() }
