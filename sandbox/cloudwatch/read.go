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

// Limits of GetMetricData and GetMetricStatistics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
const (
	maxQueries = 500
	maxPoints  = 1440
)

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
		values, err := s.read(c.Account, c.Region, q.MetricStat.Metric, *in.StartTime, *in.EndTime, aws.ToInt32(q.MetricStat.Period), aws.ToString(q.MetricStat.Stat), q.MetricStat.Unit)
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
	if period := time.Duration(aws.ToInt32(in.Period)) * time.Second; period > 0 {
		if n := (in.EndTime.Sub(*in.StartTime) + period - 1) / period; n > maxPoints {
			return nil, engine.Refuse("InvalidParameterCombination", "You have requested up to %d datapoints, which exceeds the limit of %d. "+
				"You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxPoints)
		}
	}
	metric := &types.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions}
	units := []types.StandardUnit{in.Unit}
	if in.Unit == "" {
		units = s.units(c.Account, c.Region, metric)
	}
	type moment struct {
		at   time.Time
		unit types.StandardUnit
	}
	found := map[moment]*types.Datapoint{}
	for _, stat := range in.Statistics {
		for _, unit := range units {
			values, err := s.read(c.Account, c.Region, metric, *in.StartTime, *in.EndTime, aws.ToInt32(in.Period), string(stat), unit)
			if err != nil {
				return nil, err
			}
			for _, v := range values {
				d := found[moment{v.at, unit}]
				if d == nil {
					d = &types.Datapoint{Timestamp: aws.Time(v.at), Unit: unit}
					found[moment{v.at, unit}] = d
				}
				fill(d, stat, v.value)
			}
		}
	}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	for _, d := range found { // AWS promises no order, and a map has none
		out.Datapoints = append(out.Datapoints, *d)
	}
	return out, nil
}

func fill(d *types.Datapoint, stat types.Statistic, value float64) {
	switch stat {
	case types.StatisticAverage:
		d.Average = &value
	case types.StatisticMaximum:
		d.Maximum = &value
	case types.StatisticMinimum:
		d.Minimum = &value
	case types.StatisticSum:
		d.Sum = &value
	case types.StatisticSampleCount:
		d.SampleCount = &value
	}
}

// units lists those that a metric's data have.
func (s *Service) units(account, region string, m *types.Metric) []types.StandardUnit {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []types.StandardUnit{}
	if found := s.find(account, region, m); found != nil {
		for _, p := range found.points {
			if !slices.Contains(list, p.unit) {
				list = append(list, p.unit)
			}
		}
	}
	if len(list) == 0 {
		list = append(list, types.StandardUnitNone) // so that parameters are checked all the same
	}
	return list
}

// find a metric's data. Call it with the lock.
func (s *Service) find(account, region string, m *types.Metric) *series {
	return s.series[key(account, region, aws.ToString(m.Namespace), aws.ToString(m.MetricName), dimensions(m.Dimensions))]
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

// read aggregates a metric's data of one unit ("": of any) into periods, in order
// of time. A period passes as
// fast as the sandbox's other durations: its length is divided by the time
// scale, so that the newest datum is as fresh, for what it measures, as the one
// of the last full minute is in AWS.
func (s *Service) read(account, region string, m *types.Metric, start, end time.Time, period int32, stat string, unit types.StandardUnit) ([]point, error) {
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
	found := s.find(account, region, m)
	if found == nil {
		return nil, nil
	}
	var result []point
	var bucket []float64
	var at time.Time
	flush := func() {
		if len(bucket) > 0 {
			result = append(result, point{at, combine(bucket), unit})
		}
		bucket = nil
	}
	for _, p := range found.points {
		// The start is inclusive, the end exclusive, by the bucket's time stamp.
		b := p.at.Truncate(width)
		if b.Before(start.Truncate(width)) || !b.Before(end) || unit != "" && p.unit != unit {
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
