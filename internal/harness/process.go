// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// Result of a command that ended.
type Result struct {
	// Code is the exit status; -1 if the process was ended by a signal.
	Code int
	// Output is standard output and error together.
	Output string
	// Wall is how long it ran.
	Wall time.Duration
}

// Process is a running Terraform.
type Process struct {
	cmd     *exec.Cmd
	out     *output
	started time.Time
	stop    context.CancelFunc
}

// output collects what both streams say.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Start starts Terraform in the workspace, in a process group of its own so
// that a terminal's signal to the tests does not reach it twice.
func (w *Workspace) Start(ctx context.Context, args ...string) (*Process, error) {
	ctx, stop := context.WithCancel(ctx)
	p := &Process{cmd: exec.CommandContext(ctx, w.in.Terraform, args...), out: &output{}, stop: stop}
	p.cmd.Dir = w.Dir
	p.cmd.Env = w.env
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	// A plugin that outlives a killed Terraform holds its output open.
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.Cancel = func() error { p.Kill(); return nil }
	p.started = time.Now()
	if err := process.Start(p.cmd, syscall.SIGKILL); err != nil {
		stop()
		return nil, err
	}
	return p, nil
}

// Wait waits for the end.
func (p *Process) Wait() Result {
	err := p.cmd.Wait()
	wall := time.Since(p.started)
	p.stop()
	out := p.out.String()
	if err != nil && p.cmd.ProcessState == nil {
		out += "\n" + err.Error()
	}
	code := -1
	if p.cmd.ProcessState != nil {
		code = p.cmd.ProcessState.ExitCode()
	}
	return Result{Code: code, Output: out, Wall: wall}
}

// Output is what has been said so far.
func (p *Process) Output() string { return p.out.String() }

// PID of Terraform.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Providers are the pids of the provider's processes that Terraform runs now.
func (p *Process) Providers() []int {
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || parent(pid) != p.PID() {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err == nil && strings.HasPrefix(filepath.Base(exe), "terraform-provider-") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// KillProviders ends the provider's processes at once, as the kernel does when
// memory runs out, and tells how many there were.
func (p *Process) KillProviders() int {
	pids := p.Providers()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return len(pids)
}

// Kill ends Terraform at once and then the providers that it leaves behind:
// what a runner's machine that is reaped does to them.
func (p *Process) Kill() {
	orphans := p.Providers()
	_ = syscall.Kill(p.PID(), syscall.SIGKILL)
	for _, pid := range orphans {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Orphan ends Terraform alone and returns the providers that are left behind,
// for the caller to end.
func (p *Process) Orphan() []int {
	orphans := p.Providers()
	_ = syscall.Kill(p.PID(), syscall.SIGKILL)
	return orphans
}

// parent of a process, or 0. The command in parentheses may hold anything.
func parent(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(string(fields[1]))
	return ppid
}

// PeakMemory is the most resident memory that a process has had, in bytes, or 0
// when it is gone.
func PeakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}
