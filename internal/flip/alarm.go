// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// The metric of a switch, in a namespace of the provider's own. A value of 1
// fails over, 0 goes back. Of both within one minute the 1 counts: the next
// datum that is sent settles it.
const (
	namespace = "DR/Switch"
	metric    = "FailedOver"
	dimension = "Alarm"
)

// resend, in poll intervals: how long an effect may stay out before the call is
// made again. Saying the same thing twice is harmless.
const resend = 40

type alarm struct {
	spec Spec
	s    *Service
	api  Metrics
}

func (a *alarm) call(over bool) string {
	return fmt.Sprintf("cloudwatch:PutMetricData of %g", value(over))
}

func (a *alarm) command(over bool) string {
	return fmt.Sprintf("aws cloudwatch put-metric-data --region %s --namespace %s --metric-name %s --dimensions '%s=%s' --value %g",
		a.spec.Standby, namespace, metric, dimension, a.spec.AlarmName(), value(over))
}

func value(over bool) float64 {
	if over {
		return 1
	}
	return 0
}

func (a *alarm) dimensions() []types.Dimension {
	return []types.Dimension{{Name: aws.String(dimension), Value: aws.String(a.spec.AlarmName())}}
}

func (a *alarm) set(ctx context.Context, over bool) error {
	_, err := a.api.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
		Namespace: aws.String(namespace),
		MetricData: []types.MetricDatum{{
			MetricName: aws.String(metric), Dimensions: a.dimensions(), Value: aws.Float64(value(over)), Unit: types.StandardUnitNone,
		}},
	})
	return err
}

func (a *alarm) ready(context.Context) error { return nil }

// is can be known for some minutes after a datum; what stays is the health
// check's last known status, which nobody can ask for.
func (a *alarm) is(ctx context.Context) (over, known bool, err error) {
	have, ok, err := a.find(ctx)
	known = ok && have.StateValue != types.StateValueInsufficientData
	return known && have.StateValue == types.StateValueAlarm, known, err
}

// settings are the alarm's. It treats missing data as missing: then the health
// check keeps its last known status.
func (a *alarm) settings() *cloudwatch.PutMetricAlarmInput {
	return &cloudwatch.PutMetricAlarmInput{
		AlarmName:        aws.String(a.spec.AlarmName()),
		AlarmDescription: aws.String("Watched by the health check of " + a.spec.Key().String() + ": in alarm, DNS answers with " + a.spec.Standby + "."),
		Namespace:        aws.String(namespace), MetricName: aws.String(metric), Dimensions: a.dimensions(),
		Statistic: types.StatisticMaximum, Period: aws.Int32(int32(period / time.Second)), EvaluationPeriods: aws.Int32(1), DatapointsToAlarm: aws.Int32(1),
		Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
		TreatMissingData: aws.String("missing"), ActionsEnabled: aws.Bool(false),
	}
}

func (a *alarm) differs(have types.MetricAlarm) bool {
	want := a.settings()
	same := len(have.Dimensions) == 1 && len(have.Metrics) == 0 && aws.ToString(have.Dimensions[0].Name) == dimension &&
		aws.ToString(have.Dimensions[0].Value) == a.spec.AlarmName() && aws.ToString(have.Namespace) == namespace && aws.ToString(have.MetricName) == metric &&
		have.Statistic == want.Statistic && aws.ToInt32(have.Period) == *want.Period && aws.ToInt32(have.EvaluationPeriods) == *want.EvaluationPeriods &&
		(have.DatapointsToAlarm == nil || *have.DatapointsToAlarm == 1) && aws.ToFloat64(have.Threshold) == *want.Threshold &&
		have.ComparisonOperator == want.ComparisonOperator && (have.TreatMissingData == nil || *have.TreatMissingData == "missing")
	return !same
}

func (a *alarm) find(ctx context.Context) (types.MetricAlarm, bool, error) {
	found, err := a.s.describe(ctx, a.api, []string{a.spec.AlarmName()})
	have, ok := found[a.spec.AlarmName()]
	return have, ok, err
}

func (a *alarm) lacking(ctx context.Context) (string, error) {
	have, ok, err := a.find(ctx)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return fmt.Sprintf("the alarm %s is gone", a.spec.AlarmName()), nil
	case a.differs(have):
		return fmt.Sprintf("the alarm %s has other settings", a.spec.AlarmName()), nil
	}
	return "", nil
}

func (a *alarm) prepare(ctx context.Context, over bool) error {
	have, ok, err := a.find(ctx)
	if err != nil {
		return err
	}
	if !ok || a.differs(have) {
		if _, err := a.api.PutMetricAlarm(ctx, a.settings()); err != nil {
			return err
		}
	}
	want, sent := types.StateValueOk, time.Now()
	if over {
		want = types.StateValueAlarm
	}
	var again error
	err = a.s.alarmPoller(a.spec.Standby, a.api).Await(ctx, a.spec.AlarmName(), func(v types.MetricAlarm, found bool) (bool, error) {
		if found && v.StateValue == want {
			return true, nil
		}
		if time.Since(sent) > resend*a.s.o.Poll {
			again, sent = a.set(ctx, over), time.Now()
		}
		return false, nil
	})
	if timeout, ok := errors.AsType[*wait.TimeoutError](err); ok && timeout.LastErr == nil {
		timeout.LastErr = again
	}
	return err
}

// seen waits for the alarm's state, which CloudWatch may write down after Route
// 53 has acted on the data: a read in between would take DNS to be on its way.
// It bounds itself, since what matters has been seen in DNS.
func (a *alarm) seen(ctx context.Context, over bool) {
	ctx, cancel := context.WithTimeout(ctx, periods*period)
	defer cancel()
	_ = a.s.alarmPoller(a.spec.Standby, a.api).Await(ctx, a.spec.AlarmName(), func(v types.MetricAlarm, found bool) (bool, error) {
		return !found || v.StateValue == types.StateValueInsufficientData || (v.StateValue == types.StateValueAlarm) == over, nil
	})
}

// alarmPoller shares one look at a region's alarms among those who wait.
func (s *Service) alarmPoller(region string, api Metrics) *wait.Poller[string, types.MetricAlarm] {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.alarms[region]
	if p == nil {
		p = &wait.Poller[string, types.MetricAlarm]{
			Fetch: func(ctx context.Context, names []string) (map[string]types.MetricAlarm, error) {
				return s.describe(ctx, api, names)
			},
			Interval: s.o.Poll, Max: 10 * s.o.Poll,
			Equal: func(a, b types.MetricAlarm) bool { return a.StateValue == b.StateValue },
			Status: func(v types.MetricAlarm, found bool) string {
				if !found {
					return "the alarm does not exist"
				}
				return "the alarm is " + string(v.StateValue)
			},
		}
		s.alarms[region] = p
	}
	return p
}

// describe reads alarms by name, 100 at a time.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func (s *Service) describe(ctx context.Context, api Metrics, names []string) (map[string]types.MetricAlarm, error) {
	found := map[string]types.MetricAlarm{}
	for len(names) > 0 {
		n := min(len(names), 100)
		in := &cloudwatch.DescribeAlarmsInput{AlarmNames: names[:n], AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm}, MaxRecords: aws.Int32(100)}
		names = names[n:]
		for {
			out, err := api.DescribeAlarms(ctx, in)
			if err != nil {
				return nil, err
			}
			for _, a := range out.MetricAlarms {
				found[aws.ToString(a.AlarmName)] = a
			}
			if aws.ToString(out.NextToken) == "" {
				break
			}
			in.NextToken = out.NextToken
		}
	}
	return found, nil
}
