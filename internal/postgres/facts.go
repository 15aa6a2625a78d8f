// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// queries is what a connection and a transaction have in common.
type queries interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}

// facts is what one look at a server has shown.
type facts struct {
	self     self
	roles    []role // named ones and those that write as them
	markers  map[uint32]*record
	strange  []string // marker roles whose record cannot be read
	sessions []session
	prepared []string // prepared transactions of the roles
}

// self is the role that the fence logs in as, and the server.
type self struct {
	Name       string
	Super      bool
	CreateRole bool
	Signal     bool
	Version    int
	Recovery   bool
	Time       time.Time
}

type role struct {
	OID   uint32
	Name  string
	Super bool
	Login bool
	// Admin says that the fence's role may administer it.
	Admin bool
	// Signal says that the fence's role may end its sessions.
	Signal bool
	// For are the named roles that it is, or writes as.
	For []string
}

type session struct {
	PID                         int32
	User, Database, Application string
}

func (s session) String() string {
	text := fmt.Sprintf("pid %d of %s in %s", s.PID, s.User, s.Database)
	if s.Application != "" {
		text += " (" + s.Application + ")"
	}
	return text
}

const selfQuery = `
SELECT r.rolname::text, r.rolsuper, r.rolcreaterole, pg_has_role('pg_signal_backend', 'USAGE'),
	current_setting('server_version_num')::int, pg_is_in_recovery(), clock_timestamp()
FROM pg_roles r WHERE r.rolname = current_user`

// A member writes as its role by inheritance or SET ROLE; PostgreSQL 16 can
// withhold both.
const rolesQuery = `
WITH RECURSIVE writers (oid, named) AS (
	SELECT oid, rolname::text FROM pg_roles WHERE rolname = ANY ($1::text[])
	UNION
	SELECT m.member, w.named FROM pg_auth_members m JOIN writers w ON m.roleid = w.oid
	WHERE coalesce((to_jsonb(m)->>'inherit_option')::bool, true) OR coalesce((to_jsonb(m)->>'set_option')::bool, true)
)
SELECT r.oid, r.rolname::text, r.rolsuper, r.rolcanlogin, pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'),
	pg_has_role(r.oid, 'USAGE'), array_agg(DISTINCT w.named ORDER BY w.named)
FROM writers w JOIN pg_roles r USING (oid)
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2`

const markersQuery = `
SELECT substr(rolname, length($1) + 1), coalesce(shobj_description(oid, 'pg_authid'), '')
FROM pg_roles WHERE starts_with(rolname::text, $1) ORDER BY rolname`

// Replication connections are those of pg_stat_replication, which shows their
// pids to everybody.
const sessionsQuery = `
SELECT pid, coalesce(usename::text, ''), coalesce(datname::text, 'no database'), coalesce(application_name, '')
FROM pg_stat_activity a
WHERE usesysid = ANY ($1::oid[]) AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'parallel worker'
	AND NOT EXISTS (SELECT FROM pg_stat_replication w WHERE w.pid = a.pid)
ORDER BY pid`

// look reads everything that decisions are made of.
func look(ctx context.Context, q queries, spec FenceSpec) (facts, error) {
	var f facts
	var err error
	if f.self, err = one(ctx, q, pgx.RowToStructByPos[self], selfQuery); err != nil {
		return f, err
	}
	if f.roles, err = all(ctx, q, pgx.RowToStructByPos[role], rolesQuery, spec.Roles); err != nil {
		return f, err
	}
	type marker struct {
		OID, Comment string
	}
	markers, err := all(ctx, q, pgx.RowToStructByPos[marker], markersQuery, markerPrefix)
	if err != nil {
		return f, err
	}
	f.markers = map[uint32]*record{}
	for _, m := range markers {
		var oid uint32
		r, err := parseRecord(m.Comment)
		if _, bad := fmt.Sscanf(m.OID, "%d", &oid); bad != nil || err != nil {
			f.strange = append(f.strange, markerPrefix+m.OID)
			continue
		}
		f.markers[oid] = r
	}
	if f.sessions, err = f.look(ctx, q, spec); err != nil {
		return f, err
	}
	names := []string{}
	for _, r := range f.writers(spec) {
		names = append(names, r.Name)
	}
	f.prepared, err = all(ctx, q, pgx.RowTo[string],
		`SELECT gid || ' of ' || owner FROM pg_prepared_xacts WHERE owner = ANY ($1::text[]) ORDER BY 1`, names)
	return f, err
}

// look reads the sessions of the roles that are to be fenced.
func (f facts) look(ctx context.Context, q queries, spec FenceSpec) ([]session, error) {
	oids := []uint32{}
	for _, r := range f.writers(spec) {
		oids = append(oids, r.OID)
	}
	return all(ctx, q, pgx.RowToStructByPos[session], sessionsQuery, oids)
}

// writers are the roles that are to be fenced: the named ones, and those that
// write as them, without superusers, the fence's own role and excepted ones.
func (f facts) writers(spec FenceSpec) []role {
	var list []role
	for _, r := range f.roles {
		if r.Super || r.Name == f.self.Name || slices.Contains(spec.Except, r.Name) || strings.HasPrefix(r.Name, markerPrefix) {
			continue
		}
		list = append(list, r)
	}
	return list
}

// unfenced says why the fence does not hold; nothing if it does.
func (f facts) unfenced(spec FenceSpec) []string {
	var names []string
	for _, name := range spec.Roles {
		if f.byName(name) == nil && !f.recorded(name) {
			names = append(names, name+" does not exist")
		}
	}
	for _, r := range f.writers(spec) {
		m := f.markers[r.OID]
		switch {
		case r.Login:
			names = append(names, r.Name+" may log in")
		case m == nil && slices.Contains(spec.Roles, r.Name):
			names = append(names, r.Name+" has no record of a fence")
		case m != nil && m.Since == nil:
			names = append(names, r.Name+" is being fenced")
		}
	}
	for _, s := range f.sessions {
		names = append(names, "there is a session: "+s.String())
	}
	return names
}

// byName is a named role, or nil.
func (f facts) byName(name string) *role {
	for i := range f.roles {
		if f.roles[i].Name == name {
			return &f.roles[i]
		}
	}
	return nil
}

// recorded says that a role of that name was fenced, whatever became of it.
func (f facts) recorded(name string) bool {
	for _, m := range f.markers {
		if m.Role == name {
			return true
		}
	}
	return false
}

// ours are the markers that this fence answers for, by the roles' OIDs.
func (f facts) ours(spec FenceSpec) map[uint32]*record {
	list := map[uint32]*record{}
	for oid, m := range f.markers {
		if len(without(m.For, spec.Roles)) < len(m.For) {
			list[oid] = m
		}
	}
	return list
}

func one[T any](ctx context.Context, q queries, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

func all[T any](ctx context.Context, q queries, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
