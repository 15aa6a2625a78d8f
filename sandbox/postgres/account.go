// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the unprivileged user that servers run as; nil means our own.
// PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid uint32
}

// serverUser picks the user for servers: nobody special, unless we are root.
func serverUser() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if uid == 0 {
			continue
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// own gives a file or directory to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// reachable tells whether the account may pass through dir and all above it.
// Parts that do not exist yet will be made by us, passable.
func reachable(dir string, a *account) bool {
	if a == nil {
		return true
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(dir); err == nil && !passable(info, a) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func passable(info os.FileInfo, a *account) bool {
	mode := info.Mode().Perm()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case st.Uid == a.uid:
			return mode&0o100 != 0
		case st.Gid == a.gid:
			return mode&0o010 != 0
		}
	}
	return mode&0o001 != 0
}

// reachableDir makes the directory for servers: inside dataDir where the
// servers' user can reach that, else outside, under a name derived from it.
func reachableDir(dataDir string, a *account) (dir string, outside bool, err error) {
	dataDir, err = filepath.Abs(dataDir)
	if err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return "", false, err
	}
	dir = filepath.Join(dataDir, "postgres")
	if !reachable(dir, a) {
		outside = true
		sum := sha256.Sum256([]byte(dataDir))
		dir = filepath.Join(outsideBase(), outsidePrefix+hex.EncodeToString(sum[:8]))
	}
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", false, err
	}
	// The base is everybody's: a directory that someone else made there, or a
	// link, is not ours to use.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", false, err
	}
	if !info.IsDir() || !ours(info) {
		return "", false, fmt.Errorf("%s is not a directory of this user", dir)
	}
	return dir, outside, nil
}

func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int64(st.Uid) == int64(os.Geteuid())
}
