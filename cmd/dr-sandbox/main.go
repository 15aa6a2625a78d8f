// SPDX-License-Identifier: MPL-2.0

// Command dr-sandbox runs a simulated AWS to rehearse on, and drives a running
// one: regions that go down, faults, the record of calls.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := process.Context()
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dr-sandbox:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "dr-sandbox",
		Short:         "A simulated AWS to rehearse failovers on",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c := &client{}
	cmd.PersistentFlags().StringVar(&c.endpoint, "endpoint", "", "the running sandbox's endpoint (else $"+endpointVariable+", else the last one started by this user)")
	cmd.AddCommand(upCommand(), regionCommand(c), faultCommand(c), callsCommand(c), statusCommand(c), envCommand(c))
	return cmd
}
