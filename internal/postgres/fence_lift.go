// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lift is T3: it puts back what is recorded, and nothing else.
func (r *fenceRun) lift(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	f, err := look(ctx, r.conn, spec)
	if err != nil {
		return FenceStatus{}, err
	}
	out := f.status(spec)
	if len(f.ours(spec)) == 0 {
		r.missing(spec, f)
		return out, nil
	}
	if f.self.Recovery {
		out.warn(spec, "is a replica, and carries the fence of its source",
			"Roles are replicated, so the fence cannot be lifted here. Once this instance is promoted, the next plan shows the fence, "+
				"and its apply lifts it.")
		return out, nil
	}
	if err := r.transact(ctx, func(ctx context.Context, tx pgx.Tx) error { return r.restore(ctx, tx, spec) }); err != nil {
		return FenceStatus{}, err
	}
	if f, err = look(ctx, r.conn, spec); err != nil {
		return FenceStatus{}, err
	}
	out = f.status(spec)
	return out, nil
}

func (r *fenceRun) restore(ctx context.Context, tx pgx.Tx, spec FenceSpec) error {
	f, err := look(ctx, tx, spec)
	if err != nil {
		return err
	}
	ours := f.ours(spec)
	oids := slices.Sorted(maps.Keys(ours))
	present, err := all(ctx, tx, pgx.RowToStructByPos[login], "SELECT oid, rolname::text, rolcanlogin FROM pg_roles WHERE oid = ANY ($1::oid[])", oids)
	if err != nil {
		return err
	}
	r.warnings = nil // of an attempt that was rolled back
	for _, oid := range oids {
		now := login{OID: oid}
		if i := slices.IndexFunc(present, func(l login) bool { return l.OID == oid }); i >= 0 {
			now = present[i]
		}
		statements, err := r.putBack(now, ours[oid], spec)
		if err != nil {
			return err
		}
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	r.log(ctx, r.spec.Target, "roles get LOGIN back", map[string]any{"roles": len(oids)})
	return nil
}

// login is a recorded role as it is now, without a name if it was dropped.
type login struct {
	OID   uint32
	Name  string
	Login bool
}

// putBack is how a role becomes what was recorded, and the record is removed.
func (r *fenceRun) putBack(now login, m *record, spec FenceSpec) ([]string, error) {
	drop := "DROP ROLE " + ident(markerName(now.OID))
	m.For = without(m.For, spec.Roles)
	switch {
	case now.Name == "":
		r.warn(m.Role+": was dropped while it was fenced", "Nothing of it is left to put back; its record was removed.")
	case len(m.For) > 0: // another fence holds the role
		r.warn(now.Name+": stays without LOGIN", "It is fenced for "+strings.Join(m.For, ", ")+" as well.")
		statement, err := m.comment(now.OID)
		return []string{statement}, err
	case now.Login:
		r.warn(now.Name+": had LOGIN already", fmt.Sprintf(
			"Somebody else gave it LOGIN while it was fenced (before the fence: %t). It was left as it is.", m.Login))
	case m.Login:
		return []string{"ALTER ROLE " + ident(now.Name) + " LOGIN", drop}, nil
	}
	return []string{drop}, nil
}

// missing warns of roles that have lost LOGIN without a record of it.
func (r *fenceRun) missing(spec FenceSpec, f facts) {
	for _, role := range f.roles {
		if spec.HadLogin[role.Name] && !role.Login {
			r.warn(role.Name+": has no LOGIN, and there is no record of a fence", fmt.Sprintf(
				"It had LOGIN when the fence was last looked at. Somebody else has taken it, or has dropped the role %s that "+
					"held the record. Nothing was put back. If it should log in, run: ALTER ROLE %s LOGIN;", markerName(role.OID), ident(role.Name)))
		}
	}
}
