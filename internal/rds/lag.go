// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Lag is what CloudWatch knows of a replica's ReplicaLag.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
type Lag struct {
	// At and Seconds are the newest datum. Seconds is -1 when nothing was
	// replicating then.
	At      time.Time
	Seconds float64
	// GoodAt and GoodSeconds are the newest datum that is not negative; GoodAt
	// is zero when there is none.
	GoodAt      time.Time
	GoodSeconds float64
	// newest data, the newest first.
	newest [3]lagDatum
}

type lagDatum struct {
	at      time.Time
	seconds float64
}

// Known says that the newest datum is a lag, and not older than the limit
// (0: however old).
func (l Lag) Known(limit time.Duration) bool {
	return !l.At.IsZero() && l.Seconds >= 0 && (limit == 0 || time.Since(l.At) <= limit)
}

// StaleAfter is the age at which a datum of a metric that has one a minute no
// longer says anything about now.
const StaleAfter = 5 * time.Minute

func lagText(l Lag, found bool) string {
	switch {
	case !found || l.At.IsZero():
		return "no ReplicaLag datum"
	case l.Seconds < 0:
		return fmt.Sprintf("not replicating at %s", l.At.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("lag %.0f s at %s", l.Seconds, l.At.UTC().Format(time.RFC3339))
	}
}

// Lag of a replica: the zero Lag if CloudWatch has no datum. Look-ups that
// happen together are one call.
func (s *Service) Lag(ctx context.Context, id string) (Lag, error) {
	l, _, err := s.lags.Load(ctx, id)
	if err != nil {
		return Lag{}, s.failed(KindRead, "", id, "read the metric ReplicaLag of", err)
	}
	return l, nil
}

const (
	lagPeriod     = 60  // seconds: the metric's resolution
	queriesPerGet = 500 // GetMetricData's limit
)

// lagWindows are how far back is looked: mostly the first is enough.
var lagWindows = []time.Duration{3 * time.Hour, 24 * time.Hour}

func (s *Service) fetchLags(ctx context.Context, ids []string) (map[string]Lag, error) {
	out := make(map[string]Lag, len(ids))
	slices.Sort(ids)
	for _, window := range lagWindows {
		missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !out[id].GoodAt.IsZero() })
		for part := range slices.Chunk(missing, queriesPerGet) {
			if err := s.fetchLagsPart(ctx, part, window, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (s *Service) fetchLagsPart(ctx context.Context, ids []string, window time.Duration, out map[string]Lag) error {
	now := time.Now()
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-window).Truncate(time.Minute)),
		EndTime:   aws.Time(now.Add(time.Minute)),
		ScanBy:    types.ScanByTimestampDescending,
	}
	for n, id := range ids {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("m%d", n)),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace:  aws.String("AWS/RDS"),
					MetricName: aws.String("ReplicaLag"),
					Dimensions: []types.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: &id}},
				},
				Period: aws.Int32(lagPeriod),
				Stat:   aws.String("Maximum"),
			},
		})
	}
	for {
		page, err := s.metrics.GetMetricData(ctx, in)
		if err != nil {
			return err
		}
		for _, result := range page.MetricDataResults {
			var n int
			if _, err := fmt.Sscanf(aws.ToString(result.Id), "m%d", &n); err != nil || n < 0 || n >= len(ids) {
				continue
			}
			l := out[ids[n]]
			for k := range min(len(result.Timestamps), len(result.Values)) {
				l = l.with(result.Timestamps[k], result.Values[k])
			}
			out[ids[n]] = l
		}
		if aws.ToString(page.NextToken) == "" {
			return nil
		}
		in.NextToken = page.NextToken
	}
}

func (l Lag) with(at time.Time, seconds float64) Lag {
	if at.After(l.At) {
		l.At, l.Seconds = at, seconds
	}
	if seconds >= 0 && at.After(l.GoodAt) {
		l.GoodAt, l.GoodSeconds = at, seconds
	}
	for n, d := range l.newest {
		if at.Equal(d.at) {
			break
		}
		if at.After(d.at) {
			copy(l.newest[n+1:], l.newest[n:])
			l.newest[n] = lagDatum{at, seconds}
			break
		}
	}
	return l
}

// contradicted says that the replica has evidence of a source that was alive
// after it is said to have been lost, and by how much: the time of the last
// replayed transaction for PostgreSQL, of the last good datum for other engines,
// whose replicas may take minutes to notice a silent source.
func contradicted(i Instance, l Lag, lostAt time.Time) (time.Duration, bool) {
	if lostAt.IsZero() || l.GoodAt.IsZero() {
		return 0, false
	}
	alive, tolerance := l.GoodAt, StaleAfter
	if i.isPostgreSQL() {
		alive, tolerance = l.GoodAt.Add(-time.Duration(l.GoodSeconds*float64(time.Second))), time.Minute
	}
	ahead := alive.Sub(lostAt)
	return ahead, ahead > tolerance
}

// EstimateLoss says how much of what the source had acknowledged when it was
// lost the replica will never get. It is false when that is unknown.
//
// PostgreSQL's lag is the age of the last replayed transaction, and goes on
// growing when the source is dead or idle: what counts is the time of that
// transaction. For other engines it is the distance between the two. The answer
// is in whole seconds, as the metric is.
func EstimateLoss(i Instance, l Lag, lostAt time.Time) (time.Duration, bool) {
	if l.GoodAt.IsZero() {
		return 0, false
	}
	lag := time.Duration(l.GoodSeconds * float64(time.Second))
	if i.isPostgreSQL() {
		return max(0, lostAt.Sub(l.GoodAt.Add(-lag))).Round(time.Second), true
	}
	return (lag + max(0, lostAt.Sub(l.GoodAt))).Round(time.Second), true
}
