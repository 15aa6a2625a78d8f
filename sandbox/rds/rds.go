// SPDX-License-Identifier: MPL-2.0

// Package rds is the sandbox's Amazon RDS: DB instances and read replicas, with
// the lifecycles, refusals and irreversible steps of the service. A PostgreSQL
// instance is a real server with real streaming replication, behind a proxy
// that fails with its region; a state-only instance has the same API and a
// modelled lag. MySQL and MariaDB instances are always state-only.
//
// The security groups of an instance, and the network ACL of its subnet, decide
// about its clients at that proxy, all of whom count as ec2.Client: a new
// connection needs a group that lets it in, else it hangs; one that is open lives
// on until the instance restarts or the ACL stops it. Replication between
// instances is RDS's own network and not subject to them.
//
// Not simulated: maintenance windows (what waits for one waits for the next
// modification that applies immediately), snapshots, parameter groups' contents,
// tags of anything but instances, the change and deletion of subnet groups and
// parameter groups, moving an instance to another VPC, Multi-AZ failover, managed
// master passwords.
package rds

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// Metrics is where ReplicaLag is published; *cloudwatch.Service is one.
type Metrics interface {
	Put(account, region, namespace, metric string, dimensions map[string]string, at time.Time, value float64, unit string)
}

// Options of the service.
type Options struct {
	// StateOnly makes every instance state-only.
	StateOnly bool
	// EC2 has the instances' network; one with default VPCs only unless given.
	EC2 *ec2.Service
	// Metrics may be nil.
	Metrics Metrics
	// Certificates issues what servers show to clients that ask for TLS, for
	// the name of the instance's endpoint; nil means no TLS.
	Certificates func(names []string, ips []net.IP) (tls.Certificate, error)
	// Postgres is passed on to postgres.Open; its DataDir defaults to the
	// engine's.
	Postgres postgres.Options
}

// Service is the simulated RDS of all regions and accounts.
type Service struct {
	e    *engine.Engine
	opts Options

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	manager struct {
		sync.Mutex
		*postgres.Manager
	}

	groups groups

	mu         sync.Mutex // guards what follows, instances' fields included
	closed     bool
	instances  []*instance
	events     []event
	promotions map[key]int
}

// key names an instance as a caller does.
type key struct{ account, region, id string }

// New makes an RDS without instances. Nothing is started before an instance
// needs it; Prepare does so ahead of time.
func New(e *engine.Engine, o Options) *Service {
	if o.EC2 == nil {
		o.EC2 = ec2.New(e)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{e: e, opts: o, ctx: ctx, cancel: cancel, promotions: map[key]int{}}
	e.OnRegion(s.regionChanged)
	s.background(s.publishLag)
	s.background(s.heartbeat)
	return s
}

// Definition is what the engine registers.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name:         "rds",
		Protocols:    []engine.Protocol{engine.Query},
		XMLNamespace: "http://rds.amazonaws.com/doc/2014-10-31/",
		ListNames: map[string]string{
			"AssociatedRoles":                        "DBInstanceRole",
			"DBInstanceAutomatedBackupsReplications": "DBInstanceAutomatedBackupsReplication",
			"DBInstances":                            "DBInstance",
			"DBParameterGroups":                      "DBParameterGroup",
			"DBSecurityGroups":                       "DBSecurityGroup",
			"DBSubnetGroups":                         "DBSubnetGroup",
			"DomainMemberships":                      "DomainMembership",
			"EventCategories":                        "EventCategory",
			"Events":                                 "Event",
			"Filters":                                "Filter",
			"OptionGroupMemberships":                 "OptionGroupMembership",
			"ProcessorFeatures":                      "ProcessorFeature",
			"ReadReplicaDBClusterIdentifiers":        "ReadReplicaDBClusterIdentifier",
			"ReadReplicaDBInstanceIdentifiers":       "ReadReplicaDBInstanceIdentifier",
			"StatusInfos":                            "DBInstanceStatusInfo",
			"SubnetIds":                              "SubnetIdentifier",
			"Subnets":                                "Subnet",
			"TagList":                                "Tag",
			"Tags":                                   "Tag",
			"Values":                                 "Value",
			"VpcSecurityGroupIds":                    "VpcSecurityGroupId",
			"VpcSecurityGroups":                      "VpcSecurityGroupMembership",
		},
		Operations: []engine.Operation{
			engine.Op("AddTagsToResource", s.addTags, engine.Mutating()),
			engine.Op("CreateDBInstance", s.createInstance, engine.Mutating()),
			engine.Op("CreateDBInstanceReadReplica", s.createReplica, engine.Mutating()),
			engine.Op("CreateDBParameterGroup", s.createParameterGroup, engine.Mutating()),
			engine.Op("CreateDBSubnetGroup", s.createSubnetGroup, engine.Mutating()),
			engine.Op("DeleteDBInstance", s.deleteInstance, engine.Mutating()),
			engine.Op("DescribeDBInstances", s.describeInstances),
			engine.Op("DescribeDBParameterGroups", s.describeParameterGroups),
			engine.Op("DescribeDBSubnetGroups", s.describeSubnetGroups),
			engine.Op("DescribeEvents", s.describeEvents),
			engine.Op("ListTagsForResource", s.listTags),
			engine.Op("ModifyDBInstance", s.modifyInstance, engine.Mutating()),
			engine.Op("PromoteReadReplica", s.promoteReplica, engine.Mutating()),
			engine.Op("RebootDBInstance", s.rebootInstance, engine.Mutating()),
			engine.Op("RemoveTagsFromResource", s.removeTags, engine.Mutating()),
		},
	}
}

// Prepare finds (or fetches) PostgreSQL and makes the template cluster, so that
// a machine that cannot do either says so at once. It does nothing in state-only
// mode.
func (s *Service) Prepare(ctx context.Context) error {
	if s.opts.StateOnly {
		return nil
	}
	_, err := s.postgres(ctx)
	return err
}

// postgres opens the manager at the first need.
func (s *Service) postgres(ctx context.Context) (*postgres.Manager, error) {
	s.manager.Lock()
	defer s.manager.Unlock()
	if s.manager.Manager != nil {
		return s.manager.Manager, nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	o := s.opts.Postgres
	if o.DataDir == "" {
		o.DataDir = s.e.DataDir
	}
	if o.Log == nil {
		o.Log = s.e.Log
	}
	m, err := postgres.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	s.manager.Manager = m
	return m, nil
}

// Close ends lifecycles and publishing, and every database with its data.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.mu.Lock()
	for _, i := range s.instances {
		s.closeNetwork(i)
	}
	s.mu.Unlock()
	s.manager.Lock()
	defer s.manager.Unlock()
	if s.manager.Manager == nil {
		return nil
	}
	err := s.manager.Close()
	s.manager.Manager = nil
	return err
}

// background runs f until it returns or the service is closed.
func (s *Service) background(f func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(func() { f(s.ctx) })
	}
}

// script runs an instance's lifecycle: durations as AWS takes them, each
// followed by a change made under the lock. A real part may take longer than its
// simulated time; it is done before the step's change is seen.
func (s *Service) script(i *instance, steps ...step) {
	i.busy = true
	go s.background(func(ctx context.Context) {
		for n, st := range steps {
			if !s.sleep(ctx, st.after) {
				return
			}
			var err error
			if st.do != nil {
				err = st.do(ctx)
			}
			if ctx.Err() != nil {
				return
			}
			s.mu.Lock()
			if err != nil {
				s.fail(i, err)
				s.mu.Unlock()
				return
			}
			// Whoever sees the last status can act on it.
			i.busy = n < len(steps)-1
			if st.then != nil {
				st.then()
			}
			s.mu.Unlock()
		}
	})
}

// step is one step of a lifecycle.
type step struct {
	after time.Duration               // simulated
	do    func(context.Context) error // the real part, without the lock
	then  func()                      // with the lock
}

// fail is the end of a lifecycle whose real part went wrong: the sandbox's own
// failure, told in the log and in an event.
func (s *Service) fail(i *instance, err error) {
	s.e.Log.Error("a simulated database failed", "instance", i.id, "region", i.region, "error", err)
	i.status, i.busy = "failed", false
	s.note(i, "DB instance has failed: "+err.Error(), "failure")
}

func (s *Service) sleep(ctx context.Context, simulated time.Duration) bool {
	t := time.NewTimer(s.e.Clock.Wall(simulated))
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
