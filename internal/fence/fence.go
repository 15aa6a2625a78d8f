// SPDX-License-Identifier: MPL-2.0

// Package fence holds what a fence says of itself to whoever relies on it: the
// proof. A fence stops the writers of an old source; a promotion lets nobody
// write to the new one before it has seen the proof.
//
// A proof is one line of text, because it travels through Terraform as a value
// from one resource to another:
//
//	held network us-east-1/orders-use1 2026-11-25T03:01:40Z
//	open network us-east-1/orders-use1
//	unreached postgresql orders-use1.abc.us-east-1.rds.amazonaws.com:5432
//
// A proof is a claim. The package refuses to believe one: it reads and writes
// the line. Whoever gates on a network fence asks RDS and EC2 again. A PostgreSQL
// one cannot be asked again there, for want of credentials for the database: it
// is believed as its resource last saw it, which the plan warns of.
package fence

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// The kinds of fences.
const (
	KindNetwork    = "network"
	KindPostgreSQL = "postgresql"
)

// What a fence says of itself.
const (
	// StateHeld is a fence that holds: nobody has written since.
	StateHeld = "held"
	// StateOpen is a fence that is not wanted, not finished, or lifted again.
	StateOpen = "open"
	// StateUnreached is a fence that is wanted and whose target could not be
	// reached: it may still be written to.
	StateUnreached = "unreached"
)

// Proof is what a fence says of itself.
type Proof struct {
	// State is StateHeld, StateOpen or StateUnreached.
	State string
	// Kind is KindNetwork or KindPostgreSQL.
	Kind string
	// Subject is what is fenced: "region/identifier" for a network fence,
	// "host:port" for a PostgreSQL one.
	Subject string
	// Since is when the fence began to hold, in whole seconds; zero unless held.
	Since time.Time
}

// Network is the subject of a network fence.
func Network(region, identifier string) string { return region + "/" + identifier }

// PostgreSQL is the subject of a PostgreSQL write fence.
func PostgreSQL(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Held tells whether the fence says that it holds.
func (p Proof) Held() bool { return p.State == StateHeld }

// String is the line that Parse reads. The time is written in UTC and rounded
// up to whole seconds: a fence may say that it began to hold later than it
// did, never earlier.
func (p Proof) String() string {
	line := p.State + " " + p.Kind + " " + p.Subject
	if !p.Held() {
		return line
	}
	since := p.Since.UTC()
	if whole := since.Truncate(time.Second); whole.Before(since) {
		since = whole.Add(time.Second)
	}
	return line + " " + since.Format(time.RFC3339)
}

// Parse reads the line that String writes, and no other: one space between the
// words, a time in RFC 3339 with the zone Z in a held proof and none in others.
func Parse(line string) (Proof, error) {
	words := strings.Split(line, " ")
	proof := Proof{State: words[0]}
	want := 3
	switch proof.State {
	case StateHeld:
		want = 4
	case StateOpen, StateUnreached:
	default:
		return Proof{}, refuse(line, "it begins with %q, not with held, open or unreached", words[0])
	}
	if len(words) != want {
		return Proof{}, refuse(line, "a proof that is %s has %d words, this one has %d", proof.State, want, len(words))
	}
	proof.Kind, proof.Subject = words[1], words[2]
	if err := checkSubject(proof.Kind, proof.Subject); err != "" {
		return Proof{}, refuse(line, "%s", err)
	}
	if proof.Held() {
		since, err := time.Parse(time.RFC3339, words[3])
		if err != nil || since.Format("2006-01-02T15:04:05Z") != words[3] {
			return Proof{}, refuse(line, "%q is not a time such as 2026-11-25T03:01:40Z, in UTC and whole seconds", words[3])
		}
		proof.Since = since.UTC()
	}
	return proof, nil
}

// checkSubject says what is wrong with a subject of a kind, or nothing.
func checkSubject(kind, subject string) string {
	switch kind {
	case KindNetwork:
		region, identifier, found := strings.Cut(subject, "/")
		if !found || region == "" || identifier == "" || strings.Contains(identifier, "/") {
			return fmt.Sprintf("%q is not a region and an instance, such as us-east-1/orders-use1", subject)
		}
	case KindPostgreSQL:
		host, port, err := net.SplitHostPort(subject)
		number, bad := strconv.Atoi(port)
		if err != nil || host == "" || bad != nil || number < 1 || number > 65535 {
			return fmt.Sprintf("%q is not a host and a port, such as db.example.com:5432", subject)
		}
	default:
		return fmt.Sprintf("%q is no kind of fence: network or postgresql", kind)
	}
	return ""
}

// refuse says which line was refused, why, and where a good one comes from.
func refuse(line, format string, arguments ...any) error {
	return fmt.Errorf("%q is not the proof of a fence: %s. Give the attribute proof of a fence resource, as it is",
		line, fmt.Sprintf(format, arguments...))
}
