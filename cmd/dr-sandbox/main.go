// SPDX-License-Identifier: MPL-2.0

// Command dr-sandbox runs the simulated AWS in the foreground, and talks to a
// running one: takes regions down, adds faults, shows the calls that came.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

var version = "dev"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dr-sandbox:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "dr-sandbox",
		Short:         "A simulated AWS on this machine, to rehearse a failover on",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	var c client
	cmd.PersistentFlags().StringVar(&c.endpoint, "endpoint", "", "URL of the running sandbox (default: $DR_SANDBOX_ENDPOINT, else the one started last)")
	cmd.AddCommand(up(), status(&c), env(&c), region(&c), calls(&c), fault(&c))
	return cmd
}
