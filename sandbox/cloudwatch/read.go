// SPDX-License-Identifier: MPL-2.0

package cloudwatch

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Limits of GetMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const maxQueries = 500

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,254}$`)

func (s *Service) getMetricData(c *engine.Call, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if err := checkRange(in.StartTime, in.EndTime); err != nil {
		return nil, err
	}
	if len(in.MetricDataQueries) == 0 {
		return nil, engine.Refuse("ValidationError", "The parameter MetricDataQueries is required.")
	}
	if len(in.MetricDataQueries) > maxQueries {
		return nil, engine.Refuse("ValidationError", "The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	}
	out := &cloudwatch.GetMetricDataOutput{Messages: []types.MessageData{}, MetricDataResults: []types.MetricDataResult{}}
	seen := map[string]bool{}
	for _, q := range in.MetricDataQueries {
		id := aws.ToString(q.Id)
		if !queryID.MatchString(id) || seen[id] {
			return nil, engine.Refuse("ValidationError", "The value %q of MetricDataQueries.member.N.Id is invalid or used twice.", id)
		}
		seen[id] = true
		if q.Expression != nil || q.MetricStat == nil || q.MetricStat.Metric == nil {
			return nil, engine.Refuse("ValidationError", "The sandbox evaluates MetricStat queries only; query %s has none.", id)
		}
		values, err := s.read(c.Account, c.Region, q.MetricStat.Metric, *in.StartTime, *in.EndTime, aws.ToInt32(q.MetricStat.Period), aws.ToString(q.MetricStat.Stat))
		if err != nil {
			return nil, err
		}
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		if in.ScanBy != types.ScanByTimestampAscending {
			slices.Reverse(values)
		}
		r := types.MetricDataResult{
			Id: q.Id, Label: q.Label, StatusCode: types.StatusCodeComplete,
			Timestamps: []time.Time{}, Values: []float64{},
		}
		if r.Label == nil {
			r.Label = q.MetricStat.Metric.MetricName
		}
		for _, v := range values {
			r.Timestamps = append(r.Timestamps, v.at)
			r.Values = append(r.Values, v.value)
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	if err := turn(out, in.MaxDatapoints, in.NextToken); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) getMetricStatistics(c *engine.Call, in *cloudwatch.GetMetricStatisticsInput) (*cloudwatch.GetMetricStatisticsOutput, error) {
	if err := checkRange(in.StartTime, in.EndTime); err != nil {
		return nil, err
	}
	if len(in.Statistics) == 0 {
		return nil, engine.Refuse("InvalidParameterCombination", "At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	metric := &types.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions}
	byTime := map[time.Time]*types.Datapoint{}
	for _, stat := range in.Statistics {
		values, err := s.read(c.Account, c.Region, metric, *in.StartTime, *in.EndTime, aws.ToInt32(in.Period), string(stat))
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			d := byTime[v.at]
			if d == nil {
				d = &types.Datapoint{Timestamp: aws.Time(v.at), Unit: types.StandardUnitSeconds}
				byTime[v.at] = d
			}
			switch stat {
			case types.StatisticAverage:
				d.Average = aws.Float64(v.value)
			case types.StatisticMaximum:
				d.Maximum = aws.Float64(v.value)
			case types.StatisticMinimum:
				d.Minimum = aws.Float64(v.value)
			case types.StatisticSum:
				d.Sum = aws.Float64(v.value)
			case types.StatisticSampleCount:
				d.SampleCount = aws.Float64(v.value)
			}
		}
	}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	for _, d := range byTime {
		out.Datapoints = append(out.Datapoints, *d)
	}
	slices.SortFunc(out.Datapoints, func(a, b types.Datapoint) int { return a.Timestamp.Compare(*b.Timestamp) })
	return out, nil
}

func checkRange(start, end *time.Time) error {
	switch {
	case start == nil:
		return engine.Refuse("MissingParameter", "The parameter StartTime is required.")
	case end == nil:
		return engine.Refuse("MissingParameter", "The parameter EndTime is required.")
	case !start.Before(*end):
		return engine.Refuse("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	return nil
}

// read aggregates a metric into periods, in order of time. A period passes as
// fast as the sandbox's other durations: its length is divided by the time
// scale, so that the newest datum is as fresh, for what it measures, as the one
// of the last full minute is in AWS.
func (s *Service) read(account, region string, m *types.Metric, start, end time.Time, period int32, stat string) ([]point, error) {
	if aws.ToString(m.Namespace) == "" || aws.ToString(m.MetricName) == "" {
		return nil, engine.Refuse("MissingParameter", "The parameters Namespace and MetricName are required.")
	}
	if period < 1 || period > 60 && period%60 != 0 {
		return nil, engine.Refuse("InvalidParameterValue", "The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
	}
	combine, ok := statistics[stat]
	if !ok {
		return nil, engine.Refuse("InvalidParameterValue", "The sandbox has no statistic %q: Average, Minimum, Maximum, Sum and SampleCount.", stat)
	}
	width := max(s.e.Clock.Wall(time.Duration(period)*time.Second), time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.series[key(account, region, *m.Namespace, *m.MetricName, dimensions(m.Dimensions))]
	if found == nil {
		return nil, nil
	}
	var result []point
	var bucket []float64
	var at time.Time
	flush := func() {
		if len(bucket) > 0 {
			result = append(result, point{at, combine(bucket)})
		}
		bucket = nil
	}
	for _, p := range found.points {
		// The start is inclusive, the end exclusive, by the bucket's time stamp.
		b := p.at.Truncate(width)
		if b.Before(start.Truncate(width)) || !b.Before(end) {
			continue
		}
		if !b.Equal(at) {
			flush()
			at = b
		}
		bucket = append(bucket, p.value)
	}
	flush()
	return result, nil
}

var statistics = map[string]func([]float64) float64{
	"Average":     func(v []float64) float64 { return sum(v) / float64(len(v)) },
	"Minimum":     slices.Min[[]float64],
	"Maximum":     slices.Max[[]float64],
	"Sum":         sum,
	"SampleCount": func(v []float64) float64 { return float64(len(v)) },
}

func sum(v []float64) (total float64) {
	for _, x := range v {
		total += x
	}
	return total
}

// String is for test output.
func (p point) String() string { return fmt.Sprintf("%s=%g", p.at.Format(time.RFC3339Nano), p.value) }
