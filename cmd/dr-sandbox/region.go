// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func regionCommand(c *client) *cobra.Command {
	var blackhole bool
	cmd := &cobra.Command{
		Use:       "region down|up NAME",
		Short:     "Take a region off the network, or put it back",
		ValidArgs: []string{"down", "up"},
		Args:      cobra.ExactArgs(2),
		Long: `Takes a region's APIs, databases, applications and replication links off the
network, or puts them back. Down resets connections; with --blackhole they are
held open and never answered. Global services (Route 53) are the region
aws-global.`,
		Example: "  dr-sandbox region down us-east-1 --blackhole\n  dr-sandbox region up us-east-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			var want sandbox.RegionInfo
			switch {
			case args[0] == "down" && blackhole:
				want.State = engine.BlackHoled
			case args[0] == "down":
				want.State = engine.Down
			case args[0] == "up" && !blackhole:
				want.State = engine.Up
			case args[0] == "up":
				return errors.New("--blackhole is for `region down`")
			default:
				return fmt.Errorf("%q: say `region down NAME` or `region up NAME`", args[0])
			}
			var got sandbox.RegionInfo
			if err := c.ask(cmd.Context(), http.MethodPut, "regions/"+url.PathEscape(args[1]), want, &got); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", got.Name, got.State)
			return err
		},
	}
	cmd.Flags().BoolVar(&blackhole, "blackhole", false, "hold connections open without an answer instead of resetting them")
	return cmd
}
