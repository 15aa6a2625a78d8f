// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func callsCommand(c *client) *cobra.Command {
	var asJSON, reset bool
	cmd := &cobra.Command{
		Use:   "calls",
		Short: "Print the calls that reached the sandbox",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			method := http.MethodGet
			if reset {
				method = http.MethodDelete
			}
			var calls []engine.Record
			if err := c.ask(cmd.Context(), method, "calls", nil, &calls); err != nil {
				return err
			}
			if asJSON {
				return lines(cmd.OutOrStdout(), calls)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "N\tTIME\tREGION\tACCOUNT\tCALL\tOUTCOME\tTOOK")
			for _, r := range calls {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s:%s\t%s\t%s\n", r.N, r.Time.Local().Format("15:04:05.000"),
					r.Region, r.Account, r.Service, r.Operation, r.Outcome, r.Duration.Round(time.Millisecond))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.Flags().BoolVar(&reset, "reset", false, "forget the calls once they are printed")
	return cmd
}

func statusCommand(c *client) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print what the sandbox runs and what is wrong with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s sandbox.Status
			if err := c.ask(cmd.Context(), http.MethodGet, "status", nil, &s); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "endpoint\t%s\n", s.Endpoint)
			fmt.Fprintf(w, "dns\t%s\n", s.DNS)
			fmt.Fprintf(w, "scenario\t%s, %g times as fast, up for %s (pid %d)\n", orNone(s.Scenario), s.TimeScale, time.Since(s.Started).Round(time.Second), s.PID)
			for _, r := range s.States {
				fmt.Fprintf(w, "region\t%s\t%s\t%s\n", r.Name, r.State, r.Endpoint)
			}
			for _, i := range s.Instances {
				role := "writer"
				if i.Source != "" {
					role = "replica of " + i.Source
				}
				fmt.Fprintf(w, "database\t%s\t%s\t%s\t%s\t%s\n", i.Identifier, i.Region, i.Status, role, cmp.Or(i.Address, "state only"))
			}
			for _, a := range s.Applications {
				fmt.Fprintf(w, "application\t%s\t%s\n", a.Region, a.HTTP)
			}
			fmt.Fprintf(w, "calls\t%d\n", s.Calls)
			if err := w.Flush(); err != nil {
				return err
			}
			if len(s.Faults) == 0 {
				return nil
			}
			return printFaults(cmd.OutOrStdout(), s.Faults)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func envCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use:     "env",
		Short:   "Print what AWS clients need in their environment, to be evaluated by a shell",
		Args:    cobra.NoArgs,
		Example: `  eval "$(dr-sandbox env)" && aws rds describe-db-instances`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s sandbox.Status
			if err := c.ask(cmd.Context(), http.MethodGet, "status", nil, &s); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), "unset", strings.Join(sandbox.Misleading(), " ")); err != nil {
				return err
			}
			for _, line := range append(sandbox.Environment(s.Endpoint), endpointVariable+"="+s.Endpoint) {
				name, value, _ := strings.Cut(line, "=")
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
