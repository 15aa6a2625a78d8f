// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"os"
	"strconv"
	"syscall"
)

func commandLine(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return nil
	}
	return splitArgs(raw)
}

// freeMemory is what a file system in memory has free; 0 for any other.
func freeMemory(dir string) int64 {
	const tmpfs = 0x01021994
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || int64(st.Type) != tmpfs { //nolint:unconvert // its size differs between architectures
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize) //nolint:gosec,unconvert // as above
}
