// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
)

func keyIn(region string) string { return "arn:aws:kms:" + region + ":111111111111:key/orders" }

// encrypted makes orders in us-east-1 and its replica in us-west-2, both with keys
// of their own and deletion protection.
func (w *world) encrypted() {
	w.t.Helper()
	err := w.rds.Seed(w.t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: east, Identifier: "orders", DBName: "orders", DeletionProtection: true,
		MasterUsername: "dradmin", MasterPassword: "correct-horse", Placement: placement, KmsKeyId: keyIn(east),
	})
	if err == nil {
		err = w.rds.SeedReplica(w.t.Context(), rds.Replica{
			Account: engine.WorkloadAccount, Region: west, Identifier: "orders-usw2", SourceRegion: east, Source: "orders",
			Placement: placement, KmsKeyId: keyIn(west),
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) promote(region, id string, retention int32) {
	w.t.Helper()
	_, err := w.client(region).PromoteReadReplica(w.t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String(id), BackupRetentionPeriod: aws.Int32(retention)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.statuses(region, id, func(db types.DBInstance) string { return aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) }, "")
}

func (w *world) rename(region, from, to string) {
	w.t.Helper()
	_, err := w.client(region).ModifyDBInstance(w.t.Context(), &sdk.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String(from), NewDBInstanceIdentifier: aws.String(to), ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.statuses(region, to, status, "available")
}

// rebuild is everything that a replica in an old writer's place is given.
func rebuild(region, id, sourceRegion, source string) *sdk.CreateDBInstanceReadReplicaInput {
	return &sdk.CreateDBInstanceReadReplicaInput{
		DBInstanceIdentifier:       aws.String(id),
		SourceDBInstanceIdentifier: aws.String("arn:aws:rds:" + sourceRegion + ":111111111111:db:" + source),
		KmsKeyId:                   aws.String(keyIn(region)), DBSubnetGroupName: aws.String("default"), DBParameterGroupName: aws.String("mine"),
		VpcSecurityGroupIds: []string{letsIn}, DeletionProtection: aws.Bool(true), MultiAZ: aws.Bool(true),
		Tags: []types.Tag{{Key: aws.String("dr:member"), Value: aws.String("orders")}},
	}
}

// There and back again: each turn frees the old writer's name, builds a replica
// under it, and promotes that.
func TestTheWholeCircle(t *testing.T) {
	t.Parallel()
	w := start(t, 1200, true)
	for _, region := range []string{east, west} {
		w.rds.SeedParameterGroup(engine.WorkloadAccount, region, "mine", "postgres")
	}
	w.encrypted()
	w.e.SetRegion(east, engine.Down)
	w.promote(west, "orders-usw2", 7)
	w.e.SetRegion(east, engine.Up)

	old := w.describe(east, "orders")
	_, err := w.client(east).CreateDBInstanceReadReplica(t.Context(), rebuild(east, "orders", west, "orders-usw2"))
	refused(t, err, "DBInstanceAlreadyExists", 400)
	_, err = w.client(east).ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String("orders"), NewDBInstanceIdentifier: aws.String("orders-retired-20260304"), ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	// Until the rename is done neither name is free.
	for _, id := range []string{"orders", "orders-retired-20260304"} {
		_, err = w.client(east).CreateDBInstanceReadReplica(t.Context(), rebuild(east, id, west, "orders-usw2"))
		refused(t, err, "DBInstanceAlreadyExists", 400)
	}
	w.statuses(east, "orders-retired-20260304", status, "available")
	retired := w.describe(east, "orders-retired-20260304")
	if *retired.DbiResourceId != *old.DbiResourceId || *retired.Endpoint.Address == *old.Endpoint.Address || !*retired.DeletionProtection {
		t.Errorf("the retired writer is %+v", retired)
	}
	if _, err := w.client(east).DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("orders")}); err == nil {
		t.Error("the old name leads somewhere")
	}

	for code, change := range map[string]func(*sdk.CreateDBInstanceReadReplicaInput){
		"InvalidParameterCombination": func(in *sdk.CreateDBInstanceReadReplicaInput) { in.KmsKeyId = nil },
		"KMSKeyNotAccessibleFault":    func(in *sdk.CreateDBInstanceReadReplicaInput) { in.KmsKeyId = aws.String(keyIn(west)) },
		"InvalidParameterValue":       func(in *sdk.CreateDBInstanceReadReplicaInput) { in.VpcSecurityGroupIds = []string{"sg-00000000"} },
	} {
		in := rebuild(east, "orders", west, "orders-usw2")
		change(in)
		_, err := w.client(east).CreateDBInstanceReadReplica(t.Context(), in)
		refused(t, err, code, 400)
	}
	w.turn(east, "orders", west, "orders-usw2")
	if built := w.describe(east, "orders"); *built.DbiResourceId == *old.DbiResourceId || *built.Endpoint.Address != *old.Endpoint.Address {
		t.Errorf("built in the old writer's place: %+v", built)
	}
	if got := w.describe(west, "orders-usw2").ReadReplicaDBInstanceIdentifiers; len(got) != 1 || got[0] != *old.DBInstanceArn {
		t.Errorf("the new writer's replicas are %q", got)
	}

	// Home, and the standby built anew.
	w.promote(east, "orders", 7)
	w.rename(west, "orders-usw2", "orders-usw2-retired-20260304")
	w.turn(west, "orders-usw2", east, "orders")
	if got := w.describe(west, "orders-usw2-retired-20260304").ReadReplicaDBInstanceIdentifiers; len(got) != 0 {
		t.Errorf("the retired standby still has replicas: %q", got)
	}
	for region, id := range map[string]string{west: "orders-usw2", east: "orders"} {
		if n := w.rds.PromotionCount(engine.WorkloadAccount, region, id); n != 1 {
			t.Errorf("%s was promoted %d times", id, n)
		}
	}
	// What is retired goes only without its protection, and takes nothing along.
	remove := func() error {
		_, err := w.client(east).DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: retired.DBInstanceIdentifier, SkipFinalSnapshot: aws.Bool(true)})
		return err
	}
	refused(t, remove(), "InvalidParameterCombination", 400)
	if _, err := w.client(east).ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: retired.DBInstanceIdentifier, DeletionProtection: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	w.statuses(east, *retired.DBInstanceIdentifier, status, "gone")
	if got := w.describe(west, "orders-usw2"); aws.ToString(got.ReadReplicaSourceDBInstanceIdentifier) != *old.DBInstanceArn || *got.StatusInfos[0].Status != "replicating" {
		t.Errorf("the standby is %+v", got)
	}
}

// turn builds a replica in an old writer's place and looks whether it is what was
// asked for.
func (w *world) turn(region, id, sourceRegion, source string) {
	w.t.Helper()
	if _, err := w.client(region).CreateDBInstanceReadReplica(w.t.Context(), rebuild(region, id, sourceRegion, source)); err != nil {
		w.t.Fatal(err)
	}
	w.statuses(region, id, status, "available")
	db := w.describe(region, id)
	if *db.KmsKeyId != keyIn(region) || !*db.StorageEncrypted || *db.DBSubnetGroup.DBSubnetGroupName != "default" || *db.DBParameterGroups[0].DBParameterGroupName != "mine" ||
		network(db) != "available, 012 active" || !*db.DeletionProtection || !*db.MultiAZ || len(db.TagList) != 1 ||
		*db.ReadReplicaSourceDBInstanceIdentifier != "arn:aws:rds:"+sourceRegion+":111111111111:db:"+source || *db.StatusInfos[0].Status != "replicating" {
		w.t.Errorf("%s was built as %+v", id, db)
	}
}

// What a replica elsewhere is not given it has from its region, not from its
// source; an unencrypted source gives no encrypted replica.
func TestAReplicaElsewhereHasItsRegionsDefaults(t *testing.T) {
	t.Parallel()
	w := start(t, 1200, true)
	for _, region := range []string{east, west} {
		w.rds.SeedParameterGroup(engine.WorkloadAccount, region, "mine", "postgres")
	}
	given := placement
	given.ParameterGroup = "mine"
	if err := w.rds.Seed(t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: east, Identifier: "orders", MasterUsername: "dradmin", MasterPassword: "correct-horse", Placement: given,
	}); err != nil {
		t.Fatal(err)
	}
	create := func(region string, change func(*sdk.CreateDBInstanceReadReplicaInput)) (types.DBInstance, error) {
		in := &sdk.CreateDBInstanceReadReplicaInput{DBInstanceIdentifier: aws.String("copy"), SourceDBInstanceIdentifier: aws.String("arn:aws:rds:us-east-1:111111111111:db:orders")}
		change(in)
		out, err := w.client(region).CreateDBInstanceReadReplica(t.Context(), in)
		if err != nil {
			return types.DBInstance{}, err
		}
		return *out.DBInstance, nil
	}
	_, err := create(west, func(in *sdk.CreateDBInstanceReadReplicaInput) { in.KmsKeyId = aws.String(keyIn(west)) })
	refused(t, err, "InvalidParameterCombination", 400)
	for region, want := range map[string]string{east: "mine", west: "default.postgres16"} {
		db, err := create(region, func(*sdk.CreateDBInstanceReadReplicaInput) {})
		if err != nil {
			t.Fatal(err)
		}
		if got := *db.DBParameterGroups[0].DBParameterGroupName; got != want {
			t.Errorf("in %s: the parameter group %q, want %q", region, got, want)
		}
		groups := []string{}
		for _, g := range db.VpcSecurityGroups {
			groups = append(groups, *g.VpcSecurityGroupId)
		}
		if slices.Contains(groups, letsIn) || len(groups) != 1 || *db.DeletionProtection {
			t.Errorf("in %s: the security groups %q, protected: %t", region, groups, *db.DeletionProtection)
		}
	}
}
