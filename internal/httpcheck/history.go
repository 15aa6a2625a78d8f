// SPDX-License-Identifier: MPL-2.0

package httpcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Seen is one attempt.
type Seen struct {
	At time.Time
	// Address that was asked (IP:PORT) and who named it; empty if none was
	// found.
	Address, Via string
	// Status of the answer, 0 if there was none.
	Status int
	// Problem in words; empty for a success.
	Problem string
}

func (s Seen) text() string {
	what := s.Problem
	if what == "" {
		what = "ok"
	}
	if s.Address == "" {
		return what
	}
	return fmt.Sprintf("%s (by %s): %s", s.Address, s.Via, what)
}

// history keeps the first and the last of what was seen, equal neighbours as
// one line.
type history struct {
	Total int
	lines []line
	left  int // lines dropped in the middle
}

type line struct {
	first, last time.Time
	text        string
	times       int
}

const (
	keepFirst = 4
	keepLast  = 12
)

func (h *history) add(s Seen) {
	h.Total++
	text := s.text()
	if n := len(h.lines); n > 0 && h.lines[n-1].text == text {
		h.lines[n-1].last = s.At
		h.lines[n-1].times++
		return
	}
	h.lines = append(h.lines, line{s.At, s.At, text, 1})
	if len(h.lines) > keepFirst+keepLast {
		h.lines = append(h.lines[:keepFirst], h.lines[keepFirst+1:]...)
		h.left++
	}
}

func (h *history) String() string {
	var b strings.Builder
	for i, l := range h.lines {
		if i == keepFirst && h.left > 0 {
			fmt.Fprintf(&b, "  … %d more …\n", h.left)
		}
		fmt.Fprintf(&b, "  %s  %s", l.first.UTC().Format("15:04:05Z"), l.text)
		if l.times > 1 {
			fmt.Fprintf(&b, " (%d times, last at %s)", l.times, l.last.UTC().Format("15:04:05Z"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// FailedError is a check that did not succeed in time.
type FailedError struct {
	Check   Check
	History history
	Spent   time.Duration
	Cause   error
}

// Error implements error.
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s did not give %d good answers in a row within %s", e.Check.URL, e.Check.Successes, e.Spent.Round(100*time.Millisecond))
}

// Unwrap gives the context's error.
func (e *FailedError) Unwrap() error { return e.Cause }

// Attribute is the attribute at fault.
func (e *FailedError) Attribute() string { return "url" }

// Detail says what was wanted, what was seen, and what to do.
func (e *FailedError) Detail() string {
	var wanted strings.Builder
	fmt.Fprintf(&wanted, "status %d", e.Check.Status)
	for _, m := range e.Check.Matchers {
		wanted.WriteString(" and " + m.String())
	}
	verb := "was interrupted"
	if errors.Is(e.Cause, context.DeadlineExceeded) {
		verb = "gave up"
	}
	seen := e.History.String()
	if seen == "" {
		seen = "  nothing: no attempt was finished\n"
	}
	return fmt.Sprintf("%s %s: wanted %s, %d times in a row; %s after %s and %d attempts.\n\nSeen (UTC):\n%s\n"+
		"Nothing was changed by this check, and what the apply did before it stays done. "+
		"Mend what the last lines show and apply again; if the application only needs longer, raise timeouts.",
		e.Check.Method, e.Check.URL, wanted.String(), e.Check.Successes, verb, e.Spent.Round(100*time.Millisecond), e.History.Total, seen)
}

// InvalidError is a check that cannot be made.
type InvalidError struct{ Field, Reason string }

// Error implements error.
func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// Attribute is the attribute at fault.
func (e *InvalidError) Attribute() string { return e.Field }
