// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html
func (s *Service) rebootInstance(c *engine.Call, in *rds.RebootDBInstanceInput) (*rds.RebootDBInstanceOutput, error) {
	id, err := given(in.DBInstanceIdentifier, "DBInstanceIdentifier")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.settled(c.Account, c.Region, id)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.ForceFailover) && !aws.ToBool(i.db.MultiAZ) {
		return nil, clash("You cannot force a failover of %s: it is not configured for Multi-AZ.", i.id)
	}
	i.status = "rebooting"
	s.script(i, s.restartSteps(i, rebootTime, func() { i.status = "available" })...)
	return &rds.RebootDBInstanceOutput{DBInstance: s.render(i)}, nil
}

// restartSteps takes the database away for as long as the reboot takes.
func (s *Service) restartSteps(i *instance, lasts time.Duration, then func()) []step {
	return []step{
		{do: i.stopDatabase},
		{after: lasts, do: i.startDatabase, then: func() {
			for n := range i.db.DBParameterGroups {
				group := i.db.DBParameterGroups[n]
				group.ParameterApplyStatus = aws.String("in-sync")
				i.db.DBParameterGroups = append(i.db.DBParameterGroups[:0:0], group)
			}
			s.note(i, "DB instance restarted", "availability")
			then()
		}},
	}
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
func (s *Service) deleteInstance(c *engine.Call, in *rds.DeleteDBInstanceInput) (*rds.DeleteDBInstanceOutput, error) {
	id, err := given(in.DBInstanceIdentifier, "DBInstanceIdentifier")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.lookup(c.Account, c.Region, id)
	if err != nil {
		return nil, err
	}
	skip, snapshot := aws.ToBool(in.SkipFinalSnapshot), aws.ToString(in.FinalDBSnapshotIdentifier)
	switch {
	case i.busy || (i.status != "available" && i.status != "failed"):
		return nil, wrongState("Instance %s cannot be deleted; its status is %s.", i.id, i.status)
	case aws.ToBool(i.db.DeletionProtection):
		return nil, clash("Cannot delete protected DB Instance %s: disable its deletion protection first.", i.id)
	case skip && snapshot != "":
		return nil, clash("FinalDBSnapshotIdentifier cannot be given when SkipFinalSnapshot is.")
	case i.isReplica() && snapshot != "":
		return nil, clash("FinalDBSnapshotIdentifier cannot be given for a read replica.")
	case !skip && snapshot == "": // a replica cannot have one, but must say so
		return nil, clash("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
	case snapshot != "" && (len(snapshot) > 255 || !identifierPattern.MatchString(snapshot)):
		return nil, invalid("The parameter FinalDBSnapshotIdentifier is not a valid identifier: %s", snapshot)
	case i.status == "failed" && !skip:
		return nil, wrongState("A failed instance can be deleted only with SkipFinalSnapshot: %s.", i.id)
	}
	i.status = "deleting"
	s.script(i, step{after: deleteTime, then: func() { s.delete(i) }})
	return &rds.DeleteDBInstanceOutput{DBInstance: s.render(i)}, nil
}

// delete ends an instance. What becomes of its replicas depends on engine and
// region: all in the same region, and MySQL's and MariaDB's elsewhere, are
// promoted; PostgreSQL's in another region only lose their source.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html
func (s *Service) delete(i *instance) {
	s.note(i, "DB instance deleted", "deletion")
	var left []*instance
	for _, x := range s.instances {
		if x != i {
			left = append(left, x)
		}
	}
	s.instances = left
	former := s.release(i)
	for _, r := range i.replicas {
		promoted := r.region == i.region || i.engine() != "postgres"
		if promoted && r.status == "available" && !r.busy {
			s.promote(r, max(1, r.retention()), nil)
			continue
		}
		r.lostSource, r.source = i.nameFor(r.region), nil
		r.lag.lost(s.e.Clock.Now())
		s.note(r, "Replication for the Read Replica was terminated", "read replica")
	}
	i.replicas = nil
	s.closeNetwork(i)
	s.detach(i)
	go s.background(func(ctx context.Context) {
		s.dropLink(ctx, i, former)
		if i.real != nil {
			if err := i.real.server.Destroy(); err != nil {
				s.e.Log.Warn("a deleted database was not removed", "instance", i.id, "error", err)
			}
		}
	})
}
