// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"os"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel stop the server at once (SIGQUIT is PostgreSQL's
// immediate shutdown) when the sandbox is gone, kill -9 included.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }

func commandLine(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return nil
	}
	return splitArgs(raw)
}
