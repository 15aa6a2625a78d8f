// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
)

type readCall = call[string, []Record]

// named are all record sets of one name, of every type. Look-ups in one zone
// that arrive together share one sweep over its listing.
func (s *Service) named(ctx context.Context, zoneID, name string) (*readCall, error) {
	s.mu.Lock()
	q := s.reads[zoneID]
	if q == nil {
		q = &queue[string, []Record]{window: readWindow, run: func(calls []*readCall) { s.sweep(zoneID, calls) }}
		s.reads[zoneID] = q
	}
	s.mu.Unlock()
	return q.do(ctx, CanonicalName(name))
}

// sweep answers the calls from pages of the listing that begin at the first
// name not yet answered. A page is a few hundred records, so names that lie
// close together cost one request.
func (s *Service) sweep(zoneID string, calls []*readCall) {
	calls = living(calls)
	if len(calls) == 0 {
		return
	}
	ctx, cancel := together(calls)
	defer cancel()

	byName := map[string][]*readCall{}
	var names []string
	for _, c := range calls {
		if byName[c.in] == nil {
			names = append(names, c.in)
		}
		byName[c.in] = append(byName[c.in], c)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	finish := func(name string, records []Record, err error) {
		for _, c := range byName[name] {
			c.answer(slices.Clone(records), err)
		}
	}

	for len(names) > 0 {
		found, covers, err := s.page(ctx, zoneID, names[0], calls)
		if err != nil {
			for _, name := range names {
				finish(name, nil, err)
			}
			return
		}
		var rest []string
		for i, name := range names {
			if i == 0 || covers(name) {
				finish(name, found[name], nil)
			} else {
				rest = append(rest, name)
			}
		}
		names = rest
	}
}

// page lists records from a name on, until all of that name have been seen. It
// returns what it saw by name, and a function that says of a later name
// whether the listing has passed it.
func (s *Service) page(ctx context.Context, zoneID, from string, calls []*readCall) (map[string][]Record, func(string) bool, error) {
	found := map[string][]Record{}
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), StartRecordName: aws.String(from)}
	sorted, last := true, ""
	for {
		out, err := s.list(ctx, in, calls)
		if err != nil {
			return nil, nil, err
		}
		for _, set := range out.ResourceRecordSets {
			r := fromAPI(zoneID, set)
			found[r.Name] = append(found[r.Name], r)
			sorted = sorted && order(r.Name) >= last
			last = order(r.Name)
		}
		next := CanonicalName(aws.ToString(out.NextRecordName))
		if out.IsTruncated && next == from {
			in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
			continue
		}
		covers := func(name string) bool {
			// Where escaped characters sort is not documented, so such names,
			// and pages that turn out to be in another order, are not trusted
			// to say that a name is absent.
			if strings.Contains(name, `\`) || !sorted {
				return false
			}
			return !out.IsTruncated || order(name) < order(next) && !strings.Contains(next, `\`)
		}
		return found, covers, nil
	}
}

// list repeats one request until it is answered for good.
func (s *Service) list(ctx context.Context, in *route53.ListResourceRecordSetsInput, calls []*readCall) (*route53.ListResourceRecordSetsOutput, error) {
	pause := backoff{250 * time.Millisecond, 5 * time.Second}
	for failures := 0; ; {
		out, err := s.api.ListResourceRecordSets(ctx, in)
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, c := range calls {
			c.note(err)
		}
		switch kindOf(err) {
		case busy:
		case failing:
			if failures++; failures >= maxFailures {
				return nil, err
			}
		default:
			return nil, err
		}
		if err := pause.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// Find reads one record set. It returns ErrNotFound where the zone has none.
func (s *Service) Find(ctx context.Context, key Key) (Record, error) {
	r, _, err := s.find(ctx, key, &progress{key: key, began: time.Now()})
	return r, err
}

// find also returns the other record sets of the same name and type, where the
// one that was looked for does not exist.
func (s *Service) find(ctx context.Context, key Key, p *progress) (Record, []Record, error) {
	p.action, p.doing = "route53:ListResourceRecordSets", "reading the record"
	c, err := s.named(ctx, key.ZoneID, key.Name)
	if err != nil {
		p.last = c.lastAnswer()
		return Record{}, nil, explain(ctx, err, *p)
	}
	var others []Record
	for _, r := range c.out {
		switch {
		case r.Type != key.Type:
		case r.SetIdentifier == key.SetIdentifier:
			return r, nil, nil
		default:
			others = append(others, r)
		}
	}
	return Record{}, others, ErrNotFound
}
