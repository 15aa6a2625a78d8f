// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func fault(c *client) *cobra.Command {
	cmd := &cobra.Command{Use: "fault", Short: "Make calls go wrong"}
	cmd.AddCommand(faultAdd(c), faultList(c),
		faultAct(c, "release", "Let the calls that a fault holds go on"),
		faultAct(c, "drop", "Reset the connections of the calls that a fault holds"),
		faultAct(c, "remove", "End a fault"))
	return cmd
}

func faultAdd(c *client) *cobra.Command {
	var f engine.Fault
	var kind, when, code, message string
	var httpStatus int
	cmd := &cobra.Command{
		Use: "add", Short: "Add a fault", Args: cobra.NoArgs,
		Example: "  dr-sandbox fault add --service rds --operation PromoteReadReplica --kind hold --when after\n" +
			"  dr-sandbox fault add --service route53 --kind throttle --times 5\n" +
			"  dr-sandbox fault add --operation 'Describe*' --kind error --code AccessDenied --status 403",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.Kind, f.When = engine.FaultKind(kind), engine.When(when)
			if code != "" {
				f.Error = &engine.Error{Code: code, Status: httpStatus, Message: message}
			}
			var s sandbox.FaultStatus
			if err := c.ask(cmd.Context(), http.MethodPost, "faults", f, &s); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), s.ID)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ID, "id", "", "name of the fault (default: made up)")
	flags.StringVar(&kind, "kind", "", "error, throttle, latency, hold or reset")
	flags.StringVar(&when, "when", "", "before or after the call takes effect (hold, reset, latency)")
	flags.StringVar(&f.Service, "service", "", "signing name of the service, such as rds, route53, monitoring (default: any)")
	flags.StringVar(&f.Operation, "operation", "", "operation, or a glob such as 'Describe*' (default: any)")
	flags.StringVar(&f.Region, "region", "", "region, or aws-global (default: any)")
	flags.StringVar(&f.Account, "account", "", "account of the caller (default: any)")
	flags.IntVar(&f.Skip, "skip", 0, "leave the first calls alone")
	flags.IntVar(&f.Times, "times", 0, "how many calls go wrong (default: all)")
	flags.StringVar(&code, "code", "", "AWS error code of --kind error")
	flags.StringVar(&message, "message", "asked for by a fault", "message of --kind error")
	flags.IntVar(&httpStatus, "status", 400, "HTTP status of --kind error")
	flags.DurationVar(&f.Latency, "latency", 0, "how much slower --kind latency is, such as 2s")
	_ = cmd.MarkFlagRequired("kind")
	return cmd
}

func faultList(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show the faults", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []sandbox.FaultStatus
			if err := c.ask(cmd.Context(), http.MethodGet, "faults", nil, &list); err != nil {
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			for _, f := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\n", f.ID, f.Kind, faultText(f))
			}
			return t.Flush()
		},
	}
}

func faultAct(c *client, action, short string) *cobra.Command {
	return &cobra.Command{
		Use: action + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var s sandbox.FaultStatus
			return c.ask(cmd.Context(), http.MethodPost, "faults/"+url.PathEscape(args[0])+"/"+action, nil, &s)
		},
	}
}

func faultText(f sandbox.FaultStatus) string {
	parts := []string{}
	for _, p := range []string{f.Service, f.Operation, f.Region, f.Account, string(f.When)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "every call")
	}
	return fmt.Sprintf("%s: %d seen, %d applied, %d held now", strings.Join(parts, " "), f.Seen, f.Applied, f.Holding)
}
