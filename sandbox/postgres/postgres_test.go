// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Manager {
	t.Helper()
	m, err := Open(t.Context(), Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func exec1(t *testing.T, s *Server, password, sql string) error {
	t.Helper()
	c, err := s.connectAs(t.Context(), "app", password, "orders")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Exec(t.Context(), sql)
	return err
}

func count(t *testing.T, s *Server) int {
	t.Helper()
	c, err := s.connectAs(t.Context(), "app", "correct-horse", "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	var n int
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		return -1
	}
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 300 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("not within 6 s: %s", what)
}

func TestReplicaIsPromoted(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	a, err := m.Create(t.Context(), Spec{Name: "a", User: "app", Password: "correct-horse", Database: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if err := exec1(t, a, "correct-horse", "CREATE TABLE t AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := exec1(t, a, "wrong-horse", "SELECT 1"); err == nil {
		t.Error("a wrong password opens a session")
	}
	if err := exec1(t, a, "correct-horse", "ALTER SYSTEM SET fsync = on"); err == nil {
		t.Error("the master user is a superuser")
	}
	b, err := m.CreateReplica(t.Context(), "b", a, a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the row arrives", func() bool { return count(t, b) == 1 })
	if err := exec1(t, b, "correct-horse", "INSERT INTO t VALUES (2)"); err == nil {
		t.Error("a replica takes writes")
	}
	eventually(t, "the replica streams and knows its lag", func() bool {
		r, err := b.Replication(t.Context())
		return err == nil && r.Standby && r.Streaming && r.Known && r.Lag < 5*time.Second
	})
	if err := a.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := exec1(t, a, "correct-horse", "INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica follows again after its source's restart", func() bool { return count(t, b) == 2 })
	for range 2 { // promoting what is promoted changes nothing
		if err := b.Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := exec1(t, b, "correct-horse", "INSERT INTO t VALUES (3)"); err != nil {
		t.Fatal(err)
	}
	if got := count(t, b); got != 3 {
		t.Errorf("%d rows on the promoted server, want 3", got)
	}
	if err := a.DropSlot(t.Context(), b); err != nil {
		t.Error(err)
	}
	// A replica of what was promoted, and its end while still attached.
	c, err := m.CreateReplica(t.Context(), "c", b, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "rows arrive at the next replica", func() bool { return count(t, c) == 3 })
	if err := b.DropSlot(t.Context(), c); err != nil {
		t.Error(err)
	}
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
}

func TestDataDirIsUsedByOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	if m, err := Open(t.Context(), Options{DataDir: dir}); err == nil {
		_ = m.Close()
		t.Fatal("a second manager took a data directory that is in use")
	}
}

// TestHelperProcess is the sandbox that is killed by the test below.
func TestHelperProcess(t *testing.T) { //nolint:paralleltest // a process of its own
	dir := os.Getenv("POSTGRES_HELPER_DIR")
	if dir == "" {
		t.Skip("started by another test")
	}
	m, err := Open(t.Context(), Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Create(t.Context(), Spec{Name: "left", User: "app", Password: "correct-horse"})
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("PID " + strconv.Itoa(s.cmd.Process.Pid) + " " + s.data + "\n")
	if os.Getenv("POSTGRES_HELPER_KEEP") != "" {
		// As if the parent-death signal had not come.
		_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGSTOP)
	}
	select {}
}

func TestNothingIsLeftByAKilledSandbox(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]string{"dies with its parent": "", "reaped at the next start": "1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess$")
			helper.Env = append(os.Environ(), "POSTGRES_HELPER_DIR="+dir, "POSTGRES_HELPER_KEEP="+keep)
			out, err := helper.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := helper.Start(); err != nil {
				t.Fatal(err)
			}
			var pid int
			var data string
			for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
				if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == "PID" {
					pid, _ = strconv.Atoi(f[1])
					data = f[2]
				}
			}
			if pid == 0 || !servesData(pid, data) {
				t.Fatalf("the helper started no server: pid %d", pid)
			}
			if err := helper.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = helper.Wait()
			if keep == "" {
				eventually(t, "the server ends with its sandbox", func() bool { return !servesData(pid, data) })
			}
			open(t, dir)
			if servesData(pid, data) {
				t.Errorf("the server with pid %d is still there", pid)
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("its data is still there: %v", err)
			}
		})
	}
}

func TestReapTouchesNoStranger(t *testing.T) {
	t.Parallel()
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	m := &Manager{root: t.TempDir(), log: open(t, t.TempDir()).log}
	dir := m.root + "/servers/x"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/pid", []byte(strconv.Itoa(stranger.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.reap(); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process that is no server was ended: %v", err)
	}
}
