// SPDX-License-Identifier: MPL-2.0

// Package postgres stops the writers of a PostgreSQL database, and lets them
// write again.
//
// # The write fence
//
// Roles lose LOGIN, and so do the roles that are members of them, since a
// member writes as the role. Then their sessions are terminated until none is
// left, seen twice. It never touches superusers, the role that it logs in as,
// the roles that are excepted by name, or replication connections; it never
// uses default_transaction_read_only, which any session may unset; it never
// drops, renames or re-passwords anything of the user's.
//
// What has to be put back is recorded in the database itself, in the same
// transaction as the change: for each role a marker role of its own,
// dr_fence_login_<oid of the role>, without LOGIN or privileges, whose comment
// holds the record. (A setting of the role, ALTER ROLE … SET "dr.fence", would
// be the obvious place, but PostgreSQL lets only superusers store settings that
// no extension has defined, and the master user of RDS is none.)
//
// The states of a role, each reached by one transaction:
//
//	open     no marker, the role is as its owner made it
//	fencing  marker without a time, NOLOGIN: no new session, old ones are being ended
//	held     marker with a time: no session was left at that time, seen twice
//
//	open → fencing   T1: CREATE ROLE marker, COMMENT, ALTER ROLE NOLOGIN; all roles at once
//	fencing → held   T2: COMMENT with the time; all roles at once
//	any → open       T3: ALTER ROLE LOGIN if it was recorded so, DROP ROLE marker; all roles at once
//
// Whatever dies between two of them is picked up by the next run, which reads
// the markers: killed before T1 has committed, nothing was changed; after T1, it
// goes on ending sessions; after T2, it finds the fence and changes nothing;
// killed around T3, it finds either all markers or none. A lost answer to a
// COMMIT is the same as a kill. T2 commits only once its time has passed on the
// server's clock, so a replica that has replayed T2 is known to be past it.
//
// Physical replication copies roles: a replica of a fenced instance inherits
// its fence, and once promoted it has to be lifted there. Nothing can be fenced
// or lifted on an instance in recovery.
package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"
)

// Secrets is what is used of Secrets Manager.
type Secrets interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Options of a Service.
type Options struct {
	// Secrets gives the client of a region.
	Secrets func(region string) Secrets
	// Credentials sign the tokens of IAM authentication.
	Credentials aws.CredentialsProvider
	// PollInterval is the pause between two looks at sessions, 1 s if zero.
	PollInterval time.Duration
	// Log is told of the progress of long work. May be nil.
	Log func(ctx context.Context, message string, fields map[string]any)

	tracer pgx.QueryTracer // tests kill a run between its statements with it
}

// Service works on PostgreSQL servers. It is safe for concurrent use, and keeps
// neither connections nor credentials.
type Service struct {
	options Options

	mu     sync.Mutex
	silent map[string]*UnreachableError // by address, for the rest of the process
}

// New makes a service. It calls nothing.
func New(options Options) *Service {
	if options.PollInterval <= 0 {
		options.PollInterval = time.Second
	}
	return &Service{options: options, silent: map[string]*UnreachableError{}}
}

func (s *Service) log(ctx context.Context, t Target, message string, fields map[string]any) {
	if s.options.Log == nil {
		return
	}
	if fields == nil {
		fields = map[string]any{}
	}
	fields["server"], fields["database"] = t.Subject(), t.Database
	s.options.Log(ctx, message, fields)
}
