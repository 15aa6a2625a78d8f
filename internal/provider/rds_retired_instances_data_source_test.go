// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	awstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

func TestRetiredInstances(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	config := func(more string) string {
		return w.provider("") + "data \"dr_rds_retired_instances\" \"east\" {\n region = \"us-east-1\"\n" + more + "\n}"
	}
	const name = "data.dr_rds_retired_instances.east"
	is := func(attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(name, tfjsonpath.New(attribute), check)
	}
	// orders is tagged as one that was retired from another name, ten days ago.
	retire := w.with(func() error {
		tags := map[string]string{
			rds.RetiredAsTag: "orders", rds.RetiredFromTag: "shop",
			rds.RetiredAtTag: time.Now().Add(-241 * time.Hour).UTC().Format(time.RFC3339),
		}
		in := &awsrds.AddTagsToResourceInput{ResourceName: aws.String(ordersARN)}
		for key, value := range tags {
			in.Tags = append(in.Tags, awstypes.Tag{Key: &key, Value: &value})
		}
		_, err := w.api(east).AddTagsToResource(t.Context(), in)
		w.Engine().ResetCalls()
		return err
	})
	class, storage, multiAZ := w.size(east, "orders")
	factor := 1.0
	if multiAZ {
		factor = 2
	}
	row := func(cost knownvalue.Check) knownvalue.Check {
		return knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"db_instance_identifier": knownvalue.StringExact("orders"), "retired_from": knownvalue.StringExact("shop"),
			"age_days": knownvalue.Int64Exact(10), "status": knownvalue.StringExact("available"), "db_instance_class": knownvalue.StringExact(class),
			"allocated_storage": knownvalue.Int32Exact(storage), "multi_az": knownvalue.Bool(multiAZ), "monthly_cost": cost,
		})})
	}
	prices := "instance_hourly_prices = { \"" + class + "\" = 0.5 }\nstorage_monthly_price_per_gib = 0.1"
	want := factor * (365 + 0.1*float64(storage))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config(prices), ConfigStateChecks: []statecheck.StateCheck{
				is("instances", knownvalue.ListSizeExact(0)), is("monthly_cost", knownvalue.Float64Exact(0)), is("known", knownvalue.Bool(true)),
			}},
			{PreConfig: retire, Config: config(""), ConfigStateChecks: []statecheck.StateCheck{
				is("instances", row(knownvalue.Null())), is("monthly_cost", knownvalue.Null()),
			}},
			{Config: config(prices), ConfigStateChecks: []statecheck.StateCheck{
				is("instances", row(knownvalue.Float64Exact(cents(want)))), is("monthly_cost", knownvalue.Float64Exact(cents(want))),
			}},
			{Config: config(`instance_hourly_prices = { "db.x" = -1 }`), ExpectError: words("value must be at least 0")},
			{PreConfig: w.lose, Config: config(prices), ConfigStateChecks: []statecheck.StateCheck{
				is("instances", knownvalue.ListSizeExact(0)), is("monthly_cost", knownvalue.Null()), is("known", knownvalue.Bool(false)),
			}},
		},
	})
	if err := w.changed(); err != nil {
		t.Error(err)
	}
}

// size of an instance, as it is paid for.
func (w *rdsWorld) size(region, id string) (class string, storage int32, multiAZ bool) {
	out, err := w.api(region).DescribeDBInstances(w.t.Context(), &awsrds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	db := out.DBInstances[0]
	return aws.ToString(db.DBInstanceClass), aws.ToInt32(db.AllocatedStorage), aws.ToBool(db.MultiAZ)
}
