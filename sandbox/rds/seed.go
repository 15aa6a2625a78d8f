// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// Instance is a DB instance to begin with.
type Instance struct {
	Account, Region, Identifier string
	// Engine is postgres unless given.
	Engine, EngineVersion string
	// Class is db.t4g.medium unless given.
	Class, DBName                  string
	MasterUsername, MasterPassword string
	// Port is the engine's own unless given.
	Port int32
	// BackupRetentionPeriod in days; 7 unless given, 0 by NoBackups.
	BackupRetentionPeriod int32
	NoBackups             bool
	DeletionProtection    bool
	// StateOnly makes this instance state-only.
	StateOnly bool
	Tags      map[string]string
	Placement
	// KmsKeyId encrypts the storage.
	KmsKeyId string
}

// Placement is where an instance is and what it uses; the region's defaults
// unless given.
type Placement struct {
	SubnetGroup, ParameterGroup string
	SecurityGroups              []string
}

// Replica is a read replica to begin with.
type Replica struct {
	Account, Region, Identifier string
	// Source is the identifier of an instance in SourceRegion.
	SourceRegion, Source string
	Port                 int32
	Tags                 map[string]string
	Placement
	KmsKeyId string
}

// Seed makes an instance that is available, with its database, when it returns.
func (s *Service) Seed(ctx context.Context, in Instance) error {
	if in.Engine == "" {
		in.Engine = "postgres"
	}
	if in.Class == "" {
		in.Class = "db.t4g.medium"
	}
	if in.BackupRetentionPeriod == 0 && !in.NoBackups {
		in.BackupRetentionPeriod = 7
	}
	if !in.StateOnly && in.Engine == "postgres" {
		if err := s.Prepare(ctx); err != nil {
			return err
		}
	}
	input := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &in.Identifier, DBInstanceClass: &in.Class, Engine: &in.Engine,
		EngineVersion: filled(in.EngineVersion), DBName: filled(in.DBName), AllocatedStorage: aws.Int32(20),
		MasterUsername: &in.MasterUsername, MasterUserPassword: &in.MasterPassword,
		BackupRetentionPeriod: &in.BackupRetentionPeriod, DeletionProtection: &in.DeletionProtection, Tags: tagList(in.Tags),
		DBSubnetGroupName: filled(in.SubnetGroup), DBParameterGroupName: filled(in.ParameterGroup), VpcSecurityGroupIds: in.SecurityGroups,
		StorageEncrypted: aws.Bool(in.KmsKeyId != ""), KmsKeyId: filled(in.KmsKeyId),
	}
	if in.Port != 0 {
		input.Port = &in.Port
	}
	i, spec, err := s.newFromInput(in.Account, in.Region, input)
	if err != nil {
		return err
	}
	i.stateOnly = i.stateOnly || in.StateOnly
	s.mu.Lock()
	i.busy = true
	err = s.insert(i)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.seeded(i, s.makeDatabase(ctx, i, spec))
}

// SeedReplica makes a replica that is available and replicates when it returns.
func (s *Service) SeedReplica(ctx context.Context, in Replica) error {
	input := &rds.CreateDBInstanceReadReplicaInput{
		DBInstanceIdentifier:       &in.Identifier,
		SourceDBInstanceIdentifier: aws.String(arnOf(in.Account, in.SourceRegion, in.Source)),
		Tags:                       tagList(in.Tags),
		DBSubnetGroupName:          filled(in.SubnetGroup),
		DBParameterGroupName:       filled(in.ParameterGroup),
		VpcSecurityGroupIds:        in.SecurityGroups,
		KmsKeyId:                   filled(in.KmsKeyId),
	}
	if in.Port != 0 {
		input.Port = &in.Port
	}
	s.mu.Lock()
	i, err := s.newReplica(in.Account, in.Region, input)
	if err == nil {
		i.busy = true
		err = s.insert(i)
	}
	if err == nil {
		i.source.replicas = append(i.source.replicas, i)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.seeded(i, s.makeReplica(ctx, i))
}

func (s *Service) seeded(i *instance, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i.busy = false
	if err != nil {
		s.instances = without(s.instances, i)
		s.detach(i)
		s.release(i)
		return err
	}
	s.made(i)
	if s.opts.Metrics != nil && i.isReplica() && i.real == nil {
		now := s.e.Clock.Now()
		s.putLag(i.account, i.region, i.id, now, s.modelledLag(i, now))
	}
	return nil
}

func filled(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}

// Database is where an instance's clients find it.
type Database struct {
	Account, Region, Identifier string
	// Host is the endpoint's name, which the sandbox's DNS server answers;
	// Address is what it answers, empty for a state-only instance.
	Host, Address string
	Port          int32
	User, Name    string
	Status        string
	// Source is empty for a writer.
	Source    string
	StateOnly bool
}

// Databases lists every instance.
func (s *Service) Databases() []Database {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Database
	for _, i := range s.instances {
		d := Database{
			Account: i.account, Region: i.region, Identifier: i.id,
			Host: hostOf(i.account, i.region, i.id), Port: i.port,
			User: aws.ToString(i.db.MasterUsername), Name: aws.ToString(i.db.DBName),
			Status: i.status, Source: i.sourceName(), StateOnly: i.stateOnly,
		}
		if i.real != nil {
			d.Address = i.real.ip.String()
		}
		list = append(list, d)
	}
	return list
}

// Describe is what DescribeDBInstances tells of an instance, without a call.
func (s *Service) Describe(account, region, id string) (types.DBInstance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.lookup(account, region, id)
	if err != nil {
		return types.DBInstance{}, err
	}
	return *s.render(i), nil
}

// Server is the PostgreSQL server of a real instance, else nil.
func (s *Service) Server(account, region, id string) *postgres.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.lookup(account, region, id)
	if err != nil || i.real == nil {
		return nil
	}
	return i.real.server
}

// SetLag sets the lag of a state-only replica while its source can be reached; a
// negative one is published as -1. It publishes a datum at once.
func (s *Service) SetLag(account, region, id string, d time.Duration) error {
	return s.change(account, region, id, func(i *instance) {
		i.lag.base = d
		if s.opts.Metrics != nil && i.real == nil && s.publishes(i) {
			now := s.e.Clock.Now()
			s.putLag(i.account, i.region, i.id, now, s.modelledLag(i, now))
		}
	})
}

// SetSilent stops (or resumes) the publishing of a replica's lag.
func (s *Service) SetSilent(account, region, id string, silent bool) error {
	return s.change(account, region, id, func(i *instance) { i.lag.silent = silent })
}

// SetStatus puts an instance into a status that no call leads to, such as
// "storage-full" or "failed"; "available" takes it out again.
func (s *Service) SetStatus(account, region, id, status string) error {
	return s.change(account, region, id, func(i *instance) { i.status = status })
}

func (s *Service) change(account, region, id string, f func(*instance)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.lookup(account, region, id)
	if err == nil {
		f(i)
	}
	return err
}
