// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// version that the mirror offers the provider as; Terraform wants one.
const version = "0.1.0"

// ErrNoTerraform says that there is nothing to drive.
var ErrNoTerraform = errors.New("neither terraform nor tofu is on PATH, and DR_TERRAFORM is not set; `tools/ensure terraform` finds or builds one")

// FindTerraform is the executable that $DR_TERRAFORM names, else terraform or
// tofu on PATH.
func FindTerraform() (string, error) {
	if named := os.Getenv("DR_TERRAFORM"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("DR_TERRAFORM: %w", err)
		}
		return filepath.Abs(path)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", ErrNoTerraform
}

// BuildProvider compiles the provider of the module rooted at repo into dir and
// returns the executable.
func BuildProvider(ctx context.Context, repo, dir string) (string, error) {
	path := filepath.Join(dir, "terraform-provider-dr")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w -X main.version="+version, "-o", path, ".")
	build.Dir = repo
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the provider: %w\n%s", err, out)
	}
	return path, nil
}

// Repository is the root of the module that dir lies in.
func Repository(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "terraform-registry-manifest.json")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside the provider's repository")
		}
		dir = filepath.Dir(dir)
	}
}

// Installation is a provider in a filesystem mirror, and the CLI configuration
// that makes Terraform and OpenTofu take it from there and from nowhere else.
type Installation struct {
	// Terraform is the executable to drive.
	Terraform string
	// CLIConfig is the file for TF_CLI_CONFIG_FILE.
	CLIConfig string
	// Provider is the executable in the mirror.
	Provider string
	// tmp is where plugins put their sockets: a killed one leaves its own.
	tmp string
}

// Install lays out a mirror of the provider executable under dir, whose path
// should be short: Unix sockets go below it.
func Install(dir, terraform, provider string) (*Installation, error) {
	mirror := filepath.Join(dir, "mirror")
	in := &Installation{Terraform: terraform, CLIConfig: filepath.Join(dir, "terraform.rc"), tmp: filepath.Join(dir, "tmp")}
	if err := os.MkdirAll(in.tmp, 0o755); err != nil {
		return nil, err
	}
	for _, host := range []string{"registry.opentofu.org", "registry.terraform.io"} {
		d := filepath.Join(mirror, host, "drstate", "dr", version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
		in.Provider = filepath.Join(d, "terraform-provider-dr_v"+version)
		if err := copyFile(in.Provider, provider, 0o755); err != nil {
			return nil, err
		}
	}
	if strings.Contains(filepath.Base(terraform), "tofu") {
		in.Provider = strings.Replace(in.Provider, "registry.terraform.io", "registry.opentofu.org", 1)
	}
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return in, os.WriteFile(in.CLIConfig, []byte(config), 0o600)
}

func copyFile(to, from string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Environment is what a driven process starts from: this process's own, without
// anything that could lead it to a real account, another configuration or a
// proxy.
func Environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		upper := strings.ToUpper(name)
		if strings.HasPrefix(upper, "AWS_") || strings.HasPrefix(upper, "TF_") || strings.HasSuffix(upper, "_PROXY") {
			continue
		}
		kept = append(kept, entry)
	}
	return kept
}
