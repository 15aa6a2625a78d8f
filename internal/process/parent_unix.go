// SPDX-License-Identifier: MPL-2.0

//go:build unix && !linux

package process

import "syscall"

// dieWithParent cannot be had here.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
