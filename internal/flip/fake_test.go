// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	awsroute53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/resolve"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

const (
	zone          = "Z0EXAMPLE00000000001"
	east, west    = "us-east-1", "us-west-2"
	eastIP        = "192.0.2.1"
	westIP        = "192.0.2.2"
	global        = "aws-global"
	checkCadence  = 10 * time.Second
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
	made    time.Time // the alarm
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
func (w *world) newest() (value float64, end time.Time) {
	now := time.Now().Truncate(alarmPeriod)
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
	value, end := w.newest()
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

// --- Route 53's health checks

func (w *world) find(id string) *check {
	for _, c := range w.checks {
		if *c.Id == id {
			return c
		}
	}
	return nil
}

func (w *world) copyAlarm(c *check) {
	if a := w.alarm; a != nil && c.HealthCheckConfig.AlarmIdentifier != nil {
		c.CloudWatchAlarmConfiguration = &types.CloudWatchAlarmConfiguration{
			MetricName: a.MetricName, Namespace: a.Namespace, Threshold: a.Threshold, Period: a.Period, EvaluationPeriods: a.EvaluationPeriods,
			ComparisonOperator: types.ComparisonOperator(a.ComparisonOperator), Statistic: types.Statistic(a.Statistic),
		}
	}
}

func (w *world) CreateHealthCheck(ctx context.Context, in *awsroute53.CreateHealthCheckInput, _ ...func(*awsroute53.Options)) (*awsroute53.CreateHealthCheckOutput, error) {
	out := &awsroute53.CreateHealthCheckOutput{}
	return out, w.call(ctx, global, "CreateHealthCheck", func() error {
		if w.retired[*in.CallerReference] {
			return coded(409, "HealthCheckAlreadyExists")
		}
		if in.HealthCheckConfig.AlarmIdentifier != nil && w.alarm == nil {
			return coded(400, "InvalidInput")
		}
		for _, c := range w.checks {
			if *c.CallerReference == *in.CallerReference {
				if !reflect.DeepEqual(c.HealthCheckConfig, in.HealthCheckConfig) {
					return coded(409, "HealthCheckAlreadyExists")
				}
				out.HealthCheck = &c.HealthCheck
				return nil
			}
		}
		c := &check{made: time.Now(), HealthCheck: types.HealthCheck{
			Id: aws.String(fmt.Sprintf("hc-%d", len(w.checks)+len(w.retired)+1)), CallerReference: in.CallerReference, HealthCheckConfig: in.HealthCheckConfig,
		}}
		w.copyAlarm(c)
		w.checks = append(w.checks, c)
		out.HealthCheck = &c.HealthCheck
		return nil
	})
}

func (w *world) GetHealthCheck(ctx context.Context, in *awsroute53.GetHealthCheckInput, _ ...func(*awsroute53.Options)) (*awsroute53.GetHealthCheckOutput, error) {
	out := &awsroute53.GetHealthCheckOutput{}
	return out, w.call(ctx, global, "GetHealthCheck", func() error {
		c := w.find(*in.HealthCheckId)
		if c == nil {
			return coded(404, "NoSuchHealthCheck")
		}
		out.HealthCheck = &c.HealthCheck
		return nil
	})
}

func (w *world) ListHealthChecks(ctx context.Context, in *awsroute53.ListHealthChecksInput, _ ...func(*awsroute53.Options)) (*awsroute53.ListHealthChecksOutput, error) {
	out := &awsroute53.ListHealthChecksOutput{}
	return out, w.call(ctx, global, "ListHealthChecks", func() error {
		// One a page, the last one empty.
		i := 0
		if in.Marker != nil {
			i = len(*in.Marker)
		}
		if i < len(w.checks) {
			out.HealthChecks = []types.HealthCheck{w.checks[i].HealthCheck}
			out.IsTruncated, out.NextMarker = true, aws.String(strings.Repeat("x", i+1))
		}
		return nil
	})
}

func (w *world) UpdateHealthCheck(ctx context.Context, in *awsroute53.UpdateHealthCheckInput, _ ...func(*awsroute53.Options)) (*awsroute53.UpdateHealthCheckOutput, error) {
	return &awsroute53.UpdateHealthCheckOutput{}, w.call(ctx, global, "UpdateHealthCheck", func() error {
		c := w.find(*in.HealthCheckId)
		c.HealthCheckConfig.Inverted, c.HealthCheckConfig.Disabled = in.Inverted, in.Disabled
		c.HealthCheckConfig.AlarmIdentifier, c.HealthCheckConfig.ResourcePath = in.AlarmIdentifier, in.ResourcePath
		w.copyAlarm(c)
		return nil
	})
}

func (w *world) GetHealthCheckStatus(ctx context.Context, in *awsroute53.GetHealthCheckStatusInput, _ ...func(*awsroute53.Options)) (*awsroute53.GetHealthCheckStatusOutput, error) {
	out := &awsroute53.GetHealthCheckStatusOutput{}
	return out, w.call(ctx, global, "GetHealthCheckStatus", func() error {
		c := w.find(*in.HealthCheckId)
		if time.Since(c.made) < checkCadence {
			return nil
		}
		status := "Failure: HTTP Status Code 403"
		if w.objectSeen() {
			status = "Success: HTTP Status Code 200"
		}
		for range 3 {
			out.HealthCheckObservations = append(out.HealthCheckObservations, types.HealthCheckObservation{StatusReport: &types.StatusReport{Status: aws.String(status)}})
		}
		return nil
	})
}

// objectSeen is what health checkers saw last.
func (w *world) objectSeen() bool {
	if w.down[west] {
		return false
	}
	return w.object == (time.Since(w.moved) >= checkCadence)
}

// healthy is a check as DNS sees it; one that does not exist is.
func (w *world) healthy(id string) bool {
	c := w.find(id)
	switch {
	case c == nil:
		return true
	case c.HealthCheckConfig.AlarmIdentifier == nil && time.Since(c.made) < checkCadence:
		return !*c.HealthCheckConfig.Inverted
	case c.HealthCheckConfig.AlarmIdentifier == nil:
		return w.objectSeen() != *c.HealthCheckConfig.Inverted
	}
	// The last known status: of the newest minute that the alarm saw.
	value, end := w.newest()
	return value < *c.CloudWatchAlarmConfiguration.Threshold || end.Before(w.made)
}

// --- Route 53's records, and DNS

func (w *world) ChangeResourceRecordSets(ctx context.Context, in *awsroute53.ChangeResourceRecordSetsInput, _ ...func(*awsroute53.Options)) (*awsroute53.ChangeResourceRecordSetsOutput, error) {
	out := &awsroute53.ChangeResourceRecordSetsOutput{ChangeInfo: &types.ChangeInfo{Id: aws.String("/change/C1"), Status: types.ChangeStatusPending}}
	return out, w.call(ctx, global, "ChangeResourceRecordSets", func() error {
		next := map[string]types.ResourceRecordSet{}
		for k, v := range w.records {
			next[k] = v
		}
		for _, c := range in.ChangeBatch.Changes {
			id := aws.ToString(c.ResourceRecordSet.SetIdentifier)
			if _, exists := next[id]; c.Action == types.ChangeActionDelete && !exists {
				return coded(400, "InvalidChangeBatch")
			}
			if delete(next, id); c.Action == types.ChangeActionUpsert {
				next[id] = *c.ResourceRecordSet
			}
		}
		if _, simple := next[""]; simple && len(next) > 1 {
			return coded(400, "InvalidChangeBatch")
		}
		w.records, w.changed = next, time.Now()
		return nil
	})
}

func (w *world) GetChange(ctx context.Context, in *awsroute53.GetChangeInput, _ ...func(*awsroute53.Options)) (*awsroute53.GetChangeOutput, error) {
	out := &awsroute53.GetChangeOutput{ChangeInfo: &types.ChangeInfo{Id: in.Id, Status: types.ChangeStatusPending}}
	return out, w.call(ctx, global, "GetChange", func() error {
		if time.Since(w.changed) >= changeTakes {
			out.ChangeInfo.Status = types.ChangeStatusInsync
		}
		return nil
	})
}

func (w *world) ListResourceRecordSets(ctx context.Context, in *awsroute53.ListResourceRecordSetsInput, _ ...func(*awsroute53.Options)) (*awsroute53.ListResourceRecordSetsOutput, error) {
	out := &awsroute53.ListResourceRecordSetsOutput{}
	return out, w.call(ctx, global, "ListResourceRecordSets", func() error {
		if *in.HostedZoneId != zone {
			return coded(404, "NoSuchHostedZone")
		}
		for _, id := range []string{"", east, west, "other"} {
			if set, ok := w.records[id]; ok {
				out.ResourceRecordSets = append(out.ResourceRecordSets, set)
			}
		}
		return nil
	})
}

// simple seeds a record without a routing policy.
func (w *world) simple(ip string) {
	w.records = map[string]types.ResourceRecordSet{"": {
		Name: aws.String("app.example.com."), Type: types.RRTypeA, TTL: aws.Int64(5), ResourceRecords: []types.ResourceRecord{{Value: aws.String(ip)}},
	}}
}

// Answers implements DNS: the zone's two servers.
func (w *world) Answers(context.Context, string, string) ([]resolve.Said, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mute {
		return nil, errors.New("no name server answers")
	}
	set, ok := w.records[""]
	if !ok {
		set = w.records[west]
		if primary, ok := w.records[east]; ok && w.healthy(aws.ToString(primary.HealthCheckId)) {
			set = primary
		}
	}
	var values []string
	for _, r := range set.ResourceRecords {
		values = append(values, *r.Value)
	}
	return []resolve.Said{{Server: "192.0.2.53:53", Values: values}, {Server: "192.0.2.54:53", Values: values}}, nil
}

// Values implements DNS.
func (w *world) Values(context.Context, string, string) ([]string, error) {
	return nil, errors.New("no alias here")
}

func (w *world) serves() string {
	said, err := w.Answers(context.Background(), "", "")
	if err != nil || len(said[0].Values) != 1 {
		return ""
	}
	return map[string]string{eastIP: east, westIP: west}[said[0].Values[0]]
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
