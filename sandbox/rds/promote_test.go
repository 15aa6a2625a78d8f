// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func TestPromotionTakesItsTimeAndEmptiesTheSourceAtTheEnd(t *testing.T) {
	t.Parallel()
	w := start(t, 300, true) // five minutes in one second
	w.seed("postgres")
	before := w.describe(west, "orders-usw2")
	source := "arn:aws:rds:us-east-1:111111111111:db:orders"
	if got := aws.ToString(before.ReadReplicaSourceDBInstanceIdentifier); got != source {
		t.Errorf("source %q, want %q", got, source)
	}
	if got := w.describe(east, "orders").ReadReplicaDBInstanceIdentifiers; !slices.Equal(got, []string{aws.ToString(before.DBInstanceArn)}) {
		t.Errorf("the source shows the replicas %q", got)
	}
	out, err := w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{
		DBInstanceIdentifier: aws.String("Orders-USW2"), BackupRetentionPeriod: aws.Int32(7),
		PreferredBackupWindow: aws.String("03:00-04:00"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := status(*out.DBInstance); got != "available" {
		t.Errorf("just after the call the status is %q, want available", got)
	}
	_, err = w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String("orders-usw2")})
	refused(t, err, "InvalidDBInstanceState", 400)

	seen := w.statuses(west, "orders-usw2", func(db types.DBInstance) string {
		words := []string{status(db)}
		if aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) != "" {
			words = append(words, "from", aws.ToString(db.StatusInfos[0].Status))
		}
		return strings.Join(words, " ")
	}, "available")
	if seen[0] == "available from replicating" { // the answer has shown it already
		seen = seen[1:]
	}
	want := []string{
		"modifying from replication stop point set",
		"modifying from replication stop point reached",
		"rebooting from replication stop point reached",
		"available",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
	after := w.describe(west, "orders-usw2")
	if aws.ToInt32(after.BackupRetentionPeriod) != 7 || aws.ToString(after.PreferredBackupWindow) != "03:00-04:00" {
		t.Errorf("backups: %d days in %s", aws.ToInt32(after.BackupRetentionPeriod), aws.ToString(after.PreferredBackupWindow))
	}
	if aws.ToString(after.DbiResourceId) != aws.ToString(before.DbiResourceId) || *after.Endpoint.Address != *before.Endpoint.Address {
		t.Error("resource id or endpoint moved with the promotion")
	}
	if got := w.describe(east, "orders").ReadReplicaDBInstanceIdentifiers; len(got) != 0 {
		t.Errorf("the former source still shows %q", got)
	}
	if n := w.rds.PromotionCount(engine.WorkloadAccount, west, "orders-usw2"); n != 1 {
		t.Errorf("%d promotions took effect, want 1", n)
	}
	_, err = w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String("orders-usw2")})
	refused(t, err, "InvalidDBInstanceState", 400)
}

func TestPromotionRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	w.seed("postgres")
	promote := func(region, id string, days *int32) error {
		_, err := w.client(region).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{
			DBInstanceIdentifier: aws.String(id), BackupRetentionPeriod: days,
		})
		return err
	}
	refused(t, promote(west, "nowhere", nil), "DBInstanceNotFound", 404)
	refused(t, promote(east, "orders-usw2", nil), "DBInstanceNotFound", 404)
	refused(t, promote(east, "orders", nil), "InvalidDBInstanceState", 400)
	refused(t, promote(west, "orders-usw2", aws.Int32(36)), "InvalidParameterValue", 400)
	for _, s := range []string{"backing-up", "modifying", "storage-full"} {
		if err := w.rds.SetStatus(engine.WorkloadAccount, west, "orders-usw2", s); err != nil {
			t.Fatal(err)
		}
		refused(t, promote(west, "orders-usw2", nil), "InvalidDBInstanceState", 400)
	}
	if n := w.rds.PromotionCount(engine.WorkloadAccount, west, "orders-usw2"); n != 0 {
		t.Errorf("%d promotions took effect, want none", n)
	}
}

func TestPromotionWithTheSourceDownAndBackupsOmitted(t *testing.T) {
	t.Parallel()
	w := start(t, 3000, true)
	w.seed("postgres")
	w.e.SetRegion(east, engine.Down)
	info := w.describe(west, "orders-usw2").StatusInfos[0]
	if aws.ToString(info.Status) != "error" || aws.ToBool(info.Normal) {
		t.Errorf("replication from a region that is down is %s", aws.ToString(info.Status))
	}
	if _, err := w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String("orders-usw2")}); err != nil {
		t.Fatal(err)
	}
	w.statuses(west, "orders-usw2", func(db types.DBInstance) string { return aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) }, "")
	if got := aws.ToInt32(w.describe(west, "orders-usw2").BackupRetentionPeriod); got != 1 {
		t.Errorf("backups are kept for %d days; omitted means 1", got)
	}
	w.e.SetRegion(east, engine.Up)
	if got := w.describe(east, "orders").ReadReplicaDBInstanceIdentifiers; len(got) != 0 {
		t.Errorf("the former source, back, shows %q", got)
	}
}

func TestAWSCLIPromotesAndWaits(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	w.seed("postgres")
	out, err := w.cli("rds", "promote-read-replica", "--db-instance-identifier", "orders-usw2", "--region", west)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.statuses(west, "orders-usw2", func(db types.DBInstance) string { return aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) }, "")
	if out, err := w.cli("rds", "wait", "db-instance-available", "--db-instance-identifier", "orders-usw2", "--region", west); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = w.cli("rds", "describe-db-instances", "--db-instance-identifier", "orders-usw2", "--region", west,
		"--query", "DBInstances[0].[DBInstanceStatus,ReadReplicaSourceDBInstanceIdentifier,Endpoint.Address]")
	if err != nil || !strings.HasPrefix(out, "available\tNone\torders-usw2.c") {
		t.Errorf("describe: %v %q", err, out)
	}
	out, err = w.cli("rds", "promote-read-replica", "--db-instance-identifier", "orders-usw2", "--region", west)
	if err == nil || !strings.Contains(out, "InvalidDBInstanceState") {
		t.Errorf("promoting again: %v %q", err, out)
	}
	out, err = w.cli("cloudwatch", "get-metric-statistics", "--namespace", "AWS/RDS", "--metric-name", "ReplicaLag", "--region", west,
		"--dimensions", "Name=DBInstanceIdentifier,Value=orders-usw2", "--period", "60", "--statistics", "Maximum",
		"--start-time", time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339),
		"--end-time", time.Now().Add(time.Minute).UTC().Format(time.RFC3339), "--query", "Datapoints[0].Maximum")
	if err != nil || !strings.HasPrefix(out, "0") {
		t.Errorf("get-metric-statistics: %v %q", err, out)
	}
}
