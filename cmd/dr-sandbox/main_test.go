// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox"
)

// run runs one command and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommands(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv(endpointVariable, "")
	if _, err := run(t, "status"); err == nil || !strings.Contains(err.Error(), "dr-sandbox up") {
		t.Fatalf("without a sandbox: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		cmd := root()
		cmd.SetArgs([]string{"up", "--state-only", "--scenario", "two-region", "--data", t.TempDir()})
		cmd.SetOut(w)
		cmd.SetErr(io.Discard)
		err := cmd.ExecuteContext(ctx)
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	var ready sandbox.Ready
	if err := json.NewDecoder(r).Decode(&ready); err != nil {
		t.Fatalf("%v: %v", err, <-ended)
	}
	if ready.Endpoint == "" || ready.DNS == "" || len(ready.Regions) != 3 || len(ready.Databases) != 2 || len(ready.Applications) != 2 {
		t.Errorf("ready: %+v", ready)
	}
	path, err := pointerPath()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the pointer file: %v, %v", info, err)
	}
	for _, step := range []struct{ args, want string }{
		{"region down us-east-1 --blackhole", "us-east-1 is blackholed\n"},
		{"region up us-east-1", "us-east-1 is up\n"},
		{"fault add --kind hold --service rds --operation Promote* --id kill", "kill\n"},
		{"fault release kill", "kill: release (it held 0)\n"},
		{"fault remove kill", "kill: remove (it held 0)\n"},
		{"fault list", "no faults\n"},
		{"calls --json", ""},
	} {
		if out, err := run(t, strings.Fields(step.args)...); err != nil || out != step.want {
			t.Errorf("%s: %v: printed %q", step.args, err, out)
		}
	}
	for args, want := range map[string]string{
		"region down moon":               `there is no region "moon"`,
		"region sideways us-east-1":      "region down NAME",
		"fault add --kind hold --when x": "before",
		"fault drop none":                `no fault "none"`,
		"calls --endpoint 127.0.0.1:1":   "no sandbox answers",
	} {
		if _, err := run(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	out, err := run(t, "env")
	if err != nil {
		t.Fatal(err)
	}
	// A shell that was led elsewhere is led to the sandbox alone.
	shell := exec.CommandContext(t.Context(), "sh", "-c", out+"env")
	shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "AWS_PROFILE=production", "AWS_SESSION_TOKEN=real", "AWS_ENDPOINT_URL_RDS=https://rds.amazonaws.com",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
	}
	env, err := shell.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(env), "\nAWS_ENDPOINT_URL="+ready.Endpoint+"\n") {
		t.Errorf("the shell is not led to the sandbox: %s", env)
	}
	for _, word := range []string{"production", "real", "amazonaws.com", "URLS=true"} {
		if strings.Contains(string(env), word) {
			t.Errorf("the shell keeps %q: %s", word, env)
		}
	}
	var status sandbox.Status
	if out, err := run(t, "status", "--json"); err != nil || json.Unmarshal([]byte(out), &status) != nil || !status.StateOnly || len(status.Instances) != 2 {
		t.Errorf("status: %v: %s", err, out)
	}
	if out, err := run(t, "status"); err != nil || !regexp.MustCompile(`orders +us-east-1 +available +writer +state only`).MatchString(out) {
		t.Errorf("status: %v: %s", err, out)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it did not stop")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the pointer file is still there")
	}
}
