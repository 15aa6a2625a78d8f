// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsroute53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/internal/resolve"
)

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
		if c == nil {
			return coded(404, "NoSuchHealthCheck")
		}
		config := *c.HealthCheckConfig // what is not given stays
		config.Inverted, config.Disabled = cmp.Or(in.Inverted, config.Inverted), cmp.Or(in.Disabled, config.Disabled)
		config.AlarmIdentifier, config.ResourcePath = cmp.Or(in.AlarmIdentifier, config.AlarmIdentifier), cmp.Or(in.ResourcePath, config.ResourcePath)
		c.HealthCheckConfig = &config
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
		if w.objectSeen(checkCadence) {
			status = "Success: HTTP Status Code 200"
		}
		for i := range 3 {
			out.HealthCheckObservations = append(out.HealthCheckObservations, types.HealthCheckObservation{
				IPAddress:    aws.String(fmt.Sprintf("198.51.100.%d", i)),
				StatusReport: &types.StatusReport{Status: aws.String(status), CheckedTime: aws.Time(c.made.Add(time.Since(c.made).Truncate(checkCadence)))},
			})
		}
		return nil
	})
}

// objectSeen is what health checkers make of the object, that long after it
// came or went.
func (w *world) objectSeen(after time.Duration) bool {
	if w.down[west] {
		return false
	}
	return w.object == (time.Since(w.moved) >= after)
}

// healthy is a check as DNS sees it; one that does not exist is.
func (w *world) healthy(id string) bool {
	c := w.find(id)
	switch {
	case c == nil:
		return true
	case *c.HealthCheckConfig.Disabled, c.HealthCheckConfig.AlarmIdentifier == nil && time.Since(c.made) < turnsAfter:
		return !*c.HealthCheckConfig.Inverted
	case c.HealthCheckConfig.AlarmIdentifier == nil:
		return w.objectSeen(turnsAfter) != *c.HealthCheckConfig.Inverted
	}
	// The last known status: of the newest minute that the alarm saw, and that
	// began after the check was there to see it.
	value, end := w.newest(time.Now())
	return value < *c.CloudWatchAlarmConfiguration.Threshold || end.Before(w.made) || end.Before(c.made.Add(alarmPeriod))
}

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
