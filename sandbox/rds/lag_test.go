// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// newestLag is the newest datum of a replica, and its age.
func (w *world) newestLag(id string) (value float64, age time.Duration, ok bool) {
	w.t.Helper()
	c := cloudwatch.New(cloudwatch.Options{
		Region: west, BaseEndpoint: aws.String(w.url),
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	})
	out, err := c.GetMetricData(w.t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(time.Now().Add(-10 * time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
		MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("lag"), MetricStat: &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{
				Namespace: aws.String("AWS/RDS"), MetricName: aws.String("ReplicaLag"),
				Dimensions: []cwtypes.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: aws.String(id)}},
			},
			Period: aws.Int32(60), Stat: aws.String("Maximum"),
		}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	r := out.MetricDataResults[0]
	if len(r.Values) == 0 {
		return 0, 0, false
	}
	return r.Values[0], time.Since(r.Timestamps[0]), true
}

func (w *world) lagBecomes(what string, ok func(float64) bool) {
	w.t.Helper()
	var last float64
	for range 500 {
		v, age, found := w.newestLag("orders-usw2")
		if last = v; found && age < 2*time.Second && ok(v) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the lag is %g, want %s", last, what)
}

func TestModelledLag(t *testing.T) {
	t.Parallel()
	t.Run("postgres grows while its source is lost", func(t *testing.T) {
		t.Parallel()
		w := start(t, 600, true)
		w.seed("postgres")
		w.lagBecomes("0", func(v float64) bool { return v == 0 })
		if err := w.rds.SetLag(engine.WorkloadAccount, west, "orders-usw2", 3*time.Second); err != nil {
			t.Fatal(err)
		}
		w.lagBecomes("3", func(v float64) bool { return v == 3 })
		w.e.SetRegion(east, engine.Down)
		w.lagBecomes("more than 3", func(v float64) bool { return v > 3.1 && v < 10 })
		w.e.SetRegion(east, engine.Up)
		w.lagBecomes("3 again", func(v float64) bool { return v == 3 })
	})
	t.Run("mysql says -1", func(t *testing.T) {
		t.Parallel()
		w := start(t, 600, true)
		w.seed("mysql")
		w.e.SetRegion(east, engine.BlackHoled)
		w.lagBecomes("-1", func(v float64) bool { return v == -1 })
	})
	t.Run("none of a promoted one", func(t *testing.T) {
		t.Parallel()
		w := start(t, 600, true)
		w.seed("postgres")
		w.lagBecomes("0", func(v float64) bool { return v == 0 })
		if _, err := w.client(west).PromoteReadReplica(t.Context(), &sdk.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String("orders-usw2")}); err != nil {
			t.Fatal(err)
		}
		w.statuses(west, "orders-usw2", func(db types.DBInstance) string { return aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) }, "")
		_, before, _ := w.newestLag("orders-usw2")
		time.Sleep(300 * time.Millisecond)
		if _, after, _ := w.newestLag("orders-usw2"); after < before+200*time.Millisecond {
			t.Errorf("a promoted instance still publishes its lag: %s, then %s old", before, after)
		}
	})
}
