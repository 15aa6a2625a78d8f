// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// Every error here explains itself to the person who has to act on it: Detail
// says what was attempted, why it failed, what was already done and what to do
// next, and Attribute which argument is at fault, "" for none.

// InForce says whether a record is, in everything, what the Spec asks for.
func (s Spec) InForce(have Record) bool { return have.equal(s.Desired()) }

// IsControlPlane says that an error is Route 53's silence, which says nothing
// about the record.
func IsControlPlane(err error) bool {
	_, stuck := errors.AsType[*StuckError](err)
	return stuck
}

// Attribute of the zone.
func (e *ZoneNotFoundError) Attribute() string { return "zone_id" }

// Detail implements the explanation.
func (e *ZoneNotFoundError) Detail() string {
	return fmt.Sprintf("Hosted zone %s does not exist in the account whose credentials were used: %s\n\nNothing was changed. "+
		"Check zone_id, and that this resource's provider assumes the role of the account that owns the zone.",
		e.ZoneID, awsclient.Explain(e.Err))
}

// Attribute of the record.
func (e *ConflictError) Attribute() string { return "name" }

// Detail implements the explanation.
func (e *ConflictError) Detail() string {
	text := fmt.Sprintf("%s in zone %s is already there, as %s, and none of targets is that; wanted %s. Nothing was changed.\n\n",
		e.Key, e.Key.ZoneID, e.Have, e.Want)
	if e.Shape {
		return text + "Route 53 keeps either one simple record of a name and type, or several with set identifiers, and this " +
			"provider manages no IP-based, geoproximity or traffic policy routing. Give this record the routing policy and " +
			"set identifier of the one that is there, or remove that one first."
	}
	return text + "If the answer that is there should be one of targets, add it. If it may be replaced, set allow_overwrite = true. " +
		"If another configuration (aws_route53_record, external-dns) owns the record, remove it there: a record has one owner."
}

// Attribute is none: the credentials are at fault.
func (e *DeniedError) Attribute() string { return "" }

// Detail implements the explanation.
func (e *DeniedError) Detail() string {
	text := fmt.Sprintf("%s on hosted zone %s was denied: %s\n\n", e.Action, e.ZoneID, awsclient.Explain(e.Err))
	if e.ChangeID != "" {
		text += fmt.Sprintf("Route 53 had accepted the change (%s) before; only its confirmation is missing. ", e.ChangeID)
	} else {
		text += "Nothing was changed. "
	}
	return text + fmt.Sprintf("Allow %s to the role of this resource's provider, then apply again.", e.Action)
}

// Attribute is none: the record is not at fault.
func (e *FailedError) Attribute() string { return "" }

// Detail implements the explanation.
func (e *FailedError) Detail() string {
	text := fmt.Sprintf("%s for %s in zone %s failed: %s\n\n", e.Action, e.Key, e.Key.ZoneID, awsclient.Explain(e.Err))
	switch {
	case e.ChangeID != "":
		text += fmt.Sprintf("Route 53 had accepted the change (%s) before; only its confirmation is missing. ", e.ChangeID)
	case e.Sent:
		text += "The change was sent and may have been accepted; sending it again is harmless. "
	default:
		text += "Nothing was changed. "
	}
	if advice := awsclient.Advice(e.Err); advice != "" {
		return text + advice
	}
	return text + "Mend what is said above, then apply again."
}

// Attribute of the answer.
func (e *RefusedError) Attribute() string { return "targets" }

// Detail implements the explanation.
func (e *RefusedError) Detail() string {
	return fmt.Sprintf("Route 53 refused the change of %s in zone %s:\n  %s\n\nThe record is as it was; other records of the same "+
		"apply are not affected. Correct what is said above, then apply again. (%s)",
		e.Key, e.Key.ZoneID, strings.Join(e.Messages, "\n  "), awsclient.Explain(e.Err))
}

// Attribute is none: nothing in the configuration is at fault.
func (e *StuckError) Attribute() string { return "" }

// Detail implements the explanation.
func (e *StuckError) Detail() string {
	from := e.From
	if from == "" {
		from = "its present answer"
	}
	text := fmt.Sprintf("Route 53's control plane, which is in us-east-1, gives no usable answer: %s\n\n%s is stuck on its way from %s to %s. ",
		awsclient.Explain(e.Err), e.Key, from, e.To)
	switch {
	case e.ChangeID != "":
		text += fmt.Sprintf("The change was accepted (%s); only its confirmation is missing. ", e.ChangeID)
	case e.Sent:
		text += "The change was sent and may have been accepted; sending it again is harmless. "
	default:
		text += "The change was not sent. "
	}
	return text + "Clients go on getting the old answer until it arrives. What this apply did before, promotions included, stays done " +
		"and is not repeated. Apply again when Route 53 answers: the apply goes on from here."
}

// Attribute is none.
func (e *TimeoutError) Attribute() string { return "" }

// Detail implements the explanation.
func (e *TimeoutError) Detail() string {
	what, advice := "time ran out", "If Route 53 only needs longer, raise timeouts."
	if errors.Is(e.Err, context.Canceled) {
		what, advice = "was interrupted", ""
	}
	text := fmt.Sprintf("%s in zone %s: %s after %s while %s.", e.Key, e.Key.ZoneID, what, e.Spent.Round(100*time.Millisecond), e.Doing)
	if e.Last != nil {
		text += " Last answer: " + awsclient.Explain(e.Last) + "."
	}
	if e.ChangeID != "" {
		text += fmt.Sprintf("\n\nRoute 53 had accepted the change (%s): it will most likely arrive.", e.ChangeID)
	}
	return strings.TrimSpace(text + "\n\nApply again: it goes on from here. " + advice)
}
