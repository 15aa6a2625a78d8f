// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
)

func newInstance(id string) *sdk.CreateDBInstanceInput {
	return &sdk.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String(id), DBInstanceClass: aws.String("db.t4g.medium"), Engine: aws.String("postgres"),
		MasterUsername: aws.String("dradmin"), MasterUserPassword: aws.String("correct-horse"), AllocatedStorage: aws.Int32(20),
		BackupRetentionPeriod: aws.Int32(7), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("payments")}},
		VpcSecurityGroupIds: []string{"sg-0123456789abcdef0"},
	}
}

func TestInstanceFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	c := w.client(east)
	out, err := c.CreateDBInstance(t.Context(), newInstance("Orders"))
	if err != nil {
		t.Fatal(err)
	}
	if db := out.DBInstance; db.Endpoint != nil || status(*db) != "creating" || aws.ToString(db.DBInstanceIdentifier) != "orders" {
		t.Errorf("just created: %s %s, endpoint %v", aws.ToString(db.DBInstanceIdentifier), status(*db), db.Endpoint)
	}
	_, err = c.CreateDBInstance(t.Context(), newInstance("orders"))
	refused(t, err, "DBInstanceAlreadyExists", 400)
	_, err = c.RebootDBInstance(t.Context(), &sdk.RebootDBInstanceInput{DBInstanceIdentifier: aws.String("orders")})
	refused(t, err, "InvalidDBInstanceState", 400)
	if seen := w.statuses(east, "orders", status, "available"); !slices.Equal(seen, []string{"creating", "backing-up", "available"}) {
		t.Errorf("creation went %q", seen)
	}
	db := w.describe(east, "orders")
	if !regexp.MustCompile(`^orders\.c[a-z0-9]{9}\.us-east-1\.rds\.amazonaws\.com$`).MatchString(aws.ToString(db.Endpoint.Address)) ||
		aws.ToInt32(db.Endpoint.Port) != 5432 || aws.ToString(db.Endpoint.HostedZoneId) == "" {
		t.Errorf("endpoint %+v", db.Endpoint)
	}
	if !regexp.MustCompile(`^db-[A-Z0-9]{26}$`).MatchString(aws.ToString(db.DbiResourceId)) {
		t.Errorf("resource id %q", aws.ToString(db.DbiResourceId))
	}
	if db.LatestRestorableTime == nil || db.InstanceCreateTime == nil || len(db.TagList) != 1 || len(db.StatusInfos) != 0 ||
		aws.ToString(db.VpcSecurityGroups[0].VpcSecurityGroupId) != "sg-0123456789abcdef0" ||
		aws.ToString(db.DBParameterGroups[0].DBParameterGroupName) != "default.postgres16" {
		t.Errorf("described as %+v", db)
	}

	// A reboot, a change, a new name: each keeps the resource id.
	if _, err := c.RebootDBInstance(t.Context(), &sdk.RebootDBInstanceInput{DBInstanceIdentifier: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	if seen := w.statuses(east, "orders", status, "available"); !slices.Equal(seen, []string{"rebooting", "available"}) {
		t.Errorf("reboot went %q", seen)
	}
	modify := func(in sdk.ModifyDBInstanceInput) {
		t.Helper()
		if _, err := c.ModifyDBInstance(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
	}
	modify(sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), DBInstanceClass: aws.String("db.r6g.large"), DeletionProtection: aws.Bool(true)})
	db = w.describe(east, "orders")
	if aws.ToString(db.PendingModifiedValues.DBInstanceClass) != "db.r6g.large" || aws.ToString(db.DBInstanceClass) != "db.t4g.medium" || !aws.ToBool(db.DeletionProtection) {
		t.Errorf("what waits did not wait, or what does not did: %+v", db.PendingModifiedValues)
	}
	modify(sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), NewDBInstanceIdentifier: aws.String("orders-retired"), ApplyImmediately: aws.Bool(true)})
	if seen := w.statuses(east, "orders", status, "gone"); !slices.Equal(seen[len(seen)-2:], []string{"renaming", "gone"}) {
		t.Errorf("renaming went %q", seen)
	}
	w.statuses(east, "orders-retired", status, "available")
	renamed := w.describe(east, "orders-retired")
	if aws.ToString(renamed.DbiResourceId) != aws.ToString(db.DbiResourceId) || aws.ToString(renamed.DBInstanceClass) != "db.r6g.large" {
		t.Errorf("renamed: %s is a %s", aws.ToString(renamed.DbiResourceId), aws.ToString(renamed.DBInstanceClass))
	}

	remove := func(in sdk.DeleteDBInstanceInput) error {
		in.DBInstanceIdentifier = aws.String("orders-retired")
		_, err := c.DeleteDBInstance(t.Context(), &in)
		return err
	}
	refused(t, remove(sdk.DeleteDBInstanceInput{SkipFinalSnapshot: aws.Bool(true)}), "InvalidParameterCombination", 400)
	modify(sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String("orders-retired"), DeletionProtection: aws.Bool(false)})
	refused(t, remove(sdk.DeleteDBInstanceInput{}), "InvalidParameterCombination", 400)
	refused(t, remove(sdk.DeleteDBInstanceInput{SkipFinalSnapshot: aws.Bool(true), FinalDBSnapshotIdentifier: aws.String("last")}), "InvalidParameterCombination", 400)
	if err := remove(sdk.DeleteDBInstanceInput{SkipFinalSnapshot: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if seen := w.statuses(east, "orders-retired", status, "gone"); !slices.Equal(seen, []string{"deleting", "gone"}) {
		t.Errorf("deletion went %q", seen)
	}
	events, err := c.DescribeEvents(t.Context(), &sdk.DescribeEventsInput{
		SourceIdentifier: aws.String("orders-retired"), SourceType: types.SourceTypeDbInstance, Duration: aws.Int32(60),
	})
	if err != nil || len(events.Events) == 0 {
		t.Errorf("events: %v, %v", events, err)
	}
	for _, r := range w.e.Calls() {
		for k, v := range r.Params {
			if v == "correct-horse" {
				t.Errorf("the record of %s holds a password as %s", r.Operation, k)
			}
		}
	}
}

func TestARenameReservesItsNewName(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	w.seed("postgres")
	c := w.client(east)
	if _, err := c.ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String("orders"), NewDBInstanceIdentifier: aws.String("orders-retired"), ApplyImmediately: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	_, err := c.CreateDBInstance(t.Context(), newInstance("orders-retired"))
	refused(t, err, "DBInstanceAlreadyExists", 400)
}

func TestCreationRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	for name, tc := range map[string]struct {
		change func(*sdk.CreateDBInstanceInput)
		code   string
	}{
		"identifier":       {func(in *sdk.CreateDBInstanceInput) { in.DBInstanceIdentifier = aws.String("a--b") }, "InvalidParameterValue"},
		"identifier's end": {func(in *sdk.CreateDBInstanceInput) { in.DBInstanceIdentifier = aws.String("a-") }, "InvalidParameterValue"},
		"engine":           {func(in *sdk.CreateDBInstanceInput) { in.Engine = aws.String("oracle-ee") }, "InvalidParameterValue"},
		"class":            {func(in *sdk.CreateDBInstanceInput) { in.DBInstanceClass = aws.String("big") }, "InvalidParameterValue"},
		"short password":   {func(in *sdk.CreateDBInstanceInput) { in.MasterUserPassword = aws.String("short") }, "InvalidParameterValue"},
		"bad password":     {func(in *sdk.CreateDBInstanceInput) { in.MasterUserPassword = aws.String("with@sign-in-it") }, "InvalidParameterValue"},
		"no password":      {func(in *sdk.CreateDBInstanceInput) { in.MasterUserPassword = nil }, "MissingParameter"},
		"reserved user":    {func(in *sdk.CreateDBInstanceInput) { in.MasterUsername = aws.String("rdsadmin") }, "InvalidParameterValue"},
		"retention":        {func(in *sdk.CreateDBInstanceInput) { in.BackupRetentionPeriod = aws.Int32(36) }, "InvalidParameterValue"},
		"window":           {func(in *sdk.CreateDBInstanceInput) { in.PreferredBackupWindow = aws.String("03:00-03:10") }, "InvalidParameterValue"},
		"group":            {func(in *sdk.CreateDBInstanceInput) { in.VpcSecurityGroupIds = []string{"default"} }, "InvalidParameterValue"},
		"version":          {func(in *sdk.CreateDBInstanceInput) { in.EngineVersion = aws.String("latest") }, "InvalidParameterCombination"},
		"storage":          {func(in *sdk.CreateDBInstanceInput) { in.AllocatedStorage = aws.Int32(1) }, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstance("orders")
			tc.change(in)
			_, err := w.client(east).CreateDBInstance(t.Context(), in)
			refused(t, err, tc.code, 400)
		})
	}
}

func TestReplicaNeedsASourceWithBackups(t *testing.T) {
	t.Parallel()
	w := start(t, 600, true)
	err := w.rds.Seed(t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: east, Identifier: "plain", NoBackups: true,
		MasterUsername: "dradmin", MasterPassword: "correct-horse",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.seed("postgres")
	create := func(region, id, source string) error {
		_, err := w.client(region).CreateDBInstanceReadReplica(t.Context(), &sdk.CreateDBInstanceReadReplicaInput{
			DBInstanceIdentifier: aws.String(id), SourceDBInstanceIdentifier: aws.String(source), SourceRegion: regionOf(source),
		})
		return err
	}
	arn := "arn:aws:rds:us-east-1:111111111111:db:"
	refused(t, create(west, "r", arn+"plain"), "InvalidDBInstanceState", 400)
	refused(t, create(west, "r", arn+"nothing"), "DBInstanceNotFound", 404)
	refused(t, create(west, "r", "orders"), "DBInstanceNotFound", 404) // by name only at home
	refused(t, create(west, "orders-usw2", arn+"orders"), "DBInstanceAlreadyExists", 400)
	if err := create(west, "orders-2", arn+"orders"); err != nil {
		t.Fatal(err)
	}
	if err := create(east, "orders-3", "orders"); err != nil {
		t.Fatal(err)
	}
	if seen := w.statuses(west, "orders-2", status, "available"); !slices.Equal(seen, []string{"creating", "available"}) {
		t.Errorf("creation of a replica went %q", seen)
	}
	w.statuses(east, "orders-3", status, "available")
	if got := aws.ToString(w.describe(east, "orders-3").ReadReplicaSourceDBInstanceIdentifier); got != "orders" {
		t.Errorf("the source in the same region is named %q", got)
	}
	want := []string{arnWest("orders-usw2"), arnWest("orders-2"), "orders-3"}
	if got := w.describe(east, "orders").ReadReplicaDBInstanceIdentifiers; !slices.Equal(got, want) {
		t.Errorf("replicas %q, want %q", got, want)
	}
	// The source's backups can no longer be turned off.
	_, err = w.client(east).ModifyDBInstance(t.Context(), &sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), BackupRetentionPeriod: aws.Int32(0)})
	refused(t, err, "InvalidDBInstanceState", 400)
}

func arnWest(id string) string { return "arn:aws:rds:us-west-2:111111111111:db:" + id }

func regionOf(source string) *string {
	if len(source) > 4 && source[:4] == "arn:" {
		return aws.String(east)
	}
	return nil
}

func TestDescribeFiltersAndPages(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	w.seed("postgres")
	for n := range 45 {
		w.seedReplicaOf(n)
	}
	c := w.client(west)
	var ids []string
	pages := sdk.NewDescribeDBInstancesPaginator(c, &sdk.DescribeDBInstancesInput{MaxRecords: aws.Int32(20)})
	for n := 0; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n < 2 && len(page.DBInstances) != 20 {
			t.Errorf("page %d has %d instances", n, len(page.DBInstances))
		}
		for _, db := range page.DBInstances {
			ids = append(ids, *db.DBInstanceIdentifier)
		}
	}
	if len(ids) != 46 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 46 {
		t.Errorf("%d instances in pages: %q", len(ids), ids)
	}
	found := func(name string, values ...string) int {
		t.Helper()
		out, err := c.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{Filters: []types.Filter{{Name: aws.String(name), Values: values}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.DBInstances)
	}
	if n := found("db-instance-id", "ORDERS-usw2", arnWest("db-3"), "nothing"); n != 2 {
		t.Errorf("the filter by identifier finds %d", n)
	}
	if n := found("dbi-resource-id", *w.describe(west, "db-7").DbiResourceId); n != 1 {
		t.Errorf("the filter by resource id finds %d", n)
	}
	if n := found("engine", "mysql"); n != 0 {
		t.Errorf("the filter by engine finds %d", n)
	}
	for _, in := range []*sdk.DescribeDBInstancesInput{
		{MaxRecords: aws.Int32(10)}, {MaxRecords: aws.Int32(101)}, {Marker: aws.String("x")},
		{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}},
	} {
		_, err := c.DescribeDBInstances(t.Context(), in)
		refused(t, err, "InvalidParameterValue", 400)
	}
	for _, id := range []string{"nothing", "arn:aws:rds:us-east-1:111111111111:db:orders"} {
		_, err := c.DescribeDBInstances(t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(id)})
		refused(t, err, "DBInstanceNotFound", 404)
	}
	if got := w.describe(west, arnWest("Orders-Usw2")); aws.ToString(got.DBInstanceIdentifier) != "orders-usw2" {
		t.Errorf("by ARN: %s", aws.ToString(got.DBInstanceIdentifier))
	}
}

// seedReplicaOf makes a further instance in us-west-2.
func (w *world) seedReplicaOf(n int) {
	w.t.Helper()
	err := w.rds.Seed(w.t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: west, Identifier: fmt.Sprintf("db-%d", n),
		MasterUsername: "dradmin", MasterPassword: "correct-horse",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := start(t, 60, true)
	w.seed("postgres")
	c, arn := w.client(west), aws.String(arnWest("orders-usw2"))
	_, err := c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{ResourceName: arn, Tags: []types.Tag{
		{Key: aws.String("dr:promoted-from"), Value: aws.String("x")}, {Key: aws.String("team"), Value: aws.String("payments")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RemoveTagsFromResource(t.Context(), &sdk.RemoveTagsFromResourceInput{ResourceName: arn, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	out, err := c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceName: arn})
	if err != nil || len(out.TagList) != 1 || aws.ToString(out.TagList[0].Key) != "dr:promoted-from" {
		t.Errorf("tags %v, %v", out, err)
	}
	if got := w.describe(west, "orders-usw2").TagList; len(got) != 1 {
		t.Errorf("described with the tags %v", got)
	}
	_, err = c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{ResourceName: arn, Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}})
	refused(t, err, "InvalidParameterValue", 400)
	_, err = c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceName: aws.String(arnWest("nothing"))})
	refused(t, err, "DBInstanceNotFound", 404)
}

func TestDeletionOfASourceAndItsReplicas(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"postgres": "terminated", "mysql": "promoted"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, 1200, true)
			w.seed(name)
			_, err := w.client(west).DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String("orders-usw2")})
			refused(t, err, "InvalidParameterCombination", 400) // not even a replica, without SkipFinalSnapshot
			_, err = w.client(east).DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{
				DBInstanceIdentifier: aws.String("orders"), SkipFinalSnapshot: aws.Bool(true),
			})
			if err != nil {
				t.Fatal(err)
			}
			w.statuses(west, "orders-usw2", func(db types.DBInstance) string {
				if aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) == "" {
					return "promoted"
				}
				return aws.ToString(db.StatusInfos[0].Status)
			}, want)
			if n := w.rds.PromotionCount(engine.WorkloadAccount, west, "orders-usw2"); n != 0 {
				t.Errorf("%d promotions are counted that nobody called for", n)
			}
		})
	}
}
