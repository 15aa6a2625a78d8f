// SPDX-License-Identifier: MPL-2.0

// Package process has what commands that start others need, so that nothing of
// theirs is left running: an end that is noticed however it comes, and children
// that do not outlive their parent.
package process

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

// Context ends when this process is told to stop: by an interrupt, SIGTERM, or
// the hangup of its terminal, unless that is ignored as under nohup. A reader of
// its output that has gone is an error of the write, not the end on the spot.
func Context() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	// Caught, not ignored: what is ignored, children inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return signal.NotifyContext(context.Background(), signals...)
}

// spawner starts every child from one operating system thread that lives as
// long as this process: Linux sends a child its parent-death signal when the
// *thread* that started it ends, and Go ends threads as it likes.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start starts a command in a process group of its own (a terminal's interrupt
// is for the parent, which ends its children in order). The kernel sends it last
// when this process is gone, kill -9 included, where the kernel can.
func Start(cmd *exec.Cmd, last syscall.Signal) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr, last)
	done := make(chan error)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}
