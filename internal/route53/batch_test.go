// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// estate moves n records at once and returns each one's error.
func estate(ctx context.Context, s *Service, n int) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = s.Ensure(ctx, app(fmt.Sprintf("app%03d.example.com", i))) })
	}
	wg.Wait()
	return errs
}

func TestAnEstateMovesInOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for i := range 200 {
			f.put(east(fmt.Sprintf("app%03d.example.com", i)))
		}
		began := time.Now()
		for i, err := range estate(t.Context(), New(f, time.Second), 200) {
			if err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
		if len(f.batches) != 1 || len(f.batches[0]) != 200 {
			t.Errorf("%d batches, want 1 of 200 changes", len(f.batches))
		}
		if f.list != 1 {
			t.Errorf("%d listings, want 1 for all records of a zone", f.list)
		}
		if f.gets > 20 {
			t.Errorf("%d GetChange calls for a change of 20 s, want one loop for all records", f.gets)
		}
		if took := time.Since(began); took > f.propagation+4*time.Second {
			t.Errorf("took %s, want little more than the change's own %s", took, f.propagation)
		}
	})
}

func TestBatchesKeepToTheLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		// 600 UPSERTs count as 1200 records.
		for i, err := range estate(t.Context(), New(f, time.Second), 600) {
			if err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
		if len(f.batches) != 2 || len(f.batches[0]) != 500 || f.sent != 2 {
			t.Errorf("%d batches in %d requests, want 500 and 100 changes", len(f.batches), f.sent)
		}
		if f.overlaps > 0 {
			t.Error("two batches to one zone overlapped")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := New(f, time.Second)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				r := app(fmt.Sprintf("long%d.example.com", i))
				r.Type = "TXT"
				r.Targets["us-west-2"] = Answer{Records: []string{strings.Repeat("x", 3900)}}
				if _, err := s.Ensure(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(f.batches) != 2 {
			t.Errorf("%d batches for 5 × 3900 characters counted twice, want 2", len(f.batches))
		}
	})
}

func TestARefusedBatchIsDividedUntilOnlyTheOffenderFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		mute        bool
		mostRequest int
	}{
		{"the messages name it", false, 3},
		{"the messages name nothing", true, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.mute = test.mute
				f.refuse["app037.example.com."] = true
				for i, err := range estate(t.Context(), New(f, time.Second), 100) {
					refused, ok := errors.AsType[*RefusedError](err)
					if ok != (i == 37) || err != nil && !ok {
						t.Errorf("record %d: %v", i, err)
					}
					if ok && refused.Key.Name != "app037.example.com" {
						t.Errorf("the refusal concerns %s", refused.Key)
					}
				}
				if f.values("app036.example.com", "A") == nil || f.values("app037.example.com", "A") != nil {
					t.Error("the others did not go through, or the offender did")
				}
				if f.sent > test.mostRequest || f.overlaps > 0 {
					t.Errorf("%d requests, want at most %d; %d overlaps", f.sent, test.mostRequest, f.overlaps)
				}
			})
		})
	}
}

func TestADeniedNameDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.deny["app003.example.com."] = true
		for i, err := range estate(t.Context(), New(f, time.Second), 10) {
			if _, ok := errors.AsType[*DeniedError](err); ok != (i == 3) {
				t.Errorf("record %d: %v", i, err)
			}
		}
	})
}

func TestWhatArrivesDuringABatchTravelsInTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 10 * time.Second
		s := New(f, time.Second)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 600 * time.Millisecond)
				c := change{key: Key{Name: fmt.Sprintf("app%02d.example.com.", i)}, action: types.ChangeActionUpsert, set: toAPI(east(fmt.Sprintf("app%02d.example.com", i)))}
				if _, err := s.submit(t.Context(), zone, c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if f.overlaps > 0 || f.sent != 3 {
			t.Errorf("%d requests with %d overlaps, want 3 (first, during the first, during the second)", f.sent, f.overlaps)
		}
	})
}

func TestThrottlingAndAnotherProcessAreWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.before = func(operation string, n int) error {
			switch {
			case operation == "change" && n <= 6:
				return apiError(400, &types.PriorRequestNotComplete{})
			case operation == "list" && n <= 3, operation == "get" && n <= 5:
				return coded(400, "Throttling")
			}
			return nil
		}
		if _, err := New(f, time.Second).Ensure(t.Context(), app("app.example.com")); err != nil {
			t.Fatal(err)
		}
		if f.sent != 7 || len(f.batches) != 1 {
			t.Errorf("%d requests, %d took effect", f.sent, len(f.batches))
		}
	})
}

func TestThrottlingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"change", "list", "get"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.before = func(op string, _ int) error {
				if op == operation {
					return coded(400, "Throttling")
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := New(f, time.Second).Ensure(ctx, app("app.example.com"))
			timeout, ok := errors.AsType[*TimeoutError](err)
			if !ok || timeout.Spent < time.Minute || timeout.Key.Name != "app.example.com" {
				t.Fatalf("%s: %v", operation, err)
			}
			if operation != "get" && timeout.Last == nil {
				t.Errorf("%s: the last answer is missing from %v", operation, err)
			}
			if accepted := timeout.ChangeID != ""; accepted != (operation == "get") {
				t.Errorf("%s: accepted = %t", operation, accepted)
			}
		})
	}
}

func TestOneCallerGoingAwayDoesNotHurtTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = time.Second
		s := New(f, time.Second)
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond) // in the midst of the batch
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Ensure(short, app("a.example.com"))
			if timeout, ok := errors.AsType[*TimeoutError](err); !ok || !errors.Is(timeout, context.DeadlineExceeded) {
				t.Errorf("the short one: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := s.Ensure(t.Context(), app("b.example.com")); err != nil {
				t.Errorf("the patient one: %v", err)
			}
		})
		wg.Wait()
		if f.values("b.example.com", "A")[0] != "192.0.2.2" {
			t.Error("b did not move")
		}
	})
}

func TestOneRecordTwiceTravelsInTwoBatches(t *testing.T) {
	t.Parallel()
	c := &changeCall{in: change{key: Key{Name: "a."}, action: types.ChangeActionUpsert}}
	d := &changeCall{in: change{key: Key{Name: "b.", Type: "A"}, action: types.ChangeActionUpsert, set: types.ResourceRecordSet{ResourceRecords: []types.ResourceRecord{{Value: aws.String("x")}}}}}
	if got := batches([]*changeCall{c, c, d}); len(got) != 2 || len(got[0]) != 2 {
		t.Errorf("%d batches, want the repeated record apart", len(got))
	}
}
