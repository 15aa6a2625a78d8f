// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// What is known of a change's way to Route 53's name servers.
const (
	InSync  = "INSYNC"
	Unknown = "unknown"
)

// Request is a Spec with what the caller knows of the past.
type Request struct {
	Spec
	// Owned says that the caller has managed this record before, so that
	// whatever it serves now is to be put right. Otherwise an answer that is
	// none of the Spec's is a ConflictError, unless Overwrite is set.
	Owned, Overwrite bool
	// Unconfirmed says that a change may be on its way that nobody has seen
	// arrive: it is sent again, which changes nothing and can be waited for.
	Unconfirmed bool
	// From is the target that was active when last seen, for error texts.
	From string
}

// Status is a record after Ensure.
type Status struct {
	Record
	Active   string
	ChangeID string // of the change that Ensure made, "" if none was needed
}

// plan says what Ensure would do to a record as it is: whether anything, or why
// not. Others are record sets of the same name and type.
func (r Request) plan(have Record, found bool, others []Record) (write bool, err error) {
	want := r.Desired()
	conflict := &ConflictError{Key: r.Key, Want: fmt.Sprintf("%s (%s)", want.Answer, r.Active)}
	if !found {
		for _, o := range others {
			// Route 53 has either one simple record of a name and type, or
			// several with set identifiers.
			if (o.SetIdentifier == "") != (r.SetIdentifier == "") {
				conflict.Have, conflict.Shape = o.describe(), true
				return false, conflict
			}
		}
		return true, nil
	}
	if have.Routing.Other != "" {
		conflict.Have, conflict.Shape = have.describe(), true
		return false, conflict
	}
	if !r.Owned && !r.Overwrite && !r.declared(have) {
		conflict.Have = have.describe()
		return false, conflict
	}
	return r.Unconfirmed || !have.equal(want), nil
}

func (r Record) describe() string {
	s := r.Answer.String()
	if r.Routing.Other != "" {
		s = r.Routing.Other + " routing"
	}
	if r.SetIdentifier != "" {
		s += fmt.Sprintf(" (set identifier %q)", r.SetIdentifier)
	}
	return s
}

// Check looks at the record and says what Ensure would refuse, without
// changing anything. It returns ErrNotFound where there is no record yet.
func (s *Service) Check(ctx context.Context, r Request) (Record, error) {
	p := &progress{key: r.Key, from: r.From, to: r.Active, began: time.Now()}
	have, others, err := s.find(ctx, r.Key, p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Record{}, err
	}
	if _, refusal := r.plan(have, err == nil, others); refusal != nil {
		return have, refusal
	}
	return have, err
}

// Ensure makes the record serve the active target and returns when Route 53
// says that all its name servers do. It sends nothing where that is so already.
// It can be repeated after any failure.
func (s *Service) Ensure(ctx context.Context, r Request) (Status, error) {
	p := &progress{key: r.Key, from: r.From, to: r.Active, began: time.Now()}
	have, others, err := s.find(ctx, r.Key, p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Status{}, err
	}
	if err == nil {
		p.from = have.ActiveTarget(r.Targets, r.From)
	}
	want := r.Desired()
	status := Status{Record: want, Active: r.Active}
	write, err := r.plan(have, err == nil, others)
	if err != nil || !write {
		return status, err
	}
	status.ChangeID, err = s.apply(ctx, change{key: want.Key, action: types.ChangeActionUpsert, set: toAPI(want)}, p)
	return status, err
}

// Delete removes the record, whatever it serves. A record that does not exist
// is no error.
func (s *Service) Delete(ctx context.Context, key Key) error {
	p := &progress{key: key, began: time.Now()}
	have, _, err := s.find(ctx, key, p)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// A DELETE must name every value as it is.
	_, err = s.apply(ctx, change{key: have.Key, action: types.ChangeActionDelete, set: toAPI(have)}, p)
	if _, refused := errors.AsType[*RefusedError](err); refused {
		// The answer to a first attempt may have been lost.
		if _, _, again := s.find(ctx, key, p); errors.Is(again, ErrNotFound) {
			return nil
		}
	}
	return err
}

// apply sends one change and waits until Route 53 confirms it.
func (s *Service) apply(ctx context.Context, c change, p *progress) (string, error) {
	c.key.Name = CanonicalName(c.key.Name)
	p.action, p.doing, p.last = "route53:ChangeResourceRecordSets", "sending the change", nil
	sent, err := s.submit(ctx, p.key.ZoneID, c)
	if err != nil {
		p.sent, p.last = sent.sent.Load(), sent.lastAnswer()
		return "", explain(ctx, err, *p)
	}
	p.sent, p.changeID = true, sent.out
	p.action, p.doing = "route53:GetChange", fmt.Sprintf("change %s was PENDING", p.changeID)
	if err := s.inSync(ctx, p.changeID); err != nil {
		return p.changeID, explain(ctx, err, *p)
	}
	return p.changeID, nil
}
