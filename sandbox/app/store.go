// SPDX-License-Identifier: MPL-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Connection says how to reach a region's database.
type Connection struct {
	// Host is a name that Lookup resolves anew for each connection.
	Host                     string
	Port                     int
	User, Password, Database string
	Lookup                   func(name string) (net.IP, bool)
}

// schema is made by the first application that may write.
const schema = `CREATE TABLE IF NOT EXISTS orders (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`

// postgresStore is a Store in PostgreSQL.
type postgresStore struct{ pool *pgxpool.Pool }

// Postgres makes a store in a PostgreSQL database, which need not answer yet.
func Postgres(c Connection) (Store, error) {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(c.User, c.Password),
		Host: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Path: c.Database,
		RawQuery: "sslmode=disable&connect_timeout=2",
	}
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("the database of the application: %w", err)
	}
	config.MaxConns = 4
	config.MaxConnIdleTime = 5 * time.Second
	config.ConnConfig.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		ip, ok := c.Lookup(host)
		if !ok {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []string{ip.String()}, nil
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("the database of the application: %w", err)
	}
	return &postgresStore{pool}, nil
}

// errRollback ends a transaction that only tried.
var errRollback = errors.New("only tried")

// Writable inserts a row and rolls it back: a standby, and a session that is
// read-only, refuse that.
func (s *postgresStore) Writable(ctx context.Context) error {
	try := func() error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO orders (id) VALUES (gen_random_uuid())`); err != nil {
				return err
			}
			return errRollback
		})
	}
	err := s.withSchema(ctx, try)
	if errors.Is(err, errRollback) {
		return nil
	}
	return err
}

// Insert implements Store.
func (s *postgresStore) Insert(ctx context.Context, id string) error {
	return s.withSchema(ctx, func() error {
		_, err := s.pool.Exec(ctx, `INSERT INTO orders (id) VALUES ($1) ON CONFLICT DO NOTHING`, id)
		return err
	})
}

// withSchema makes the table if that is what is missing.
func (s *postgresStore) withSchema(ctx context.Context, f func() error) error {
	err := f()
	if !refused(err, "42P01") { // undefined_table
		return err
	}
	// Of two requests that make it at once, one may be told that it is there.
	if _, err := s.pool.Exec(ctx, schema); err != nil && !refused(err, "23505") && !refused(err, "42P07") {
		return err
	}
	return f()
}

func refused(err error, code string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code
}

// Count implements Store.
func (s *postgresStore) Count(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM orders`).Scan(&n)
	return n, err
}

// Close implements Store.
func (s *postgresStore) Close() { s.pool.Close() }

// memoryStore is a Store for a state-only sandbox.
type memoryStore struct {
	writable func(context.Context) error

	mu   sync.Mutex
	rows map[string]bool
}

// Memory makes a store that keeps its rows in memory and asks writable whether
// it may take one.
func Memory(writable func(context.Context) error) Store {
	return &memoryStore{writable: writable, rows: map[string]bool{}}
}

// Writable implements Store.
func (s *memoryStore) Writable(ctx context.Context) error { return s.writable(ctx) }

// Insert implements Store.
func (s *memoryStore) Insert(ctx context.Context, id string) error {
	if err := s.writable(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[id] = true
	return nil
}

// Count implements Store.
func (s *memoryStore) Count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows), nil
}

// Close implements Store.
func (s *memoryStore) Close() {}
