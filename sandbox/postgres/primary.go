// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Spec describes a new primary.
type Spec struct {
	// Name is for directories and logs only.
	Name string
	// User and Password of the master user; Database is made if not empty.
	User, Password, Database string
}

// Create makes and starts a primary.
func (m *Manager) Create(ctx context.Context, spec Spec) (*Server, error) {
	s, err := m.newServer(spec.Name)
	if err != nil {
		return nil, err
	}
	err = m.copyCluster(ctx, m.templateDataDir(), s.data, false)
	if err == nil {
		err = s.Start(ctx)
	}
	if err == nil {
		err = s.with(ctx, func(c *pgx.Conn) error { return m.setUp(ctx, c, spec) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the database %s: %w", spec.Name, err), s.Destroy())
	}
	return s, nil
}

// setUp makes the roles that RDS makes. The master user can make roles and
// databases, and has the predefined roles, but is no superuser.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
func (m *Manager) setUp(ctx context.Context, c *pgx.Conn, spec Spec) error {
	user := pgx.Identifier{spec.User}.Sanitize()
	statements := []string{
		"CREATE ROLE rds_superuser NOLOGIN",
		"CREATE ROLE rds_replication NOLOGIN",
		"CREATE ROLE rds_password NOLOGIN",
		"CREATE ROLE " + replicationRole + " LOGIN REPLICATION PASSWORD " + quote(m.secret),
		"GRANT pg_monitor, pg_signal_backend, rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION",
		"GRANT pg_read_all_data, pg_write_all_data TO rds_superuser WITH ADMIN OPTION",
		"CREATE ROLE " + user + " LOGIN CREATEROLE CREATEDB PASSWORD " + quote(spec.Password),
		"GRANT rds_superuser TO " + user,
		"GRANT CREATE ON SCHEMA public TO " + user,
		"CREATE TABLE public.rds_heartbeat (id int PRIMARY KEY, value bigint NOT NULL)",
		"INSERT INTO public.rds_heartbeat VALUES (1, 0)",
	}
	if spec.Database != "" && spec.Database != "postgres" {
		statements = append(statements, "CREATE DATABASE "+pgx.Identifier{spec.Database}.Sanitize()+" OWNER "+user)
	}
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			// The statement stays out of the message: it may hold a password.
			return fmt.Errorf("setting up roles and databases: %w", err)
		}
	}
	return nil
}

// Login is who a session belongs to, and where.
type Login struct{ User, Password, Database string }

// Exec runs statements in a session of a role's own. Errors do not repeat the
// statements, which may hold a password.
func (s *Server) Exec(ctx context.Context, login Login, statements ...string) error {
	conn, err := s.connectAs(ctx, login.User, login.Password, login.Database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for n, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("statement %d as %s: %w", n+1, login.User, err)
		}
	}
	return nil
}

// Heartbeat commits a row of the sandbox's own, as RDS does on an idle source
// every five minutes: without it a replica's lag, which PostgreSQL counts from
// the last transaction replayed, would grow for as long as nobody writes.
func (s *Server) Heartbeat(ctx context.Context) error {
	return s.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "UPDATE public.rds_heartbeat SET value = value + 1 WHERE id = 1")
		return err
	})
}

// SetPassword changes the password of a role.
func (s *Server) SetPassword(ctx context.Context, user, password string) error {
	return s.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "ALTER ROLE "+pgx.Identifier{user}.Sanitize()+" PASSWORD "+quote(password))
		return err
	})
}

// Superuser runs statements in a session of the sandbox's own superuser, as AWS
// could and a user could not.
func (s *Server) Superuser(ctx context.Context, database string, statements ...string) error {
	return s.Exec(ctx, Login{User: adminRole, Password: s.m.secret, Database: database}, statements...)
}
