// SPDX-License-Identifier: MPL-2.0

package lock

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("a second holder got %v, want ErrHeld", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := Wait(ctx, path); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrHeld) {
		t.Errorf("waiting ended with %v, want why it waited and that it was cancelled", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = first.Close() })
	second, err := Wait(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}
