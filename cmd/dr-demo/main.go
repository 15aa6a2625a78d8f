// SPDX-License-Identifier: MPL-2.0

// Command dr-demo rehearses the loss of a region on this machine: it starts the
// sandbox, puts the steady state in place with Atmos, writes rows through the
// application all the while, takes us-east-1 down, fails over with
// `atmos terraform apply`, and shows what it cost. It ends with a non-zero code
// if anything is not as promised, and leaves nothing running.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// options are the flags of the demo.
type options struct {
	repo      string
	scale     float64
	blackhole bool
	by        string // how DNS moves: "record" or "health_check"
	keep      bool
	dir       string
}

// healthCheck moves DNS without Route 53's API.
const healthCheck = "health_check"

func main() {
	var o options
	flag.StringVar(&o.repo, "repo", ".", "the checkout to take the modules and the Atmos project from")
	flag.Float64Var(&o.scale, "time-scale", 60, "how many simulated seconds pass in one second")
	flag.BoolVar(&o.blackhole, "blackhole", false, "us-east-1 swallows packets instead of refusing connections")
	flag.StringVar(&o.by, "switch", "record", "how DNS moves: record, by Route 53's API; or health_check, with that API down too")
	flag.BoolVar(&o.keep, "keep", false, "keep the working directory (logs, plans, state)")
	flag.Parse()
	if o.by != "record" && o.by != healthCheck {
		fmt.Fprintf(os.Stderr, "--switch=%s: it is record or %s\n", o.by, healthCheck)
		os.Exit(2)
	}
	ctx, cancel := process.Context()
	defer cancel()
	if err := demo(ctx, &screen{w: os.Stdout, gone: cancel}, o); err != nil {
		if errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(os.Stderr, "\nFAILED: %v\n", err)
		os.Exit(1)
	}
}

// screen is where the demo's words go. When nobody reads them any more, as after
// `make demo | head`, the demo is over.
type screen struct {
	w    io.Writer
	gone context.CancelFunc
}

func (s *screen) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.gone()
	}
	return n, err
}

func demo(ctx context.Context, out io.Writer, o options) (err error) {
	o.dir, err = os.MkdirTemp("", "dr-demo-")
	if err != nil {
		return err
	}
	// PostgreSQL may run as another user than the one who runs the demo.
	if err := os.Chmod(o.dir, 0o755); err != nil {
		return err
	}
	defer func() {
		if o.keep {
			fmt.Fprintf(out, "\nKept: %s\n", o.dir)
			return
		}
		if e := os.RemoveAll(o.dir); err == nil && e != nil {
			err = fmt.Errorf("removing %s: %w", o.dir, e)
		}
	}()
	if o.repo, err = filepath.Abs(o.repo); err != nil {
		return err
	}
	r := &rehearsal{options: o, progress: progress{w: out, start: time.Now()}}
	return r.run(ctx)
}
