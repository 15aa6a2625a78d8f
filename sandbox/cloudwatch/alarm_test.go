// SPDX-License-Identifier: MPL-2.0

package cloudwatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func alarmInput(name string) *sdk.PutMetricAlarmInput {
	return &sdk.PutMetricAlarmInput{
		AlarmName: aws.String(name), Namespace: aws.String("acme"), MetricName: aws.String("over"), Statistic: types.StatisticMaximum,
		Dimensions: []types.Dimension{{Name: aws.String("Switch"), Value: aws.String("app")}},
		Period:     aws.Int32(60), EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(1),
		ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
	}
}

func TestAlarmsJudgeTheNewestPeriods(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		values []float64 // one a minute, the newest last; -1 for none
		treat  string
		want   types.StateValue
	}{
		"nothing":               {nil, "", types.StateValueInsufficientData},
		"nothing, breaching":    {nil, "breaching", types.StateValueAlarm},
		"nothing, notBreaching": {nil, "notBreaching", types.StateValueOk},
		"nothing, ignore":       {nil, "ignore", types.StateValueInsufficientData},
		"two of three":          {[]float64{1, 0, 1}, "", types.StateValueAlarm},
		"one of three":          {[]float64{0, 0, 1}, "", types.StateValueOk},
		"one, missing breaches": {[]float64{1, -1, -1}, "breaching", types.StateValueAlarm},
		"too old":               {[]float64{1, 1, -1, -1, -1, -1, -1}, "", types.StateValueInsufficientData},
		"filled from before":    {[]float64{1, 1, 0, -1, -1}, "", types.StateValueAlarm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, 1)
			in := alarmInput("app")
			if tc.treat != "" {
				in.TreatMissingData = aws.String(tc.treat)
			}
			if _, err := client("us-west-2").PutMetricAlarm(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			now := time.Now().UTC()
			if left := time.Until(now.Truncate(time.Minute).Add(time.Minute)); left < 5*time.Second {
				time.Sleep(left) // a minute that ends in between would move the data
				now = time.Now().UTC()
			}
			for i, v := range tc.values {
				if at := now.Truncate(time.Minute).Add(-time.Duration(len(tc.values)-i) * time.Minute); v >= 0 {
					s.Put(engine.DNSAccount, "us-west-2", "acme", "over", map[string]string{"Switch": "app"}, at, v, "") // another account's
					s.Put(engine.WorkloadAccount, "us-west-2", "acme", "over", map[string]string{"Switch": "app"}, at.Add(10*time.Second), v, "")
				}
			}
			out, err := client("us-west-2").DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNamePrefix: aws.String("a")})
			if err != nil || len(out.MetricAlarms) != 1 || out.MetricAlarms[0].StateValue != tc.want {
				t.Errorf("got %+v, %v, want %s", out, err, tc.want)
			}
		})
	}
}

func TestAlarmRefusals(t *testing.T) {
	t.Parallel()
	_, client := start(t, 1)
	cw := client("us-west-2")
	for name, change := range map[string]func(*sdk.PutMetricAlarmInput){
		"name":       func(in *sdk.PutMetricAlarmInput) { in.AlarmName = aws.String("") },
		"metric":     func(in *sdk.PutMetricAlarmInput) { in.MetricName = aws.String("") },
		"namespace":  func(in *sdk.PutMetricAlarmInput) { in.Namespace = nil },
		"statistic":  func(in *sdk.PutMetricAlarmInput) { in.Statistic = "" },
		"percentile": func(in *sdk.PutMetricAlarmInput) { in.ExtendedStatistic = aws.String("p99") },
		"period":     func(in *sdk.PutMetricAlarmInput) { in.Period = aws.Int32(61) },
		"periods":    func(in *sdk.PutMetricAlarmInput) { in.EvaluationPeriods = aws.Int32(0) },
		"datapoints": func(in *sdk.PutMetricAlarmInput) { in.DatapointsToAlarm = aws.Int32(4) },
		"threshold":  func(in *sdk.PutMetricAlarmInput) { in.Threshold = nil },
		"treatment":  func(in *sdk.PutMetricAlarmInput) { in.TreatMissingData = aws.String("x") },
	} {
		in := alarmInput("app")
		change(in)
		_, err := cw.PutMetricAlarm(t.Context(), in)
		var refused smithy.APIError
		if err == nil || errors.As(err, &refused) && refused.ErrorCode() != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cw.PutMetricAlarm(t.Context(), alarmInput("app")); err != nil {
		t.Fatal(err)
	}
	var missing *types.ResourceNotFound
	if _, err := cw.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"app", "none"}}); !errors.As(err, &missing) {
		t.Errorf("deleting an alarm that does not exist: %v", err)
	}
	if out, err := client("us-east-1").DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{}); err != nil || len(out.MetricAlarms) != 0 {
		t.Errorf("another region's alarms: %+v, %v", out, err)
	}
	if out, err := cw.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{}); err != nil || len(out.MetricAlarms) != 1 {
		t.Errorf("after a deletion that was refused: %+v, %v", out, err)
	}
}
