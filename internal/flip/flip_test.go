// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// kinds are the two triggers.
var kinds = map[string]func(active string) Spec{"alarm": byAlarm, "object": byObject}

func both(t *testing.T, f func(t *testing.T, w *world, s *Service, spec func(string) Spec)) {
	t.Helper()
	for name, spec := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.simple(eastIP)
				f(t, w, w.service(), spec)
			})
		})
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// watchFor fails the test if DNS ever answers with a region while f runs.
func watchFor(t *testing.T, w *world, never string, f func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Millisecond):
				if w.serves() == never {
					t.Errorf("DNS answered with %s", never)
					<-stop
					return
				}
			}
		}
	}()
	f()
	close(stop)
	<-done
}

func ensure(t *testing.T, s *Service, r Request) Status {
	t.Helper()
	status, err := s.Ensure(within(t, 10*time.Minute), r)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// The whole life: preparing never fails over, a dead standby never does, one
// call does and lasts, and the opposite call is the way back. None of the calls
// that throw the switch goes to Route 53.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		var status Status
		watchFor(t, w, west, func() { status = ensure(t, s, Request{Spec: spec(east)}) })
		if w.serves() != east || len(w.records) != 2 || status.CheckID == "" {
			t.Fatalf("prepared: %s, %d records, %+v", w.serves(), len(w.records), status)
		}
		watchFor(t, w, west, func() { time.Sleep(time.Hour) })
		w.down[west] = true
		watchFor(t, w, west, func() { time.Sleep(time.Hour) })
		w.down[west] = false

		// Throw it, with Route 53's API gone.
		w.down[global] = true
		w.forget()
		ensure(t, s, Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID})
		if w.serves() != west {
			t.Fatalf("thrown: %s", w.serves())
		}
		if n := w.called("PutMetricData", "PutObject"); n != 1 {
			t.Errorf("%d calls threw the switch: %v", n, w.calls)
		}
		for _, c := range w.calls {
			if c != "PutMetricData" && c != "DescribeAlarms" && c != "PutObject" && c != "HeadObject" {
				t.Errorf("throwing the switch called %s", c)
			}
		}
		watchFor(t, w, east, func() { time.Sleep(24 * time.Hour) })

		// Again: nothing to do.
		w.forget()
		ensure(t, s, Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID})
		if n := w.called("PutMetricData", "PutObject", "DeleteObject"); n != 0 {
			t.Errorf("a switch that is thrown was thrown again: %v", w.calls)
		}
		ensure(t, s, Request{Spec: spec(east), Prepared: true, CheckID: status.CheckID})
		if w.serves() != east {
			t.Errorf("back: %s", w.serves())
		}
		watchFor(t, w, west, func() { time.Sleep(24 * time.Hour) })
	})
}

// What a plan can say before anything is made.
func TestCheck(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		w.simple(westIP)
		active, err := s.Check(within(t, time.Minute), Request{Spec: spec(east)})
		if err != nil || active != west || w.called("PutMetricData", "PutObject", "DeleteObject", "ChangeResourceRecordSets") > 0 {
			t.Errorf("found %q, %v, by %v", active, err, w.calls)
		}
	})
}

// Preparing while the standby serves keeps it serving.
func TestPreparingWhileFailedOver(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		w.simple(westIP)
		watchFor(t, w, east, func() { ensure(t, s, Request{Spec: spec(west)}) })
		watchFor(t, w, east, func() { time.Sleep(time.Hour) })
	})
}

// Every answer of every call is lost once, before and after it takes effect;
// then the run is repeated, as the next apply does.
func TestEveryLostAnswer(t *testing.T) {
	t.Parallel()
	operations := []string{
		"ListResourceRecordSets", "PutMetricData", "PutMetricAlarm", "DescribeAlarms", "GetBucketPolicyStatus", "PutObject", "DeleteObject", "HeadObject",
		"CreateHealthCheck", "GetHealthCheckStatus", "ChangeResourceRecordSets", "GetChange",
	}
	for _, operation := range operations {
		for _, when := range []string{"before", "after"} {
			t.Run(operation+" "+when, func(t *testing.T) {
				t.Parallel()
				both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
					lose := func(op string, n int) error {
						if op == operation && n <= 2 {
							return errReset
						}
						return nil
					}
					if w.before = lose; when == "after" {
						w.before, w.after = nil, lose
					}
					repeat := func(r Request, never string) (status Status) {
						var err error
						watchFor(t, w, never, func() {
							for range 4 {
								if status, err = s.Ensure(within(t, 10*time.Minute), r); err == nil {
									return
								}
							}
						})
						if err != nil {
							t.Fatal(err)
						}
						return status
					}
					status := repeat(Request{Spec: spec(east)}, west)
					if w.serves() != east || len(w.records) != 2 || len(w.checks) != 1 {
						t.Fatalf("prepared: %s, %d records, %d checks", w.serves(), len(w.records), len(w.checks))
					}
					repeat(Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID}, "nowhere")
					if w.serves() != west {
						t.Errorf("thrown: %s", w.serves())
					}
				})
			})
		}
	}
}

// A datum that CloudWatch took and lost is sent again.
func TestLostDatumIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		status := ensure(t, s, Request{Spec: byAlarm(east)})
		kept := len(w.data)
		first := true
		w.after = func(op string, _ int) error {
			if op == "PutMetricData" && first {
				first = false
				w.mu.Lock()
				w.data = w.data[:kept]
				w.mu.Unlock()
			}
			return nil
		}
		ensure(t, s, Request{Spec: byAlarm(west), Prepared: true, CheckID: status.CheckID})
		if w.serves() != west || first {
			t.Errorf("DNS answers with %s", w.serves())
		}
	})
}

// Both the region and what it needs are down: an error, and the next run goes on.
func TestStandbyDown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		status := ensure(t, s, Request{Spec: spec(east)})
		w.down[west], w.down[global] = true, true
		r := Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID}
		_, err := s.Ensure(within(t, time.Minute), r)
		own, ok := errors.AsType[*Error](err)
		if !ok || own.Kind != KindTrigger || !strings.Contains(own.Detail(), west) || !strings.Contains(own.Detail(), "DNS goes on answering") || !strings.Contains(own.Detail(), r.Command()) {
			t.Errorf("got %v", err)
		}
		if w.serves() != east {
			t.Errorf("DNS answers with %s", w.serves())
		}
		w.down[west] = false
		ensure(t, s, r)
		if w.serves() != west {
			t.Errorf("then DNS answers with %s", w.serves())
		}
	})
}

// What differs is mended later: with Route 53's API gone the switch is thrown
// all the same.
func TestThrownBeforeMended(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		status := ensure(t, s, Request{Spec: spec(east)})
		w.down[global] = true
		r := Request{Spec: spec(west), Owned: true, CheckID: status.CheckID}
		_, err := s.Ensure(within(t, 10*time.Minute), r)
		own, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(own.Detail(), "thrown nevertheless") || w.serves() != west {
			t.Errorf("DNS answers with %s: %v", w.serves(), err)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	other := types.ResourceRecordSet{
		Name: aws.String("app.example.com."), Type: "A", TTL: aws.Int64(5), SetIdentifier: aws.String("other"), Failover: "PRIMARY",
		HealthCheckId: aws.String("x"), ResourceRecords: []types.ResourceRecord{{Value: aws.String(eastIP)}},
	}
	for name, tc := range map[string]struct {
		change func(*world, *Request)
		is     func(error) bool
	}{
		"no zone": {func(_ *world, r *Request) { r.ZoneID = "Z0NONE" }, func(err error) bool { _, ok := errors.AsType[*route53.ZoneNotFoundError](err); return ok }},
		"another's answer": {func(w *world, _ *Request) { w.simple("203.0.113.9") }, func(err error) bool {
			c, ok := errors.AsType[*route53.ConflictError](err)
			return ok && !c.Shape
		}},
		"another's pair": {func(w *world, _ *Request) { w.records = map[string]types.ResourceRecordSet{"other": other} }, func(err error) bool {
			c, ok := errors.AsType[*route53.ConflictError](err)
			return ok && c.Shape
		}},
		"no bucket": {func(_ *world, r *Request) { r.Object = &Object{Bucket: "none", Key: "k"} }, func(err error) bool {
			return IsKind(err, KindBucket) && strings.Contains(err.Error(), "NoSuchBucket")
		}},
		"private bucket": {func(_ *world, r *Request) { r.Object = &Object{Bucket: privateBucket, Key: "k"} }, func(err error) bool {
			e, ok := errors.AsType[*Error](err)
			return ok && e.Kind == KindBucket && e.Attribute() == "trigger" && strings.Contains(e.Detail(), "without credentials")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				r := Request{Spec: byAlarm(east)}
				tc.change(w, &r)
				before := fmt.Sprint(w.records)
				if _, err := w.service().Ensure(within(t, time.Minute), r); !tc.is(err) {
					t.Errorf("got %v", err)
				}
				if n := w.called("PutMetricData", "PutMetricAlarm", "PutObject", "DeleteObject", "CreateHealthCheck", "ChangeResourceRecordSets"); n != 0 || fmt.Sprint(w.records) != before {
					t.Errorf("a refusal changed something: %v", w.calls)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		status := ensure(t, s, Request{Spec: byAlarm(east)})
		w.checks = nil // DNS takes the primary for healthy
		_, err := s.Ensure(within(t, 5*time.Minute), Request{Spec: byAlarm(west), Prepared: true, CheckID: status.CheckID})
		own, ok := errors.AsType[*Error](err)
		if !ok || own.Kind != KindTimeout || !strings.Contains(own.Detail(), "192.0.2.53:53 answers 192.0.2.1") || !strings.Contains(own.Detail(), "was thrown") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	a, b := byAlarm(east), byObject(east)
	if a.reference(0) != byAlarm(west).reference(0) || a.reference(0) == b.reference(0) || a.reference(0) == a.reference(1) || len(a.reference(19)) > 64 {
		t.Errorf("references %s and %s", a.reference(0), b.reference(0))
	}
	a.Name = "*.Example.com."
	if got := a.AlarmName(); got != "dr-switch-"+zone+"-wildcard.example.com-A" {
		t.Errorf("the alarm is %s", got)
	}
	if got := a.nameKey().name; got != "dr-switch.example.com" {
		t.Errorf("a wildcard is asked for as %s", got)
	}
	targets := map[string][]string{east: {"192.0.2.1", "192.0.2.9"}, west: {"192.0.2.2", "192.0.2.9"}}
	for values, want := range map[string]string{"192.0.2.1": east, "192.0.2.2": west, "192.0.2.9": "", "192.0.2.3": ""} {
		if got := leads([]string{values}, targets); got != want {
			t.Errorf("%s leads to %q, want %q", values, got, want)
		}
	}
}
