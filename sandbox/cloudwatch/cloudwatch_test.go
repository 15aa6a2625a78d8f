// SPDX-License-Identifier: MPL-2.0

package cloudwatch_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func start(t *testing.T, scale float64) (*cloudwatch.Service, func(region string) *sdk.Client) {
	t.Helper()
	e := engine.New(engine.Options{TimeScale: scale})
	t.Cleanup(func() { _ = e.Close() })
	s := cloudwatch.New(e)
	e.Register(s.Definition())
	server := httptest.NewServer(e.Handler())
	t.Cleanup(server.Close)
	return s, func(region string) *sdk.Client {
		return sdk.New(sdk.Options{
			Region: region, BaseEndpoint: aws.String(server.URL),
			Credentials:      credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", ""),
			RetryMaxAttempts: 1,
		})
	}
}

func lagQuery(id, instance string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Metric: &types.Metric{
			Namespace: aws.String("AWS/RDS"), MetricName: aws.String("ReplicaLag"),
			Dimensions: []types.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: aws.String(instance)}},
		},
		Period: aws.Int32(60), Stat: aws.String("Maximum"),
	}}
}

func TestGetMetricDataReadsTheRegionsOwnMetrics(t *testing.T) {
	t.Parallel()
	s, client := start(t, 1)
	base := time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
	dims := map[string]string{"DBInstanceIdentifier": "orders-usw2"}
	put := func(after time.Duration, v float64) {
		s.Put(engine.WorkloadAccount, "us-west-2", "AWS/RDS", "ReplicaLag", dims, base.Add(after), v, "Seconds")
	}
	put(0, 1)
	put(20*time.Second, 3)
	put(time.Minute, 2)
	in := &sdk.GetMetricDataInput{
		MetricDataQueries: []types.MetricDataQuery{lagQuery("a", "orders-usw2"), lagQuery("b", "other")},
		StartTime:         aws.Time(base), EndTime: aws.Time(base.Add(5 * time.Minute)),
	}
	out, err := client("us-west-2").GetMetricData(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got := out.MetricDataResults[0]
	// Newest first unless asked otherwise; a minute holds its maximum.
	if len(got.Values) != 2 || got.Values[0] != 2 || got.Values[1] != 3 || !got.Timestamps[1].Equal(base) {
		t.Errorf("got %v at %v", got.Values, got.Timestamps)
	}
	if n := len(out.MetricDataResults[1].Values); n != 0 {
		t.Errorf("a metric that does not exist has %d values", n)
	}
	out, err = client("us-east-1").GetMetricData(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out.MetricDataResults[0].Values); n != 0 {
		t.Errorf("us-east-1 shows %d values of us-west-2", n)
	}
}

func TestPeriodsAreDividedByTheTimeScale(t *testing.T) {
	t.Parallel()
	s, client := start(t, 60)
	base := time.Now().UTC().Truncate(time.Minute).Add(-time.Minute)
	for i := range 5 { // five simulated minutes
		s.Put(engine.WorkloadAccount, "us-west-2", "AWS/RDS", "ReplicaLag",
			map[string]string{"DBInstanceIdentifier": "r"}, base.Add(time.Duration(i)*time.Second), float64(i), "Seconds")
	}
	out, err := client("us-west-2").GetMetricData(t.Context(), &sdk.GetMetricDataInput{
		MetricDataQueries: []types.MetricDataQuery{lagQuery("a", "r")},
		StartTime:         aws.Time(base), EndTime: aws.Time(base.Add(time.Minute)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.MetricDataResults[0].Values; len(got) != 5 || got[0] != 4 {
		t.Errorf("got %v, want one value for each simulated minute, newest first", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	_, client := start(t, 1)
	now := time.Now()
	tests := map[string]struct {
		in   *sdk.GetMetricDataInput
		code string
	}{
		"maths": {&sdk.GetMetricDataInput{
			MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("a"), Expression: aws.String("1+1")}},
			StartTime:         aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now),
		}, "ValidationError"},
		"range": {&sdk.GetMetricDataInput{
			MetricDataQueries: []types.MetricDataQuery{lagQuery("a", "r")},
			StartTime:         aws.Time(now), EndTime: aws.Time(now.Add(-time.Hour)),
		}, "ValidationError"},
		"the same id twice": {&sdk.GetMetricDataInput{
			MetricDataQueries: []types.MetricDataQuery{lagQuery("a", "r"), lagQuery("a", "s")},
			StartTime:         aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now),
		}, "ValidationError"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client("us-west-2").GetMetricData(t.Context(), tc.in)
			var refused smithy.APIError
			if !errors.As(err, &refused) || refused.ErrorCode() != tc.code {
				t.Errorf("got %v, want %s", err, tc.code)
			}
		})
	}
}

func TestPutListAndStatistics(t *testing.T) {
	t.Parallel()
	_, client := start(t, 1)
	cw := client("us-west-2")
	at := time.Now().UTC().Truncate(time.Minute).Add(-2 * time.Minute)
	_, err := cw.PutMetricData(t.Context(), &sdk.PutMetricDataInput{
		Namespace:  aws.String("acme"),
		MetricData: []types.MetricDatum{{MetricName: aws.String("orders"), Value: aws.Float64(7), Timestamp: aws.Time(at)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := cw.ListMetrics(t.Context(), &sdk.ListMetricsInput{Namespace: aws.String("acme")})
	if err != nil || len(list.Metrics) != 1 || aws.ToString(list.Metrics[0].MetricName) != "orders" {
		t.Errorf("ListMetrics = %v, %v", list, err)
	}
	stats, err := cw.GetMetricStatistics(t.Context(), &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("acme"), MetricName: aws.String("orders"), Period: aws.Int32(60),
		Statistics: []types.Statistic{types.StatisticMaximum},
		StartTime:  aws.Time(at.Add(-time.Minute)), EndTime: aws.Time(at.Add(time.Minute)),
	})
	if err != nil || len(stats.Datapoints) != 1 || aws.ToFloat64(stats.Datapoints[0].Maximum) != 7 || stats.Datapoints[0].Unit != types.StandardUnitNone {
		t.Errorf("GetMetricStatistics = %v, %v", stats, err)
	}
}

func TestStatisticsKeepUnitsApartAndHaveALimit(t *testing.T) {
	t.Parallel()
	s, client := start(t, 1)
	at := time.Now().UTC().Truncate(time.Minute).Add(-time.Minute)
	s.Put(engine.WorkloadAccount, "us-west-2", "acme", "wait", nil, at, 2, "Seconds")
	s.Put(engine.WorkloadAccount, "us-west-2", "acme", "wait", nil, at, 2000, "Milliseconds")
	ask := func(back time.Duration, unit types.StandardUnit) (map[types.StandardUnit]float64, error) {
		out, err := client("us-west-2").GetMetricStatistics(t.Context(), &sdk.GetMetricStatisticsInput{
			Namespace: aws.String("acme"), MetricName: aws.String("wait"), Period: aws.Int32(60), Unit: unit,
			Statistics: []types.Statistic{types.StatisticSum}, StartTime: aws.Time(at.Add(-back)), EndTime: aws.Time(at.Add(time.Minute)),
		})
		if err != nil {
			return nil, err
		}
		sums := map[types.StandardUnit]float64{}
		for _, d := range out.Datapoints {
			sums[d.Unit] = aws.ToFloat64(d.Sum)
		}
		return sums, nil
	}
	for unit, want := range map[types.StandardUnit]map[types.StandardUnit]float64{
		"":                         {types.StandardUnitSeconds: 2, types.StandardUnitMilliseconds: 2000},
		types.StandardUnitSeconds:  {types.StandardUnitSeconds: 2},
		types.StandardUnitGigabits: {},
	} {
		if got, err := ask(1439*time.Minute, unit); err != nil || !maps.Equal(got, want) {
			t.Errorf("unit %q: %v, %v; want %v", unit, got, err, want)
		}
	}
	var refusal smithy.APIError
	if _, err := ask(1440*time.Minute, ""); !errors.As(err, &refusal) || refusal.ErrorCode() != "InvalidParameterCombinationException" && refusal.ErrorCode() != "InvalidParameterCombination" {
		t.Errorf("1,441 data points: %v", err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, client := start(t, 1)
	cw := client("us-west-2")
	base := time.Now().UTC().Truncate(time.Minute).Add(-20 * time.Minute)
	for i := range 600 {
		dims := map[string]string{"DBInstanceIdentifier": fmt.Sprintf("db-%d", i)}
		s.Put(engine.WorkloadAccount, "us-west-2", "AWS/RDS", "ReplicaLag", dims, base, 1, "Seconds")
	}
	var metrics int
	for pages := sdk.NewListMetricsPaginator(cw, &sdk.ListMetricsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if metrics += len(page.Metrics); len(page.Metrics) > 500 {
			t.Errorf("a page of %d metrics", len(page.Metrics))
		}
	}
	if metrics != 600 {
		t.Errorf("%d metrics in all pages, want 600", metrics)
	}

	for i := range 10 {
		s.Put(engine.WorkloadAccount, "us-west-2", "AWS/RDS", "ReplicaLag",
			map[string]string{"DBInstanceIdentifier": "db-0"}, base.Add(time.Duration(i)*time.Minute), float64(i), "Seconds")
	}
	got := map[string][]float64{}
	pages := sdk.NewGetMetricDataPaginator(cw, &sdk.GetMetricDataInput{
		MetricDataQueries: []types.MetricDataQuery{lagQuery("a", "db-0"), lagQuery("b", "db-1")},
		StartTime:         aws.Time(base), EndTime: aws.Time(base.Add(15 * time.Minute)), MaxDatapoints: aws.Int32(4),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.MetricDataResults {
			got[*r.Id] = append(got[*r.Id], r.Values...)
		}
	}
	if len(got["a"]) != 10 || got["a"][0] != 9 || len(got["b"]) != 1 {
		t.Errorf("in pages of 4: %v", got)
	}
	_, err := cw.ListMetrics(t.Context(), &sdk.ListMetricsInput{NextToken: aws.String("x")})
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "InvalidParameterValue" {
		t.Errorf("a bad token: %v", err)
	}
}
