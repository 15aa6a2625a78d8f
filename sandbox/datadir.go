// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/internal/lock"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// temporaryPrefix begins the names of data directories that nobody asked for.
const temporaryPrefix = "dr-sandbox-temporary-"

// lockFile is held by the sandbox that works in a data directory.
const lockFile = "sandbox.lock"

// dataDir makes the data directory and takes it, before anything is written: a
// second sandbox must not replace what the first one's clients trust.
func (s *Sandbox) dataDir() (err error) {
	if s.options.DataDir == "" {
		sweep(os.TempDir())
		if s.options.DataDir, err = os.MkdirTemp("", temporaryPrefix); err != nil {
			return err
		}
		s.temporary = true
	} else if s.options.DataDir, err = filepath.Abs(s.options.DataDir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.options.DataDir, 0o755); err != nil { //nolint:gosec // the databases' user must pass through
		return err
	}
	if s.lock, err = lock.Try(filepath.Join(s.options.DataDir, lockFile)); err != nil {
		return fmt.Errorf("data directory %s: %w; give another one", s.options.DataDir, err)
	}
	return nil
}

// sweep removes temporary data directories of sandboxes that were killed. A
// young one may be about to be locked.
func sweep(base string) {
	locks, _ := filepath.Glob(filepath.Join(base, temporaryPrefix+"*", lockFile))
	for _, path := range locks {
		dir := filepath.Dir(path)
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		held, err := lock.Try(path)
		if err != nil {
			continue
		}
		if err := postgres.Reap(dir); err == nil {
			_ = os.RemoveAll(dir)
		}
		_ = held.Close()
	}
}
