// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// Request is a Spec with what the caller knows of the past.
type Request struct {
	Spec
	// Prepared says that all but the active side is known to be as declared:
	// the switch is thrown, and Route 53's API is not called.
	Prepared bool
	// Owned says that the caller has managed these records before; otherwise
	// answers that are none of the targets are a conflict, unless Overwrite.
	Owned, Overwrite bool
	// CheckID is the health check's id where it is known.
	CheckID string
}

// Status is what is there.
type Status struct {
	// Active is the region that DNS answers with; "" where it is not known or
	// none of the targets.
	Active string
	// Answered says that name servers could be asked.
	Answered bool
	// Seen is what the name servers say, for people.
	Seen string
	// CheckID is the health check's id.
	CheckID string
	// Held says that both records lead to the primary, while the standby region
	// gives no answer.
	Held bool
	// Lacking says what of the preparation is missing or different.
	Lacking []string
	// Unread says what could not be looked at, and stays as it was last known.
	Unread []error
}

// Ensure prepares the switch, where it is not known to be, and throws it to the
// active side. It can be repeated after any failure. A standby region that gives
// no answer keeps nobody from going back: the primary is held instead.
func (s *Service) Ensure(ctx context.Context, r Request) (Status, error) {
	status := Status{Active: r.Active, CheckID: r.CheckID}
	var err error
	if r.Prepared {
		status.Held, err = s.throw(ctx, r)
		return status, err
	}
	id, err := s.prepare(ctx, r)
	if r.lost(err) && !r.over() && r.Owned && !s.stays(ctx, r.Spec) {
		status.Held = true
		return status, s.hold(ctx, r, err)
	}
	if route53.IsControlPlane(err) && r.Owned && r.CheckID != "" {
		// What was to be mended can wait; the switch cannot.
		held, thrown := s.throw(ctx, r)
		if status.Held = held; held || thrown != nil {
			return status, thrown
		}
		return status, &Error{
			Kind: KindCheck, Attempted: "mend the switch of", Name: r.Key().String(), Err: err,
			Reason: "Route 53's control plane, which is in us-east-1, gives no answer.", Done: "The switch was thrown nevertheless, and DNS answers with " + r.Active + ".",
			Next: "Apply again when Route 53 answers: it mends what is different.",
		}
	}
	if route53.IsControlPlane(err) && !r.Owned && id == "" {
		return status, &Error{
			Kind: KindCheck, Attempted: "prepare the switch of", Name: r.Key().String(), Err: err,
			Reason: "Nothing is known of it here, and Route 53's control plane, which is in us-east-1, gives no answer: whether it was prepared before cannot be seen.",
			Done:   "The trigger was not touched.",
			Next:   "If it was prepared before, as it is declared here, this moves DNS to " + r.Active + " without Route 53's API:\n\n    " + r.Command() + "\n\nOtherwise apply again when Route 53 answers.",
		}
	}
	if err != nil {
		return status, err
	}
	status.CheckID = id
	return status, failed(KindDNS, r.Spec, "", "see the name servers answer for", prepared, s.follow(ctx, r.Spec, r.set(s.trigger(r.Spec))))
}

const prepared = "The trigger, the health check and the pair of records are in place."

// set makes the call that throws the switch to the active side.
func (r Request) set(t trigger) func(context.Context) error {
	return func(ctx context.Context) error { return t.set(ctx, r.over()) }
}

// throw makes the one call of a failover, where it is needed, and waits for DNS.
func (s *Service) throw(ctx context.Context, r Request) (held bool, err error) {
	t := s.trigger(r.Spec)
	over, known, err := t.is(ctx)
	if awsclient.IsUnreachable(err) {
		return s.lostStandby(ctx, r, s.untriggered(r.Spec, t, err))
	}
	// An alarm that has no data any more leaves it to DNS; an object never does.
	if known && over == r.over() || !known && err == nil {
		if region, _, err := s.look(ctx, r.Spec); err == nil && region == r.Active {
			return false, nil
		}
	}
	if !known || over != r.over() {
		if err := t.set(ctx, r.over()); err != nil {
			return s.lostStandby(ctx, r, s.untriggered(r.Spec, t, err))
		}
	}
	done := fmt.Sprintf("The switch was thrown (%s in %s); clients follow when the name servers do.", t.call(r.over()), r.Standby)
	err = failed(KindDNS, r.Spec, "", "see the name servers answer for", done, s.follow(ctx, r.Spec, r.set(t)))
	if err == nil {
		t.seen(ctx, r.over())
	}
	return false, err
}

// lostStandby goes on where the region that the switch is thrown in may be lost.
func (s *Service) lostStandby(ctx context.Context, r Request, err error) (held bool, _ error) {
	switch {
	case !r.lost(err) || r.over():
		return false, err
	case s.stays(ctx, r.Spec):
		return false, nil
	}
	return true, s.hold(ctx, r, err)
}

func (s *Service) untriggered(spec Spec, t trigger, err error) error {
	e := failed(KindTrigger, spec, spec.Standby, "throw the switch of", "", err)
	own, ok := errors.AsType[*Error](e)
	if ok && awsclient.IsUnreachable(err) {
		own.Reason = fmt.Sprintf("It is thrown by %s, and %s gives no answer. DNS goes on answering as it did.", t.call(spec.over()), spec.Standby)
		own.Next += " The same by hand, from where it answers:\n\n    " + spec.Command()
	}
	return e
}

// prepare does steps 1 to 5 of the package's list.
func (s *Service) prepare(ctx context.Context, r Request) (checkID string, err error) {
	have, err := s.o.Records.Sets(ctx, r.Key())
	if err != nil {
		return "", err
	}
	if _, _, err := r.plan(have, "any"); err != nil {
		return "", err
	}
	t := s.trigger(r.Spec)
	if err := t.ready(ctx); err != nil {
		return "", failed(KindBucket, r.Spec, r.Standby, "prepare the trigger of", "", err)
	}
	if err := t.set(ctx, r.over()); err != nil {
		return "", s.untriggered(r.Spec, t, err)
	}
	done := fmt.Sprintf("The trigger was set (%s); the records are as they were.", t.call(r.over()))
	if err := t.prepare(ctx, r.over()); err != nil {
		return "", failed(KindAlarm, r.Spec, r.Standby, "prepare the alarm of", done, err)
	}
	checkID, changed, err := s.ensureCheck(ctx, r.Spec, r.CheckID)
	if err != nil {
		return "", failed(KindCheck, r.Spec, "", "make the health check of", done, err)
	}
	done += fmt.Sprintf(" The health check is %s.", checkID)
	remove, put, err := r.plan(have, checkID)
	if err != nil {
		return "", err
	}
	if err := s.settled(ctx, r.Spec, checkID, changed, slices.ContainsFunc(have, r.holds)); err != nil {
		return "", failed(KindCheck, r.Spec, "", "see the state of the health check of", done, err)
	}
	err = s.o.Records.Replace(ctx, r.Key(), remove, put)
	if _, refused := errors.AsType[*route53.RefusedError](err); refused {
		// The answer to a first attempt may have been lost: then there is
		// nothing left to remove.
		now, lost := s.o.Records.Sets(ctx, r.Key())
		if remove, put, again := r.plan(now, checkID); lost == nil && again == nil && len(remove)+len(put) == 0 {
			err = nil
		}
	}
	return checkID, err
}

// plan says what makes the pair of what is there, or why that must not be.
func (r Request) plan(have []route53.Record, checkID string) (remove, put []route53.Record, err error) {
	pair := r.pair(checkID)
	put = pair
	for _, h := range have {
		var mine *route53.Record
		for i := range pair {
			if pair[i].SetIdentifier == h.SetIdentifier {
				mine = &pair[i]
			}
		}
		conflict := &route53.ConflictError{Key: h.Key, Have: h.Describe(), Want: fmt.Sprintf("a failover pair of %s and %s", r.Primary, r.Standby)}
		declared := h.Answer.LeadsTo(r.Type, r.Targets[r.Primary]) || h.Answer.LeadsTo(r.Type, r.Targets[r.Standby])
		switch {
		case mine == nil && h.SetIdentifier != "":
			conflict.Shape = true
			return nil, nil, conflict
		case !declared && !r.Overwrite && (mine == nil || !r.Owned):
			return nil, nil, conflict
		case mine == nil: // a simple record gives way to the pair
			remove = append(remove, h)
		case h.Is(*mine):
			put = without(put, h.SetIdentifier)
		}
	}
	return remove, put, nil
}

func without(records []route53.Record, setIdentifier string) []route53.Record {
	var out []route53.Record
	for _, r := range records {
		if r.SetIdentifier != setIdentifier {
			out = append(out, r)
		}
	}
	return out
}
