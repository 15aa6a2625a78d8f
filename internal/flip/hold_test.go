// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// over prepares a switch and throws it, and gives a request to go back.
func over(t *testing.T, s *Service, spec func(string) Spec) Request {
	t.Helper()
	status := ensure(t, s, Request{Spec: spec(east)})
	ensure(t, s, Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID})
	time.Sleep(time.Hour)
	return Request{Spec: spec(east), Prepared: true, Owned: true, CheckID: status.CheckID}
}

// A standby region that is lost while it serves can be left, by Route 53's API;
// its return changes nothing, and the next apply makes a switch of it again.
func TestBackFromALostStandby(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		r := over(t, s, spec)
		w.down[west] = true
		w.forget()
		status := ensure(t, s, r)
		if !status.Held || w.serves() != east || w.called("ChangeResourceRecordSets") != 1 || w.called("PutMetricData", "DeleteObject") != 0 {
			t.Fatalf("DNS answers with %s: %+v by %v", w.serves(), status, w.calls)
		}
		find := func() Status {
			t.Helper()
			found, err := s.Find(within(t, time.Minute), r.Spec, status.CheckID)
			if err != nil || found.Active != east && w.down[west] {
				t.Fatalf("%+v, %v", found, err)
			}
			return found
		}
		if found := find(); !found.Held || len(found.Lacking) > 0 {
			t.Errorf("while it is lost: %+v", found)
		}
		watchFor(t, w, west, func() {
			w.down[west] = false
			time.Sleep(time.Hour)
			if found := find(); found.Held || len(found.Lacking) != 1 || !strings.Contains(found.Lacking[0], "both records lead to us-east-1, and us-west-2 answers again") {
				t.Errorf("when it is back: %+v", found)
			}
			r.Prepared = false
			status = ensure(t, s, r)
			time.Sleep(time.Hour)
		})
		if found := find(); found.Active != east || len(found.Lacking) > 0 || len(w.checks) != 1 || status.Held {
			t.Errorf("mended to %+v, %d health checks", found, len(w.checks))
		}
		ensure(t, s, Request{Spec: spec(west), Prepared: true, CheckID: status.CheckID})
		if w.serves() != west {
			t.Errorf("then it is thrown, and DNS answers with %s", w.serves())
		}
	})
}

// The same where something has to be mended as well.
func TestBackFromALostStandbyWithDrift(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world, s *Service, spec func(string) Spec) {
		r := over(t, s, spec)
		w.down[west], r.Prepared = true, false
		if status := ensure(t, s, r); !status.Held || w.serves() != east {
			t.Errorf("DNS answers with %s: %+v", w.serves(), status)
		}
	})
}

// Going back needs one of the two.
func TestBackWithNeither(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		r := over(t, s, byAlarm)
		w.down[west], w.down[global] = true, true
		_, err := s.Ensure(within(t, time.Minute), r)
		if own, ok := errors.AsType[*Error](err); !ok || own.Kind != KindTrigger || !strings.Contains(own.Detail(), "was to lead to us-east-1 as well") || w.serves() != west {
			t.Errorf("DNS answers with %s: %v", w.serves(), err)
		}
	})
}

// An alarm's switch that is where it should be needs nothing of anyone.
func TestAlarmThatStaysIsNotHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		status := ensure(t, s, Request{Spec: byAlarm(east)})
		w.down[west], w.down[global] = true, true
		w.forget()
		ensure(t, s, Request{Spec: byAlarm(east), Prepared: true, Owned: true, CheckID: status.CheckID})
		if w.called("ChangeResourceRecordSets") != 0 {
			t.Errorf("called %v", w.calls)
		}
	})
}

// An object that is there takes the name along when its region returns: that is
// told, and held off, though DNS answers with the primary meanwhile.
func TestObjectOfALostStandby(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		r := over(t, s, byObject)
		w.down[west] = true
		time.Sleep(time.Hour)
		find := func(last string) Status {
			t.Helper()
			found, err := s.Find(within(t, time.Minute), byObject(last), r.CheckID)
			if err != nil || found.Active != east {
				t.Fatalf("%+v, %v", found, err)
			}
			return found
		}
		if found := find(west); len(found.Lacking) != 1 || !strings.Contains(found.Lacking[0], "goes back to us-west-2 by itself") {
			t.Errorf("told as %+v", found)
		}
		// Where it was last known to serve the primary, the object was seen to be absent.
		if found := find(east); len(found.Lacking) != 0 || len(found.Unread) != 1 {
			t.Errorf("a quiet switch is told as %+v", found)
		}
		r.Prepared = false
		if status := ensure(t, s, r); !status.Held {
			t.Errorf("%+v", status)
		}
		if found := find(west); len(found.Lacking) != 0 || !found.Held {
			t.Errorf("held: %+v", found)
		}
		watchFor(t, w, west, func() {
			w.down[west] = false
			time.Sleep(time.Hour)
		})
	})
}

// What cannot be taken out of a health check makes another one of it.
func TestForeignAddressIsMended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.simple(eastIP)
		s := w.service()
		status := ensure(t, s, Request{Spec: byObject(east)})
		changed := *w.checks[0].HealthCheckConfig
		changed.IPAddress = aws.String("203.0.113.9")
		w.checks[0].HealthCheckConfig = &changed
		for range 2 { // the second time there is nothing to do
			status = ensure(t, s, Request{Spec: byObject(east), Owned: true, CheckID: status.CheckID})
			found, err := s.Find(within(t, time.Minute), byObject(east), status.CheckID)
			if err != nil || len(found.Lacking) > 0 || len(w.checks) != 2 || status.CheckID != *w.checks[1].Id {
				t.Errorf("%+v, %d health checks, %v", found, len(w.checks), err)
			}
		}
	})
}
