// SPDX-License-Identifier: MPL-2.0

package process

import "syscall"

func dieWithParent(a *syscall.SysProcAttr, last syscall.Signal) { a.Pdeathsig = last }
