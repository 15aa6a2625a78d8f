// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds a server's start; stopTimeout a fast shutdown, after which
// it is stopped at once.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 5 * time.Second
)

// Server is one PostgreSQL server, running or stopped.
type Server struct {
	m    *Manager
	dir  string // servers/NAME-N: pid, log and data
	data string
	link *link // how a replica reaches its source; nil for a primary
	// port is apart from the lock, which a start holds for long: asking for
	// the address never waits.
	port atomic.Int64

	mu     sync.Mutex // guards starts, stops and the fields below
	cmd    *exec.Cmd
	exited chan struct{}
	// secured says that there is a certificate to show: see Secure.
	secured bool
}

// newServer makes the directory of a server to be.
func (m *Manager) newServer(name string) (*Server, error) {
	parent := filepath.Join(m.root, "servers")
	if err := os.MkdirAll(parent, 0o711); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, name+"-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	s := &Server{m: m, dir: dir, data: filepath.Join(dir, "data")}
	return s, m.add(s)
}

// Addr is where the server listens: 127.0.0.1 and a port that it keeps for as
// long as nobody else takes it while it is stopped.
func (s *Server) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.FormatInt(s.port.Load(), 10))
}

// Running tells whether the process is there.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runningLocked()
}

func (s *Server) runningLocked() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Start starts the server and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runningLocked() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for attempt := range 3 {
		if s.port.Load() == 0 || attempt > 0 {
			port, err := freePort(ctx)
			if err != nil {
				return err
			}
			s.port.Store(int64(port))
		}
		err := s.startLocked(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
	return fmt.Errorf("no free port for the server in %s", s.dir)
}

func (s *Server) startLocked(ctx context.Context) error {
	if err := s.configure(); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	from, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.data, "postmaster.pid"))
	cmd := s.m.command("postgres", "-D", s.data)
	cmd.Stdout, cmd.Stderr = log, log
	if err := start(cmd); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
	pid := strconv.Itoa(cmd.Process.Pid)
	err = os.WriteFile(filepath.Join(s.dir, "pid"), []byte(pid), 0o600)
	if err == nil {
		err = s.awaitReady(ctx, pid)
	}
	if err != nil {
		_ = s.signalLocked(syscall.SIGQUIT)
		return fmt.Errorf("starting PostgreSQL in %s: %w\n%s", s.dir, err, s.logFrom(from))
	}
	return nil
}

// awaitReady reads what the server itself says in postmaster.pid: its last line
// becomes "ready", or "standby" once a replica takes readers.
func (s *Server) awaitReady(ctx context.Context, pid string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.exited:
			return errors.New("the server ended")
		case <-tick.C:
		}
		text, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
		if err != nil {
			continue
		}
		lines := strings.Split(string(text), "\n")
		if len(lines) < 8 || strings.TrimSpace(lines[0]) != pid {
			continue
		}
		status := strings.TrimSpace(lines[7])
		if status == "ready" || (status == "standby" && s.link != nil) {
			return nil
		}
	}
}

// logFrom is the tail of the log, for error messages.
func (s *Server) logFrom(offset int64) string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil || int64(len(text)) < offset {
		return ""
	}
	text = bytes.TrimSpace(text[offset:])
	return string(text[max(0, len(text)-2000):])
}

// Stop ends the server: sessions are cut, nothing committed is lost.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopLocked()
}

func (s *Server) stopLocked() error {
	if err := s.signalLocked(syscall.SIGINT); err == nil {
		return nil
	}
	if err := s.signalLocked(syscall.SIGQUIT); err == nil {
		return nil
	}
	return s.signalLocked(syscall.SIGKILL)
}

// signalLocked signals the server and waits for its end.
func (s *Server) signalLocked(signal syscall.Signal) error {
	if !s.runningLocked() {
		return nil
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		_ = os.Remove(filepath.Join(s.dir, "pid"))
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("the server with pid %d did not end on %s", s.cmd.Process.Pid, signal)
	}
}

// Restart stops and starts the server, as an RDS reboot does.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Destroy stops the server for good and removes its data. It may be called
// again.
func (s *Server) Destroy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What it holds goes with it: no need for an orderly end.
	if err := s.signalLocked(syscall.SIGQUIT); err != nil {
		if err := s.stopLocked(); err != nil {
			return err
		}
	}
	s.m.remove(s)
	return os.RemoveAll(s.dir)
}

// connect opens a session as the sandbox's own superuser.
func (s *Server) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return s.connectAs(ctx, adminRole, s.m.secret, database)
}

func (s *Server) connectAs(ctx context.Context, user, password, database string) (*pgx.Conn, error) {
	config, err := s.config(user, password, database)
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config)
}

func (s *Server) config(user, password, database string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig("sslmode=disable application_name=dr-sandbox")
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = host, uint16(n)
	config.User, config.Password, config.Database = user, password, database
	config.ConnectTimeout = 5 * time.Second
	return config, nil
}

// with runs f in a session of the sandbox's own superuser.
func (s *Server) with(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := s.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return f(conn)
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("not a TCP address: %s", l.Addr())
	}
	return addr.Port, nil
}
