// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// replicationRole is the role that replicas stream as, named as on RDS.
const replicationRole = "rdsrepladmin"

// link is how a replica reaches its source.
type link struct {
	addr string // HOST:PORT; a proxy, so that the link can be cut
	slot string
}

func (l *link) conninfo(password string) string {
	host, port, _ := net.SplitHostPort(l.addr)
	return fmt.Sprintf("host=%s port=%s user=%s password=%s application_name=%s sslmode=disable connect_timeout=3",
		host, port, replicationRole, password, l.slot)
}

// CreateReplica makes and starts a streaming replica of source, which it reaches
// by via (HOST:PORT). The binaries that are fetched for a machine without
// PostgreSQL lack pg_basebackup, so this is a base backup of the low-level kind:
// the files are copied between the two calls that bracket a backup.
func (m *Manager) CreateReplica(ctx context.Context, name string, source *Server, via string) (*Server, error) {
	s, err := m.newServer(name)
	if err != nil {
		return nil, err
	}
	s.link = &link{addr: via, slot: "rds_" + slotSuffix(filepath.Base(s.dir))}
	err = source.with(ctx, func(c *pgx.Conn) error { return s.backup(ctx, c, source) })
	if err == nil {
		err = s.write("standby.signal", "")
	}
	if err == nil {
		err = s.Start(ctx)
	}
	if err == nil {
		// A first transaction to replay, so that there is a lag to tell.
		err = source.heartbeatIfPrimary(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the replica %s: %w", name, err), source.DropSlot(ctx, s), s.Destroy())
	}
	return s, nil
}

// backup copies source's files while it runs, after reserving with a slot the
// log that the copy needs to become consistent.
func (s *Server) backup(ctx context.Context, c *pgx.Conn, source *Server) error {
	if _, err := c.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", s.link.slot); err != nil {
		return err
	}
	begin, end := "SELECT pg_backup_start('dr-sandbox', true)", "SELECT labelfile FROM pg_backup_stop(false)"
	if s.m.bin.major < 15 {
		begin, end = "SELECT pg_start_backup('dr-sandbox', true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)"
	}
	if _, err := c.Exec(ctx, begin); err != nil {
		return err
	}
	if err := s.m.copyCluster(ctx, source.data, s.data, true); err != nil {
		return err
	}
	var label string
	if err := c.QueryRow(ctx, end).Scan(&label); err != nil {
		return err
	}
	return s.write("backup_label", label)
}

// slotSuffix turns a directory name into what a slot may be called.
func slotSuffix(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// DropSlot makes source forget a replica that is gone or was promoted, so that
// it stops keeping log for it. Unknown slots are no error.
func (s *Server) DropSlot(ctx context.Context, replica *Server) error {
	if replica.link == nil || !s.Running() {
		return nil
	}
	return s.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
			WHERE slot_name = $1 AND active`, replica.link.slot)
		if err != nil {
			return err
		}
		for {
			var left int
			err := c.QueryRow(ctx, `SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1 AND active`,
				replica.link.slot).Scan(&left)
			if err != nil {
				return err
			}
			if left == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
		_, err = c.Exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
			WHERE slot_name = $1`, replica.link.slot)
		return err
	})
}

// Promote makes a replica a primary and returns when it takes writes. A primary
// stays what it is.
func (s *Server) Promote(ctx context.Context) error {
	return s.with(ctx, func(c *pgx.Conn) error {
		var standby bool
		if err := c.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
			return err
		}
		if !standby {
			return nil
		}
		var done bool
		if err := c.QueryRow(ctx, "SELECT pg_promote(true, 60)").Scan(&done); err != nil {
			return err
		}
		if !done {
			return errors.New("the server did not leave recovery within 60 s of pg_promote()")
		}
		return nil
	})
}

// Replication is what a replica knows of its replication.
type Replication struct {
	// Standby is false once it is promoted.
	Standby bool
	// Streaming tells whether it is connected to its source.
	Streaming bool
	// Known is false while no transaction was replayed yet; Lag is the time
	// since the last one was committed on the source, which is what RDS
	// publishes as ReplicaLag: on an idle or dead source it grows.
	Known bool
	Lag   time.Duration
}

// Replication asks a replica how it does.
func (s *Server) Replication(ctx context.Context) (Replication, error) {
	var r Replication
	err := s.with(ctx, func(c *pgx.Conn) error {
		var seconds *float64
		err := c.QueryRow(ctx, `SELECT pg_is_in_recovery(),
			EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
			extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8`).
			Scan(&r.Standby, &r.Streaming, &seconds)
		if err != nil || seconds == nil {
			return err
		}
		r.Known = true
		r.Lag = max(0, time.Duration(*seconds*float64(time.Second)))
		return nil
	})
	return r, err
}

func (s *Server) heartbeatIfPrimary(ctx context.Context) error {
	if s.link != nil {
		r, err := s.Replication(ctx)
		if err != nil || r.Standby {
			return err
		}
	}
	return s.Heartbeat(ctx)
}
