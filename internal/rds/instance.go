// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// Instance is a DB instance as it was seen.
type Instance struct {
	Identifier, Region, ARN, ResourceID string
	Engine                              string
	// Status is RDS's own DBInstanceStatus.
	Status   string
	Endpoint string
	Port     int32
	// Source is the ARN (of another region) or the identifier of what the
	// instance replicates; "" for a writer.
	Source string
	// SourceIsCluster: the source is a Multi-AZ DB cluster.
	SourceIsCluster bool
	// Replicas of this instance.
	Replicas []string
	Infos    []StatusInfo
	// Cluster that the instance is a member of (Aurora), or "".
	Cluster         string
	BackupRetention int32
	BackupWindow    string
	// PromotedFrom is the value of PromotedFromTag, or "".
	PromotedFrom string
	Tags         map[string]string
	// VPC and Groups are the network that it is in.
	VPC    string
	Groups []Group
	// At is when it was seen so, by RDS's own clock, in whole seconds.
	At       time.Time
	Settings Settings
}

// StatusInfo is one of RDS's DBInstanceStatusInfo.
type StatusInfo struct {
	Type, Status, Message string
	Normal                bool
}

// The roles of an instance.
const (
	RoleReplica    = "replica"
	RoleSource     = "source"
	RoleStandalone = "standalone"
	RoleUnknown    = "unknown"
)

// IsReplica says that the instance replicates another one.
func (i Instance) IsReplica() bool { return i.Source != "" }

// Role of the instance in replication.
func (i Instance) Role() string {
	switch {
	case i.IsReplica():
		return RoleReplica
	case len(i.Replicas) > 0:
		return RoleSource
	default:
		return RoleStandalone
	}
}

// ReplicationState is the status of RDS's "read replication" entry, or
// "unknown" if there is none.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceStatusInfo.html
func (i Instance) ReplicationState() string {
	for _, info := range i.Infos {
		if info.Type == "read replication" && info.Status != "" {
			return info.Status
		}
	}
	return RoleUnknown
}

// replicationTerminated is a replication that RDS has given up.
const replicationTerminated = "terminated"

// Replicating says that nothing is known to keep the replica from following its
// source.
func (i Instance) Replicating() bool {
	switch i.ReplicationState() {
	case "error", "stopped", replicationTerminated:
		return false
	}
	return i.IsReplica() && !broken(i.Status)
}

// Promoting says that a promotion of the replica seems to be under way.
func (i Instance) Promoting() bool {
	if !i.IsReplica() {
		return false
	}
	if strings.HasPrefix(i.ReplicationState(), "replication stop point") {
		return true
	}
	return i.PromotedFrom == i.Source && (i.Status == "modifying" || i.Status == "rebooting")
}

// isPostgreSQL says how ReplicaLag is to be read.
func (i Instance) isPostgreSQL() bool { return strings.HasPrefix(i.Engine, "postgres") }

// SourceRegion is the region of the source.
func (i Instance) SourceRegion() string {
	if a, err := arn.Parse(i.Source); err == nil {
		return a.Region
	}
	return i.Region
}

// SourceIdentifier is the identifier of the source without the rest of an ARN.
func (i Instance) SourceIdentifier() string {
	if a, err := arn.Parse(i.Source); err == nil {
		_, id, _ := strings.Cut(a.Resource, ":")
		return id
	}
	return i.Source
}

// broken says that an instance in this status does not serve, and that waiting
// will not change it.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
func broken(status string) bool {
	return strings.HasPrefix(status, "incompatible-") || slices.Contains([]string{
		"failed", "stopped", "stopping", "deleting", "delete-precheck", "restore-error", "storage-full",
		"inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable",
		"insufficient-capacity",
	}, status)
}

// ready says that an instance in this status can be promoted, or has been: it
// is as good as available while its storage is optimized, which takes hours.
func ready(status string) bool { return status == "available" || status == "storage-optimization" }

// serving says that an instance in this status serves as it does in peacetime.
func serving(status string) bool {
	return ready(status) || status == "backing-up" || strings.HasPrefix(status, "configuring-")
}

func statusText(i Instance, found bool) string {
	switch {
	case !found:
		return "not found"
	case i.IsReplica():
		return i.Status + ", still a replica of " + i.Source
	default:
		return i.Status + ", a writer"
	}
}

// Find looks an instance up. Look-ups that happen together are one call.
// Errors are *Error.
func (s *Service) Find(ctx context.Context, id string) (Instance, error) {
	id = strings.ToLower(id) // as RDS stores it
	i, found, err := s.instances.Load(ctx, id)
	switch {
	case err != nil:
		return Instance{}, s.failed(KindRead, "", id, "read the instance", err)
	case !found:
		return Instance{}, s.notFound(id)
	}
	return i, nil
}

// perCall is how many instances one call describes: the size of a page.
const perCall = 100

// describe reads instances by identifier; those that do not exist are absent.
func (s *Service) describe(ctx context.Context, ids []string) (map[string]Instance, error) {
	out := make(map[string]Instance, len(ids))
	slices.Sort(ids)
	for part := range slices.Chunk(ids, perCall) {
		if err := s.describePart(ctx, part, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) describePart(ctx context.Context, ids []string, out map[string]Instance) error {
	in := &awsrds.DescribeDBInstancesInput{}
	if len(ids) == 1 {
		in.DBInstanceIdentifier = &ids[0]
	} else {
		in.Filters = []types.Filter{{Name: aws.String("db-instance-id"), Values: ids}}
		in.MaxRecords = aws.Int32(perCall)
	}
	for {
		page, err := s.client.DescribeDBInstances(ctx, in)
		if _, ok := errors.AsType[*types.DBInstanceNotFoundFault](err); ok {
			if len(ids) == 1 {
				return nil
			}
			// One missing instance must not hide the others: halve.
			half := len(ids) / 2
			if err := s.describePart(ctx, ids[:half], out); err != nil {
				return err
			}
			return s.describePart(ctx, ids[half:], out)
		}
		if err != nil {
			return err
		}
		at, ok := awsmiddleware.GetServerTime(page.ResultMetadata)
		if !ok {
			at = time.Now()
		}
		for _, db := range page.DBInstances {
			i := fromAPI(db, s.region)
			i.At = at.UTC()
			out[i.Identifier] = i
		}
		if aws.ToString(page.Marker) == "" {
			return nil
		}
		in.Marker = page.Marker
	}
}

func fromAPI(db types.DBInstance, region string) Instance {
	i := Instance{
		Identifier:      strings.ToLower(aws.ToString(db.DBInstanceIdentifier)),
		Region:          region,
		ARN:             aws.ToString(db.DBInstanceArn),
		ResourceID:      aws.ToString(db.DbiResourceId),
		Engine:          aws.ToString(db.Engine),
		Status:          aws.ToString(db.DBInstanceStatus),
		Source:          aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier),
		Cluster:         aws.ToString(db.DBClusterIdentifier),
		Replicas:        append(slices.Clone(db.ReadReplicaDBInstanceIdentifiers), db.ReadReplicaDBClusterIdentifiers...),
		BackupRetention: aws.ToInt32(db.BackupRetentionPeriod),
		BackupWindow:    aws.ToString(db.PreferredBackupWindow),
		Tags:            make(map[string]string, len(db.TagList)),
		Groups:          groupsFrom(db),
		Settings:        settingsFrom(db),
	}
	if db.DBSubnetGroup != nil {
		i.VPC = aws.ToString(db.DBSubnetGroup.VpcId)
	}
	if source := aws.ToString(db.ReadReplicaSourceDBClusterIdentifier); source != "" {
		i.Source, i.SourceIsCluster = source, true
	}
	if db.Endpoint != nil {
		i.Endpoint, i.Port = aws.ToString(db.Endpoint.Address), aws.ToInt32(db.Endpoint.Port)
	}
	for _, info := range db.StatusInfos {
		i.Infos = append(i.Infos, StatusInfo{
			Type: aws.ToString(info.StatusType), Status: aws.ToString(info.Status),
			Message: aws.ToString(info.Message), Normal: aws.ToBool(info.Normal),
		})
	}
	for _, tag := range db.TagList {
		i.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	i.PromotedFrom = i.Tags[PromotedFromTag]
	return i
}
