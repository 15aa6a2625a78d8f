// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/drstate/terraform-provider-dr/internal/harness"
)

// bench is what the measures share, and what they have found.
type bench struct {
	options
	dir     string
	in      *harness.Installation
	base    *harness.Workspace // initialised once
	tables  []table
	skipped []string
}

func newBench(ctx context.Context, o options) (*bench, error) {
	terraform, err := harness.FindTerraform()
	if err != nil {
		return nil, err
	}
	repo, err := harness.Repository(".")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.provider); err != nil {
		return nil, errors.Join(err, errors.New("run `make build` first"))
	}
	b := &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "dr-bench-"); err != nil {
		return nil, err
	}
	if err := b.install(ctx, terraform, repo); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) install(ctx context.Context, terraform, repo string) (err error) {
	if b.in, err = harness.Install(b.dir, terraform, b.provider); err != nil {
		return err
	}
	files := map[string]string{"main.tf": configuration}
	for _, name := range []string{"main.tf", "variables.tf", "outputs.tf", "versions.tf"} {
		source, err := os.ReadFile(filepath.Join(repo, "modules", "region-failover", name))
		if err != nil {
			return err
		}
		files["region-failover/"+name] = string(source)
	}
	if b.base, err = b.in.NewWorkspace(filepath.Join(b.dir, "base"), files); err != nil {
		return err
	}
	return said("terraform init", b.base.Init(ctx), 0)
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// skip says what was not measured, and why.
func (b *bench) skip(what, why string) { b.skipped = append(b.skipped, what+": "+why) }
