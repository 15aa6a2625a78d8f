// SPDX-License-Identifier: MPL-2.0

//go:build linux

// Command bench measures what the provider adds, and prints it beside the
// runbook typed as a shell script, on the same kind of sandbox. It asserts
// nothing: times belong to the machine that they were measured on.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.Float64Var(&o.scale, "scale", 5, "how many times as fast the simulated AWS lives; 1 is real time, and takes half an hour")
	flag.IntVar(&o.databases, "databases", 200, "databases, and records, of the estate")
	flag.StringVar(&o.provider, "provider", "bin/terraform-provider-dr", "the provider's executable")
	only := flag.String("only", "", "what to measure, out of "+strings.Join(names(), ",")+"; all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	scale     float64
	databases int
	provider  string
}

// measures in the order in which they are taken and printed.
var measures = []struct {
	name string
	take func(context.Context, *bench) error
}{
	{"schema", schema},
	{"one", oneDatabase},
	{"estate", estate},
	{"hole", blackHole},
}

func names() (all []string) {
	for _, m := range measures {
		all = append(all, m.name)
	}
	return all
}

func run(ctx context.Context, o options, only string) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	started := time.Now()
	for _, m := range measures {
		if only != "" && !strings.Contains(","+only+",", ","+m.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s …\n", m.name)
		if err := m.take(ctx, b); err != nil {
			return fmt.Errorf("measuring %s: %w", m.name, err)
		}
	}
	b.print(os.Stdout, time.Since(started))
	return nil
}
