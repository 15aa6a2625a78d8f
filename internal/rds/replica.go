// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// ReplicaOfTag is given to a replica with its creation: the DbiResourceId of its
// source. Identifiers go round with every failover; this does not, and tells a
// replica that was promoted from the old writer of the turn before.
const ReplicaOfTag = "dr:replica-of"

// Further kinds of errors.
const (
	// KindNameTaken: the identifier is held by something that is not known to
	// be the old writer.
	KindNameTaken Kind = "name taken"
	// KindNoWriter: the source of a replica is no writer, or not there.
	KindNoWriter Kind = "no writer"
	// KindIncomplete: what RDS would choose by itself is neither given nor
	// known from the old writer.
	KindIncomplete Kind = "incomplete"
)

// Further names of fields, for Error.Field.
const (
	FieldSource         = "source"
	FieldClass          = "db_instance_class"
	FieldKMSKey         = "kms_key_id"
	FieldSubnetGroup    = "db_subnet_group_name"
	FieldParameterGroup = "db_parameter_group_name"
	FieldSecurityGroups = "vpc_security_group_ids"
	FieldMultiAZ        = "multi_az"
	FieldProtection     = "deletion_protection"
)

// ReplicaSpec is a replica that is wanted under an identifier. What is nil or
// "" is taken from the old writer; see buildInput.
type ReplicaSpec struct {
	Identifier string
	// Source is the ARN of the writer to follow, in another region.
	Source string

	KMSKeyID, SubnetGroup, ParameterGroup, Class, StorageType string

	SecurityGroups                        []string
	MultiAZ, DeletionProtection           *bool
	IAMAuthentication, CopyTagsToSnapshot *bool
	// BackupRetentionPeriod in days of the replica itself; nil leaves it.
	BackupRetentionPeriod *int32
	Tags                  map[string]string

	// FenceGroups are security groups that let nobody in: the old writer is put
	// into them before it is retired, and stays there. None: somebody else
	// fences it.
	FenceGroups []string
	// Fences are proofs about the old writer. FencesUnknown: there will be
	// some, which this plan makes.
	Fences        []fence.Proof
	FencesUnknown bool
	// Accept has names of what is accepted: AcceptUnfencedSource.
	Accept []string
	// EvidentResourceID is the DbiResourceId under which earlier runs saw the
	// replica that is wanted; "" if none did.
	EvidentResourceID string
	// Creating: the timeout that bounds this is that of create.
	Creating bool
}

// fenceSpec is the fence of the old writer.
func (s ReplicaSpec) fenceSpec() FenceSpec {
	return FenceSpec{Identifier: s.Identifier, Fenced: true, Groups: s.FenceGroups, Required: true, Creating: true}
}

func (s ReplicaSpec) accepts(name string) bool { return slices.Contains(s.Accept, name) }

// sourceRegion and sourceID take the ARN apart.
func (s ReplicaSpec) sourceRegion() string {
	a, _ := arn.Parse(s.Source)
	return a.Region
}

func (s ReplicaSpec) sourceID() string {
	a, _ := arn.Parse(s.Source)
	return strings.TrimPrefix(a.Resource, "db:")
}

// peer is the service of another region.
func (s *Service) peer(region string) *Service {
	if region == s.region || s.options.Peer == nil {
		return s
	}
	return s.options.Peer(region)
}

// check says what is wrong with the spec itself.
func (s ReplicaSpec) check(region string) error {
	a, err := arn.Parse(s.Source)
	e := &Error{
		Kind: KindUnsupported, Field: FieldSource, Attempted: "build the replica", ID: s.Identifier, Region: region,
		Next: "Set source to the ARN of the present writer, in another region.",
	}
	switch {
	case err != nil || a.Service != "rds" || !strings.HasPrefix(a.Resource, "db:"):
		e.Reason = fmt.Sprintf("%q is not the ARN of a DB instance.", s.Source)
	case a.Region == region:
		e.Reason = fmt.Sprintf("%s is in the same region: such a replica is lost with its source.", s.Source)
	default:
		return nil
	}
	return e
}

// Standing says what holds the identifier of a replica that is wanted.
type Standing string

// The standings.
const (
	// StandingFree: nothing holds it.
	StandingFree Standing = "free"
	// StandingReplica: a replica of the source that is wanted.
	StandingReplica Standing = "replica"
	// StandingPromoted: what was that replica, and was promoted since. It is
	// what the replica was for, and there is nothing to build.
	StandingPromoted Standing = "promoted"
	// StandingOldWriter: the writer that the source was promoted from.
	StandingOldWriter Standing = "old writer"
	// StandingForeign: anything else.
	StandingForeign Standing = "foreign"
)

// view is the identifier's holder and the source, as they were seen.
type view struct {
	standing Standing
	// why the standing is StandingForeign.
	why            string
	holder, source Instance // Identifier is "" for none
}

// look sees what holds the identifier, and the source if that matters.
func (s *Service) look(ctx context.Context, spec ReplicaSpec) (view, error) {
	holder, err := s.Find(ctx, spec.Identifier)
	if err != nil && !IsKind(err, KindNotFound) {
		return view{}, err
	}
	v := view{holder: holder, standing: StandingForeign}
	if holder.IsReplica() {
		if holder.Source == spec.Source {
			v.standing = StandingReplica
		} else {
			v.why = "It is a replica of " + holder.Source + "."
		}
		return v, nil
	}
	v.source, err = s.peer(spec.sourceRegion()).Find(ctx, spec.sourceID())
	if IsKind(err, KindNotFound) || err == nil && v.source.ARN != spec.Source {
		return v, &Error{
			Kind: KindNoWriter, Field: FieldSource, Attempted: "find the source of the replica", ID: spec.Identifier, Region: s.region,
			Reason: fmt.Sprintf("%s has no DB instance %s in this account.", spec.sourceRegion(), spec.Source),
			Next:   "Correct source, or the provider's credentials (the account).",
		}
	}
	if err != nil {
		return v, err
	}
	if holder.Identifier == "" {
		v.standing = StandingFree
		return v, nil
	}
	v.standing, v.why = judge(holder, v.source, spec)
	return v, nil
}

// judge tells a writer that was promoted from the source from the one that the
// source was promoted from. By name they look alike after the second turn: each
// of the two has been promoted from the other's identifier. DbiResourceIds tell
// for certain, where this package has built one of the two; names are believed
// only where nothing speaks against them.
func judge(holder, source Instance, spec ReplicaSpec) (Standing, string) {
	switch {
	case !source.IsReplica() && source.Tags[ReplicaOfTag] == holder.ResourceID:
		return StandingOldWriter, ""
	case holder.Tags[ReplicaOfTag] == source.ResourceID, source.Source == holder.ARN && spec.EvidentResourceID == holder.ResourceID:
		return StandingPromoted, ""
	}
	names := func(i, other Instance) bool {
		return i.PromotedFrom == other.ARN && i.Tags[ReplicaOfTag] == ""
	}
	promoted := names(holder, source) || spec.EvidentResourceID != "" && spec.EvidentResourceID == holder.ResourceID
	old := names(source, holder) || source.Tags[ReplicaOfTag] == "" && slices.Contains(holder.Replicas, source.ARN)
	switch {
	case source.IsReplica() && source.Source == holder.ARN:
		return StandingForeign, source.ARN + " is its replica: the failover that would make it an old writer has not taken place."
	case promoted && !old:
		return StandingPromoted, ""
	case old && !promoted && !source.IsReplica():
		return StandingOldWriter, ""
	case old && promoted:
		return StandingForeign, "It and " + source.ARN + " each carry the other in the tag " + PromotedFromTag +
			", and nothing shows which of them was promoted last."
	}
	return StandingForeign, "It is a writer, and nothing shows that " + source.ARN + " was promoted from it."
}

// foreign refuses to touch what holds the identifier.
func (s *Service) foreign(v view) error {
	id := v.holder.Identifier
	next := fmt.Sprintf("If it is the old writer, rename it yourself, to %s-retired-<date>, and apply again. If it is in use, "+
		"give db_instance_identifier a name that is free.", id)
	if v.holder.IsReplica() {
		next = fmt.Sprintf("Set source to %s if that is the writer. Else rename it or, if nobody needs it, delete it, and apply again.", v.holder.Source)
	}
	if !v.holder.IsReplica() && v.source.Source == v.holder.ARN {
		next = "Fail over first; this is for afterwards."
	}
	return &Error{
		Kind: KindNameTaken, Field: FieldIdentifier, Attempted: "build the replica", ID: id, Region: s.region,
		Reason: fmt.Sprintf("The identifier is held by %s. %s", v.holder.ARN, v.why), Next: next,
	}
}

// ReplicaStanding looks at what holds the identifier. It changes nothing.
// The instance's Identifier is "" if nothing does.
func (s *Service) ReplicaStanding(ctx context.Context, spec ReplicaSpec) (Standing, Instance, error) {
	v, err := s.look(ctx, spec)
	return v.standing, v.holder, err
}
