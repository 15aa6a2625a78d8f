// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// replicaChanges are the calls of the way home that took effect.
type replicaChanges struct {
	renamed, modified []*awsrds.ModifyDBInstanceInput
	created           []*awsrds.CreateDBInstanceReadReplicaInput
}

// failedOver is the cloud after a failover: the replica is a writer, its source
// is back, fenced, and still a writer too.
func failedOver() *cloud {
	c := newCloud()
	old, writer := c.get(east, "orders"), c.get(west, replica)
	old.ReadReplicaDBInstanceIdentifiers = nil
	old.Endpoint = &types.Endpoint{Address: aws.String("orders.example.com"), Port: aws.Int32(5432)}
	old.DBInstanceClass, old.AllocatedStorage, old.StorageType = aws.String("db.r6g.large"), aws.Int32(100), aws.String("gp3")
	old.MultiAZ, old.StorageEncrypted, old.KmsKeyId = aws.Bool(true), aws.Bool(true), aws.String("arn:aws:kms:us-east-1:111111111111:key/east")
	old.DBSubnetGroup = &types.DBSubnetGroup{DBSubnetGroupName: aws.String("orders")}
	old.DBParameterGroups = []types.DBParameterGroupStatus{{DBParameterGroupName: aws.String("orders-postgres15")}}
	c.net = newFenceable().net
	c.net.session = false
	wear(old, fenceGroup)
	tagged(old, "held 2000-01-01T00:00:00Z 0a0a0a0a0a0a0a0a0 0f0f0f0f0f0f0f0f0")
	old.IAMDatabaseAuthenticationEnabled, old.CopyTagsToSnapshot = aws.Bool(true), aws.Bool(true)
	old.PendingModifiedValues = &types.PendingModifiedValues{}
	writer.ReadReplicaSourceDBInstanceIdentifier, writer.StatusInfos = nil, nil
	writer.DBInstanceClass, writer.AllocatedStorage, writer.StorageType = aws.String("db.r6g.xlarge"), aws.Int32(120), aws.String("io2")
	writer.StorageEncrypted, writer.KmsKeyId = aws.Bool(true), aws.String("arn:aws:kms:us-west-2:111111111111:key/west")
	writer.TagList = []types.Tag{{Key: aws.String("dr:promoted-from"), Value: aws.String(sourceARN)}}
	return c
}

// unfence opens the old writer again, and lets it have a client.
func (c *cloud) unfence() {
	old := c.get(east, "orders")
	wear(old, openGroup)
	untag(old)
	old.DBSubnetGroup.VpcId = aws.String("vpc-1")
	c.net = newFenceable().net
}

// describeAll pages through everything in the region, two at a time.
func (r *regional) describeAll(ctx context.Context, in *awsrds.DescribeDBInstancesInput) (*awsrds.DescribeDBInstancesOutput, error) {
	out := &awsrds.DescribeDBInstancesOutput{}
	err := r.around(ctx, r.region, "DescribeDBInstances", "*", func() error {
		var ids []string
		for key := range r.instances {
			if id, ok := strings.CutPrefix(key, r.region+"/"); ok && id > aws.ToString(in.Marker) {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		for n, id := range ids {
			if n == 2 {
				out.Marker = aws.String(ids[1])
				break
			}
			clone := *r.get(r.region, id)
			out.DBInstances = append(out.DBInstances, clone)
		}
		return nil
	})
	return out, err
}

// modifyReplica renames an instance, or changes its protection and backups.
func (r *regional) modifyReplica(ctx context.Context, in *awsrds.ModifyDBInstanceInput) (*awsrds.ModifyDBInstanceOutput, error) {
	id, to := aws.ToString(in.DBInstanceIdentifier), aws.ToString(in.NewDBInstanceIdentifier)
	err := r.around(ctx, r.region, "ModifyDBInstance", strings.TrimSpace(id+" "+to), func() error {
		db := r.get(r.region, id)
		switch {
		case db == nil:
			return &types.DBInstanceNotFoundFault{}
		case aws.ToString(db.DBInstanceStatus) != "available":
			return &types.InvalidDBInstanceStateFault{Message: aws.String("not in a state to be modified")}
		case to != "" && r.get(r.region, to) != nil:
			return &types.DBInstanceAlreadyExistsFault{}
		}
		if in.DeletionProtection != nil {
			db.DeletionProtection = in.DeletionProtection
		}
		if to == "" {
			r.turns.modified = append(r.turns.modified, in)
			if in.BackupRetentionPeriod != nil {
				r.later(10*time.Second, func() {
					db.DBInstanceStatus, db.BackupRetentionPeriod = aws.String("backing-up"), in.BackupRetentionPeriod
				})
				r.later(40*time.Second, func() { db.DBInstanceStatus = aws.String("available") })
			}
			return nil
		}
		r.turns.renamed = append(r.turns.renamed, in)
		db.PendingModifiedValues = &types.PendingModifiedValues{DBInstanceIdentifier: &to}
		r.later(r.stale, func() { db.DBInstanceStatus = aws.String("renaming") })
		r.later(r.stale+60*time.Second, func() {
			delete(r.instances, r.region+"/"+id)
			r.instances[r.region+"/"+to] = db
			db.PendingModifiedValues = nil
			db.DBInstanceIdentifier, db.DBInstanceArn = &to, aws.String("arn:aws:rds:"+r.region+":111111111111:db:"+to)
			db.DBInstanceStatus = aws.String("rebooting")
		})
		r.later(r.stale+90*time.Second, func() { db.DBInstanceStatus = aws.String("available") })
		return nil
	})
	return &awsrds.ModifyDBInstanceOutput{}, err
}

func (r *regional) CreateDBInstanceReadReplica(ctx context.Context, in *awsrds.CreateDBInstanceReadReplicaInput, _ ...func(*awsrds.Options)) (*awsrds.CreateDBInstanceReadReplicaOutput, error) {
	id := aws.ToString(in.DBInstanceIdentifier)
	err := r.around(ctx, r.region, "CreateDBInstanceReadReplica", id, func() error {
		_, name, _ := strings.Cut(aws.ToString(in.SourceDBInstanceIdentifier), ":db:")
		source := r.get(aws.ToString(in.SourceRegion), name)
		switch {
		case r.get(r.region, id) != nil:
			return &types.DBInstanceAlreadyExistsFault{}
		case source == nil:
			return &types.DBInstanceNotFoundFault{}
		case aws.ToString(source.DBInstanceStatus) != "available" || aws.ToInt32(source.BackupRetentionPeriod) == 0:
			return &types.InvalidDBInstanceStateFault{Message: aws.String("the source cannot be copied")}
		}
		r.turns.created = append(r.turns.created, in)
		db := &types.DBInstance{
			DBInstanceIdentifier: &id, DBInstanceArn: aws.String("arn:aws:rds:" + r.region + ":111111111111:db:" + id),
			DbiResourceId: aws.String("db-BUILT"), Engine: source.Engine, DBInstanceStatus: aws.String("creating"),
			ReadReplicaSourceDBInstanceIdentifier: in.SourceDBInstanceIdentifier, BackupRetentionPeriod: aws.Int32(0), TagList: in.Tags,
			DBInstanceClass: in.DBInstanceClass, DeletionProtection: in.DeletionProtection, MultiAZ: in.MultiAZ,
		}
		r.instances[r.region+"/"+id] = db
		r.later(15*time.Minute, func() {
			db.DBInstanceStatus = aws.String("available")
			db.Endpoint = &types.Endpoint{Address: aws.String("orders.example.com"), Port: aws.Int32(5432)}
		})
		r.later(16*time.Minute, func() {
			db.StatusInfos = []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: aws.String("replicating"), Normal: aws.Bool(true)}}
		})
		return nil
	})
	return &awsrds.CreateDBInstanceReadReplicaOutput{}, err
}
