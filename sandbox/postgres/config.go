// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// settings of every server, replicas alike (a standby needs at least its
// source's worker and connection limits). The short time-outs make a replication
// link that is cut or goes silent show within seconds and come back as fast.
const settings = `# written by the sandbox at every start
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
superuser_reserved_connections = 5
shared_buffers = '16MB'
work_mem = '2MB'
maintenance_work_mem = '16MB'
huge_pages = off
dynamic_shared_memory_type = mmap
max_worker_processes = 4
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
autovacuum_max_workers = 1
jit = off
fsync = off
synchronous_commit = on
wal_level = replica
max_wal_senders = 10
max_replication_slots = 10
min_wal_size = '4MB'
max_wal_size = '64MB'
wal_sender_timeout = '5s'
wal_receiver_timeout = '5s'
wal_receiver_status_interval = '1s'
wal_retrieve_retry_interval = '500ms'
hot_standby = on
track_commit_timestamp = on
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
`

// access: passwords for everybody, on loopback.
const access = `# written by the sandbox at every start
host all         all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
`

// configure writes the files that decide how a server runs.
func (s *Server) configure() error {
	var b strings.Builder
	b.WriteString(settings)
	fmt.Fprintf(&b, "port = %d\n", s.port.Load())
	if s.secured {
		fmt.Fprintf(&b, "ssl = on\nssl_cert_file = %s\nssl_key_file = %s\n", quote(s.certificateFile()), quote(s.keyFile()))
	}
	if s.link != nil {
		fmt.Fprintf(&b, "primary_conninfo = %s\n", quote(s.link.conninfo(s.m.secret)))
		fmt.Fprintf(&b, "primary_slot_name = %s\n", quote(s.link.slot))
	}
	return errors.Join(
		s.write("postgresql.conf", b.String()),
		s.write("pg_hba.conf", access),
	)
}

// write puts a file into the data directory, as its owner's.
func (s *Server) write(name, content string) error {
	path := filepath.Join(s.data, name)
	return errors.Join(os.WriteFile(path, []byte(content), 0o600), s.m.user.own(path))
}

// quote makes a string constant, of SQL and of postgresql.conf alike.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
