// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// repository serves this machine's own PostgreSQL in the layout of the Maven
// repository that the library downloads from: a jar that holds a .txz, and the
// jar's checksum beside it.
func repository(t *testing.T) (*httptest.Server, *[]string) {
	t.Helper()
	bin, err := find(t.Context(), Options{}, t.TempDir(), nil)
	if err != nil {
		t.Skipf("no PostgreSQL to make a repository of: %v", err)
	}
	tree := t.TempDir()
	// Small: the two programs, as scripts that hand on to the real ones,
	// which find their own libraries and share directory.
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		path := filepath.Join(tree, "bin", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", filepath.Join(bin.dir, name))
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	txz := filepath.Join(t.TempDir(), "postgres.txz")
	if out, err := exec.CommandContext(t.Context(), "tar", "-cJf", txz, "-C", tree, "bin").CombinedOutput(); err != nil {
		t.Skipf("tar with xz is needed to make a repository: %v: %s", err, out)
	}
	content, err := os.ReadFile(txz)
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	f, err := w.Create("postgres-test.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(jar.Bytes())
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path)
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, ".jar.sha256"):
			_, _ = rw.Write([]byte(hex.EncodeToString(sum[:])))
		case strings.HasSuffix(r.URL.Path, ".jar"):
			_, _ = rw.Write(jar.Bytes())
		default:
			http.NotFound(rw, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

func TestFetchedFromARepository(t *testing.T) {
	server, asked := repository(t)
	t.Setenv(RepositoryEnv, server.URL+"/maven2/")
	user, err := serverUser()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{DataDir: t.TempDir(), CacheDir: t.TempDir(), Log: discard()}
	root, outside, err := reachableDir(o.DataDir, user)
	if err != nil {
		t.Fatal(err)
	}
	if outside {
		t.Cleanup(func() { _ = os.RemoveAll(root) })
	}
	// A fetch that was killed left a part of a tree, and several test binaries
	// start at once.
	for _, base := range []string{root, o.CacheDir} {
		for _, name := range []string{"initdb", "postgres"} {
			path := filepath.Join(base, "postgresql-"+string(fetchedVersion)+".new", "bin", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
				os.WriteFile(path, []byte("#!/bin/sh\necho 'postgres (PostgreSQL) 17.0'\n"), 0o755)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var group sync.WaitGroup
	var found [3]binaries
	var failed [3]error
	for i := range found {
		group.Go(func() { found[i], failed[i] = fetch(context.Background(), o, root, user) })
	}
	group.Wait()
	bin := found[0]
	if err := errors.Join(failed[:]...); err != nil || found[1] != bin || found[2] != bin {
		t.Fatalf("three at once: %+v, %v", found, err)
	}
	if want := "/maven2/io/zonky/test/postgres/embedded-postgres-binaries-"; len(*asked) != 2 || !strings.HasPrefix((*asked)[0], want) {
		t.Errorf("asked for %q, want a jar below %s and its checksum", *asked, want)
	}
	// The second time the cache serves, with the repository out of reach.
	server.Close()
	if again, err := fetch(context.Background(), o, root, user); err != nil || again != bin {
		t.Errorf("the second time: %+v, %v; want %+v", again, err, bin)
	}
	// What was fetched makes a template.
	o.BinDir, o.DataDir = bin.dir, t.TempDir()
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestFetchSaysWhatToDo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	o := Options{DataDir: t.TempDir(), CacheDir: t.TempDir(), Repository: server.URL, Log: discard()}
	_, err := fetch(t.Context(), o, o.DataDir, nil)
	if err == nil || !strings.Contains(err.Error(), RepositoryEnv) {
		t.Errorf("got %v, want an error that names %s", err, RepositoryEnv)
	}
}

func TestNothingIsLeftOfAStartThatFailed(t *testing.T) {
	t.Parallel()
	user, err := serverUser()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root, outside, err := reachableDir(dir, user)
	if err != nil {
		t.Fatal(err)
	}
	if !outside {
		t.Skip("servers run as this user, inside the data directory")
	}
	if _, err := Open(t.Context(), Options{DataDir: dir, BinDir: t.TempDir()}); err == nil {
		t.Fatal("a directory without PostgreSQL serves")
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", root, err)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
