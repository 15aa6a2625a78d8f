// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

const (
	zone          = "Z0EXAMPLE00000000001"
	east, west    = "us-east-1", "us-west-2"
	eastIP        = "192.0.2.1"
	westIP        = "192.0.2.2"
	global        = "aws-global"
	checkCadence  = 10 * time.Second
	turnsAfter    = 3 * checkCadence // three checks in a row
	alarmPeriod   = time.Minute
	changeTakes   = 20 * time.Second
	callTakes     = 100 * time.Millisecond
	switchBucket  = "acme-switch"
	switchObject  = "switch/app"
	privateBucket = "acme-private"
)

var errReset = errors.New("connection reset by peer")

// world is what a switch consists of, in memory and in virtual time.
type world struct {
	mu     sync.Mutex
	calls  []string
	counts map[string]int
	// before and after may fail a call before and after it takes effect.
	before, after func(operation string, n int) error
	down          map[string]bool // regions

	data    []datum
	alarm   *cloudwatch.PutMetricAlarmInput
	made    time.Time     // the alarm
	lag     time.Duration // of the alarm's state behind its data
	object  bool
	moved   time.Time // the object came or went
	checks  []*check
	retired map[string]bool
	records map[string]types.ResourceRecordSet // by set identifier
	changed time.Time
	mute    bool // no name server answers
}

type datum struct {
	at    time.Time
	value float64
}

type check struct {
	types.HealthCheck
	made time.Time
}

func newWorld() *world {
	return &world{counts: map[string]int{}, down: map[string]bool{}, retired: map[string]bool{}, records: map[string]types.ResourceRecordSet{}}
}

func coded(status int, code string) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code, Message: "the server's words"},
	}, RequestID: "11111111-2222"}
}

// call runs an effect between the hooks.
func (w *world) call(ctx context.Context, region, operation string, effect func() error) error {
	w.mu.Lock()
	w.calls = append(w.calls, operation)
	w.counts[operation]++
	n, down := w.counts[operation], w.down[region]
	w.mu.Unlock()
	select {
	case <-time.After(callTakes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if down {
		return &awsclient.UnreachableError{Region: region}
	}
	if w.before != nil {
		if err := w.before(operation, n); err != nil {
			return err
		}
	}
	w.mu.Lock()
	err := effect()
	w.mu.Unlock()
	if err == nil && w.after != nil {
		err = w.after(operation, n)
	}
	return err
}

func (w *world) called(operations ...string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if slices.Contains(operations, c) {
			n++
		}
	}
	return n
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// --- CloudWatch

func (w *world) PutMetricData(ctx context.Context, in *cloudwatch.PutMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error) {
	return &cloudwatch.PutMetricDataOutput{}, w.call(ctx, west, "PutMetricData", func() error {
		w.data = append(w.data, datum{time.Now(), *in.MetricData[0].Value})
		return nil
	})
}

func (w *world) PutMetricAlarm(ctx context.Context, in *cloudwatch.PutMetricAlarmInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error) {
	return &cloudwatch.PutMetricAlarmOutput{}, w.call(ctx, west, "PutMetricAlarm", func() error {
		w.alarm, w.made = in, time.Now()
		return nil
	})
}

// newest is the maximum of the newest full minute that has data, and its end.
func (w *world) newest(now time.Time) (value float64, end time.Time) {
	now = now.Truncate(alarmPeriod)
	value = -1
	for _, d := range w.data {
		switch e := d.at.Truncate(alarmPeriod).Add(alarmPeriod); {
		case e.After(now):
		case e.After(end):
			value, end = d.value, e
		case e.Equal(end):
			value = max(value, d.value)
		}
	}
	return value, end
}

func (w *world) alarmState() cwtypes.StateValue {
	value, end := w.newest(time.Now().Add(-w.lag))
	switch {
	case value < 0 || time.Since(end) > 3*alarmPeriod:
		return cwtypes.StateValueInsufficientData
	case value >= *w.alarm.Threshold:
		return cwtypes.StateValueAlarm
	}
	return cwtypes.StateValueOk
}

func (w *world) DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	return out, w.call(ctx, west, "DescribeAlarms", func() error {
		if a := w.alarm; a != nil && slices.Contains(in.AlarmNames, *a.AlarmName) {
			out.MetricAlarms = []cwtypes.MetricAlarm{{
				AlarmName: a.AlarmName, Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions, Statistic: a.Statistic, Period: a.Period,
				EvaluationPeriods: a.EvaluationPeriods, Threshold: a.Threshold, ComparisonOperator: a.ComparisonOperator, TreatMissingData: a.TreatMissingData,
				StateValue: w.alarmState(),
			}}
		}
		return nil
	})
}

// --- S3

func (w *world) bucket(name string) error {
	if name != switchBucket && name != privateBucket {
		return coded(404, "NoSuchBucket")
	}
	return nil
}

func (w *world) GetBucketPolicyStatus(ctx context.Context, in *s3.GetBucketPolicyStatusInput, _ ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error) {
	out := &s3.GetBucketPolicyStatusOutput{PolicyStatus: &s3types.PolicyStatus{IsPublic: aws.Bool(*in.Bucket == switchBucket)}}
	return out, w.call(ctx, west, "GetBucketPolicyStatus", func() error { return w.bucket(*in.Bucket) })
}

func (w *world) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return &s3.HeadObjectOutput{}, w.call(ctx, west, "HeadObject", func() error {
		if !w.object {
			return coded(404, "NotFound")
		}
		return w.bucket(*in.Bucket)
	})
}

func (w *world) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return &s3.PutObjectOutput{}, w.call(ctx, west, "PutObject", func() error {
		if !w.object {
			w.object, w.moved = true, time.Now()
		}
		return w.bucket(*in.Bucket)
	})
}

func (w *world) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	return &s3.DeleteObjectOutput{}, w.call(ctx, west, "DeleteObject", func() error {
		if w.object {
			w.object, w.moved = false, time.Now()
		}
		return w.bucket(*in.Bucket)
	})
}

func (w *world) service() *Service {
	return New(Options{
		Records: route53.New(w, time.Second), Checks: w, Metrics: func(string) Metrics { return w }, Objects: func(string) Objects { return w },
		DNS: func(string) DNS { return w }, Poll: time.Second,
	})
}

func byAlarm(active string) Spec {
	return Spec{
		ZoneID: zone, Name: "app.example.com", Type: "A", TTL: aws.Int64(5), Primary: east, Standby: west, Active: active, Alarm: &Alarm{},
		Targets: map[string]route53.Answer{east: {Records: []string{eastIP}}, west: {Records: []string{westIP}}},
	}
}

func byObject(active string) Spec {
	s := byAlarm(active)
	s.Alarm, s.Object = nil, &Object{Bucket: switchBucket, Key: switchObject}
	return s
}
