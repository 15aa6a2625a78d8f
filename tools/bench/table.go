// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is one block of the output.
type table struct {
	title string
	head  []string
	rows  [][]string
	notes []string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (b *bench) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "\n%s, %d CPUs, %s/%s; measured in %s. Nothing here is asserted.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, took.Round(time.Second))
	for _, t := range b.tables {
		fmt.Fprintf(w, "\n%s\n", t.title)
		tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
		for _, row := range append([][]string{t.head}, t.rows...) {
			fmt.Fprintln(tw, "  "+strings.Join(row, "\t"))
		}
		_ = tw.Flush()
		for _, note := range t.notes {
			fmt.Fprintln(w, "  "+note)
		}
	}
	fmt.Fprintln(w, "\nskipped")
	for _, s := range append(slices.Clone(b.skipped), "kubectl scale and kubectl set env: the sandbox has no Kubernetes yet") {
		fmt.Fprintln(w, "  "+s)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func mega(bytes int64) string { return fmt.Sprintf("%d MB", bytes>>20) }

// ratio of a measure to an aim or to another measure.
func ratio[N ~int64](got, to N) string {
	if got <= 0 || to <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(got)/float64(to))
}
