// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

func TestDriftIsSeenAndMended(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		status := ensure(t, s, Request{Spec: spec(east)})
		find := func() Status {
			t.Helper()
			found, err := s.Find(within(t, time.Minute), spec(east), status.CheckID)
			if err != nil || len(found.Unread) > 0 {
				t.Fatalf("%+v, %v", found, err)
			}
			return found
		}
		if found := find(); found.Active != east || len(found.Lacking) > 0 {
			t.Fatalf("at first: %+v", found)
		}
		for what, harm := range map[string]func(){
			"record":             func() { delete(w.records, west) },
			"other settings":     func() { w.checks[0].HealthCheckConfig.Inverted = aws.Bool(!*w.checks[0].HealthCheckConfig.Inverted) },
			"the health check":   func() { w.retired[*w.checks[0].CallerReference] = true; w.checks = nil },
			"the record app.exa": func() { set := w.records[west]; set.TTL = aws.Int64(9); w.records[west] = set },
		} {
			harm()
			if found := find(); len(found.Lacking) == 0 || !strings.Contains(strings.Join(found.Lacking, "\n"), strings.SplitN(what, " ", 2)[0]) {
				t.Errorf("%s: lacking %q", what, found.Lacking)
			}
			status = ensure(t, s, Request{Spec: spec(east), Owned: true, CheckID: status.CheckID})
			if found := find(); found.Active != east || len(found.Lacking) > 0 || len(w.checks) != 1 {
				t.Errorf("%s: mended to %+v", what, found)
			}
		}
		w.records = map[string]types.ResourceRecordSet{}
		if _, err := s.Find(within(t, time.Minute), spec(east), status.CheckID); !errors.Is(err, ErrNotFound) {
			t.Errorf("without records: %v", err)
		}
	})
}

func TestAlarmDrift(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.service()
		status := ensure(t, s, Request{Spec: byAlarm(east)})
		for what, harm := range map[string]func(){
			"gone":           func() { w.alarm = nil },
			"other settings": func() { changed := *w.alarm; changed.Threshold = aws.Float64(5); w.alarm = &changed },
		} {
			harm()
			found, err := s.Find(within(t, time.Minute), byAlarm(east), status.CheckID)
			if err != nil || !strings.Contains(strings.Join(found.Lacking, "\n"), what) {
				t.Errorf("%s: %+v, %v", what, found, err)
			}
			ensure(t, s, Request{Spec: byAlarm(east), Owned: true, CheckID: status.CheckID})
			if w.alarm == nil || *w.alarm.Threshold != 1 {
				t.Errorf("%s: not mended", what)
			}
		}
	})
}

func TestWhatCannotBeAskedStaysUnread(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		status := ensure(t, s, Request{Spec: spec(east)})
		w.down[global], w.down[west] = true, true
		found, err := s.Find(within(t, time.Minute), spec(east), status.CheckID)
		if err != nil || found.Active != east || len(found.Lacking) > 0 || len(found.Unread) != 2 {
			t.Errorf("both down: %+v, %v", found, err)
		}
		w.mute = true
		found, err = s.Find(within(t, time.Minute), spec(east), status.CheckID)
		if err != nil || found.Active != "" || len(found.Unread) != 3 {
			t.Errorf("DNS mute: %+v, %v", found, err)
		}
	})
}

// CloudWatch may say later than Route 53 acts: a switch that was thrown is read
// as thrown all the same.
func TestAlarmThatLagsBehindDNS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		status := ensure(t, s, Request{Spec: byAlarm(east)})
		w.lag = time.Minute
		ensure(t, s, Request{Spec: byAlarm(west), Prepared: true, CheckID: status.CheckID})
		if found, err := s.Find(within(t, time.Minute), byAlarm(west), status.CheckID); err != nil || found.Active != west {
			t.Errorf("%+v, %v", found, err)
		}
		// One that never says so holds nobody up for long.
		w.lag = 0
		ensure(t, s, Request{Spec: byAlarm(east), Prepared: true, CheckID: status.CheckID})
		w.lag = time.Hour
		start := time.Now()
		ensure(t, s, Request{Spec: byAlarm(west), Prepared: true, CheckID: status.CheckID})
		if spent := time.Since(start); w.serves() != west || spent > 6*time.Minute {
			t.Errorf("DNS answers with %s after %s", w.serves(), spent)
		}
	})
}

// With neither the state nor Route 53's API, the error has the call in full.
func TestLostStateTellsTheCommand(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		ensure(t, s, Request{Spec: spec(east)})
		w.down[global] = true
		w.forget()
		_, err := s.Ensure(within(t, time.Minute), Request{Spec: spec(west)})
		own, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(own.Detail(), spec(west).Command()) || w.called("PutMetricData", "PutObject") != 0 {
			t.Errorf("%v by %v", err, w.calls)
		}
	})
	for want, spec := range map[string]Spec{
		"aws cloudwatch put-metric-data --region us-west-2 --namespace DR/Switch --metric-name FailedOver --dimensions 'Alarm=dr-switch-" + zone + "-app.example.com-A' --value 1": byAlarm(west),
		"aws s3api put-object --region us-west-2 --bucket acme-switch --key 'switch/app'":                                                                                          byObject(west),
		"aws s3api delete-object --region us-west-2 --bucket acme-switch --key 'switch/app'":                                                                                       byObject(east),
	} {
		if got := spec.Command(); got != want {
			t.Errorf("the command is %s", got)
		}
	}
}
