// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// Settings of an instance: what a replica that takes its place should have too.
type Settings struct {
	Class string
	// AllocatedStorage and MaxAllocatedStorage in GiB; MaxAllocatedStorage is 0
	// without storage autoscaling.
	AllocatedStorage, MaxAllocatedStorage int32
	StorageType                           string
	// IOPS and Throughput (MiB/s) that are provisioned; 0 for none.
	IOPS, Throughput                              int32
	Encrypted                                     bool
	KMSKeyID                                      string // an ARN
	SubnetGroup                                   string
	ParameterGroup                                string
	MultiAZ, DeletionProtection, Public, CopyTags bool
	IAMAuthentication                             bool
	// Pending: modifications wait for the maintenance window, and would be
	// applied by any that is applied immediately.
	Pending bool
	// PendingIdentifier that a rename under way will give it, or "".
	PendingIdentifier string
}

func settingsFrom(db types.DBInstance) Settings {
	s := Settings{
		Class:               aws.ToString(db.DBInstanceClass),
		AllocatedStorage:    aws.ToInt32(db.AllocatedStorage),
		MaxAllocatedStorage: aws.ToInt32(db.MaxAllocatedStorage),
		StorageType:         aws.ToString(db.StorageType),
		IOPS:                aws.ToInt32(db.Iops),
		Throughput:          aws.ToInt32(db.StorageThroughput),
		Encrypted:           aws.ToBool(db.StorageEncrypted),
		KMSKeyID:            aws.ToString(db.KmsKeyId),
		MultiAZ:             aws.ToBool(db.MultiAZ),
		DeletionProtection:  aws.ToBool(db.DeletionProtection),
		Public:              aws.ToBool(db.PubliclyAccessible),
		CopyTags:            aws.ToBool(db.CopyTagsToSnapshot),
		IAMAuthentication:   aws.ToBool(db.IAMDatabaseAuthenticationEnabled),
	}
	if db.DBSubnetGroup != nil {
		s.SubnetGroup = aws.ToString(db.DBSubnetGroup.DBSubnetGroupName)
	}
	if len(db.DBParameterGroups) > 0 {
		s.ParameterGroup = aws.ToString(db.DBParameterGroups[0].DBParameterGroupName)
	}
	if p := db.PendingModifiedValues; p != nil {
		s.PendingIdentifier = aws.ToString(p.DBInstanceIdentifier)
		s.Pending = p.DBInstanceClass != nil || p.AllocatedStorage != nil || p.EngineVersion != nil || p.MultiAZ != nil ||
			p.Port != nil || p.StorageType != nil || p.Iops != nil || p.CACertificateIdentifier != nil
	}
	return s
}
