// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// A switch is thrown in the standby region. One that is lost while it serves
// cannot be told to go back, and an object in it takes the name along when the
// region returns. Then the name is held: its secondary record leads to the
// primary as well, whatever the health check says. What the check says of a
// region that is lost, and whether it can be changed meanwhile, is not needed.

// held is the secondary record of a name that is held.
func (s Spec) held() route53.Record {
	r := s.pair("")[1]
	if r.Answer = s.Targets[s.Primary]; r.Answer.Alias != nil {
		r.TTL = nil
	} else {
		r.TTL = s.TTL
	}
	return r
}

// holds says that a record holds the name.
func (s Spec) holds(r route53.Record) bool { return r.SetIdentifier == s.Standby && r.Is(s.held()) }

// lost says that an error is the standby region's silence.
func (s Spec) lost(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Region == s.Standby && awsclient.IsUnreachable(err)
}

// stays says that DNS answers with the active region and goes on to: an alarm
// that nobody can send data to keeps what it has, an object may be there unseen.
func (s *Service) stays(ctx context.Context, spec Spec) bool {
	if spec.Object != nil {
		return false
	}
	region, _, err := s.look(ctx, spec)
	return err == nil && region == spec.Active
}

// hold keeps DNS on the primary by Route 53's API. The cause is why the switch
// could not be thrown.
func (s *Service) hold(ctx context.Context, r Request, cause error) error {
	if err := s.o.Records.Replace(ctx, r.Key(), nil, []route53.Record{r.held()}); err != nil {
		return &Error{
			Kind: KindTrigger, Attempted: "give back to " + r.Primary, Name: r.Key().String(), Err: err,
			Reason: fmt.Sprintf("The switch could not be thrown: %s. In its place the record with the set identifier %s was to lead to %s as well.",
				awsclient.Explain(cause), r.Standby, r.Primary),
			Next: "Apply again when either Route 53's control plane, in us-east-1, or " + r.Standby + " answers.",
		}
	}
	done := fmt.Sprintf("%s gives no answer; both records of the pair lead to %s.", r.Standby, r.Primary)
	return failed(KindDNS, r.Spec, "", "see the name servers answer for", done, s.follow(ctx, r.Spec, nil))
}
