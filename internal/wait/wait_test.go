// SPDX-License-Identifier: MPL-2.0

package wait_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// world is a fake of what is polled: a status by key, and the times of looks.
type world struct {
	mu     sync.Mutex
	start  time.Time
	status func(key string, age time.Duration) string
	err    func(age time.Duration) error
	looks  []time.Duration
	keys   [][]string
}

func (w *world) fetch(ctx context.Context, keys []string) (map[string]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	age := time.Since(w.start)
	w.looks = append(w.looks, age)
	slices.Sort(keys)
	w.keys = append(w.keys, keys)
	if w.err != nil {
		if err := w.err(age); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for _, k := range keys {
		if s := w.status(k, age); s != "" {
			out[k] = s
		}
	}
	return out, ctx.Err()
}

func (w *world) poller() *wait.Poller[string, string] {
	w.start = time.Now()
	return &wait.Poller[string, string]{
		Fetch: w.fetch, Interval: time.Second, Max: 10 * time.Second,
		Equal:   func(a, b string) bool { return a == b },
		Status:  func(v string, _ bool) string { return v },
		Outlive: func(err error) bool { return errors.Is(err, errBlip) },
	}
}

var errBlip = errors.New("blip")

func until(want string) func(string, bool) (bool, error) {
	return func(v string, _ bool) (bool, error) { return v == want, nil }
}

func doneAfter(d time.Duration) func(string, time.Duration) string {
	return func(_ string, age time.Duration) string {
		if age >= d {
			return "done"
		}
		return "busy"
	}
}

func TestManyWaitersCostWhatOneCosts(t *testing.T) {
	t.Parallel()
	count := func(waiters int) (looks int) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{status: doneAfter(time.Minute)}
			p := w.poller()
			var group sync.WaitGroup
			for i := range waiters {
				group.Go(func() {
					if err := p.Await(t.Context(), fmt.Sprint("db", i), until("done")); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			looks = len(w.looks)
			if n := len(w.keys[0]); n != waiters {
				t.Errorf("the first look observed %d keys of %d", n, waiters)
			}
		})
		return looks
	}
	if one, many := count(1), count(200); one != many {
		t.Errorf("1 waiter cost %d looks, 200 cost %d", one, many)
	}
}

func TestIntervalGrowsAndIsResetByChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		change := 300 * time.Second
		w := &world{status: func(_ string, age time.Duration) string {
			switch {
			case age < change:
				return "busy"
			case age < change+20*time.Second:
				return "rebooting"
			}
			return "done"
		}}
		p := w.poller()
		if err := p.Await(t.Context(), "db", until("done")); err != nil {
			t.Fatal(err)
		}
		gap := func(from, to time.Duration) (least, most time.Duration) {
			least = time.Hour
			for i := 1; i < len(w.looks); i++ {
				if d := w.looks[i] - w.looks[i-1]; w.looks[i-1] >= from && w.looks[i] <= to {
					least, most = min(least, d), max(most, d)
				}
			}
			return least, most
		}
		if _, most := gap(0, 20*time.Second); most != time.Second {
			t.Errorf("looked every %s in the beginning, not every 1s", most)
		}
		if least, most := gap(210*time.Second, change); least != 10*time.Second || most != 10*time.Second {
			t.Errorf("looked every %s to %s late in the wait, not every 10s", least, most)
		}
		if _, most := gap(change+10*time.Second, change+30*time.Second); most != time.Second {
			t.Errorf("looked every %s after a change, not every 1s", most)
		}
	})
}

func TestTimeoutTellsLastStatusAndTimeSpent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{status: doneAfter(time.Hour)}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := w.poller().Await(ctx, "db", until("done"))
		timeout, ok := errors.AsType[*wait.TimeoutError](err)
		if !ok || timeout.Last != "busy" || timeout.Spent != 90*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %#v", err)
		}
		if !strings.Contains(err.Error(), "gave up after 1m30s; last status: busy") {
			t.Error(err)
		}
	})
}

func TestCancelEndsTheLoopAndTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int32
		p := &wait.Poller[string, string]{
			Fetch: func(ctx context.Context, _ []string) (map[string]string, error) {
				fetches.Add(1)
				<-ctx.Done() // a region that holds the connection open
				return nil, ctx.Err()
			},
			Interval: time.Second, Max: 10 * time.Second,
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		if err := p.Await(ctx, "db", until("done")); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		synctest.Wait() // fails the test if the loop did not end
		time.Sleep(time.Minute)
		if n := fetches.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestWaitOutlivesBlipsAndEndsOnOtherErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		denied := errors.New("denied")
		w := &world{status: doneAfter(time.Minute), err: func(age time.Duration) error {
			if age < 20*time.Second {
				return errBlip
			}
			return nil
		}}
		p := w.poller()
		if err := p.Await(t.Context(), "db", until("done")); err != nil {
			t.Fatal(err)
		}
		w.err = func(time.Duration) error { return denied }
		if err := p.Await(t.Context(), "db", until("done")); !errors.Is(err, denied) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLateWaiterSeesAFreshLookAndAnEarlyErrorIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{status: func(key string, age time.Duration) string {
			if key == "gone" {
				return ""
			}
			return doneAfter(5*time.Minute)(key, age)
		}}
		p := w.poller()
		var group sync.WaitGroup
		group.Go(func() {
			if err := p.Await(t.Context(), "db", until("done")); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(4 * time.Minute) // the interval is 10 s by now
		joined := time.Now()
		notFound := errors.New("not found")
		err := p.Await(t.Context(), "gone", func(_ string, found bool) (bool, error) {
			if !found {
				return false, notFound
			}
			return true, nil
		})
		if !errors.Is(err, notFound) || time.Since(joined) > time.Second {
			t.Errorf("got %v after %s", err, time.Since(joined))
		}
		group.Wait()
	})
}

func TestLoaderCoalesces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int32
		l := &wait.Loader[int, string]{Fetch: func(_ context.Context, keys []int) (map[int]string, error) {
			fetches.Add(1)
			time.Sleep(time.Second)
			out := map[int]string{}
			for _, k := range keys {
				if k%2 == 0 {
					out[k] = fmt.Sprint(k)
				}
			}
			return out, nil
		}}
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				v, found, err := l.Load(t.Context(), i)
				if err != nil || found != (i%2 == 0) || found && v != fmt.Sprint(i) {
					t.Errorf("%d: %q %v %v", i, v, found, err)
				}
			})
		}
		group.Wait()
		if n := fetches.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		if _, _, err := l.Load(t.Context(), 2); err != nil || fetches.Load() != 2 {
			t.Error("a later load must look anew")
		}
	})
}

func TestLoaderIsCancelledByItsLastCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &wait.Loader[int, string]{Fetch: func(ctx context.Context, _ []int) (map[int]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		var group sync.WaitGroup
		for i := range 2 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				if _, _, err := l.Load(ctx, i); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		synctest.Wait()
	})
}
