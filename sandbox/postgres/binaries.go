// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/drstate/terraform-provider-dr/sandbox/internal/lock"
)

// RepositoryEnv names the environment variable that replaces Maven Central.
const RepositoryEnv = "DR_SANDBOX_POSTGRES_REPOSITORY"

// minMajor is the first version that has pg_read_all_data, which a master user's
// rights are made of.
const minMajor = 14

// fetchedVersion is what is fetched for a machine without PostgreSQL.
const fetchedVersion = embeddedpostgres.V17

type binaries struct {
	dir     string
	version string // "15.13"
	major   int
}

// find looks for initdb and postgres: the given directory and nothing else, or
// PATH, then the packages' directories (newest first), then the repository.
func find(ctx context.Context, o Options, root string, user *account) (binaries, error) {
	if o.BinDir != "" {
		return inspect(ctx, o.BinDir)
	}
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	dirs = append(dirs, packaged("/usr/lib/postgresql")...)
	for _, dir := range dirs {
		if bin, err := inspect(ctx, dir); err == nil {
			return bin, nil
		}
	}
	return fetch(ctx, o, root, user)
}

// packaged lists Debian's directories of binaries, newest version first.
func packaged(base string) []string {
	found, _ := filepath.Glob(filepath.Join(base, "*", "bin"))
	slices.SortFunc(found, func(a, b string) int { return versionOf(b) - versionOf(a) })
	return found
}

func versionOf(binDir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(binDir)))
	return n
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)(\.\d+)?)`)

// inspect checks that dir holds a server new enough, and initdb.
func inspect(ctx context.Context, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%s: %w", filepath.Join(dir, "postgres"), err)
	}
	match := versionPattern.FindStringSubmatch(string(out))
	if match == nil {
		return binaries{}, fmt.Errorf("%s does not say which PostgreSQL it is: %q", dir, strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return binaries{}, err
	}
	if major < minMajor {
		return binaries{}, fmt.Errorf("%s holds PostgreSQL %s; the sandbox needs %d or newer", dir, match[1], minMajor)
	}
	return binaries{dir: dir, version: match[1], major: major}, nil
}

// fetch downloads and unpacks PostgreSQL, once per cache directory.
func fetch(ctx context.Context, o Options, root string, user *account) (binaries, error) {
	cache := o.CacheDir
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return binaries{}, fmt.Errorf("no PostgreSQL on this machine and no cache directory to fetch it into: %w", err)
		}
		cache = filepath.Join(base, "dr-sandbox", "postgres")
	}
	// Servers run as another user when the sandbox runs as root, and root's
	// own cache is closed to others: unpack where both can reach it.
	base := cache
	if !reachable(cache, user) {
		base = root
	}
	home := filepath.Join(base, "postgresql-"+string(fetchedVersion))
	if bin, err := inspect(ctx, filepath.Join(home, "bin")); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // the servers' user must pass through
		return binaries{}, err
	}
	held, err := lock.Wait(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return binaries{}, fmt.Errorf("waiting for another process to fetch PostgreSQL: %w", err)
	}
	defer func() { _ = held.Close() }()
	if bin, err := inspect(ctx, filepath.Join(home, "bin")); err == nil {
		return bin, nil
	}
	o.Log.Info("fetching PostgreSQL: none was found on PATH or under /usr/lib/postgresql",
		"version", fetchedVersion, "into", home)
	// A fetch that is killed leaves a part of a tree: home appears whole.
	work := home + ".new"
	err = unpack(o, cache, work)
	if err == nil {
		err = errors.Join(os.RemoveAll(home), os.Rename(work, home))
	}
	bin, broken := inspect(ctx, filepath.Join(home, "bin"))
	if err := errors.Join(err, broken); err != nil {
		return binaries{}, fmt.Errorf("no PostgreSQL on PATH or under /usr/lib/postgresql, and fetching it failed "+
			"(set %s to a Maven repository within reach): %w", RepositoryEnv, err)
	}
	return bin, nil
}

// unpack downloads what the cache lacks and unpacks it to dir.
func unpack(o Options, cache, dir string) error {
	repository := o.Repository
	if repository == "" {
		repository = os.Getenv(RepositoryEnv)
	}
	// The library offers no way to unpack without starting a server, which it
	// could not do as root. Its first step after unpacking is to clear the data
	// directory, which fails, with nothing started, for a path that ends in a
	// dot. Its errors have no types: that one names the directory.
	data := dir + string(filepath.Separator) + "."
	config := embeddedpostgres.DefaultConfig().
		Version(fetchedVersion).
		CachePath(cache).
		RuntimePath(dir).
		DataPath(data).
		Port(0).
		Logger(io.Discard)
	if repository != "" {
		config = config.BinaryRepositoryURL(strings.TrimRight(repository, "/"))
	}
	err := embeddedpostgres.NewDatabase(config).Start()
	if err != nil && strings.Contains(err.Error(), "directory "+data+" ") {
		return nil
	}
	return errors.Join(errors.New("unpacking did not end"), err)
}
