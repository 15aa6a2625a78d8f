// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// engines that exist here, with their default ports, versions and the licence
// that describe names.
var engines = map[string]struct {
	port             int32
	version, licence string
}{
	"postgres": {5432, "16.9", "postgresql-license"},
	"mysql":    {3306, "8.0.42", "general-public-license"},
	"mariadb":  {3306, "10.11.13", "general-public-license"},
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
func (s *Service) createInstance(c *engine.Call, in *rds.CreateDBInstanceInput) (*rds.CreateDBInstanceOutput, error) {
	i, spec, err := s.newFromInput(c.Account, c.Region, in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.insert(i); err != nil {
		return nil, err
	}
	steps := []step{{
		after: createTime,
		do:    func(ctx context.Context) error { return s.makeDatabase(ctx, i, spec) },
		then:  func() { s.made(i) },
	}}
	if i.retention() > 0 {
		steps[0].then = func() {
			s.made(i)
			i.status = "backing-up"
			s.note(i, "Backing up DB instance", "backup")
		}
		steps = append(steps, s.backedUp(i))
	}
	s.script(i, steps...)
	return &rds.CreateDBInstanceOutput{DBInstance: s.render(i)}, nil
}

// made ends the creation of an instance.
func (s *Service) made(i *instance) {
	i.db.InstanceCreateTime = aws.Time(s.e.Clock.Now())
	i.status = "available"
	s.note(i, "DB instance created", "creation")
}

func (s *Service) backedUp(i *instance) step {
	return step{after: backupTime, then: func() {
		i.status = "available"
		s.note(i, "Finished DB instance backup", "backup")
	}}
}

// insert adds an instance whose identifier is free. Call it with the lock.
func (s *Service) insert(i *instance) error {
	if err := s.free(i, i.id); err != nil {
		return err
	}
	s.instances = append(s.instances, i)
	s.attach(i)
	return nil
}

// free refuses an identifier that another instance has, or is about to have.
// Call it with the lock.
func (s *Service) free(i *instance, id string) error {
	for _, x := range s.instances {
		if x == i || x.account != i.account || x.region != i.region {
			continue
		}
		if strings.EqualFold(x.id, id) || (x.busy && strings.EqualFold(aws.ToString(x.pending.DBInstanceIdentifier), id)) {
			return engine.Refuse("DBInstanceAlreadyExists", "DB instance already exists: %s", strings.ToLower(id))
		}
	}
	return nil
}

// newFromInput validates a CreateDBInstance and makes the instance and, for a
// real one, what its database is made of. The password goes nowhere else.
func (s *Service) newFromInput(account, region string, in *rds.CreateDBInstanceInput) (*instance, postgres.Spec, error) {
	var none postgres.Spec
	id, err := given(in.DBInstanceIdentifier, "DBInstanceIdentifier")
	if err != nil {
		return nil, none, err
	}
	class, err := given(in.DBInstanceClass, "DBInstanceClass")
	if err != nil {
		return nil, none, err
	}
	name, err := given(in.Engine, "Engine")
	if err != nil {
		return nil, none, err
	}
	defaults, ok := engines[name]
	if !ok {
		return nil, none, invalid("Invalid DB engine: %s. The sandbox has postgres, mysql and mariadb.", name)
	}
	user, err := given(in.MasterUsername, "MasterUsername")
	if err != nil {
		return nil, none, err
	}
	if aws.ToBool(in.ManageMasterUserPassword) {
		return nil, none, invalid("ManageMasterUserPassword is not simulated by this sandbox.")
	}
	password, err := given(in.MasterUserPassword, "MasterUserPassword")
	if err != nil {
		return nil, none, err
	}
	i := newInstance(account, region, id)
	i.stateOnly = s.opts.StateOnly || name != "postgres"
	version := aws.ToString(in.EngineVersion)
	if version == "" {
		version = s.defaultVersion(i.stateOnly, name)
	}
	storage := aws.ToInt32(in.AllocatedStorage)
	if err := firstError(
		checkIdentifier(id), checkClass(class), checkVersion(name, version),
		checkUser(user), checkPassword(name, password), checkDatabase(in.DBName), checkStorage(storage),
		checkTags(in.Tags),
		optional(in.BackupRetentionPeriod, checkRetention), optional(in.PreferredBackupWindow, checkBackupWindow),
		optional(in.PreferredMaintenanceWindow, checkUpkeepWindow), optional(in.Port, checkPort),
		s.checkZone(region, in.AvailabilityZone, in.MultiAZ), s.checkKey(region, in.KmsKeyId),
	); err != nil {
		return nil, none, err
	}
	if in.KmsKeyId != nil && !aws.ToBool(in.StorageEncrypted) {
		return nil, none, clash("KmsKeyId can be given only together with StorageEncrypted.")
	}
	place, err := s.place(account, region, in.DBSubnetGroupName, in.VpcSecurityGroupIds)
	if err != nil {
		return nil, none, err
	}
	if err := s.checkParameterGroup(account, region, name, version, in.DBParameterGroupName); err != nil {
		return nil, none, err
	}
	i.port = defaults.port
	set(&i.port, in.Port)
	db := &i.db
	db.Engine, db.EngineVersion, db.DBInstanceClass = aws.String(name), aws.String(version), aws.String(class)
	db.LicenseModel = aws.String(defaults.licence)
	db.MasterUsername, db.DBName = aws.String(user), in.DBName
	db.AllocatedStorage, db.MaxAllocatedStorage = aws.Int32(storage), in.MaxAllocatedStorage
	db.BackupRetentionPeriod = aws.Int32(1) // RDS's default
	override(&db.BackupRetentionPeriod, in.BackupRetentionPeriod)
	if err := chooseWindows(db, in.PreferredBackupWindow, in.PreferredMaintenanceWindow); err != nil {
		return nil, none, err
	}
	override(&db.StorageEncrypted, in.StorageEncrypted)
	s.common(i, common{
		zone: in.AvailabilityZone, multiAZ: in.MultiAZ, protection: in.DeletionProtection, public: in.PubliclyAccessible,
		upgrades: in.AutoMinorVersionUpgrade, copyTags: in.CopyTagsToSnapshot, iam: in.EnableIAMDatabaseAuthentication,
		ca: in.CACertificateIdentifier, storageType: in.StorageType, key: in.KmsKeyId, tags: in.Tags,
	})
	i.useNetwork(place)
	i.useGroups(in.DBParameterGroupName, in.OptionGroupName)
	return i, postgres.Spec{Name: i.id, User: user, Password: password, Database: aws.ToString(in.DBName)}, nil
}

// common are the parameters that instances and replicas share.
type common struct {
	zone, ca, storageType, key                           *string
	multiAZ, protection, public, upgrades, copyTags, iam *bool
	tags                                                 []types.Tag
}

func (s *Service) common(i *instance, c common) {
	db := &i.db
	override(&db.AvailabilityZone, c.zone)
	override(&db.MultiAZ, c.multiAZ)
	override(&db.DeletionProtection, c.protection)
	override(&db.PubliclyAccessible, c.public)
	override(&db.AutoMinorVersionUpgrade, c.upgrades)
	override(&db.CopyTagsToSnapshot, c.copyTags)
	override(&db.IAMDatabaseAuthenticationEnabled, c.iam)
	override(&db.CACertificateIdentifier, c.ca)
	override(&db.StorageType, c.storageType)
	if aws.ToBool(db.MultiAZ) {
		db.SecondaryAvailabilityZone = aws.String(i.region + "b")
	}
	if aws.ToBool(db.StorageEncrypted) {
		db.KmsKeyId = aws.String("arn:aws:kms:" + i.region + ":" + i.account + ":key/" + hexOf(i.account, i.region, "aws/rds"))
		override(&db.KmsKeyId, c.key)
	}
	for _, t := range c.tags {
		i.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
}

// defaultVersion is a real instance's server version, else the engine's usual.
func (s *Service) defaultVersion(stateOnly bool, name string) string {
	s.manager.Lock()
	defer s.manager.Unlock()
	if !stateOnly && name == "postgres" && s.manager.Manager != nil {
		return s.manager.Version()
	}
	return engines[name].version
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// optional checks a parameter that is there.
func optional[T any](v *T, check func(T) error) error {
	if v == nil {
		return nil
	}
	return check(*v)
}

// override replaces a default by a parameter that is there.
func override[T any](field **T, v *T) {
	if v != nil {
		*field = v
	}
}

func set[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

func checkClass(class string) error {
	if !classPattern.MatchString(class) {
		return invalid("Invalid DB Instance class: %s", class)
	}
	return nil
}

// checkVersion takes any version of the right form. A real instance tells the
// version it was asked for, whichever PostgreSQL the machine has.
func checkVersion(name, version string) error {
	if !versionPattern.MatchString(version) {
		return clash("Cannot find version %s for %s", version, name)
	}
	return nil
}

func checkDatabase(name *string) error {
	if name != nil && (!databasePattern.MatchString(*name) || slices.Contains([]string{"rdsadmin", "template0", "template1"}, strings.ToLower(*name))) {
		return invalid("Invalid DBName: %s", *name)
	}
	return nil
}

func checkStorage(gib int32) error {
	if gib < 20 || gib > 65536 {
		return invalid("Invalid storage size for engine name and storage type: %d GiB; from 20 to 65536 are valid.", gib)
	}
	return nil
}

func (s *Service) checkZone(region string, zone *string, multiAZ *bool) error {
	if zone == nil {
		return nil
	}
	if aws.ToBool(multiAZ) {
		return clash("Requesting a specific availability zone is not valid for Multi-AZ instances.")
	}
	if len(*zone) != len(region)+1 || !strings.HasPrefix(*zone, region) {
		return engine.Refuse("InvalidVPCNetworkStateFault", "Availability zone %s is not in %s.", *zone, region)
	}
	return nil
}

// checkKey wants a key of the instance's own region.
func (s *Service) checkKey(region string, key *string) error {
	if key == nil || !strings.HasPrefix(*key, "arn:") {
		return nil
	}
	if !strings.HasPrefix(*key, "arn:aws:kms:"+region+":") {
		return engine.Refuse("KMSKeyNotAccessibleFault", "The specified KMS key %s does not exist in %s, is not enabled or you do not have permissions to access it.", *key, region)
	}
	return nil
}
