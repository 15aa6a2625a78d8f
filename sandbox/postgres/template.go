// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// adminRole is the superuser that the sandbox itself uses, named as RDS names
// its own; the master user of an instance is not a superuser.
const adminRole = "rdsadmin"

// prepareTemplate runs initdb once per data directory and version; every server
// is a copy of what it made.
func (m *Manager) prepareTemplate(ctx context.Context) error {
	dir := m.templateDir()
	if secret, err := os.ReadFile(filepath.Join(dir, "secret")); err == nil {
		m.secret = string(secret)
		return nil
	}
	work := dir + ".new"
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(work), os.Mkdir(work, 0o700), m.user.own(work)); err != nil {
		return err
	}
	secret := randomSecret()
	passwordFile := filepath.Join(work, "password")
	if err := errors.Join(os.WriteFile(passwordFile, []byte(secret+"\n"), 0o600), m.user.own(passwordFile)); err != nil {
		return err
	}
	cmd := m.command("initdb",
		"--pgdata="+filepath.Join(work, "data"),
		"--username="+adminRole,
		"--pwfile="+passwordFile,
		"--auth=scram-sha-256",
		"--encoding=UTF8",
		"--locale=C",
		"--wal-segsize=1", // less to copy
		"--no-sync",
		"--no-instructions",
	)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := start(cmd); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	stop()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", errors.Join(err, ctx.Err()), strings.TrimSpace(out.String()))
	}
	if err := errors.Join(
		os.Remove(passwordFile),
		os.WriteFile(filepath.Join(work, "secret"), []byte(secret), 0o600),
		os.Rename(work, dir),
	); err != nil {
		return err
	}
	m.secret = secret
	return nil
}

func (m *Manager) templateDataDir() string { return filepath.Join(m.templateDir(), "data") }

func (m *Manager) templateDir() string {
	return filepath.Join(m.root, "template-"+m.bin.version)
}

// notCopied are what a base backup leaves behind: contents of directories that a
// server rebuilds, and files that belong to the running server alone.
// See "Making a Base Backup Using the Low Level API" in PostgreSQL's manual.
var notCopied = map[string]bool{
	"pg_dynshmem": true, "pg_notify": true, "pg_replslot": true, "pg_serial": true,
	"pg_snapshots": true, "pg_stat_tmp": true, "pg_subtrans": true,
}

var notCopiedFiles = map[string]bool{
	"postmaster.pid": true, "postmaster.opts": true, "standby.signal": true,
	"backup_label": true, "tablespace_map": true,
}

// copyCluster copies a data directory. Live ones change underneath: files that
// vanish are skipped, and their write-ahead log is left out, since the replica
// streams it.
func (m *Manager) copyCluster(ctx context.Context, from, to string, live bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && live {
				return nil
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		top, _, nested := strings.Cut(rel, string(filepath.Separator))
		left := live && (notCopiedFiles[rel] || (nested && notCopied[top]))
		if d.IsDir() {
			if left {
				return fs.SkipDir
			}
			return errors.Join(os.Mkdir(target, 0o700), m.user.own(target))
		}
		if left || !d.Type().IsRegular() || (live && top == "pg_wal") {
			return nil
		}
		if err := copyFile(path, target); err != nil {
			if errors.Is(err, fs.ErrNotExist) && live {
				return nil
			}
			return err
		}
		return m.user.own(target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
