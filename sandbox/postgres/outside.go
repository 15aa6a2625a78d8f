// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"os"
	"path/filepath"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/internal/lock"
)

// outsidePrefix begins the names of directories for servers whose user cannot
// reach the data directory.
const outsidePrefix = "dr-sandbox-"

// outsideRoom is what memory must have free to hold servers' files: a cluster is
// about a thousand small files and 40 MB, and a handful run at a time.
const outsideRoom = 2 << 30

// outsideBase is where such directories go: memory where there is room, since
// making a thousand files can take seconds on a virtual machine's disk, else
// /var/tmp.
func outsideBase() string {
	if freeMemory("/dev/shm") >= outsideRoom {
		return "/dev/shm"
	}
	return "/var/tmp"
}

// sweep removes such directories of sandboxes that were killed and, because
// their data directories were temporary, never come back for them. A directory
// whose lock is held is in use; a young one may be about to be locked.
func (m *Manager) sweep() {
	for _, base := range []string{"/dev/shm", "/var/tmp"} {
		locks, _ := filepath.Glob(filepath.Join(base, outsidePrefix+"*", "lock"))
		for _, path := range locks {
			dir := filepath.Dir(path)
			info, err := os.Lstat(dir)
			if dir == m.root || err != nil || !info.IsDir() || !ours(info) || time.Since(info.ModTime()) < time.Minute {
				continue
			}
			held, err := lock.Try(path)
			if err != nil {
				continue
			}
			left := &Manager{log: m.log, root: dir}
			if err := left.reap(); err == nil {
				_ = os.RemoveAll(dir)
			}
			_ = held.Close()
		}
	}
}
