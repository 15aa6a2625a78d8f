// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// maxReplicas of one source.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html
const maxReplicas = 15

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html
func (s *Service) createReplica(c *engine.Call, in *rds.CreateDBInstanceReadReplicaInput) (*rds.CreateDBInstanceReadReplicaOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.newReplica(c.Account, c.Region, in)
	if err != nil {
		return nil, err
	}
	if err := s.insert(i); err != nil {
		return nil, err
	}
	i.source.replicas = append(i.source.replicas, i)
	s.script(i, step{
		after: createTime,
		do:    func(ctx context.Context) error { return s.makeReplica(ctx, i) },
		then: func() {
			s.made(i)
			s.note(i, "Replication for the Read Replica resumed", "read replica")
		},
	})
	return &rds.CreateDBInstanceReadReplicaOutput{DBInstance: s.render(i)}, nil
}

// newReplica validates and makes a replica of its source. Call it with the lock.
func (s *Service) newReplica(account, region string, in *rds.CreateDBInstanceReadReplicaInput) (*instance, error) {
	id, err := given(in.DBInstanceIdentifier, "DBInstanceIdentifier")
	if err != nil {
		return nil, err
	}
	if in.SourceDBClusterIdentifier != nil {
		return nil, invalid("SourceDBClusterIdentifier is not simulated by this sandbox.")
	}
	source, err := s.replicaSource(account, region, in)
	if err != nil {
		return nil, err
	}
	if err := firstError(
		checkIdentifier(id), optional(in.DBInstanceClass, checkClass), optional(in.Port, checkPort),
		checkTags(in.Tags), s.checkZone(region, in.AvailabilityZone, in.MultiAZ), s.checkKey(region, in.KmsKeyId),
	); err != nil {
		return nil, err
	}
	if region != source.region && aws.ToBool(source.db.StorageEncrypted) && in.KmsKeyId == nil {
		return nil, clash("A cross-region replica of an encrypted instance needs KmsKeyId, a key of its own region.")
	}
	if in.KmsKeyId != nil && !aws.ToBool(source.db.StorageEncrypted) {
		return nil, clash("You cannot create an encrypted Read Replica from an unencrypted DB instance.")
	}
	// At home a replica has its source's network and parameters unless told
	// otherwise, elsewhere the region's and the engine's defaults.
	subnets, parameters := in.DBSubnetGroupName, in.DBParameterGroupName
	if region == source.region && subnets == nil {
		subnets = source.db.DBSubnetGroup.DBSubnetGroupName
	}
	if region == source.region && parameters == nil {
		parameters = source.db.DBParameterGroups[0].DBParameterGroupName
	}
	place, err := s.place(account, region, subnets, in.VpcSecurityGroupIds)
	if err != nil {
		return nil, err
	}
	if err := s.checkParameterGroup(account, region, source.engine(), aws.ToString(source.db.EngineVersion), parameters); err != nil {
		return nil, err
	}
	i := newInstance(account, region, id)
	i.source, i.stateOnly, i.port = source, source.stateOnly, source.port
	set(&i.port, in.Port)
	db, from := &i.db, &source.db
	db.Engine, db.EngineVersion, db.LicenseModel = from.Engine, from.EngineVersion, from.LicenseModel
	db.DBInstanceClass, db.MasterUsername, db.DBName = from.DBInstanceClass, from.MasterUsername, from.DBName
	db.AllocatedStorage, db.MaxAllocatedStorage = from.AllocatedStorage, from.MaxAllocatedStorage
	db.StorageType, db.StorageEncrypted = from.StorageType, from.StorageEncrypted
	db.PreferredBackupWindow = from.PreferredBackupWindow
	db.PreferredMaintenanceWindow = from.PreferredMaintenanceWindow
	override(&db.DBInstanceClass, in.DBInstanceClass)
	db.BackupRetentionPeriod = aws.Int32(0) // until it is set or promoted
	s.common(i, common{
		zone: in.AvailabilityZone, multiAZ: in.MultiAZ, protection: in.DeletionProtection, public: in.PubliclyAccessible,
		upgrades: in.AutoMinorVersionUpgrade, copyTags: in.CopyTagsToSnapshot, iam: in.EnableIAMDatabaseAuthentication,
		ca: in.CACertificateIdentifier, storageType: in.StorageType, key: in.KmsKeyId, tags: in.Tags,
	})
	i.useNetwork(place)
	i.useGroups(parameters, in.OptionGroupName)
	return i, nil
}

// replicaSource finds the source: an identifier in the same region, an ARN from
// anywhere (SourceRegion itself is not on the wire: clients turn it into a
// pre-signed URL).
func (s *Service) replicaSource(account, region string, in *rds.CreateDBInstanceReadReplicaInput) (*instance, error) {
	name, err := given(in.SourceDBInstanceIdentifier, "SourceDBInstanceIdentifier")
	if err != nil {
		return nil, err
	}
	from := region
	if m := arnPattern.FindStringSubmatch(name); m != nil {
		from, name = m[1], m[3]
		if m[2] != account {
			return nil, notFound(name)
		}
	} else if len(name) > 4 && name[:4] == "arn:" {
		return nil, invalid("Invalid ARN of a source: %s", name)
	}
	if in.SourceRegion != nil && *in.SourceRegion != from {
		return nil, clash("SourceRegion %s is not the region of the source, %s.", *in.SourceRegion, from)
	}
	if from != region && s.e.RegionState(from) != engine.Up {
		return nil, &engine.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable,
			Message: "The source's region " + from + " does not answer."}
	}
	source, err := s.lookup(account, from, name)
	if err != nil {
		return nil, err
	}
	switch {
	case source.status != "available" || source.busy:
		return nil, wrongState("Cannot create a read replica of %s: its status is %s.", source.id, source.status)
	case source.retention() == 0:
		return nil, wrongState("Automated backups are not enabled for %s: a source of read replicas needs a backup retention period above 0.", source.id)
	case source.isReplica() && from != region:
		return nil, wrongState("A read replica cannot be the source of one in another region: %s.", source.id)
	case len(source.replicas) >= maxReplicas:
		return nil, engine.Refuse("InstanceQuotaExceeded", "%s has %d read replicas already.", source.id, maxReplicas)
	}
	return source, nil
}
