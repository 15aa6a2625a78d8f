// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Limits of one change batch. The values of an UPSERT count twice.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
const (
	maxRecords    = 1000
	maxCharacters = 32000
)

// maxFailures is how often a request goes without a usable answer before this
// package gives up, the client's own retries not counted.
const maxFailures = 2

// change is one record's part of a change batch.
type change struct {
	key    Key
	action types.ChangeAction
	set    types.ResourceRecordSet
	// also is what must take effect together with it, or not at all.
	also []types.Change
}

// size is what the change counts towards the limits of a batch.
func (c change) size() (records, characters int) {
	for _, part := range c.parts() {
		r, n := max(1, len(part.ResourceRecordSet.ResourceRecords)), 0
		for _, v := range part.ResourceRecordSet.ResourceRecords {
			n += utf8.RuneCountInString(aws.ToString(v.Value))
		}
		if part.Action == types.ChangeActionUpsert {
			r, n = 2*r, 2*n
		}
		records, characters = records+r, characters+n
	}
	return records, characters
}

// parts are the change as Route 53 takes it.
func (c change) parts() []types.Change {
	return append([]types.Change{{Action: c.action, ResourceRecordSet: &c.set}}, c.also...)
}

type changeCall = call[change, string]

// submit sends a change with the others of its zone and returns the id of the
// change batch that took effect.
func (s *Service) submit(ctx context.Context, zoneID string, c change) (*changeCall, error) {
	s.mu.Lock()
	q := s.zones[zoneID]
	if q == nil {
		q = &queue[change, string]{window: changeWindow, run: func(calls []*changeCall) {
			for _, batch := range batches(living(calls)) {
				s.send(zoneID, batch)
			}
		}}
		s.zones[zoneID] = q
	}
	s.mu.Unlock()
	return q.do(ctx, c)
}

// batches fills batches up to the limits, in the order of arrival. No batch
// holds one record twice.
func batches(calls []*changeCall) [][]*changeCall {
	var out [][]*changeCall
	for len(calls) > 0 {
		var (
			batch, rest         []*changeCall
			records, characters int
			seen                = map[Key]bool{}
		)
		for _, c := range calls {
			r, n := c.in.size()
			if full := len(batch) > 0 && (records+r > maxRecords || characters+n > maxCharacters); full || seen[c.in.key] {
				rest = append(rest, c)
				continue
			}
			batch = append(batch, c)
			seen[c.in.key] = true
			records, characters = records+r, characters+n
		}
		out = append(out, batch)
		calls = rest
	}
	return out
}

// send sends one batch. A batch that is refused is cut up until only the
// changes at fault fail: the others have nothing to do with them.
func (s *Service) send(zoneID string, calls []*changeCall) {
	calls = living(calls)
	if len(calls) == 0 {
		return
	}
	id, err := s.sendOnce(zoneID, calls)
	if k := kindOf(err); err != nil && len(calls) > 1 && (k == divisible || k == denied) {
		// An IAM policy may allow some names of a zone and deny others, so a
		// denied batch is divided like a refused one.
		for _, part := range divide(calls, messages(err)) {
			s.send(zoneID, part)
		}
		return
	}
	for _, c := range calls {
		c.answer(id, err)
	}
}

// divide separates the changes that Route 53's messages name from the others,
// and halves the batch where they name all or none.
func divide(calls []*changeCall, messages []string) [][]*changeCall {
	text := strings.ToLower(strings.Join(messages, "\n"))
	var named [][]*changeCall
	var others []*changeCall
	for _, c := range calls {
		if strings.Contains(text, c.in.key.Name) {
			named = append(named, []*changeCall{c})
		} else {
			others = append(others, c)
		}
	}
	if len(named) == 0 || len(others) == 0 {
		half := len(calls) / 2
		return [][]*changeCall{calls[:half], calls[half:]}
	}
	return append([][]*changeCall{others}, named...)
}

// sendOnce repeats one request until it is answered for good. Repeating it is
// harmless: an UPSERT of what is already there changes nothing.
func (s *Service) sendOnce(zoneID string, calls []*changeCall) (string, error) {
	ctx, cancel := together(calls)
	defer cancel()
	in := &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), ChangeBatch: &types.ChangeBatch{}}
	for _, c := range calls {
		c.sent.Store(true)
		in.ChangeBatch.Changes = append(in.ChangeBatch.Changes, c.in.parts()...)
	}
	pause := backoff{250 * time.Millisecond, 5 * time.Second}
	for failures := 0; ; {
		out, err := s.api.ChangeResourceRecordSets(ctx, in)
		if err == nil {
			return strings.TrimPrefix(aws.ToString(out.ChangeInfo.Id), "/change/"), nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		for _, c := range calls {
			c.note(err)
		}
		switch kindOf(err) {
		case busy:
			// PriorRequestNotComplete: another process is changing the zone.
		case failing:
			if failures++; failures >= maxFailures {
				return "", err
			}
		default:
			return "", err
		}
		if err := pause.wait(ctx); err != nil {
			return "", err
		}
	}
}
