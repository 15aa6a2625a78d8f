// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// start starts a program that dies with this process. SIGQUIT is PostgreSQL's
// immediate shutdown.
func start(cmd *exec.Cmd) error { return process.Start(cmd, syscall.SIGQUIT) }

// command prepares a PostgreSQL program: the servers' user, and nothing of our
// environment, which may hold credentials.
func (m *Manager) command(name string, args ...string) *exec.Cmd {
	// No context: a server outlives the call that started it, and Stop ends
	// it in order.
	cmd := exec.Command(filepath.Join(m.bin.dir, name), args...) //nolint:noctx // see above
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + m.bin.dir + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent"}
	if path, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+path)
	}
	if m.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: m.user.uid, Gid: m.user.gid}}
	}
	return cmd
}

// Reap ends servers that a killed sandbox left in a data directory, which the
// caller has for itself. A directory of someone else, or a link, is refused.
func Reap(dataDir string) error {
	info, err := os.Lstat(dataDir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ours(info) {
		return fmt.Errorf("%s is not a directory of this user", dataDir)
	}
	return (&Manager{log: slog.New(slog.DiscardHandler), root: filepath.Join(dataDir, "postgres")}).reap()
}

// reap ends servers recorded by a predecessor that was killed, and clears their
// data. A recorded pid may be another process by now: only one whose command
// line is a postgres on that very data directory is touched.
func (m *Manager) reap() error {
	records, err := filepath.Glob(filepath.Join(m.root, "servers", "*", "pid"))
	if err != nil {
		return err
	}
	for _, record := range records {
		text, err := os.ReadFile(record)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid <= 1 {
			continue
		}
		data := filepath.Join(filepath.Dir(record), "data")
		if !servesData(pid, data) {
			continue
		}
		m.log.Info("ending a PostgreSQL server left by a killed sandbox", "pid", pid, "data", data)
		if err := endLeftover(pid, data); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(m.root, "servers"))
}

// endLeftover asks a server to stop at once and makes sure that it did.
func endLeftover(pid int, data string) error {
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the server with pid %d: %w", pid, err)
		}
		for range 100 {
			if !servesData(pid, data) {
				return nil
			}
			time.Sleep(30 * time.Millisecond)
		}
	}
	return fmt.Errorf("a server left by a killed sandbox does not end: pid %d", pid)
}

// servesData tells whether pid is a postgres with this data directory.
func servesData(pid int, data string) bool {
	args := commandLine(pid)
	if len(args) < 3 || filepath.Base(args[0]) != "postgres" {
		return false
	}
	for i, a := range args[:len(args)-1] {
		if a == "-D" && args[i+1] == data {
			return true
		}
	}
	return false
}

// splitArgs splits /proc's form of a command line.
func splitArgs(raw []byte) []string {
	raw = bytes.TrimRight(raw, "\x00")
	if len(raw) == 0 {
		return nil
	}
	return strings.Split(string(raw), "\x00")
}
