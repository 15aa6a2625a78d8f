// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// modifyInstance changes some settings at once and puts others off: until the
// maintenance window (which never comes here), or until a modification that
// applies immediately, which applies what was put off earlier as well.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html
func (s *Service) modifyInstance(c *engine.Call, in *rds.ModifyDBInstanceInput) (*rds.ModifyDBInstanceOutput, error) {
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
	if err := s.checkModification(i, in); err != nil {
		return nil, err
	}
	s.modifyNow(i, in)
	putOff(i, in)
	steps := s.securityGroupSteps(i, in.VpcSecurityGroupIds)
	if in.MasterUserPassword != nil {
		steps = append(steps, s.passwordSteps(i, *in.MasterUserPassword)...)
	}
	if aws.ToBool(in.ApplyImmediately) && !reflect.ValueOf(i.pending).IsZero() {
		steps = append(steps, s.pendingSteps(i)...)
	}
	if len(steps) > 0 {
		s.script(i, steps...)
	}
	return &rds.ModifyDBInstanceOutput{DBInstance: s.render(i)}, nil
}

func (s *Service) checkModification(i *instance, in *rds.ModifyDBInstanceInput) error {
	if err := firstError(
		optional(in.BackupRetentionPeriod, checkRetention), optional(in.PreferredBackupWindow, checkBackupWindow),
		optional(in.PreferredMaintenanceWindow, checkUpkeepWindow), optional(in.DBPortNumber, checkPort),
		optional(in.DBInstanceClass, checkClass), optional(in.NewDBInstanceIdentifier, checkIdentifier),
		s.checkMove(i, in.DBSubnetGroupName), s.checkSecurityGroups(i.account, i.region, aws.ToString(i.db.DBSubnetGroup.VpcId), in.VpcSecurityGroupIds),
	); err != nil {
		return err
	}
	if in.BackupRetentionPeriod != nil && *in.BackupRetentionPeriod == 0 && len(i.replicas) > 0 {
		return wrongState("%s has read replicas: its backup retention period cannot be 0.", i.id)
	}
	if in.AllocatedStorage != nil && *in.AllocatedStorage < aws.ToInt32(i.db.AllocatedStorage) {
		return clash("Invalid storage size: storage cannot be made smaller than its %d GiB.", aws.ToInt32(i.db.AllocatedStorage))
	}
	if id := in.NewDBInstanceIdentifier; id != nil && !strings.EqualFold(*id, i.id) {
		if err := s.free(i, *id); err != nil {
			return err
		}
	}
	if err := checkWindows(&i.db, in.PreferredBackupWindow, in.PreferredMaintenanceWindow); err != nil {
		return err
	}
	if p := in.MasterUserPassword; p != nil {
		if i.isReplica() {
			return clash("The master password of a read replica is that of its source.")
		}
		if err := checkPassword(i.engine(), *p); err != nil {
			return err
		}
	}
	version := aws.ToString(i.db.EngineVersion)
	set(&version, in.EngineVersion)
	if err := s.checkParameterGroup(i.account, i.region, i.engine(), version, in.DBParameterGroupName); err != nil {
		return err
	}
	if v := in.EngineVersion; v != nil {
		if err := checkVersion(i.engine(), *v); err != nil {
			return err
		}
		if major(i.engine(), *v) != major(i.engine(), aws.ToString(i.db.EngineVersion)) && !aws.ToBool(in.AllowMajorVersionUpgrade) {
			return clash("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
		}
	}
	if aws.ToBool(in.ManageMasterUserPassword) || aws.ToBool(in.RotateMasterUserPassword) {
		return invalid("ManageMasterUserPassword is not simulated by this sandbox.")
	}
	return nil
}

// modifyNow makes the changes that never wait and do not move the status.
func (s *Service) modifyNow(i *instance, in *rds.ModifyDBInstanceInput) {
	db := &i.db
	override(&db.DeletionProtection, in.DeletionProtection)
	override(&db.CopyTagsToSnapshot, in.CopyTagsToSnapshot)
	override(&db.PreferredBackupWindow, in.PreferredBackupWindow)
	override(&db.PreferredMaintenanceWindow, in.PreferredMaintenanceWindow)
	override(&db.AutoMinorVersionUpgrade, in.AutoMinorVersionUpgrade)
	override(&db.PubliclyAccessible, in.PubliclyAccessible)
	override(&db.MaxAllocatedStorage, in.MaxAllocatedStorage)
	override(&db.MonitoringInterval, in.MonitoringInterval)
	override(&db.IAMDatabaseAuthenticationEnabled, in.EnableIAMDatabaseAuthentication)
	if in.DBParameterGroupName != nil || in.OptionGroupName != nil {
		parameters, options := db.DBParameterGroups[0].DBParameterGroupName, db.OptionGroupMemberships[0].OptionGroupName
		override(&parameters, in.DBParameterGroupName)
		override(&options, in.OptionGroupName)
		i.useGroups(parameters, options)
		if in.DBParameterGroupName != nil {
			db.DBParameterGroups[0].ParameterApplyStatus = aws.String("pending-reboot")
		}
	}
	// From one retention to another is applied as soon as possible; to or
	// from 0 is a change like any other.
	if r := in.BackupRetentionPeriod; r != nil && *r > 0 && i.retention() > 0 {
		db.BackupRetentionPeriod = r
	}
}

// putOff records what waits for its moment, as far as it is a change.
func putOff(i *instance, in *rds.ModifyDBInstanceInput) {
	later(&i.pending.DBInstanceClass, in.DBInstanceClass, i.db.DBInstanceClass)
	later(&i.pending.AllocatedStorage, in.AllocatedStorage, i.db.AllocatedStorage)
	later(&i.pending.EngineVersion, in.EngineVersion, i.db.EngineVersion)
	later(&i.pending.MultiAZ, in.MultiAZ, i.db.MultiAZ)
	later(&i.pending.StorageType, in.StorageType, i.db.StorageType)
	later(&i.pending.CACertificateIdentifier, in.CACertificateIdentifier, i.db.CACertificateIdentifier)
	later(&i.pending.BackupRetentionPeriod, in.BackupRetentionPeriod, i.db.BackupRetentionPeriod)
	later(&i.pending.Port, in.DBPortNumber, &i.port)
	if id := in.NewDBInstanceIdentifier; id != nil {
		later(&i.pending.DBInstanceIdentifier, aws.String(strings.ToLower(*id)), &i.id)
	}
}

func later[T comparable](pending **T, wanted, now *T) {
	switch {
	case wanted == nil:
	case now != nil && *wanted == *now:
		*pending = nil
	default:
		*pending = wanted
	}
}

func (s *Service) passwordSteps(i *instance, password string) []step {
	return []step{
		{after: settleTime, then: func() { i.status = "resetting-master-credentials" }},
		{
			after: settleTime,
			do: func(ctx context.Context) error {
				if i.real == nil {
					return nil
				}
				return i.real.server.SetPassword(ctx, aws.ToString(i.db.MasterUsername), password)
			},
			then: func() {
				i.status = "available"
				s.note(i, "Reset master credentials", "configuration change")
			},
		},
	}
}

// pendingSteps applies everything that is pending. A new identifier, class,
// version or port reboots the instance; backups that begin begin with a backup.
func (s *Service) pendingSteps(i *instance) []step {
	p := i.pending
	rename := p.DBInstanceIdentifier != nil
	restart := rename || p.DBInstanceClass != nil || p.EngineVersion != nil || p.Port != nil
	backup := p.BackupRetentionPeriod != nil && i.retention() == 0
	status, time := "modifying", modifyTime
	if rename {
		status, time = "renaming", renameTime
	}
	steps := []step{
		{after: settleTime, then: func() { i.status = status }},
		{after: time, then: func() { s.apply(i, p); i.status = "modifying" }},
	}
	if rename {
		steps[1].do = func(ctx context.Context) error { return s.secure(ctx, i, i.real, *p.DBInstanceIdentifier) }
	}
	if restart {
		steps[1].then = func() { s.apply(i, p); i.status = "rebooting" }
		steps = append(steps, s.restartSteps(i, rebootTime, func() {})...)
	}
	last := &steps[len(steps)-1]
	then := last.then
	last.then = func() { then(); i.status = "available" }
	if backup {
		last.then = func() { then(); i.status = "backing-up" }
		steps = append(steps, s.backedUp(i))
	}
	return steps
}

// apply makes pending values current. Call it with the lock.
func (s *Service) apply(i *instance, p types.PendingModifiedValues) {
	db := &i.db
	override(&db.DBInstanceClass, p.DBInstanceClass)
	override(&db.AllocatedStorage, p.AllocatedStorage)
	override(&db.EngineVersion, p.EngineVersion)
	override(&db.StorageType, p.StorageType)
	override(&db.CACertificateIdentifier, p.CACertificateIdentifier)
	override(&db.BackupRetentionPeriod, p.BackupRetentionPeriod)
	override(&db.MultiAZ, p.MultiAZ)
	db.SecondaryAvailabilityZone = nil
	if aws.ToBool(db.MultiAZ) {
		db.SecondaryAvailabilityZone = aws.String(i.region + "b")
	}
	i.pending = types.PendingModifiedValues{}
	if p.DBInstanceIdentifier == nil && p.Port == nil {
		return
	}
	// Replicas and sources hold the instance itself, so that they show its
	// new name from here on.
	s.forgetName(i)
	old := i.id
	set(&i.id, p.DBInstanceIdentifier)
	if p.Port != nil {
		i.port = *p.Port
	}
	if err := s.relisten(i, p.Port != nil); err != nil {
		s.e.Log.Error("a simulated database cannot listen", "instance", i.id, "error", err)
	}
	if i.id != old {
		s.note(i, "Renamed instance from "+old+" to "+i.id, "notification")
	}
}
