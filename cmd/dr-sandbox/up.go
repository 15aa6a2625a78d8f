// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

func upCommand() *cobra.Command {
	var o sandbox.Options
	var verbose bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a sandbox in the foreground; one line of JSON when it is ready",
		Args:  cobra.NoArgs,
		Example: `  dr-sandbox up --scenario two-region --time-scale 10
  dr-sandbox up --state-only --listen 127.0.0.1:4700 --dns 127.0.0.1:5353`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelInfo
			if verbose {
				level = slog.LevelDebug
			}
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			return up(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "HOST:PORT of the AWS endpoint, on a loopback address; port 0 is a free one")
	f.StringVar(&o.DNS, "dns", "127.0.0.1:0", "HOST:PORT of the DNS server (UDP and TCP)")
	f.StringVar(&o.DataDir, "data", "", "directory for the databases' files (else a temporary one, removed at the end)")
	f.Float64Var(&o.TimeScale, "time-scale", 1, "how many times as fast as AWS lifecycles run; DNS TTLs are not scaled")
	f.StringVar(&o.Scenario, "scenario", scenario.TwoRegion, "what to start with: "+strings.Join(scenario.Names(), ", ")+`, or "" for nothing`)
	f.BoolVar(&o.StateOnly, "state-only", false, "run no PostgreSQL: instances have their lifecycle but nothing to connect to")
	f.BoolVar(&verbose, "verbose", false, "log more, to standard error")
	return cmd
}

// up runs a sandbox until it is told to stop.
func up(cmd *cobra.Command, o sandbox.Options) (err error) {
	ctx := cmd.Context()
	s, err := sandbox.Start(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before it was ready")
		}
		return err
	}
	defer func() {
		if e := s.Close(); e != nil {
			err = errors.Join(err, fmt.Errorf("stopping: %w", e))
		}
	}()
	forget, err := remember(s.Endpoint())
	if err != nil {
		o.Log.Warn("other commands will need --endpoint", "error", err)
	}
	defer forget()
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(s.Ready()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
