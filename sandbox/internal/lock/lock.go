// SPDX-License-Identifier: MPL-2.0

// Package lock keeps processes of one machine out of each other's files. A lock
// is a file's, not a name's: whoever finds the file replaced does not hold it.
// The kernel drops a lock when its holder dies, however it dies.
package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld is what Try says of a lock that someone holds.
var ErrHeld = errors.New("in use by another sandbox")

// Try takes the lock, or says at once that it cannot be had. Closing the file
// drops it.
func Try(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked", ErrHeld, path)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	// Its directory may have been removed by the holder before us.
	held, err1 := f.Stat()
	named, err2 := os.Stat(path)
	if err := errors.Join(err1, err2); err != nil || !os.SameFile(held, named) {
		_ = f.Close()
		return nil, errors.Join(fmt.Errorf("%w: %s was replaced while it was locked", ErrHeld, path), err)
	}
	return f, nil
}

// Wait takes the lock as soon as it can be had.
func Wait(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
