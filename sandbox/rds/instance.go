// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// instance is one DB instance. Its fields are guarded by Service.mu.
type instance struct {
	account, region, id string

	// db holds what does not follow from the fields below.
	db        types.DBInstance
	stateOnly bool
	status    string
	busy      bool // a lifecycle is under way, whatever the status says yet
	pending   types.PendingModifiedValues
	tags      map[string]string
	port      int32

	// source is nil for a writer, and for a replica whose source was deleted:
	// that one keeps lostSource, the name its source had.
	source     *instance
	lostSource string
	replicas   []*instance
	// replication overrides what is told of a replica's replication, from the
	// moment it is being promoted or was terminated.
	replication string

	lag  lag
	real *database // nil for state-only
}

// newInstance fills what every instance has.
func newInstance(account, region, id string) *instance {
	return &instance{
		account: account, region: region, id: strings.ToLower(id),
		status: "creating",
		tags:   map[string]string{},
		db: types.DBInstance{
			DbiResourceId:                    aws.String("db-" + rand.Text()),
			AvailabilityZone:                 aws.String(region + "a"),
			AutoMinorVersionUpgrade:          aws.Bool(true),
			BackupTarget:                     aws.String("region"),
			CACertificateIdentifier:          aws.String("rds-ca-rsa2048-g1"),
			CopyTagsToSnapshot:               aws.Bool(false),
			CustomerOwnedIpEnabled:           aws.Bool(false),
			DatabaseInsightsMode:             types.DatabaseInsightsModeStandard,
			DbInstancePort:                   aws.Int32(0),
			DedicatedLogVolume:               aws.Bool(false),
			DeletionProtection:               aws.Bool(false),
			EngineLifecycleSupport:           aws.String("open-source-rds-extended-support"),
			IAMDatabaseAuthenticationEnabled: aws.Bool(false),
			IsStorageConfigUpgradeAvailable:  aws.Bool(false),
			MonitoringInterval:               aws.Int32(0),
			MultiAZ:                          aws.Bool(false),
			MultiTenant:                      aws.Bool(false),
			NetworkType:                      aws.String("IPV4"),
			PerformanceInsightsEnabled:       aws.Bool(false),
			PreferredBackupWindow:            aws.String("08:00-08:30"),
			PreferredMaintenanceWindow:       aws.String("sun:09:00-sun:09:30"),
			PubliclyAccessible:               aws.Bool(false),
			StorageEncrypted:                 aws.Bool(false),
			StorageThroughput:                aws.Int32(0),
			StorageType:                      aws.String("gp2"),
		},
	}
}

func (i *instance) arn() string { return arnOf(i.account, i.region, i.id) }

func (i *instance) engine() string { return aws.ToString(i.db.Engine) }

func (i *instance) retention() int32 { return aws.ToInt32(i.db.BackupRetentionPeriod) }

func (i *instance) isReplica() bool { return i.source != nil || i.lostSource != "" }

// nameFor is how another instance's region calls this one: by identifier at
// home, by ARN from elsewhere.
func (i *instance) nameFor(region string) string {
	if region == i.region {
		return i.id
	}
	return i.arn()
}

// sourceName is what ReadReplicaSourceDBInstanceIdentifier shows.
func (i *instance) sourceName() string {
	if i.source != nil {
		return i.source.nameFor(i.region)
	}
	return i.lostSource
}

// useGroups sets the parameter and option groups.
func (i *instance) useGroups(parameterGroup, optionGroup *string) {
	family := major(i.engine(), aws.ToString(i.db.EngineVersion))
	name := aws.ToString(parameterGroup)
	if name == "" {
		name = "default." + i.engine() + family
	}
	i.db.DBParameterGroups = []types.DBParameterGroupStatus{
		{DBParameterGroupName: aws.String(name), ParameterApplyStatus: aws.String("in-sync")},
	}
	name = aws.ToString(optionGroup)
	if name == "" {
		name = "default:" + i.engine() + "-" + strings.ReplaceAll(family, ".", "-")
	}
	i.db.OptionGroupMemberships = []types.OptionGroupMembership{
		{OptionGroupName: aws.String(name), Status: aws.String("in-sync")},
	}
}

// render makes the answer that describes an instance. Call it with the lock.
func (s *Service) render(i *instance) *types.DBInstance {
	db := i.db
	db.DBInstanceIdentifier = aws.String(i.id)
	db.DBInstanceArn = aws.String(i.arn())
	db.DBInstanceStatus = aws.String(i.status)
	pending := i.pending
	db.PendingModifiedValues = &pending
	db.TagList = tagList(i.tags)
	db.DBSecurityGroups = []types.DBSecurityGroupMembership{}
	db.DomainMemberships = []types.DomainMembership{}
	db.AssociatedRoles = []types.DBInstanceRole{}
	db.VpcSecurityGroups = slices.Clone(i.db.VpcSecurityGroups)
	// There is neither endpoint nor creation time before the instance is made.
	if db.InstanceCreateTime != nil {
		db.Endpoint = &types.Endpoint{
			Address:      aws.String(hostOf(i.account, i.region, i.id)),
			Port:         aws.Int32(i.port),
			HostedZoneId: aws.String(zoneOf(i.region)),
		}
		db.CertificateDetails = &types.CertificateDetails{
			CAIdentifier: db.CACertificateIdentifier,
			ValidTill:    aws.Time(db.InstanceCreateTime.AddDate(1, 0, 0)),
		}
	}
	if i.retention() > 0 && db.InstanceCreateTime != nil && !i.isReplica() {
		// RDS uploads logs every five minutes.
		// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
		at := s.e.Clock.Now().Truncate(max(time.Millisecond, s.e.Clock.Wall(5*time.Minute)))
		if at.Before(*db.InstanceCreateTime) {
			at = *db.InstanceCreateTime
		}
		db.LatestRestorableTime = &at
	}
	db.ReadReplicaDBInstanceIdentifiers = []string{}
	for _, r := range i.replicas {
		db.ReadReplicaDBInstanceIdentifiers = append(db.ReadReplicaDBInstanceIdentifiers, r.nameFor(i.region))
	}
	db.StatusInfos = []types.DBInstanceStatusInfo{}
	if i.isReplica() {
		db.ReadReplicaSourceDBInstanceIdentifier = aws.String(i.sourceName())
		if i.status != "creating" {
			db.StatusInfos = append(db.StatusInfos, s.replicationInfo(i))
		}
	}
	return &db
}

// lookup finds an instance by identifier. Call it with the lock.
func (s *Service) lookup(account, region, id string) (*instance, error) {
	for _, i := range s.instances {
		if i.account == account && i.region == region && strings.EqualFold(i.id, id) {
			return i, nil
		}
	}
	return nil, notFound(id)
}

// settled finds an instance that takes changes now. Call it with the lock.
func (s *Service) settled(account, region, id string) (*instance, error) {
	i, err := s.lookup(account, region, id)
	if err != nil {
		return nil, err
	}
	if i.status != "available" || i.busy {
		return nil, wrongState("Instance %s is not in available state; its status is %s.", i.id, i.status)
	}
	return i, nil
}

func tagList(tags map[string]string) []types.Tag {
	list := []types.Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
