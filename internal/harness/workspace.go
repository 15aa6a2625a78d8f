// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Workspace is a directory that holds a configuration, with the environment
// that Terraform runs in there.
type Workspace struct {
	Dir string
	in  *Installation
	env []string
}

// NewWorkspace makes dir a workspace. Files maps names to contents; env is added
// to Environment.
func (in *Installation) NewWorkspace(dir string, files map[string]string, env ...string) (*Workspace, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w := &Workspace{Dir: dir, in: in}
	w.env = append(Environment(),
		"TF_CLI_CONFIG_FILE="+in.CLIConfig,
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
		"CHECKPOINT_DISABLE=1",
		"HOME="+dir,
		"TMPDIR="+in.tmp,
		"AWS_EC2_METADATA_DISABLED=true",
	)
	w.Setenv(env...)
	for name, content := range files {
		if err := w.Write(name, content); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Setenv adds NAME=value entries; later ones win.
func (w *Workspace) Setenv(entries ...string) { w.env = append(w.env, entries...) }

// Write replaces a file of the workspace.
func (w *Workspace) Write(name, content string) error {
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

// Init installs the provider and the modules.
func (w *Workspace) Init(ctx context.Context, args ...string) Result {
	return w.Run(ctx, append([]string{"init", "-input=false", "-no-color"}, args...)...)
}

// InitFrom takes what an initialised workspace of the same providers and
// modules has, in a hundredth of the time.
func (w *Workspace) InitFrom(from *Workspace) error {
	for _, name := range []string{".terraform", ".terraform.lock.hcl"} {
		if err := copyTree(filepath.Join(w.Dir, name), filepath.Join(from.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies files and directories, and symbolic links as such.
func copyTree(to, from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !info.IsDir():
		return copyFile(to, from, info.Mode().Perm())
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := copyTree(filepath.Join(to, entry.Name()), filepath.Join(from, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Run runs one command to its end. The context's end kills it.
func (w *Workspace) Run(ctx context.Context, args ...string) Result {
	p, err := w.Start(ctx, args...)
	if err != nil {
		return Result{Code: -1, Output: err.Error()}
	}
	return p.Wait()
}

// Plan plans with -detailed-exitcode: 0 is empty, 2 has changes, 1 an error.
func (w *Workspace) Plan(ctx context.Context, args ...string) Result {
	return w.Run(ctx, append([]string{"plan", "-input=false", "-no-color", "-detailed-exitcode"}, args...)...)
}

// Apply applies without asking.
func (w *Workspace) Apply(ctx context.Context, args ...string) Result {
	return w.Run(ctx, append([]string{"apply", "-input=false", "-no-color", "-auto-approve"}, args...)...)
}

// StateFile is the local state's path.
func (w *Workspace) StateFile() string { return filepath.Join(w.Dir, "terraform.tfstate") }

// Attributes are the state's attributes of the one instance of a resource, by
// the type and name of the resource; nil if there is none.
func (w *Workspace) Attributes(resourceType, name string) (map[string]any, error) {
	raw, err := os.ReadFile(w.StateFile())
	if err != nil {
		return nil, err
	}
	var state struct {
		Resources []struct {
			Type, Name string
			Instances  []struct{ Attributes map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return nil, fmt.Errorf("%s: %w", w.StateFile(), err)
	}
	for _, r := range state.Resources {
		if r.Type == resourceType && r.Name == name && len(r.Instances) == 1 {
			return r.Instances[0].Attributes, nil
		}
	}
	return nil, nil
}
