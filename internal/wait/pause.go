// SPDX-License-Identifier: MPL-2.0

package wait

import (
	"context"
	"time"
)

// Pause waits for d, or until the context ends: then it returns the cause.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
