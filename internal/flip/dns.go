// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/resolve"
	"github.com/drstate/terraform-provider-dr/internal/route53"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// nameKey is a name that is watched, and where.
type nameKey struct{ server, name, kind string }

// answers are what the servers say of a name, and what the names say that the
// targets are aliases of.
type answers struct {
	said []resolve.Said
	err  error
}

func (a answers) equal(b answers) bool {
	return slices.EqualFunc(a.said, b.said, func(x, y resolve.Said) bool { return x.Server == y.Server && slices.Equal(x.Values, y.Values) })
}

func (a answers) status(bool) string {
	if a.err != nil {
		return a.err.Error()
	}
	var parts []string
	for _, s := range a.said {
		switch {
		case s.Err != nil:
			parts = append(parts, fmt.Sprintf("%s gave no answer (%v)", s.Server, s.Err))
		case len(s.Values) == 0:
			parts = append(parts, s.Server+" has no such record")
		default:
			parts = append(parts, s.Server+" answers "+strings.Join(s.Values, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func (s Spec) nameKey() nameKey {
	// A wildcard is asked for by a name that it stands for.
	name := strings.Replace(route53.DisplayName(s.Name), "*", "dr-switch", 1)
	return nameKey{server: s.Resolver, name: name, kind: s.Type}
}

// ask looks at names, all at once.
func (s *Service) ask(ctx context.Context, keys []nameKey) (map[nameKey]answers, error) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		found = map[nameKey]answers{}
		slots = make(chan struct{}, 32)
	)
	for _, k := range keys {
		resolver := s.resolver(k)
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			said, err := resolver.Answers(ctx, k.name, k.kind)
			mu.Lock()
			defer mu.Unlock()
			found[k] = answers{said, err}
		})
	}
	wg.Wait()
	return found, nil
}

// resolver of a name: it keeps which servers the name has.
func (s *Service) resolver(k nameKey) DNS {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dns[k]
	if d == nil {
		d = s.o.DNS(k.server)
		s.dns[k] = d
	}
	return d
}

// serving is the region that each answering server answers with; "" where they
// differ, or where an answer is none of the targets.
func (s *Service) serving(ctx context.Context, spec Spec, a answers) string {
	targets := map[string][]string{}
	for region, t := range spec.Targets {
		targets[region] = s.values(ctx, spec, t)
	}
	region := ""
	for _, said := range a.said {
		if said.Err != nil {
			continue
		}
		at := leads(said.Values, targets)
		if at == "" || region != "" && at != region {
			return ""
		}
		region = at
	}
	return region
}

// leads names the one target that the values are of. A load balancer answers
// with some of its addresses at a time.
func leads(values []string, targets map[string][]string) string {
	var found []string
	for _, region := range slices.Sorted(maps.Keys(targets)) {
		if slices.ContainsFunc(values, func(v string) bool { return slices.Contains(targets[region], v) }) {
			found = append(found, region)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// values of a target, as DNS gives them; none where an alias cannot be asked.
func (s *Service) values(ctx context.Context, spec Spec, t route53.Answer) []string {
	if t.Alias != nil {
		k := nameKey{server: spec.Resolver, name: route53.DisplayName(t.Alias.Name), kind: spec.Type}
		values, err := s.o.DNS(k.server).Values(ctx, k.name, k.kind)
		if err != nil {
			return nil
		}
		return values
	}
	var values []string
	for _, r := range t.Records {
		if ip, err := netip.ParseAddr(r); err == nil {
			values = append(values, ip.String())
		} else {
			values = append(values, route53.CanonicalName(r))
		}
	}
	return values
}

// look sees once which region DNS answers with.
func (s *Service) look(ctx context.Context, spec Spec) (region string, seen answers, err error) {
	err = s.names.Await(ctx, spec.nameKey(), func(a answers, _ bool) (bool, error) {
		seen = a
		return true, nil
	})
	if err == nil {
		if err = seen.err; err == nil && !slices.ContainsFunc(seen.said, func(x resolve.Said) bool { return x.Err == nil }) {
			err = errors.New(seen.status(true))
		}
	}
	if err != nil {
		return "", seen, err
	}
	return s.serving(ctx, spec, seen), seen, nil
}

// follow returns when DNS answers with the active region. It sets what moves it
// again where the effect stays out: the answer to a call that was taken may be
// lost, and so may a datum.
func (s *Service) follow(ctx context.Context, spec Spec, set func(context.Context) error) error {
	sent := time.Now()
	var again error
	err := s.names.Await(ctx, spec.nameKey(), func(a answers, _ bool) (bool, error) {
		if a.err == nil && s.serving(ctx, spec, a) == spec.Active {
			return true, nil
		}
		if set != nil && time.Since(sent) > resend*s.o.Poll {
			again, sent = set(ctx), time.Now()
		}
		return false, nil
	})
	if timeout, ok := errors.AsType[*wait.TimeoutError](err); ok && timeout.LastErr == nil {
		timeout.LastErr = again
	}
	return err
}
