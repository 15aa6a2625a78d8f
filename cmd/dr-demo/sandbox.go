// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// sandboxProcess is a running `dr-sandbox up`.
type sandboxProcess struct {
	binary string
	cmd    *exec.Cmd
	log    *lockedBuffer
	done   chan error
	ready  ready
}

// ready is the line that `dr-sandbox up` prints when it is ready.
type ready struct {
	Endpoint  string            `json:"endpoint"`
	DNS       string            `json:"dns"`
	Regions   map[string]string `json:"regions"`
	CAFile    string            `json:"ca_file"`
	Databases []struct {
		Identifier string `json:"identifier"`
		Region     string `json:"region"`
		Host       string `json:"host"`
		Port       int    `json:"port"`
		User       string `json:"user"`
		Password   string `json:"password"`
		Name       string `json:"name"`
	} `json:"databases"`
	Applications []struct {
		Region string `json:"region"`
		HTTP   string `json:"http"`
		HTTPS  string `json:"https"`
	} `json:"applications"`
}

// call is one line of `dr-sandbox calls --json`.
type call struct {
	Time      time.Time         `json:"time"`
	Service   string            `json:"service"`
	Operation string            `json:"operation"`
	Region    string            `json:"region"`
	Outcome   string            `json:"outcome"`
	Mutating  bool              `json:"mutating"`
	Params    map[string]string `json:"params"`
}

func startSandbox(ctx context.Context, binary, dir string, scale float64, stateOnly bool) (*sandboxProcess, error) {
	args := []string{
		"up", "--listen", "127.0.0.1:0", "--dns", "127.0.0.1:0", "--data", filepath.Join(dir, "sandbox"),
		"--time-scale", strconv.FormatFloat(scale, 'f', -1, 64), "--scenario", "two-region",
	}
	if stateOnly {
		args = append(args, "--state-only")
	}
	s := &sandboxProcess{binary: binary, log: &lockedBuffer{}, done: make(chan error, 1)}
	s.cmd = exec.Command(binary, args...) //nolint:noctx // stopped by SIGTERM in stop, so that it stops what it started
	s.cmd.Env = clean(s.cmd.Environ())
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(s.cmd, syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("starting %s: %w: run `make build` first", binary, err)
	}
	lines := make(chan []byte, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadBytes('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, r)
		s.done <- s.cmd.Wait()
	}()
	select {
	case line := <-lines:
		if err := json.Unmarshal(line, &s.ready); err != nil {
			_ = s.stop()
			return nil, fmt.Errorf("the sandbox did not come up:\n%s", tail(s.log.String(), 20))
		}
		return s, nil
	case <-time.After(2 * time.Minute):
		_ = s.stop()
		return nil, fmt.Errorf("the sandbox was not ready within 2 minutes:\n%s", tail(s.log.String(), 20))
	case <-ctx.Done():
		_ = s.stop()
		return nil, ctx.Err()
	}
}

// stop ends the sandbox and everything that it started.
func (s *sandboxProcess) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("the sandbox ended with %w:\n%s", err, tail(s.log.String(), 20))
		}
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		return errors.New("the sandbox did not stop within 30 s of SIGTERM and was killed")
	}
}

// ctl runs a dr-sandbox command against the running one.
func (s *sandboxProcess) ctl(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, append(args, "--endpoint", s.ready.Endpoint)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("dr-sandbox %v: %w: %s", args, err, stderr.String())
	}
	return stdout.Bytes(), nil
}

func (s *sandboxProcess) calls(ctx context.Context) ([]call, error) {
	out, err := s.ctl(ctx, "calls", "--json")
	if err != nil {
		return nil, err
	}
	var calls []call
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var c call
		if err := dec.Decode(&c); errors.Is(err, io.EOF) {
			return calls, nil
		} else if err != nil {
			return nil, fmt.Errorf("dr-sandbox calls: %w", err)
		}
		calls = append(calls, c)
	}
}

// lockedBuffer is a bytes.Buffer for two goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
