// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// alone is what Terraform needs by itself to refresh, plan and update as many
// resources in as many steps, none of which calls anything.
func (b *bench) alone(ctx context.Context, databases int) (time.Duration, error) {
	dir, err := os.MkdirTemp(b.dir, "alone")
	if err != nil {
		return 0, err
	}
	w, err := b.in.NewWorkspace(dir, map[string]string{"main.tf": fmt.Sprintf(`
variable "active_region" { type = string }

resource "terraform_data" "promotion" {
  for_each = toset([for n in range(%d) : tostring(n)])
  input    = var.active_region
}

resource "terraform_data" "record" {
  for_each   = toset([for n in range(%d) : tostring(n)])
  input      = var.active_region
  depends_on = [terraform_data.promotion]
}
`, 2*databases, databases)})
	if err != nil {
		return 0, err
	}
	if err := said("terraform init", w.Init(ctx), 0); err != nil {
		return 0, err
	}
	if err := said("the first apply", w.Apply(ctx, parallelism, "-var=active_region="+east), 0); err != nil {
		return 0, err
	}
	r := w.Apply(ctx, parallelism, "-var=active_region="+west)
	return r.Wall, said("the second apply", r, 0)
}
