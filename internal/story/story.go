// SPDX-License-Identifier: MPL-2.0

// Package story tells a tired person what failed, in one order everywhere: what
// was attempted and on what, why it did not succeed, what was already done, and
// what to do next. It knows no service, and explains no error itself.
package story

import "strings"

// Story is what there is to tell. Only Attempted is required.
type Story struct {
	// Attempted, as an infinitive with its object: "promote the replica
	// orders-usw2 in us-west-2".
	Attempted string
	// Reason in a sentence or two.
	Reason string
	// Cause in the server's words.
	Cause string
	// Done is what was already done, "" for nothing changed.
	Done string
	// Next is the next step.
	Next string
}

// Line is the story for a log: one line.
func (s Story) Line() string {
	text := "cannot " + s.Attempted
	if s.Reason != "" {
		text += ": " + strings.TrimSuffix(s.Reason, ".")
	}
	if s.Cause != "" {
		text += ": " + s.Cause
	}
	return text
}

// Detail is the whole story, in paragraphs.
func (s Story) Detail() string {
	lines := []string{"Tried to " + s.Attempted + "."}
	if s.Reason != "" {
		lines = append(lines, s.Reason)
	}
	if s.Cause != "" {
		lines = append(lines, "Cause: "+s.Cause)
	}
	if s.Done == "" {
		s.Done = "Nothing was changed."
	}
	lines = append(lines, s.Done)
	if s.Next != "" {
		lines = append(lines, "", "Next: "+s.Next)
	}
	return strings.Join(lines, "\n")
}
