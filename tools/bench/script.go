// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/harness"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

//go:embed runbook.sh
var runbook string

// typed runs the runbook as a script in a world.
func (w *world) typed(ctx context.Context) (harness.Result, error) {
	batch, err := json.Marshal(map[string]any{"Changes": []any{map[string]any{
		"Action": "UPSERT",
		"ResourceRecordSet": map[string]any{
			"Name": scenario.RecordName, "Type": "A", "TTL": scenario.RecordTTL,
			"ResourceRecords": []any{map[string]string{"Value": w.addresses[west]}},
		},
	}}})
	if err != nil {
		return harness.Result{}, err
	}
	for name, content := range map[string]string{"runbook.sh": runbook, "dr-dns-change.json": string(batch)} {
		if err := w.w.Write(name, content); err != nil {
			return harness.Result{}, err
		}
	}
	health, err := url.Parse(w.health)
	if err != nil {
		return harness.Result{}, err
	}
	cmd := exec.CommandContext(ctx, "bash", "runbook.sh")
	cmd.Dir = w.dir
	cmd.Env = append(append(harness.Environment(), w.Env()...),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=",
		"WORKLOAD_KEY="+engine.WorkloadAccessKey, "DNS_KEY="+engine.DNSAccessKey, "ZONE_ID="+scenario.ZoneID,
		"APP_HOST="+health.Hostname(), "APP_PORT="+health.Port(), "STANDBY_ADDRESS="+w.addresses[west])
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return harness.Result{}, err
	}
	return harness.Result{Code: cmd.ProcessState.ExitCode(), Output: string(out), Wall: time.Since(start)}, ctx.Err()
}

// missing names what the script needs and this machine lacks.
func missing() string {
	var none []string
	for _, name := range []string{"bash", "aws", "curl"} {
		if _, err := exec.LookPath(name); err != nil {
			none = append(none, name)
		}
	}
	return strings.Join(none, ", ")
}

// ended says how a run ended, in a cell.
func ended(r harness.Result) string {
	if r.Code == 0 {
		return "0"
	}
	lines := strings.Split(strings.TrimSpace(r.Output), "\n")
	last := lines[len(lines)-1]
	if len(last) > 60 {
		last = last[:60] + "…"
	}
	return fmt.Sprintf("%d (%s)", r.Code, last)
}
