// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// event is one moment of the rehearsal, in wall time.
type event struct {
	at   time.Time
	text string
}

// timeline collects events from several goroutines.
type timeline struct {
	mu     sync.Mutex
	events []event
}

func (t *timeline) add(at time.Time, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, event{at, fmt.Sprintf(format, args...)})
}

// print writes the events in order, each with the time since zero and since the
// event before it.
func (t *timeline) print(w io.Writer, zero time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sort.SliceStable(t.events, func(i, j int) bool { return t.events[i].at.Before(t.events[j].at) })
	last := zero
	for _, e := range t.events {
		step := "        "
		if d := e.at.Sub(last); d >= 50*time.Millisecond && last != zero {
			step = fmt.Sprintf("%+8s", "+"+seconds(d))
		}
		fmt.Fprintf(w, "  %s  %9s %s  %s\n", e.at.Format("15:04:05.0"), signed(e.at.Sub(zero)), step, e.text)
		last = e.at
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func signed(d time.Duration) string {
	if d < 0 {
		return "-" + seconds(-d)
	}
	return "+" + seconds(d)
}

// minutes is for simulated time, whose tenths mean nothing.
func minutes(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

// progress prints what the demo is doing, so that a minute of waiting is not
// taken for a hang.
type progress struct {
	w     io.Writer
	start time.Time
	n     int
}

func (p *progress) step(format string, args ...any) {
	p.n++
	fmt.Fprintf(p.w, "\n[%d/%d] %s (%s since the start)\n", p.n, steps, fmt.Sprintf(format, args...), seconds(time.Since(p.start)))
}

func (p *progress) say(format string, args ...any) {
	fmt.Fprintf(p.w, "      %s\n", fmt.Sprintf(format, args...))
}

// colours are a terminal's escape sequences.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// indent copies the output of a tool, set off from the demo's own words.
type indent struct {
	w    io.Writer
	keep func(line string) bool
	rest string
}

func (i *indent) Write(p []byte) (int, error) {
	text := i.rest + string(p)
	lines := strings.Split(text, "\n")
	i.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		line = colours.ReplaceAllString(line, "")
		if i.keep == nil || i.keep(line) {
			fmt.Fprintf(i.w, "      | %s\n", line)
		}
	}
	return len(p), nil
}
