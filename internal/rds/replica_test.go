// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

const writerARN = "arn:aws:rds:us-west-2:111111111111:db:" + replica

// home is the way home after a failover: orders is to follow orders-usw2.
func home() rds.ReplicaSpec {
	return rds.ReplicaSpec{
		Identifier: "orders", Source: writerARN, SecurityGroups: []string{"sg-orders"}, Creating: true,
		Fences: []fence.Proof{{State: fence.StateHeld, Kind: fence.KindNetwork, Subject: fence.Network(east, "orders"), Since: time.Unix(1, 0)}},
	}
}

// homeFenced is the same where the fence is the reprotection's own.
func homeFenced() rds.ReplicaSpec {
	spec := home()
	spec.Fences, spec.FenceGroups = nil, []string{fenceGroup}
	return spec
}

// turning runs a test in virtual time, after a failover.
func turning(t *testing.T, f func(t *testing.T, c *cloud)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, failedOver())
		time.Sleep(time.Hour) // lets what the fake still has to do end
	})
}

func ensureReplica(t *testing.T, c *cloud, spec rds.ReplicaSpec) (rds.ReplicaOutcome, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Hour)
	defer cancel()
	return c.service(east).EnsureReplica(ctx, spec)
}

// today is the day on which virtual time begins.
const retiredAs = "orders-retired-20000101"

// wantHome checks what the way home is to end with.
func (c *cloud) wantHome(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.turns.renamed) != 1 || len(c.turns.created) != 1 {
		t.Errorf("%d renames and %d creations took effect", len(c.turns.renamed), len(c.turns.created))
	}
	old, built := c.get(east, retiredAs), c.get(east, "orders")
	if old == nil || aws.ToString(old.DbiResourceId) != "db-SOURCE" || !aws.ToBool(old.DeletionProtection) || len(c.instances) != 3 {
		t.Errorf("the old writer: %+v", old)
	}
	if built == nil || aws.ToString(built.ReadReplicaSourceDBInstanceIdentifier) != writerARN || aws.ToString(built.DBInstanceStatus) != "available" {
		t.Errorf("the replica: %+v", built)
	}
}

func TestRetiresTheOldWriterAndBuildsAReplica(t *testing.T) {
	t.Parallel()
	turning(t, func(t *testing.T, c *cloud) {
		start := time.Now()
		spec := home()
		spec.Tags, spec.SecurityGroups = map[string]string{"team": "orders"}, nil
		out, err := ensureReplica(t, c, spec)
		if err != nil {
			t.Fatal(err)
		}
		c.wantHome(t)
		if out.Standing != rds.StandingReplica || out.RetiredAs != retiredAs || out.Instance.ResourceID != "db-BUILT" {
			t.Errorf("got %+v", out)
		}
		// The fake needs 62 s for the rename and 16 min for the replica.
		if took := time.Since(start); took < 17*time.Minute || took > 18*time.Minute {
			t.Errorf("took %s", took)
		}
		tags := map[string]string{}
		for _, tag := range c.get(east, retiredAs).TagList {
			tags[*tag.Key] = *tag.Value
		}
		if tags[rds.RetiredAsTag] != retiredAs || tags[rds.RetiredFromTag] != "orders" || tags[rds.RetiredAtTag] != "2000-01-01T00:00:00Z" {
			t.Errorf("tags of the old writer: %v", tags)
		}
		in := c.turns.created[0]
		if *in.DBInstanceClass != "db.r6g.large" || !*in.MultiAZ || *in.KmsKeyId != "arn:aws:kms:us-east-1:111111111111:key/east" ||
			*in.DBSubnetGroupName != "orders" || *in.DBParameterGroupName != "orders-postgres15" || !*in.DeletionProtection ||
			*in.StorageType != "gp3" || !*in.EnableIAMDatabaseAuthentication || !*in.CopyTagsToSnapshot || *in.PubliclyAccessible {
			t.Errorf("built with %+v", in)
		}
		// The old writer's own groups, not those of its fence.
		if in.VpcSecurityGroupIds[0] != openGroup || *in.SourceRegion != west || len(in.Tags) != 2 || *in.Tags[0].Value != "db-REPLICA" {
			t.Errorf("built with groups %v, region %s, tags %v", in.VpcSecurityGroupIds, *in.SourceRegion, in.Tags)
		}
		for _, call := range c.calls {
			if strings.HasPrefix(call, west) && !strings.Contains(call, " DescribeDBInstances ") {
				t.Errorf("the new writer is only looked at: %s", call)
			}
		}
	})
}

func TestFencesTheOldWriterBeforeItIsRetired(t *testing.T) {
	t.Parallel()
	turning(t, func(t *testing.T, c *cloud) {
		c.unfence()
		spec := homeFenced()
		spec.SecurityGroups = nil
		out, err := ensureReplica(t, c, spec)
		if err != nil {
			t.Fatal(err)
		}
		c.wantHome(t)
		wantChanges(t, c, append(slices.Clone(fenceCalls), "AddTagsToResource", "ModifyDBInstance", "CreateDBInstanceReadReplica")...)
		if old := c.get(east, out.RetiredAs); worn(old) != fenceGroup || c.net.rebooted != 1 || !strings.HasPrefix(tagOf(old), "held ") {
			t.Errorf("retired in %s, after %d reboots, tag %q", worn(old), c.net.rebooted, tagOf(old))
		}
		if groups := c.turns.created[0].VpcSecurityGroupIds; len(groups) != 1 || groups[0] != openGroup {
			t.Errorf("built in %v", groups)
		}
	})
}

func TestBuildsWithWhatIsGiven(t *testing.T) {
	t.Parallel()
	turning(t, func(t *testing.T, c *cloud) {
		delete(c.instances, east+"/orders") // nobody knows what became of it
		spec := home()
		_, err := ensureReplica(t, c, spec)
		wantError(t, err, rds.KindIncomplete, rds.FieldClass,
			"db_instance_class, db_subnet_group_name, db_parameter_group_name, multi_az, deletion_protection, kms_key_id")
		if c.mutations() != 0 {
			t.Error("something was changed")
		}
		spec.Class, spec.SubnetGroup, spec.ParameterGroup, spec.KMSKeyID = "db.m6g.large", "home", "home15", "alias/home"
		spec.MultiAZ, spec.DeletionProtection, spec.StorageType = aws.Bool(false), aws.Bool(true), "gp3"
		out, err := ensureReplica(t, c, spec)
		if err != nil || out.RetiredAs != "" {
			t.Fatalf("%+v, %v", out, err)
		}
		in := c.turns.created[0]
		if *in.DBInstanceClass != "db.m6g.large" || *in.MultiAZ || *in.KmsKeyId != "alias/home" || *in.DBSubnetGroupName != "home" ||
			*in.DBParameterGroupName != "home15" || !*in.DeletionProtection || *in.StorageType != "gp3" || in.Iops != nil {
			t.Errorf("built with %+v", in)
		}
		if len(c.turns.renamed) != 0 {
			t.Error("something was renamed")
		}
	})
}

func TestChangesNothingThatIsThere(t *testing.T) {
	t.Parallel()
	tag := func(key, value string) []types.Tag { return []types.Tag{{Key: &key, Value: &value}} }
	for name, test := range map[string]struct {
		prepare func(orders, writer *types.DBInstance, spec *rds.ReplicaSpec)
		want    rds.Standing
	}{
		"a replica": {func(orders, _ *types.DBInstance, _ *rds.ReplicaSpec) { replicate(orders, writerARN) }, rds.StandingReplica},
		"a replica, its source out of reach": {func(orders, writer *types.DBInstance, _ *rds.ReplicaSpec) {
			replicate(orders, writerARN)
			*writer = types.DBInstance{}
		}, rds.StandingReplica},
		"promoted since, by its tag": {func(orders, writer *types.DBInstance, _ *rds.ReplicaSpec) {
			orders.TagList, writer.TagList = tag("dr:promoted-from", writerARN), nil
		}, rds.StandingPromoted},
		"promoted since, built by an earlier turn": {func(orders, _ *types.DBInstance, _ *rds.ReplicaSpec) {
			orders.TagList = append(tag("dr:promoted-from", writerARN), tag("dr:replica-of", "db-REPLICA")...)
		}, rds.StandingPromoted},
		"promoted since, by the state": {func(_, writer *types.DBInstance, spec *rds.ReplicaSpec) {
			spec.EvidentResourceID, writer.TagList = "db-SOURCE", nil
		}, rds.StandingPromoted},
		"promoted since, and its source follows it now": {func(orders, writer *types.DBInstance, spec *rds.ReplicaSpec) {
			replicate(writer, sourceARN)
			orders.TagList = append(tag("dr:promoted-from", writerARN), tag("dr:replica-of", "db-EARLIER")...)
			spec.EvidentResourceID = "db-SOURCE"
		}, rds.StandingPromoted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				spec := home()
				test.prepare(c.get(east, "orders"), c.get(west, replica), &spec)
				a, err := c.service(east).AssessReplica(t.Context(), spec)
				if err != nil || a.Err() != nil || a.Standing != test.want || len(a.Warnings) != 0 {
					t.Errorf("assessed %+v, %v", a, err)
				}
				out, err := ensureReplica(t, c, spec)
				if err != nil || out.Standing != test.want || out.Instance.ResourceID != "db-SOURCE" || c.mutations() != 0 {
					t.Errorf("got %+v, %v, %d changes", out, err, c.mutations())
				}
			})
		})
	}
}

func replicate(db *types.DBInstance, source string) {
	db.ReadReplicaSourceDBInstanceIdentifier, db.TagList, db.VpcSecurityGroups = &source, nil, []types.VpcSecurityGroupMembership{
		{VpcSecurityGroupId: aws.String("sg-orders"), Status: aws.String("active")}, {VpcSecurityGroupId: aws.String("sg-old"), Status: aws.String("removing")},
	}
	db.StatusInfos = []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: aws.String("replicating"), Normal: aws.Bool(true)}}
}

// TestTellsTheTurnsApart has two writers that were each promoted from the
// other's identifier.
func TestTellsTheTurnsApart(t *testing.T) {
	t.Parallel()
	promotedFrom := func(arn string) types.Tag { return types.Tag{Key: aws.String("dr:promoted-from"), Value: &arn} }
	replicaOf := func(id string) types.Tag { return types.Tag{Key: aws.String("dr:replica-of"), Value: &id} }
	for name, test := range map[string]struct {
		orders, writer []types.Tag
		want           rds.Standing
	}{
		"orders was built from the writer": {[]types.Tag{promotedFrom(writerARN), replicaOf("db-REPLICA")}, []types.Tag{promotedFrom(sourceARN)}, rds.StandingPromoted},
		"the writer was built from orders": {[]types.Tag{promotedFrom(writerARN)}, []types.Tag{promotedFrom(sourceARN), replicaOf("db-SOURCE")}, rds.StandingOldWriter},
		"third turn, orders is old": {
			[]types.Tag{promotedFrom(writerARN), replicaOf("db-EARLIER")}, []types.Tag{promotedFrom(sourceARN), replicaOf("db-SOURCE")}, rds.StandingOldWriter,
		},
		"third turn, orders is home": {
			[]types.Tag{promotedFrom(writerARN), replicaOf("db-REPLICA")}, []types.Tag{promotedFrom(sourceARN), replicaOf("db-EARLIER")}, rds.StandingPromoted,
		},
		"nothing tells":                             {[]types.Tag{promotedFrom(writerARN)}, []types.Tag{promotedFrom(sourceARN)}, rds.StandingForeign},
		"unrelated":                                 {nil, nil, rds.StandingForeign},
		"the writer came from an earlier orders":    {nil, []types.Tag{promotedFrom(sourceARN), replicaOf("db-EARLIER")}, rds.StandingForeign},
		"orders came from an earlier writer":        {[]types.Tag{promotedFrom(writerARN), replicaOf("db-EARLIER")}, nil, rds.StandingForeign},
		"the failover's tag is the only thing":      {nil, []types.Tag{promotedFrom(sourceARN)}, rds.StandingOldWriter},
		"promoted from something else":              {nil, []types.Tag{promotedFrom(sourceARN + "-2")}, rds.StandingForeign},
		"promoted by hand, but built from the wrtr": {[]types.Tag{replicaOf("db-REPLICA")}, nil, rds.StandingPromoted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				c.get(east, "orders").TagList, c.get(west, replica).TagList = test.orders, test.writer
				got, _, err := c.service(east).ReplicaStanding(t.Context(), home())
				if err != nil || got != test.want {
					t.Errorf("got %s, %v; want %s", got, err, test.want)
				}
			})
		})
	}
}

func TestRefusesToReprotect(t *testing.T) {
	t.Parallel()
	proof := func(state, subject string) []fence.Proof {
		return []fence.Proof{{State: state, Kind: fence.KindNetwork, Subject: subject, Since: time.Unix(1, 0)}}
	}
	for name, test := range map[string]struct {
		prepare func(c *cloud, spec *rds.ReplicaSpec)
		kind    rds.Kind
		field   string
		says    string
	}{
		"an unrelated writer": {func(c *cloud, _ *rds.ReplicaSpec) { c.get(west, replica).TagList = nil }, rds.KindNameTaken, rds.FieldIdentifier, "nothing shows that"},
		"a replica of another source": {func(c *cloud, _ *rds.ReplicaSpec) {
			replicate(c.get(east, "orders"), writerARN+"-2")
		}, rds.KindNameTaken, rds.FieldIdentifier, "It is a replica of " + writerARN + "-2"},
		"no failover yet": {func(c *cloud, _ *rds.ReplicaSpec) { replicate(c.get(west, replica), sourceARN) }, rds.KindNameTaken, rds.FieldIdentifier, "has not taken place"},
		"the source is a replica": {func(c *cloud, _ *rds.ReplicaSpec) {
			delete(c.instances, east+"/orders")
			replicate(c.get(west, replica), sourceARN)
		}, rds.KindNoWriter, rds.FieldSource, "is a replica of"},
		"no source":                   {func(c *cloud, _ *rds.ReplicaSpec) { delete(c.instances, west+"/"+replica) }, rds.KindNoWriter, rds.FieldSource, "has no DB instance"},
		"a source of another account": {func(_ *cloud, s *rds.ReplicaSpec) { s.Source = strings.Replace(writerARN, "1111", "2222", 1) }, rds.KindNoWriter, rds.FieldSource, "in this account"},
		"a source without backups": {func(c *cloud, _ *rds.ReplicaSpec) {
			c.get(west, replica).BackupRetentionPeriod = aws.Int32(0)
		}, rds.KindBackup, rds.FieldSource, "keeps no automated backups"},
		"a broken source": {func(c *cloud, _ *rds.ReplicaSpec) {
			c.get(west, replica).DBInstanceStatus = aws.String("storage-full")
		}, rds.KindNoWriter, rds.FieldSource, "storage-full"},
		"a source in the same region": {func(_ *cloud, s *rds.ReplicaSpec) { s.Source = sourceARN + "-2" }, rds.KindUnsupported, rds.FieldSource, "in the same region"},
		"a source that is no ARN":     {func(_ *cloud, s *rds.ReplicaSpec) { s.Source = replica }, rds.KindUnsupported, rds.FieldSource, "is not the ARN"},
		"no fence":                    {func(_ *cloud, s *rds.ReplicaSpec) { s.Fences = nil }, rds.KindUnfencedSource, rds.FieldFences, "No fence of it is given"},
		"a fence of another instance": {func(_ *cloud, s *rds.ReplicaSpec) { s.Fences = proof(fence.StateHeld, "us-east-1/other") }, rds.KindUnfencedSource, rds.FieldFences, "No fence of it"},
		"a fence that is open":        {func(_ *cloud, s *rds.ReplicaSpec) { s.Fences = proof(fence.StateOpen, "us-east-1/orders") }, rds.KindUnfencedSource, rds.FieldFences, "Its fence is open"},
		"a fence that was not reached": {
			func(_ *cloud, s *rds.ReplicaSpec) { s.Fences = proof(fence.StateUnreached, "us-east-1/orders") }, rds.KindUnfencedSource, rds.FieldFences, "unreached",
		},
		"a fence that is no more": {func(c *cloud, _ *rds.ReplicaSpec) {
			wear(c.get(east, "orders"), openGroup)
		}, rds.KindUnfencedSource, rds.FieldFences, "the instance does not bear it out: it is open"},
		"a fence whose record is gone": {func(c *cloud, _ *rds.ReplicaSpec) { untag(c.get(east, "orders")) }, rds.KindUnfencedSource, rds.FieldFences, "does not bear it out"},
		"a fence group that lets clients in": {func(c *cloud, s *rds.ReplicaSpec) {
			c.unfence()
			s.FenceGroups = []string{otherGroup}
		}, rds.KindFenceGroups, rds.FieldFenceGroups, "ingress rules"},
		"an old writer that is stopped": {func(c *cloud, _ *rds.ReplicaSpec) {
			c.get(east, "orders").DBInstanceStatus = aws.String("stopped")
		}, rds.KindNotReady, rds.FieldIdentifier, `Its status is "stopped"`},
		"the old writer's region is down": {func(c *cloud, _ *rds.ReplicaSpec) { c.down(east) }, rds.KindRead, "", "Check that us-east-1 is up"},
		"the source's region is down":     {func(c *cloud, _ *rds.ReplicaSpec) { c.down(west) }, rds.KindRead, "", "Check that us-west-2 is up"},
		"no security groups": {func(c *cloud, s *rds.ReplicaSpec) {
			s.SecurityGroups, s.Fences, s.Accept = nil, nil, []string{rds.AcceptUnfencedSource}
			tagged(c.get(east, "orders"), "somebody's")
		}, rds.KindIncomplete, rds.FieldSecurityGroups, "vpc_security_group_ids"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turning(t, func(t *testing.T, c *cloud) {
				spec := home()
				test.prepare(c, &spec)
				a, err := c.service(east).AssessReplica(t.Context(), spec)
				if err == nil {
					err = a.Err()
				}
				wantError(t, err, test.kind, test.field, test.says)
				_, err = ensureReplica(t, c, spec)
				wantError(t, err, test.kind, test.field, test.says)
				if c.mutations() != 0 {
					t.Errorf("something was changed: %q", c.calls)
				}
			})
		})
	}
}
