// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/process"
)

// project is a private copy of the repository's Atmos project with a provider
// mirror beside it, so that a rehearsal leaves the checkout untouched.
type project struct {
	dir       string // the copy's root, holding examples/atmos and modules
	atmos     string
	terraform string
	env       []string
}

const (
	component = "dr-region-failover"
	// stackFile holds the one line that a failover changes.
	activeLine = "active_region: "
)

// newProject copies repo's modules and examples/atmos to dir and installs the
// provider binary into a filesystem mirror.
func newProject(repo, dir, provider, version string) (*project, error) {
	p := &project{dir: dir, atmos: os.Getenv("DR_ATMOS"), terraform: os.Getenv("DR_TERRAFORM")}
	if p.atmos == "" || p.terraform == "" {
		return nil, errors.New("DR_ATMOS and DR_TERRAFORM must name the atmos and terraform executables: run this through `make demo`")
	}
	for _, tree := range []string{"modules", "examples/atmos"} {
		if err := os.CopyFS(filepath.Join(dir, tree), os.DirFS(filepath.Join(repo, tree))); err != nil {
			return nil, fmt.Errorf("copying %s: %w", tree, err)
		}
	}
	binary, err := os.ReadFile(provider)
	if err != nil {
		return nil, fmt.Errorf("%w: run `make build` first", err)
	}
	mirror := filepath.Join(dir, "mirror")
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		d := filepath.Join(mirror, host, "drstate/dr", version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(d, "terraform-provider-dr_v"+version), binary, 0o755); err != nil {
			return nil, err
		}
	}
	rc := filepath.Join(dir, "terraform.rc")
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror { path = %q }\n}\n", mirror)
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		return nil, err
	}
	cache := filepath.Join(dir, "plugins")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	p.env = append(clean(os.Environ()),
		"TF_CLI_CONFIG_FILE="+rc,
		"TF_IN_AUTOMATION=1",
		"CHECKPOINT_DISABLE=1",
		"ATMOS_TELEMETRY_ENABLED=false",
		"ATMOS_VERSION_CHECK_ENABLED=false",
		"ATMOS_COMPONENTS_TERRAFORM_COMMAND="+p.terraform,
		"NO_COLOR=1",
		// Atmos shares one plugin cache among all projects of a user; the
		// provider that is rehearsed is the one that was just built.
		"TF_PLUGIN_CACHE_DIR="+cache,
	)
	return p, nil
}

// clean drops what could lead a rehearsal to a real account.
func clean(env []string) []string {
	var kept []string
	for _, kv := range env {
		if strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, "TF_") || strings.HasPrefix(kv, "ATMOS_") {
			continue
		}
		kept = append(kept, kv)
	}
	return kept
}

// run runs atmos in the project; its output goes to w.
func (p *project) run(ctx context.Context, w io.Writer, args ...string) (int, error) {
	cmd := exec.CommandContext(ctx, p.atmos, args...)
	cmd.Dir = filepath.Join(p.dir, "examples/atmos")
	cmd.Env = p.env
	cmd.Stdout, cmd.Stderr = w, w
	// Terraform finishes what it is doing on SIGINT, and unlocks its state.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second
	if err := process.Start(cmd, syscall.SIGTERM); err != nil {
		return -1, fmt.Errorf("starting %s: %w", p.atmos, err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return -1, fmt.Errorf("running %s: %w", p.atmos, err)
	}
	return 0, nil
}

// must runs atmos and wants exit code 0.
func (p *project) must(ctx context.Context, w io.Writer, args ...string) error {
	var all bytes.Buffer
	code, err := p.run(ctx, io.MultiWriter(w, &all), args...)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("`atmos %s` ended with exit code %d:\n%s", strings.Join(args, " "), code, tail(all.String(), 40))
	}
	return nil
}

// activate moves active_region in the stack's file, and returns the diff as a
// reviewer would see it.
func (p *project) activate(file, region string) (string, error) {
	path := filepath.Join(p.dir, "examples/atmos", file)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(text), "\n")
	diff := ""
	for i, line := range lines {
		before, _, found := strings.Cut(line, activeLine)
		if !found || strings.TrimSpace(before) != "" {
			continue
		}
		lines[i] = before + activeLine + region
		diff = fmt.Sprintf("-%s\n+%s", line, lines[i])
	}
	if diff == "" {
		return "", fmt.Errorf("%s has no line %q", file, activeLine)
	}
	return diff, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644)
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
