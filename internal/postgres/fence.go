// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// FenceSpec is a write fence as it is wanted.
type FenceSpec struct {
	Target
	// Fenced is the goal.
	Fenced bool
	// Roles that write. Those that are members of them are fenced with them.
	Roles []string
	// Except names roles that are left alone although they are members.
	Except []string
	// Required says that what keeps the fence from being made is an error. Else
	// it is a warning, and the fence is FenceUnreached.
	Required bool
	// AllowReplica leaves an instance in recovery as it is, instead of refusing
	// to fence it.
	AllowReplica bool
	// Released roles were fenced by an earlier spec and are to be lifted.
	Released []string
	// HadLogin is what an earlier look recorded of the roles, kept outside of
	// the database. It is compared, never restored from.
	HadLogin map[string]bool
}

// The states of a fence.
const (
	FenceOpen    = "open"
	FenceFencing = "fencing"
	FenceHeld    = "fenced"
	// FenceReplica is an instance in recovery: it takes no writes, and carries
	// the roles of its source.
	FenceReplica = "replica"
	// FenceUnreached is a fence that is wanted and could not be made.
	FenceUnreached = "unreached"
	// FenceUnknown is a fence that is not wanted and could not be looked at.
	FenceUnknown = "unknown"
)

// Warning is something to tell that is no error.
type Warning struct{ Summary, Detail string }

// FenceStatus is a write fence as it is.
type FenceStatus struct {
	// State is FenceOpen: no role is recorded; FenceFencing: something is, but
	// a writer may still get in or is in; FenceHeld: none is, since Since; or
	// one of the others.
	State string
	Since time.Time
	// HadLogin are the roles that are or would be fenced, and whether they had
	// LOGIN before: as recorded, else as they are.
	HadLogin map[string]bool
	// Sessions are those of the roles now.
	Sessions int
	Warnings []Warning
}

// Proof is what the fence says of itself.
func (s FenceStatus) Proof(t Target) fence.Proof {
	proof := fence.Proof{State: fence.StateOpen, Kind: fence.KindPostgreSQL, Subject: t.Subject()}
	switch s.State {
	case FenceHeld:
		proof.State, proof.Since = fence.StateHeld, s.Since
	case FenceUnreached:
		proof.State = fence.StateUnreached
	}
	return proof
}

// FindFence looks at a fence, and changes nothing. Its errors are *Error.
func (s *Service) FindFence(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	f, err := s.lookOnce(ctx, spec)
	if err != nil {
		return FenceStatus{}, failed(ctx, spec.Target, "look at the write fence of", "", err)
	}
	return f.status(spec), nil
}

// CheckFence looks at a fence that is going to be wanted, and says what
// EnsureFence would refuse, as an *Error. It changes nothing.
func (s *Service) CheckFence(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	f, err := s.lookOnce(ctx, spec)
	if err == nil && (!f.self.Recovery || !spec.AllowReplica) {
		err = f.refuse(spec)
	}
	if err != nil {
		return FenceStatus{}, failed(ctx, spec.Target, "fence the writers of", "", err)
	}
	return f.status(spec), nil
}

func (s *Service) lookOnce(ctx context.Context, spec FenceSpec) (facts, error) {
	conn, err := s.connect(ctx, spec.Target, false)
	if err != nil {
		return facts{}, err
	}
	defer closeQuietly(ctx, conn)
	return look(ctx, conn, spec)
}

// status judges what a look has shown.
func (f facts) status(spec FenceSpec) FenceStatus {
	out := FenceStatus{State: FenceOpen, HadLogin: map[string]bool{}, Sessions: len(f.sessions)}
	for _, r := range f.writers(spec) {
		if r.Login || slices.Contains(spec.Roles, r.Name) {
			out.HadLogin[r.Name] = r.Login
		}
	}
	ours := f.ours(spec)
	for oid, m := range ours {
		name := m.Role
		for _, r := range f.roles {
			if r.OID == oid {
				name = r.Name
			}
		}
		out.HadLogin[name] = m.Login
		if m.Since != nil && m.Since.After(out.Since) {
			out.Since = *m.Since
		}
	}
	if len(f.strange) > 0 {
		out.warn(spec, "roles that look like markers but are none", fmt.Sprintf(
			"%s: the comments hold no record of a fence. They are left alone. Drop them if nobody needs them.", strings.Join(f.strange, ", ")))
	}
	if f.self.Recovery {
		out.State, out.Since = FenceReplica, time.Time{}
		return out
	}
	if len(ours) == 0 {
		return out
	}
	if open := f.unfenced(spec); len(open) > 0 {
		out.State, out.Since = FenceFencing, time.Time{}
		out.warn(spec, fmt.Sprintf("the write fence does not hold, %d reasons", len(open)),
			"A fence is recorded, but:\n* "+strings.Join(open, "\n* ")+"\n\nAn apply that wants the fence mends this.")
		return out
	}
	out.State = FenceHeld
	if len(f.prepared) > 0 {
		out.warn(spec, fmt.Sprintf("%d prepared transactions of fenced roles", len(f.prepared)),
			strings.Join(f.prepared, ", ")+": whoever may commit them still writes. Commit or roll them back.")
	}
	return out
}

func (out *FenceStatus) warn(spec FenceSpec, summary, detail string) {
	out.Warnings = append(out.Warnings, Warning{Summary: spec.Subject() + ": " + summary, Detail: detail})
}

// refuse says why the fence cannot be put up, before anything is changed.
func (f facts) refuse(spec FenceSpec) error {
	e := &Error{Attempted: "fence the writers of", Subject: spec.String()}
	me := ident(f.self.Name)
	if f.self.Recovery {
		e.Kind, e.Field = KindReplica, FieldHost
		e.Reason = "The instance is in recovery: it is a replica, takes no writes and cannot be changed."
		e.Next = "Fence its source, or give host the name of a writer; allow_replica leaves replicas as they are."
		return e
	}
	for _, name := range spec.Roles {
		r := f.byName(name)
		switch {
		case r == nil && f.recorded(name):
			// It was dropped or renamed while it was fenced.
		case r == nil:
			e.Kind, e.Reason = KindNoRole, fmt.Sprintf("There is no role %q.", name)
			e.Next = "Correct roles: they are spelled as in pg_roles, in lower case unless they were made with quotes."
		case r.Super:
			e.Kind, e.Reason = KindProtected, fmt.Sprintf("%q is a superuser, whom nothing keeps out.", name)
			e.Next = "Let the application write as a role of its own, and name that."
		case name == f.self.Name:
			e.Kind, e.Reason = KindProtected, fmt.Sprintf("%q is the role that the fence itself logs in as: nobody could lift it.", name)
			e.Next = "Let the application write as a role of its own, and name that, or give the fence other credentials."
		case slices.Contains(spec.Except, name):
			e.Kind, e.Reason = KindProtected, fmt.Sprintf("%q is among both roles and except.", name)
			e.Next = "Take it out of one of them."
		}
		if e.Kind != "" {
			e.Field = FieldRoles
			return e
		}
	}
	if f.self.Super {
		return nil
	}
	var missing, grants []string
	if !f.self.CreateRole {
		missing = append(missing, "CREATEROLE, to change roles")
		grants = append(grants, "ALTER ROLE "+me+" CREATEROLE;")
	}
	for _, r := range f.writers(spec) {
		if f.self.Version >= 160000 && r.Login && !r.Admin {
			missing = append(missing, "ADMIN OPTION on "+r.Name+", to change it (PostgreSQL 16 and newer)")
			grants = append(grants, "GRANT "+ident(r.Name)+" TO "+me+" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE;")
		}
		if !f.self.Signal && !r.Signal && !slices.Contains(missing, "pg_signal_backend, to end sessions") {
			missing = append(missing, "pg_signal_backend, to end sessions")
			grants = append(grants, "GRANT pg_signal_backend TO "+me+";")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	e.Kind = KindPrivilege
	e.Reason = fmt.Sprintf("The fence logs in as %q, which lacks:\n* %s", f.self.Name, strings.Join(missing, "\n* "))
	e.Next = "Run as a role that may:\n" + strings.Join(grants, "\n")
	return e
}
