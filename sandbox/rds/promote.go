// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// promoteReplica accepts a promotion, which cannot be taken back from then on.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PromoteReadReplica.html
func (s *Service) promoteReplica(c *engine.Call, in *rds.PromoteReadReplicaInput) (*rds.PromoteReadReplicaOutput, error) {
	id, err := given(in.DBInstanceIdentifier, "DBInstanceIdentifier")
	if err != nil {
		return nil, err
	}
	if err := firstError(
		optional(in.BackupRetentionPeriod, checkRetention),
		optional(in.PreferredBackupWindow, checkBackupWindow),
	); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.settled(c.Account, c.Region, id)
	if err != nil {
		return nil, err
	}
	if !i.isReplica() {
		return nil, wrongState("DB Instance %s is not a read replica.", i.id)
	}
	if err := checkWindows(&i.db, in.PreferredBackupWindow, nil); err != nil {
		return nil, err
	}
	retention := int32(1) // omitted does not mean "keep"
	set(&retention, in.BackupRetentionPeriod)
	if retention == 0 && len(i.replicas) > 0 {
		return nil, wrongState("%s has read replicas of its own: its backup retention period cannot be 0.", i.id)
	}
	s.promotions[key{c.Account, c.Region, i.id}]++
	s.promote(i, retention, in.PreferredBackupWindow)
	return &rds.PromoteReadReplicaOutput{DBInstance: s.render(i)}, nil
}

// promote runs a promotion of about five minutes: the status stays "available"
// for a moment, and the source is forgotten only at the very end.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Promote.html
func (s *Service) promote(i *instance, retention int32, window *string) {
	s.script(i,
		step{after: settleTime, then: func() {
			i.status, i.replication = "modifying", "replication stop point set"
		}},
		step{after: stopPoint, then: func() {
			i.replication = "replication stop point reached"
		}},
		step{after: promoteTime, do: i.promoteDatabase, then: func() {
			i.status = "rebooting"
		}},
		step{do: i.stopDatabase},
		step{after: restartTime, do: i.startDatabase, then: func() {
			former := s.release(i)
			i.db.BackupRetentionPeriod = aws.Int32(retention)
			override(&i.db.PreferredBackupWindow, window)
			i.status = "available"
			s.note(i, "DB instance restarted", "availability")
			s.note(i, "Promoted Read Replica instance to stand-alone database instance", "read replica")
			go s.background(func(ctx context.Context) { s.dropLink(ctx, i, former) })
		}},
	)
}

// release parts a replica from its source, for both sides. A source whose region
// is down shows it when it is back, since nobody can ask it before. Call it with
// the lock.
func (s *Service) release(i *instance) *instance {
	former := i.source
	if former != nil {
		former.replicas = without(former.replicas, i)
	}
	i.source, i.lostSource, i.replication = nil, "", ""
	return former
}

func without(list []*instance, i *instance) []*instance {
	var left []*instance
	for _, x := range list {
		if x != i {
			left = append(left, x)
		}
	}
	return left
}

// PromotionCount tells how many promotions of an instance took effect, under the
// identifier that it had then.
func (s *Service) PromotionCount(account, region, id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.promotions[key{account, region, id}]
}
