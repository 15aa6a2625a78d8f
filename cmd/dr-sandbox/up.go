// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

func up() *cobra.Command {
	var o sandbox.Options
	var verbose bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a sandbox and keep it running until SIGTERM or Ctrl-C",
		Long: "Starts a sandbox in the foreground and prints one line of JSON when it is ready: endpoint, dns, regions, " +
			"databases, applications, ca_file, data_dir. SIGTERM or Ctrl-C stops it and every process it started.",
		Example: "  dr-sandbox up --listen 127.0.0.1:4566 --dns 127.0.0.1:5353 --time-scale 60 --scenario two-region",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelDebug
			}
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			if o.DataDir != "" {
				dir, err := filepath.Abs(o.DataDir)
				if err != nil {
					return err
				}
				o.DataDir = dir
			}
			s, err := sandbox.Start(cmd.Context(), o)
			if err != nil {
				return err
			}
			forget, err := remember(s.Endpoint())
			if err != nil {
				o.Log.Warn("other commands will need --endpoint", "error", err)
			}
			line, err := json.Marshal(s.Ready())
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line)
			}
			if err == nil {
				<-cmd.Context().Done()
			}
			forget()
			return errors.Join(err, s.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "HOST:PORT of the AWS endpoint, on loopback; port 0 is a free one")
	f.StringVar(&o.DNS, "dns", "127.0.0.1:0", "HOST:PORT of the DNS server, on loopback")
	f.StringVar(&o.DataDir, "data", "", "directory for databases and the like (default: a temporary one)")
	f.Float64Var(&o.TimeScale, "time-scale", 1, "how many simulated seconds pass in one second; DNS TTLs are not scaled")
	f.StringVar(&o.Scenario, "scenario", "", "world to begin with: "+strings.Join(scenario.Names(), ", ")+" (default: an empty one)")
	f.BoolVar(&o.StateOnly, "state-only", false, "run no PostgreSQL: databases have their lifecycle only")
	f.BoolVarP(&verbose, "verbose", "v", false, "log what happens to standard error")
	return cmd
}

// pointer names the file that tells other commands of this user where the
// sandbox that was started last is.
func pointer() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = cache
	}
	return filepath.Join(dir, "dr-sandbox", "endpoint"), nil
}

// remember writes the pointer; forget removes it, unless another sandbox took
// it over.
func remember(endpoint string) (forget func(), err error) {
	forget = func() {}
	file, err := pointer()
	if err != nil {
		return forget, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return forget, err
	}
	if err := os.WriteFile(file, []byte(endpoint), 0o600); err != nil {
		return forget, err
	}
	return func() {
		if now, err := os.ReadFile(file); err == nil && string(now) == endpoint {
			_ = os.Remove(file)
		}
	}, nil
}
