// SPDX-License-Identifier: MPL-2.0

package cloudwatch

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const (
	maxAlarms = 100
	// slack is how many periods more than it needs an alarm looks back for data.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
	slack = 2
)

func alarmKey(account, region, name string) string {
	return strings.Join([]string{account, region, name}, "\x00")
}

// putMetricAlarm makes or replaces an alarm on one metric. One that is replaced
// keeps its state.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
func (s *Service) putMetricAlarm(c *engine.Call, in *cloudwatch.PutMetricAlarmInput) (*cloudwatch.PutMetricAlarmOutput, error) {
	if err := checkAlarm(in); err != nil {
		return nil, err
	}
	name := *in.AlarmName
	a := &types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmDescription: in.AlarmDescription,
		AlarmArn:           aws.String("arn:aws:cloudwatch:" + c.Region + ":" + c.Account + ":alarm:" + name),
		ActionsEnabled:     cmp.Or(in.ActionsEnabled, aws.Bool(true)),
		AlarmActions:       list(in.AlarmActions),
		OKActions:          list(in.OKActions),
		ComparisonOperator: in.ComparisonOperator, DatapointsToAlarm: in.DatapointsToAlarm,
		Dimensions: list(in.Dimensions), EvaluationPeriods: in.EvaluationPeriods, InsufficientDataActions: list(in.InsufficientDataActions),
		MetricName: in.MetricName, Namespace: in.Namespace, Period: in.Period, Statistic: in.Statistic, Threshold: in.Threshold,
		TreatMissingData: in.TreatMissingData, Unit: in.Unit,
		AlarmConfigurationUpdatedTimestamp: aws.Time(c.Time),
		StateValue:                         types.StateValueInsufficientData, StateReason: aws.String("Unchecked: Initial alarm creation"), StateUpdatedTimestamp: aws.Time(c.Time),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := alarmKey(c.Account, c.Region, name)
	if old := s.alarms[k]; old != nil {
		a.StateValue, a.StateReason, a.StateUpdatedTimestamp = old.StateValue, old.StateReason, old.StateUpdatedTimestamp
	}
	s.alarms[k] = a
	return &cloudwatch.PutMetricAlarmOutput{}, nil
}

func list[T any](in []T) []T { return append([]T{}, in...) }

func checkAlarm(in *cloudwatch.PutMetricAlarmInput) error {
	missing := func(name string) error {
		return engine.Refuse("ValidationError", "The parameter %s is required.", name)
	}
	switch {
	case aws.ToString(in.AlarmName) == "" || len(*in.AlarmName) > 255:
		return missing("AlarmName, of 1 to 255 characters,")
	case len(in.Metrics) > 0 || in.ExtendedStatistic != nil || in.ThresholdMetricId != nil || in.EvaluateLowSampleCountPercentile != nil:
		return engine.Refuse("ValidationError", "The sandbox evaluates alarms on one metric and one simple statistic only.")
	case aws.ToString(in.MetricName) == "":
		return missing("MetricName")
	case aws.ToString(in.Namespace) == "":
		return missing("Namespace")
	case statistics[string(in.Statistic)] == nil:
		return engine.Refuse("ValidationError", "The parameter Statistic must be one of Average, Minimum, Maximum, Sum and SampleCount.")
	case compare[in.ComparisonOperator] == nil:
		return engine.Refuse("ValidationError", "The sandbox evaluates no comparison operator %q.", in.ComparisonOperator)
	case in.Threshold == nil:
		return missing("Threshold")
	case aws.ToInt32(in.EvaluationPeriods) < 1:
		return missing("EvaluationPeriods, at least 1,")
	case in.DatapointsToAlarm != nil && (*in.DatapointsToAlarm < 1 || *in.DatapointsToAlarm > *in.EvaluationPeriods):
		return engine.Refuse("ValidationError", "The parameter DatapointsToAlarm must be within 1 and EvaluationPeriods.")
	case in.Period == nil || *in.Period < 10 || *in.Period > 60 && *in.Period%60 != 0 || *in.Period < 60 && *in.Period%10 != 0:
		return engine.Refuse("ValidationError", "The parameter Period must be 10, 20, 30 or a multiple of 60.")
	case !slices.Contains([]string{"", "missing", "ignore", "breaching", "notBreaching"}, aws.ToString(in.TreatMissingData)):
		return engine.Refuse("ValidationError", "The parameter TreatMissingData must be missing, ignore, breaching or notBreaching.")
	}
	return nil
}

var compare = map[types.ComparisonOperator]func(value, threshold float64) bool{
	types.ComparisonOperatorGreaterThanOrEqualToThreshold: func(v, t float64) bool { return v >= t },
	types.ComparisonOperatorGreaterThanThreshold:          func(v, t float64) bool { return v > t },
	types.ComparisonOperatorLessThanOrEqualToThreshold:    func(v, t float64) bool { return v <= t },
	types.ComparisonOperatorLessThanThreshold:             func(v, t float64) bool { return v < t },
}

// Alarm returns an alarm's settings; nil if there is none.
func (s *Service) Alarm(account, region, name string) *types.MetricAlarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.alarms[alarmKey(account, region, name)]
	if a == nil {
		return nil
	}
	settings := *a
	return &settings
}

// Judge says what an alarm's metric makes of its settings now: the newest full
// periods count. An alarm that ignores missing data keeps the state it has.
func (s *Service) Judge(account, region string, a *types.MetricAlarm) types.StateValue {
	width := max(s.e.Clock.Wall(time.Duration(*a.Period)*time.Second), time.Millisecond)
	need := int(*a.EvaluationPeriods)
	end := s.e.Clock.Now().Truncate(width) // the period that is not over yet does not count
	metric := &types.Metric{Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions}
	values, err := s.read(account, region, metric, end.Add(-time.Duration(need+slack)*width), end, *a.Period, string(a.Statistic), a.Unit)
	if err != nil {
		return types.StateValueInsufficientData
	}
	values = values[max(0, len(values)-need):]
	missing := aws.ToString(a.TreatMissingData)
	if len(values) == 0 && missing != "breaching" && missing != "notBreaching" {
		if missing == "ignore" {
			return a.StateValue
		}
		return types.StateValueInsufficientData
	}
	breaching := 0
	for _, v := range values {
		if compare[a.ComparisonOperator](v.value, *a.Threshold) {
			breaching++
		}
	}
	if missing == "breaching" {
		breaching += need - len(values)
	}
	if breaching >= int(*cmp.Or(a.DatapointsToAlarm, a.EvaluationPeriods)) {
		return types.StateValueAlarm
	}
	return types.StateValueOk
}

// describeAlarms answers metric alarms in pages, by name.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func (s *Service) describeAlarms(c *engine.Call, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	skip, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	size := int(aws.ToInt32(cmp.Or(in.MaxRecords, aws.Int32(50))))
	switch {
	case size < 1 || size > maxAlarms:
		return nil, engine.Refuse("ValidationError", "The parameter MaxRecords must be within 1 and %d.", maxAlarms)
	case len(in.AlarmNames) > maxAlarms || len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil:
		return nil, engine.Refuse("ValidationError", "At most %d AlarmNames, and not with AlarmNamePrefix.", maxAlarms)
	case in.ActionPrefix != nil || in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil:
		return nil, engine.Refuse("ValidationError", "The sandbox selects alarms by name, prefix and state only.")
	}
	if len(in.AlarmNames) > 0 {
		size = maxAlarms
	}
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		return out, nil
	}
	for _, name := range s.alarmNames(c.Account, c.Region) {
		if len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, name) || !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) {
			continue
		}
		a := s.look(c, name)
		if a == nil || in.StateValue != "" && a.StateValue != in.StateValue {
			continue
		}
		out.MetricAlarms = append(out.MetricAlarms, *a)
	}
	out.MetricAlarms = out.MetricAlarms[min(skip, len(out.MetricAlarms)):]
	if len(out.MetricAlarms) > size {
		out.MetricAlarms, out.NextToken = out.MetricAlarms[:size], writeToken(skip+size)
	}
	return out, nil
}

func (s *Service) alarmNames(account, region string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, k := range slices.Sorted(maps.Keys(s.alarms)) {
		if name, ok := strings.CutPrefix(k, alarmKey(account, region, "")); ok {
			names = append(names, name)
		}
	}
	return names
}

// look judges an alarm and keeps the result as its state.
func (s *Service) look(c *engine.Call, name string) *types.MetricAlarm {
	a := s.Alarm(c.Account, c.Region, name)
	if a == nil {
		return nil
	}
	if state := s.Judge(c.Account, c.Region, a); state != a.StateValue {
		a.StateValue, a.StateUpdatedTimestamp, a.StateTransitionedTimestamp = state, aws.Time(c.Time), aws.Time(c.Time)
		a.StateReason = aws.String("The newest data points of the metric say so")
		s.mu.Lock()
		defer s.mu.Unlock()
		if kept := s.alarms[alarmKey(c.Account, c.Region, name)]; kept != nil {
			kept.StateValue, kept.StateReason = a.StateValue, a.StateReason
			kept.StateUpdatedTimestamp, kept.StateTransitionedTimestamp = a.StateUpdatedTimestamp, a.StateTransitionedTimestamp
		}
	}
	return a
}

// deleteAlarms deletes all of the alarms, or none where one does not exist.
func (s *Service) deleteAlarms(c *engine.Call, in *cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsOutput, error) {
	if len(in.AlarmNames) == 0 || len(in.AlarmNames) > maxAlarms {
		return nil, engine.Refuse("ValidationError", "The parameter AlarmNames needs 1 to %d names.", maxAlarms)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range in.AlarmNames {
		if s.alarms[alarmKey(c.Account, c.Region, name)] == nil {
			return nil, engine.NotFound("ResourceNotFound", "Alarm %s does not exist", name)
		}
	}
	for _, name := range in.AlarmNames {
		delete(s.alarms, alarmKey(c.Account, c.Region, name))
	}
	return &cloudwatch.DeleteAlarmsOutput{}, nil
}
