// SPDX-License-Identifier: MPL-2.0

// Package sandboxtest starts a sandbox for a Go test in one call.
package sandboxtest

import (
	"log/slog"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox"
)

// Start starts a sandbox that is closed when the test ends. What it logs goes
// to the test's output unless the options say otherwise.
func Start(t testing.TB, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := sandbox.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("starting the sandbox: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stopping the sandbox: %v", err)
		}
	})
	return s
}
