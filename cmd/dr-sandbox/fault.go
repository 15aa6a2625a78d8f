// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func faultCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{Use: "fault", Short: "Make calls fail, wait or be held"}
	cmd.AddCommand(faultAddCommand(c), faultListCommand(c))
	for action, short := range map[string]string{
		"remove":  "End a fault; calls that it holds go on",
		"release": "Let the calls that a fault holds go on",
		"drop":    "Reset the connections of the calls that a fault holds",
	} {
		cmd.AddCommand(&cobra.Command{
			Use: action + " ID", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				var f sandbox.FaultStatus
				if err := c.ask(cmd.Context(), http.MethodPost, "faults/"+url.PathEscape(args[0])+"/"+action, nil, &f); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s (it held %d)\n", f.ID, action, f.Holding)
				return err
			},
		})
	}
	return cmd
}

func faultAddCommand(c *client) *cobra.Command {
	var f engine.Fault
	var kind, when, code, message string
	var status int
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a fault; prints its id",
		Args:  cobra.NoArgs,
		Example: `  dr-sandbox fault add --kind hold --service rds --operation PromoteReadReplica --times 1
  dr-sandbox fault add --kind error --code AccessDenied --status 403 --service route53
  dr-sandbox fault add --kind throttle --operation 'Describe*' --times 5
  dr-sandbox fault add --kind latency --latency 2s --region us-west-2`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.Kind, f.When = engine.FaultKind(kind), engine.When(when)
			if f.Kind == engine.FaultError && code != "" {
				f.Error = &engine.Error{Code: code, Status: status, Message: message}
			}
			if err := f.Validate(); err != nil {
				return err
			}
			var added sandbox.FaultStatus
			if err := c.ask(cmd.Context(), http.MethodPost, "faults", f, &added); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), added.ID)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ID, "id", "", "name of the fault (else made up)")
	flags.StringVar(&kind, "kind", "", "error, throttle, latency, hold or reset")
	flags.StringVar(&f.Service, "service", "", "signing name: rds, route53, monitoring, sts, s3 (else any)")
	flags.StringVar(&f.Operation, "operation", "", "operation, * allowed (else any)")
	flags.StringVar(&f.Region, "region", "", "region, aws-global for Route 53 (else any)")
	flags.StringVar(&f.Account, "account", "", "account (else any)")
	flags.IntVar(&f.Skip, "skip", 0, "let this many matching calls pass first")
	flags.IntVar(&f.Times, "times", 0, "apply this many times (0 is for ever)")
	flags.StringVar(&when, "when", string(engine.Before), "hold, reset, delay or answer with an error before or after the call takes effect")
	flags.DurationVar(&f.Latency, "latency", 0, "how long a latency fault takes, in wall time")
	flags.StringVar(&code, "code", "", "AWS error code of an error fault (else InternalFailure)")
	flags.IntVar(&status, "status", http.StatusBadRequest, "HTTP status of an error fault")
	flags.StringVar(&message, "message", "asked for by a fault", "message of an error fault")
	cmd.MarkFlagRequired("kind") //nolint:errcheck // the flag exists
	return cmd
}

func faultListCommand(c *client) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the active faults", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var faults []sandbox.FaultStatus
			if err := c.ask(cmd.Context(), http.MethodGet, "faults", nil, &faults); err != nil {
				return err
			}
			if asJSON {
				return lines(cmd.OutOrStdout(), faults)
			}
			return printFaults(cmd.OutOrStdout(), faults)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func printFaults(out io.Writer, faults []sandbox.FaultStatus) error {
	if len(faults) == 0 {
		_, err := fmt.Fprintln(out, "no faults")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tWHEN\tCALLS\tAPPLIED\tHOLDING")
	for _, f := range faults {
		calls := strings.Join([]string{orAny(f.Service), orAny(f.Operation), orAny(f.Region), orAny(f.Account)}, " ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\n", f.ID, f.Kind, f.When, calls, f.Applied, f.Holding)
	}
	return w.Flush()
}

// orAny shows an empty condition.
func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return s
}

// lines prints one JSON object a line.
func lines[T any](out io.Writer, list []T) error {
	e := json.NewEncoder(out)
	for _, item := range list {
		if err := e.Encode(item); err != nil {
			return err
		}
	}
	return nil
}
