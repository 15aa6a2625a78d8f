// SPDX-License-Identifier: MPL-2.0

// Package diff lets Atmos be built without helm-diff. It refuses to compare:
// an empty difference would read as "nothing changes". Only `atmos helm diff`,
// which this project does not use, gets here.
package diff

import (
	"io"

	"github.com/databus23/helm-diff/v3/manifest"
)

// Options has the fields that Atmos sets; none is looked at.
type Options struct {
	OutputFormat  string
	OutputContext int
	ShowSecrets   bool
}

// Manifests panics; Atmos recovers and reports the text as the command's error.
func Manifests(_, _ map[string]*manifest.MappingResult, _ *Options, _ io.Writer) bool {
	panic("this build of Atmos has no helm diff: install a released Atmos to use it")
}
