// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// A guard judges a new connection once, and what comes later as established; what
// it stops hangs, and passes when the guard lets it.
func TestGuardedProxy(t *testing.T) {
	t.Parallel()
	e, _ := rdsServer(t)
	target := echo(t)
	var admitsNew, admitsOld atomic.Bool
	p, err := e.Network.Guarded("127.0.0.1:0", func() string { return target }, func(established bool) bool {
		if established {
			return admitsOld.Load()
		}
		return admitsNew.Load()
	}, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	hear := func(c net.Conn, wait time.Duration) error {
		_ = c.SetReadDeadline(time.Now().Add(wait))
		_, err := io.ReadFull(c, make([]byte, 4))
		return err
	}
	say := func(c net.Conn) {
		t.Helper()
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, c net.Conn, passes bool) {
		t.Helper()
		wait := 100 * time.Millisecond
		if passes {
			wait = 10 * time.Second
		}
		if err := hear(c, wait); passes && err != nil || !passes && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
	admitsNew.Store(true)
	admitsOld.Store(true)
	open := dial()
	say(open)
	check("admitted", open, true)

	admitsNew.Store(false)
	late := dial()
	say(late)
	check("new, and not admitted", late, false)
	say(open)
	check("open, with new ones not admitted", open, true)

	admitsOld.Store(false)
	say(open)
	check("open, and stopped", open, false)

	admitsNew.Store(true)
	admitsOld.Store(true)
	check("open, and let on again", open, true)
	check("late, and let in", late, true)
}
