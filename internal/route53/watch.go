// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// watch is one loop that asks for one change, on behalf of every record that
// travelled in it.
type watch struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	err     error
}

// inSync waits until the change is known to all of Route 53's name servers.
func (s *Service) inSync(ctx context.Context, changeID string) error {
	s.mu.Lock()
	w := s.watches[changeID]
	if w == nil {
		wctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		w = &watch{cancel: cancel, done: make(chan struct{})}
		s.watches[changeID] = w
		go func() {
			defer cancel()
			w.err = s.watchChange(wctx, changeID)
			s.mu.Lock()
			if s.watches[changeID] == w {
				delete(s.watches, changeID)
			}
			s.mu.Unlock()
			close(w.done)
		}()
	}
	w.waiters++
	s.mu.Unlock()

	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		s.mu.Lock()
		if w.waiters--; w.waiters == 0 {
			w.cancel()
			if s.watches[changeID] == w {
				delete(s.watches, changeID)
			}
		}
		s.mu.Unlock()
		return ctx.Err()
	}
}

// watchChange asks soon at first, then less often as the wait gets older: a
// change usually takes seconds, at most a minute.
func (s *Service) watchChange(ctx context.Context, changeID string) error {
	began := time.Now()
	pause := s.poll / 4
	for failures := 0; ; {
		out, err := s.api.GetChange(ctx, &route53.GetChangeInput{Id: aws.String(changeID)})
		switch {
		case err == nil && out.ChangeInfo.Status == types.ChangeStatusInsync:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			failures = 0
		case kindOf(err) == busy:
		case kindOf(err) == failing:
			if failures++; failures >= maxFailures {
				return err
			}
		default:
			return err
		}
		if err := (&backoff{next: pause}).wait(ctx); err != nil {
			return err
		}
		pause = min(2*pause, max(s.poll, min(2*s.poll, time.Since(began)/8)))
	}
}
