// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The proof of a fence: what was open fails, and what is new fails.
func TestAFenceStopsOpenAndNewSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.role("LOGIN")
	table := w.table(role)
	other := w.open(w.role("LOGIN"))
	writer := w.open(role)
	if _, err := writer.Exec(t.Context(), "INSERT INTO "+table+" VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	// A transaction that has begun is not to commit either.
	pending := w.open(role)
	tx, err := pending.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO "+table+" VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Second)

	out := w.ensure(w.spec(true, role))
	if _, err := writer.Exec(t.Context(), "INSERT INTO "+table+" VALUES (3)"); err == nil {
		t.Error("a session that was open writes")
	}
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("a transaction that was open commits")
	}
	if w.canLogIn(role) {
		t.Error("a new session opens")
	}
	if _, err := other.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("a role that is not fenced lost its session: %v", err)
	}
	if out.Since.Before(before) || out.Since.After(time.Now()) || out.Since.Nanosecond() != 0 {
		t.Errorf("it holds since %s: want a whole second that has passed", out.Since)
	}
	if !out.HadLogin[role] {
		t.Errorf("HadLogin is %v", out.HadLogin)
	}
	// Idempotent: the second run and a look say the same.
	again := w.ensure(w.spec(true, role))
	found, err := w.s.FindFence(t.Context(), w.spec(true, role))
	if err != nil || !again.Since.Equal(out.Since) || !found.Since.Equal(out.Since) || found.State != FenceHeld {
		t.Errorf("since %s, a second run says %s, a look %s (%s): %v", out.Since, again.Since, found.Since, found.State, err)
	}

	w.ensure(w.spec(false, role))
	if !w.canLogIn(role) {
		t.Error("a role does not get LOGIN back")
	}
	if w.markers(role) != 0 {
		t.Error("a lifted fence leaves a record")
	}
	w.ensure(w.spec(false, role)) // twice is once
}

// A group's members write as the group. What never had LOGIN does not get it.
func TestAFenceTakesMembersAlongAndPutsBackExactly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	group, member, indirect, excepted, sleeping := w.role("NOLOGIN"), w.role("LOGIN"), w.role("LOGIN"), w.role("LOGIN"), w.role("NOLOGIN")
	w.sql("GRANT "+ident(group)+" TO "+ident(member)+", "+ident(excepted)+", "+ident(sleeping),
		"GRANT "+ident(sleeping)+" TO "+ident(indirect))
	table := w.table(group)
	sessions := map[string]bool{member: true, indirect: true, excepted: false}
	open := map[string]interface{ Write() error }{}
	for role := range sessions {
		conn := w.open(role)
		open[role] = writing(func() error {
			_, err := conn.Exec(t.Context(), "INSERT INTO "+table+" VALUES (1)")
			return err
		})
		if err := open[role].Write(); err != nil {
			t.Fatalf("%s does not write as %s: %v", role, group, err)
		}
	}
	spec := w.spec(true, group)
	spec.Except = []string{excepted}
	out := w.ensure(spec)
	for role, fenced := range sessions {
		if err := open[role].Write(); (err != nil) != fenced {
			t.Errorf("the open session of %s: fenced %t, got %v", role, fenced, err)
		}
		if w.canLogIn(role) == fenced {
			t.Errorf("a new session of %s: fenced %t", role, fenced)
		}
	}
	if want := map[string]bool{group: false, member: true, indirect: true}; len(out.HadLogin) != len(want) || out.HadLogin[group] || !out.HadLogin[member] || !out.HadLogin[indirect] {
		t.Errorf("HadLogin is %v, want %v", out.HadLogin, want)
	}
	// A member that joins while the fence holds is found, and fenced next time.
	late := w.role("LOGIN")
	w.sql("GRANT " + ident(group) + " TO " + ident(late))
	found, err := w.s.FindFence(t.Context(), spec)
	if err != nil || found.State != FenceFencing || !warned(found, late+" may log in") {
		t.Errorf("a late member: %s, %v, %v", found.State, found.Warnings, err)
	}
	w.ensure(spec)
	if w.canLogIn(late) {
		t.Error("a late member logs in")
	}

	spec.Fenced = false
	w.ensure(spec)
	for role, login := range map[string]bool{group: false, sleeping: false, member: true, indirect: true, excepted: true, late: true} {
		if w.canLogIn(role) != login {
			t.Errorf("after the fence %s logs in: %t, want %t", role, !login, login)
		}
	}
}

type writing func() error

func (f writing) Write() error { return f() }

// Two fences may hold one role; it gets LOGIN back with the last.
func TestARoleOfTwoFencesIsLiftedWithTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, member := w.role("LOGIN"), w.role("LOGIN"), w.role("LOGIN")
	w.sql("GRANT " + ident(a) + ", " + ident(b) + " TO " + ident(member))
	w.ensure(w.spec(true, a))
	w.ensure(w.spec(true, b))
	out := w.ensure(w.spec(false, a))
	if w.canLogIn(member) || !w.canLogIn(a) || !warned(out, member+": stays without LOGIN") {
		t.Errorf("after the first: member %t, a %t, %v", w.canLogIn(member), w.canLogIn(a), out.Warnings)
	}
	w.ensure(w.spec(false, b))
	if !w.canLogIn(member) || w.markers(a, b) != 0 {
		t.Error("after the last the member does not log in, or a record is left")
	}
}

// Roles that leave the configuration while the fence holds are lifted.
func TestReleasedRolesAreLifted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.role("LOGIN"), w.role("LOGIN")
	w.ensure(w.spec(true, a, b))
	spec := w.spec(true, a)
	spec.Released = []string{b}
	w.ensure(spec)
	if w.canLogIn(a) || !w.canLogIn(b) {
		t.Errorf("a logs in: %t, b: %t", w.canLogIn(a), w.canLogIn(b))
	}
	w.ensure(w.spec(false, a))
}

// What others did meanwhile is told, and not overwritten.
func TestDriftIsReportedAndNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	given, never, dropped, lost := w.role("LOGIN"), w.role("NOLOGIN"), w.role("LOGIN"), w.role("LOGIN")
	roles := []string{given, never, dropped, lost}
	w.ensure(w.spec(true, roles...))
	w.sql("ALTER ROLE "+ident(given)+" LOGIN", "ALTER ROLE "+ident(never)+" LOGIN", "DROP ROLE "+ident(dropped), "CREATE ROLE "+ident(dropped)+" NOLOGIN")
	found, err := w.s.FindFence(t.Context(), w.spec(true, roles...))
	if err != nil || found.State != FenceFencing || !found.Since.IsZero() || !warned(found, given+" may log in") {
		t.Errorf("a fence that does not hold any more: %s, %v, %v", found.State, found.Warnings, err)
	}
	var oid string
	conn := w.open("dradmin")
	if err := conn.QueryRow(t.Context(), "SELECT oid::text FROM pg_roles WHERE rolname = $1", lost).Scan(&oid); err != nil {
		t.Fatal(err)
	}
	w.sql("DROP ROLE " + ident(markerPrefix+oid))

	out := w.ensure(w.spec(false, roles...))
	for _, text := range []string{given + ": had LOGIN already", never + ": had LOGIN already", dropped + ": was dropped"} {
		if !warned(out, text) {
			t.Errorf("no warning that %s: %v", text, out.Warnings)
		}
	}
	if !w.canLogIn(given) || !w.canLogIn(never) {
		t.Error("what somebody else gave was taken away")
	}
	if w.canLogIn(lost) || w.canLogIn(dropped) {
		t.Error("something was put back that is not recorded")
	}
	spec := w.spec(false, lost)
	spec.HadLogin = map[string]bool{lost: true}
	if out := w.ensure(spec); !warned(out, "there is no record of a fence") {
		t.Errorf("a record that was lost is not told: %v", out.Warnings)
	}
}

func TestAFenceRefusesBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, weak := w.role("LOGIN"), w.role("LOGIN")
	for name, c := range map[string]struct {
		change func(*FenceSpec)
		kind   Kind
		field  string
		text   []string
	}{
		"a role that does not exist": {func(s *FenceSpec) { s.Roles = append(s.Roles, "nobody here") }, KindNoRole, FieldRoles, []string{`"nobody here"`}},
		"a superuser":                {func(s *FenceSpec) { s.Roles = append(s.Roles, "rdsadmin") }, KindProtected, FieldRoles, []string{"superuser"}},
		"its own role":               {func(s *FenceSpec) { s.Roles = append(s.Roles, "dradmin") }, KindProtected, FieldRoles, []string{"itself logs in as"}},
		"an excepted role":           {func(s *FenceSpec) { s.Except = s.Roles }, KindProtected, FieldRoles, []string{"except"}},
		"a role without privileges": {func(s *FenceSpec) { s.Login = Login{SecretARN: secretARN} }, KindPrivilege, "", []string{
			"CREATEROLE", "ALTER ROLE " + ident(weak) + " CREATEROLE;", "GRANT pg_signal_backend TO " + ident(weak) + ";"}},
	} {
		w := newWorld(t)
		if c.kind == KindPrivilege {
			w.secrets.text = `{"username": "` + strings.ReplaceAll(weak, `"`, `\"`) + `", "password": "` + canary + `"}`
		}
		spec := w.spec(true, good)
		c.change(&spec)
		for what, run := range map[string]func() error{
			"ensure": func() error { _, err := w.s.EnsureFence(t.Context(), spec); return err },
			"check":  func() error { _, err := w.s.CheckFence(t.Context(), spec); return err },
		} {
			err := run()
			if !IsKind(err, c.kind) {
				t.Fatalf("%s, %s: got %v, want %s", name, what, err, c.kind)
			}
			detail := err.(*Error).Detail()                      //nolint:errorlint,forcetypeassert // IsKind
			if got := err.(*Error).Attribute(); got != c.field { //nolint:errorlint,forcetypeassert // IsKind
				t.Errorf("%s, %s: it is at %q, want %q", name, what, got, c.field)
			}
			for _, text := range append(c.text, "Nothing was changed.", "Next: ") {
				if !strings.Contains(detail, text) {
					t.Errorf("%s, %s: the detail does not say %q:\n%s", name, what, text, detail)
				}
			}
		}
	}
	if !w.canLogIn(good) || w.markers(good) != 0 {
		t.Error("a refused fence changed the roles that it would have fenced")
	}
}

func TestFencesOfOneServerDoNotMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	roles := make([]string, 6)
	for i := range roles {
		roles[i] = w.role("LOGIN")
	}
	run := func(fenced bool) {
		errs := make(chan error)
		for i, role := range roles {
			go func() {
				// Half of them share a role with the next one.
				set := []string{role}
				if i%2 == 0 {
					set = append(set, roles[i+1])
				}
				_, err := w.service(nil).EnsureFence(t.Context(), w.spec(fenced, set...))
				errs <- err
			}()
		}
		for range roles {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
	run(true)
	if i := slices.IndexFunc(roles, w.canLogIn); i >= 0 {
		t.Errorf("%s logs in", roles[i])
	}
	run(false)
	for _, role := range roles {
		if !w.canLogIn(role) {
			t.Errorf("%s does not log in", role)
		}
	}
	if w.markers(roles...) != 0 {
		t.Error("records are left")
	}
}
