// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// interval is the least time between the two looks that must show no session.
const interval = 200 * time.Millisecond

// conflicts is how often a transaction that met another run's is tried again.
const conflicts = 5

// EnsureFence makes the fence what the spec wants, from whatever state an
// earlier run left it in. For a fence that is as wanted it changes nothing. Its
// errors are *Error.
func (s *Service) EnsureFence(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	out, err := s.ensureFence(ctx, spec)
	switch {
	case err == nil || spec.Required:
	case spec.Fenced:
		out = FenceStatus{State: FenceUnreached, Warnings: out.Warnings}
		out.warn(spec, "may still be writing, its writers could not be fenced", detail(err)+"\n\nThe fence is not required, so the apply goes on. "+
			"When the server can be reached again, the next plan shows the fence, and its apply makes it.")
		err = nil
	case IsUnreachable(err):
		out = FenceStatus{State: FenceUnknown, Warnings: out.Warnings}
		out.warn(spec, "could not be reached, a fence of its writers may be left", detail(err)+
			"\n\nNo fence is wanted. When the server can be reached again, the next plan shows what is left of one, and its apply lifts it.")
		err = nil
	}
	return out, err
}

func (s *Service) ensureFence(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	r := &fenceRun{Service: s, spec: spec, attempted: "lift the write fence of"}
	if spec.Fenced {
		r.attempted = "fence the writers of"
	}
	conn, err := s.connect(ctx, spec.Target, true)
	if err != nil {
		return FenceStatus{}, failed(ctx, spec.Target, r.attempted, "", err)
	}
	defer closeQuietly(ctx, conn)
	r.conn = conn
	var out FenceStatus
	if len(spec.Released) > 0 {
		released := spec
		released.Roles = spec.Released
		_, err = r.lift(ctx, released)
	}
	if err == nil && spec.Fenced {
		out, err = r.fence(ctx)
	} else if err == nil {
		out, err = r.lift(ctx, spec)
	}
	out.Warnings = append(r.warnings, out.Warnings...)
	return out, failed(ctx, spec.Target, r.attempted, r.done, err)
}

// fenceRun is one EnsureFence.
type fenceRun struct {
	*Service
	spec      FenceSpec
	conn      *pgx.Conn
	attempted string
	done      string
	warnings  []Warning
}

// fence takes the roles through their states.
func (r *fenceRun) fence(ctx context.Context) (FenceStatus, error) {
	for {
		f, err := look(ctx, r.conn, r.spec)
		if err != nil {
			return FenceStatus{}, err
		}
		if out := f.status(r.spec); out.State == FenceHeld || out.State == FenceReplica && r.spec.AllowReplica {
			return out, nil
		}
		if err := f.refuse(r.spec); err != nil {
			return FenceStatus{}, err
		}
		if err := r.transact(ctx, r.shut); err != nil {
			return FenceStatus{}, err
		}
		r.done = "The roles have lost LOGIN, which is recorded in the database; their sessions may not all have ended."
		if err := r.endSessions(ctx); err != nil {
			return FenceStatus{}, err
		}
		// Between the last look and its record somebody may have given a role
		// LOGIN again, or made it a member: look once more.
	}
}

// shut is T1: it records and takes LOGIN.
func (r *fenceRun) shut(ctx context.Context, tx pgx.Tx) error {
	f, err := look(ctx, tx, r.spec)
	if err != nil {
		return err
	}
	var names []string
	for _, role := range f.writers(r.spec) {
		m := f.markers[role.OID]
		switch {
		case m == nil && !role.Login && !slices.Contains(r.spec.Roles, role.Name):
			continue // a member that cannot log in: its own members are writers themselves
		case m == nil:
			m = &record{Note: recordNote, Role: role.Name, Login: role.Login, For: role.For, Server: r.spec.Subject()}
			if _, err := tx.Exec(ctx, "CREATE ROLE "+ident(markerName(role.OID))+" NOLOGIN"); err != nil {
				return err
			}
		case m.add(role.For) || m.Since != nil:
			m.Since = nil
		case !role.Login:
			continue
		}
		statement, err := m.comment(role.OID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
		if role.Login {
			if _, err := tx.Exec(ctx, "ALTER ROLE "+ident(role.Name)+" NOLOGIN"); err != nil {
				return err
			}
			names = append(names, role.Name)
		}
	}
	r.log(ctx, r.spec.Target, "roles lose LOGIN", map[string]any{"roles": names})
	return nil
}

// endSessions terminates sessions until none is left, seen twice, and records
// since when. A session that was logging in when its role lost LOGIN may show
// only at the second look.
func (r *fenceRun) endSessions(ctx context.Context) error {
	var left []session
	for {
		f, err := look(ctx, r.conn, r.spec)
		if err != nil {
			return err
		}
		if left = f.sessions; len(left) > 0 {
			if err := r.terminate(ctx, left); err != nil {
				return err
			}
			if wait.Pause(ctx, min(r.options.PollInterval, interval)) != nil {
				return r.timedOut(ctx, left)
			}
			continue
		}
		// The proof counts whole seconds. Waiting for the next one lets the
		// commit of T2 come after it, and the second look a while after the
		// first.
		since := f.self.Time.UTC().Add(interval).Truncate(time.Second).Add(time.Second)
		if wait.Pause(ctx, since.Sub(f.self.Time)+10*time.Millisecond) != nil {
			return r.timedOut(ctx, left)
		}
		held := false
		err = r.transact(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			held, err = r.hold(ctx, tx, since)
			return err
		})
		if err != nil || held {
			return err
		}
	}
}

// hold is T2: it records that no session is left, unless there is one, or a role
// may log in again.
func (r *fenceRun) hold(ctx context.Context, tx pgx.Tx, since time.Time) (bool, error) {
	f, err := look(ctx, tx, r.spec)
	if err != nil || len(f.sessions) > 0 {
		return false, err
	}
	for _, role := range f.writers(r.spec) {
		m := f.markers[role.OID]
		if role.Login || m == nil {
			continue // the next look sees to it
		}
		m.Since = &since
		statement, err := m.comment(role.OID)
		if err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, statement); err != nil {
			return false, err
		}
	}
	r.log(ctx, r.spec.Target, "no session is left", map[string]any{"since": since.Format(time.RFC3339)})
	return true, nil
}

func (r *fenceRun) terminate(ctx context.Context, left []session) error {
	r.log(ctx, r.spec.Target, "terminating sessions", map[string]any{"sessions": len(left)})
	for _, s := range left {
		if _, err := one(ctx, r.conn, pgx.RowTo[bool], "SELECT pg_terminate_backend($1)", s.PID); err != nil {
			return &Error{
				Kind: KindPrivilege, Attempted: "end the session " + s.String() + " on", Subject: r.spec.String(), Err: err, Done: r.done,
				Next: "Let the fence's role end sessions, as a role that may: GRANT pg_signal_backend TO the fence's role. Then apply again.",
			}
		}
	}
	return nil
}

func (r *fenceRun) timedOut(ctx context.Context, left []session) error {
	e := &Error{
		Kind: KindTimeout, Attempted: r.attempted, Subject: r.spec.String(), Err: context.Cause(ctx), Done: r.done,
		Next: "Apply again: it goes on from where this run ended. Raise the timeout of the operation if sessions need longer to end.",
	}
	if len(left) > 0 {
		e.Reason = fmt.Sprintf("%d sessions have been told to end and have not: %s.", len(left), list(left))
	}
	return e
}

func list(sessions []session) string {
	var names []string
	for _, s := range sessions[:min(len(sessions), 10)] {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}

func (r *fenceRun) warn(summary, detail string) {
	r.warnings = append(r.warnings, Warning{Summary: r.spec.Subject() + ": " + summary, Detail: detail})
}

// lockStatement lets fences of one database change records one after the other.
// Those of other databases of the server meet at the markers' names.
const lockStatement = "SELECT pg_advisory_xact_lock(hashtext('dr_postgresql_write_fence'))"

// transact runs f in a transaction; once more when another run was faster.
func (r *fenceRun) transact(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockStatement); err != nil {
				return err
			}
			return f(ctx, tx)
		})
		// 42710, 23505: the marker was made meanwhile; 42704: it was dropped;
		// XX000: "tuple concurrently updated", which has no code of its own.
		again := slices.Contains([]string{"42710", "23505", "42704", "XX000", "40001", "40P01"}, sqlState(err))
		if err == nil || !again || attempt == conflicts || wait.Pause(ctx, r.options.PollInterval/10) != nil {
			return err
		}
	}
}

func closeQuietly(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
