// SPDX-License-Identifier: MPL-2.0

//go:build linux

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHelperProcess is the parent in the tests below.
func TestHelperProcess(t *testing.T) { //nolint:paralleltest // a process of its own
	if os.Getenv("PROCESS_HELPER") == "" {
		t.Skip("started by another test")
	}
	ctx, stop := Context()
	defer stop()
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := Start(child, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	fmt.Println("PID", child.Process.Pid)
	<-ctx.Done()
	// Nobody listens any more: that must not end the orderly end.
	for range 2 {
		if _, err := os.Stdout.WriteString("stopping\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
			os.Exit(3)
		}
	}
	os.Exit(7)
}

func helper(t *testing.T) (parent *exec.Cmd, child int, out io.Closer) {
	t.Helper()
	parent = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess$")
	parent.Env = append(os.Environ(), "PROCESS_HELPER=1")
	pipe, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Under nohup, or in the background of a script, signals are ignored, and a
	// child inherits that. What is caught here, it does not.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP, syscall.SIGINT)
	defer signal.Stop(caught)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(pipe); child == 0 && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "PID "); ok {
			child, _ = strconv.Atoi(text)
		}
	}
	if child == 0 {
		t.Fatal("the helper started no child")
	}
	return parent, child, pipe
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for range 300 {
		// An orphan that nobody reaps stays a zombie.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("the child %d outlived its parent", pid)
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	t.Parallel()
	parent, child, _ := helper(t)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	gone(t, child)
}

func TestAHangupIsAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		parent, child, out := helper(t)
		if err := errors.Join(out.Close(), parent.Process.Signal(s)); err != nil {
			t.Fatal(err)
		}
		_ = parent.Wait()
		if code := parent.ProcessState.ExitCode(); code != 7 {
			t.Errorf("%s: the parent ended with %s, want its own exit code 7", s, parent.ProcessState)
		}
		gone(t, child)
	}
}
