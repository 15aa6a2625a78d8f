// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func status(c *client) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the running sandbox", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s sandbox.Status
			if err := c.ask(cmd.Context(), http.MethodGet, "status", nil, &s); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(w).Encode(s)
			}
			fmt.Fprintf(w, "endpoint %s, DNS %s, time passes %g times as fast, up for %s, %d calls\n",
				s.Endpoint, s.DNS, s.TimeScale, time.Since(s.Started).Round(time.Second), s.Calls)
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			for _, r := range s.States {
				fmt.Fprintf(t, "region\t%s\t%s\t%s\n", r.Name, r.State, r.Endpoint)
			}
			for _, d := range s.Databases {
				fmt.Fprintf(t, "database\t%s\t%s\t%s:%d\n", d.Identifier, d.Region, d.Host, d.Port)
			}
			for _, a := range s.Applications {
				fmt.Fprintf(t, "application\t%s\t%s\t%s\n", a.Region, a.HTTP, a.HTTPS)
			}
			for _, f := range s.Faults {
				fmt.Fprintf(t, "fault\t%s\t%s\t%s\n", f.ID, f.Kind, faultText(f))
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func env(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "env", Short: "Print what AWS clients need in their environment", Args: cobra.NoArgs,
		Example: `  eval "$(dr-sandbox env)"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s sandbox.Status
			if err := c.ask(cmd.Context(), http.MethodGet, "status", nil, &s); err != nil {
				return err
			}
			for _, kv := range s.Env() {
				fmt.Fprintf(cmd.OutOrStdout(), "export %s\n", kv)
			}
			return nil
		},
	}
}

func region(c *client) *cobra.Command {
	cmd := &cobra.Command{Use: "region", Short: "Take a region down, or bring it back"}
	set := func(cmd *cobra.Command, name string, to engine.RegionState) error {
		var r sandbox.RegionInfo
		if err := c.ask(cmd.Context(), http.MethodPut, "regions/"+url.PathEscape(name), sandbox.RegionInfo{State: to}, &r); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", r.Name, r.State)
		return nil
	}
	var blackhole bool
	down := &cobra.Command{
		Use: "down NAME", Short: "Lose a region: its API, databases, applications and replication links", Args: cobra.ExactArgs(1),
		Example: "  dr-sandbox region down us-east-1 --blackhole",
		RunE: func(cmd *cobra.Command, args []string) error {
			if blackhole {
				return set(cmd, args[0], engine.BlackHoled)
			}
			return set(cmd, args[0], engine.Down)
		},
	}
	down.Flags().BoolVar(&blackhole, "blackhole", false, "hold connections open without an answer instead of resetting them")
	cmd.AddCommand(down, &cobra.Command{
		Use: "up NAME", Short: "Bring a region back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return set(cmd, args[0], engine.Up) },
	})
	return cmd
}

func calls(c *client) *cobra.Command {
	var asJSON, reset bool
	cmd := &cobra.Command{
		Use: "calls", Short: "Show every call that came", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			method := http.MethodGet
			if reset {
				method = http.MethodDelete
			}
			var records []engine.Record
			if err := c.ask(cmd.Context(), method, "calls", nil, &records); err != nil {
				return err
			}
			return printCalls(cmd.OutOrStdout(), records, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON per call")
	cmd.Flags().BoolVar(&reset, "reset", false, "forget them afterwards")
	return cmd
}

func printCalls(w io.Writer, records []engine.Record, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		for _, r := range records {
			if err := out.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range records {
		mark := ""
		if r.Mutating {
			mark = "*"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s%s\t%s\t%s\n", r.Time.Local().Format("15:04:05.000"), r.Region, r.Service, r.Operation, mark,
			r.Outcome, r.Duration.Round(time.Millisecond))
	}
	return t.Flush()
}
