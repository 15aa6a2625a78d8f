// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/harness"
)

// usage of a run: processor time, and the most memory that one provider's
// process took.
type usage struct {
	terraform, providers, sandbox time.Duration
	memory                        int64
}

// observe looks at Terraform and the provider's processes until the run is over.
func observe(p *harness.Process, over <-chan struct{}) usage {
	var u usage
	spent := map[int]time.Duration{}
	for {
		for _, pid := range p.Providers() {
			u.memory = max(u.memory, harness.PeakMemory(pid))
			spent[pid] = max(spent[pid], processorOf(pid))
		}
		u.terraform = max(u.terraform, processorOf(p.PID()))
		select {
		case <-over:
			for _, d := range spent {
				u.providers += d
			}
			return u
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// processor is the time that this process, which is the sandbox, has used.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processorOf is what a running process has used, its children not included.
// The fields after the command in parentheses are numbers; the 12th and 13th are
// the user's and the system's ticks of 10 ms.
func processorOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
