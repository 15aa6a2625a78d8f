// SPDX-License-Identifier: MPL-2.0

package engine

import "log/slog"

// Engine routes requests to services. Services keep it to reach the clock, the
// network and the regions' states.
type Engine struct {
	Clock   Clock
	Network Network
	Log     *slog.Logger
	// DataDir is where real parts keep their files.
	DataDir string
	// Regions that exist.
	Regions []string
}
