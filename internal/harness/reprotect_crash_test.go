// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// reprotection is the one after a failover that others have made, from a source
// that nobody has fenced: away from us-east-1, and home again.
var (
	reprotection = reprotectionAfter(scenario.StandbyRegion, scenario.PrimaryRegion, 1, 0, func(r *rig) {
		r.promoteByHand(scenario.StandbyRegion, scenario.PrimaryRegion)
		r.w = r.wayHome()
	})
	reprotectionAtHome = reprotectionAfter(scenario.PrimaryRegion, scenario.StandbyRegion, 1, 1, func(r *rig) {
		reprotection.begin(r)
		r.apply()
		r.promoteByHand(scenario.PrimaryRegion, scenario.StandbyRegion)
	})
)

// reprotectionAfter is the move that builds a replica of the active region's
// member in the one that was left, and after which so many are kept.
func reprotectionAfter(active, left string, east, west int, failover func(*rig)) move {
	return move{
		before: (*rig).planned,
		begin: func(r *rig) {
			r.t.Helper()
			failover(r)
			r.activate(active)
			r.s.Engine().ResetCalls()
		},
		check: func(r *rig) {
			r.t.Helper()
			r.kept(r.t, east, west)
			db, err := r.s.RDS().Describe(engine.WorkloadAccount, left, member(left))
			if err != nil {
				r.t.Fatal(err)
			}
			if source := aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier); source != arn(active) || aws.ToString(db.DBInstanceStatus) != "available" {
				r.t.Errorf("%s is %s, a replica of %q", member(left), aws.ToString(db.DBInstanceStatus), source)
			}
			// The fence swaps groups and reboots once, the retirement renames once.
			for operation, want := range map[string]int{"ModifyDBInstance": 2, "RebootDBInstance": 1, "CreateDBInstanceReadReplica": 1, "PromoteReadReplica": 0} {
				if n := r.effects("rds", operation); n != want {
					r.t.Errorf("%s took effect %d times, want %d", operation, n, want)
				}
			}
			for _, c := range r.s.Engine().Calls() {
				if c.Mutating && c.Region == active {
					r.t.Errorf("call %d changes the new writer: %s:%s", c.N, c.Service, c.Operation)
				}
			}
		},
	}
}

// member of a region.
func member(region string) string {
	for id, r := range members {
		if r == region {
			return id
		}
	}
	return ""
}

func arn(region string) string {
	return "arn:aws:rds:" + region + ":" + engine.WorkloadAccount + ":db:" + member(region)
}

// promoteByHand fails the database over as a person would, with the one thing
// by which the old writer is known afterwards.
func (r *rig) promoteByHand(to, from string) {
	r.t.Helper()
	client := awsrds.New(awsrds.Options{
		Region: to, BaseEndpoint: aws.String(r.s.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", ""),
	})
	if _, err := client.AddTagsToResource(r.t.Context(), &awsrds.AddTagsToResourceInput{
		ResourceName: aws.String(arn(to)), Tags: []types.Tag{{Key: aws.String("dr:promoted-from"), Value: aws.String(arn(from))}},
	}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := client.PromoteReadReplica(r.t.Context(), &awsrds.PromoteReadReplicaInput{
		DBInstanceIdentifier: aws.String(member(to)), BackupRetentionPeriod: aws.Int32(7),
	}); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		db, err := r.s.RDS().Describe(engine.WorkloadAccount, to, member(to))
		if err != nil {
			r.t.Fatal(err)
		}
		if db.ReadReplicaSourceDBInstanceIdentifier == nil && aws.ToString(db.DBInstanceStatus) == "available" {
			return
		}
	}
	r.t.Fatal("the replica was not promoted")
}

// TestReprotectCrashMatrix kills the provider before and after each call that
// changes something: the fence's, the retirement's, the replica's creation; after
// the failover, and after going home. What is read in between is cut in virtual
// time, in internal/rds.
func TestReprotectCrashMatrix(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]move{"away": reprotection, "home": reprotectionAtHome} {
		for _, p := range points(m.clean(t)) {
			if p.service != "rds" || p.poll || strings.HasPrefix(p.operation, "Describe") {
				continue
			}
			t.Run(name+"/"+p.String(), func(t *testing.T) {
				t.Parallel()
				m.crash(t, p, killProvider)
			})
		}
	}
}

// TestReprotectOrphan kills Terraform alone while the rename, or the creation,
// is asked for, and lets the provider that it leaves behind live on beside the
// next apply.
func TestReprotectOrphan(t *testing.T) {
	t.Parallel()
	for operation, skip := range map[string]int{"ModifyDBInstance": 1, "CreateDBInstanceReadReplica": 0} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			reprotection.before(r)
			reprotection.begin(r)
			r.orphan(operation, skip)
			r.apply()
			reprotection.check(r)
			r.emptyPlan()
		})
	}
}
