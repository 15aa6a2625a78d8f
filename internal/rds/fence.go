// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// FenceTag is the record of a network fence, kept with the instance: the phase,
// a time, the security groups to put back and those of the fence. It is written
// before the first change and removed after the last, so that at any point
// where a run can end, the next one finds out from the tag and the instance how
// far it came:
//
//	phase      written before                 time              the next run
//	(no tag)                                                    begins
//	swapping   the groups are replaced        begun at          replaces them, or waits until they are active
//	rebooting  the reboot is asked for        groups active at  looks for a restart since; reboots if there is none
//	held       (after the reboot)             held since        has nothing to do
//	lifting    the groups are put back        begun at          puts them back, or waits until they are active
//
// Replaced groups alone are no fence: connections that are tracked go on until
// they end. The reboot ends them.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
//
// A reboot whose answer, or whose caller, was lost is known by the status
// "rebooting" or by RDS's event of a restart after the time in the tag. Where
// neither can be had, it is asked for again: that costs a minute, whereas one
// that did not happen leaves writers.
const FenceTag = "dr:fence"

// The phases of a fence.
const (
	phaseSwapping  = "swapping"
	phaseRebooting = "rebooting"
	phaseHeld      = "held"
	phaseLifting   = "lifting"
)

// FenceClient is what is used of RDS to fence.
type FenceClient interface {
	ModifyDBInstance(context.Context, *awsrds.ModifyDBInstanceInput, ...func(*awsrds.Options)) (*awsrds.ModifyDBInstanceOutput, error)
	RebootDBInstance(context.Context, *awsrds.RebootDBInstanceInput, ...func(*awsrds.Options)) (*awsrds.RebootDBInstanceOutput, error)
	DescribeEvents(context.Context, *awsrds.DescribeEventsInput, ...func(*awsrds.Options)) (*awsrds.DescribeEventsOutput, error)
	RemoveTagsFromResource(context.Context, *awsrds.RemoveTagsFromResourceInput, ...func(*awsrds.Options)) (*awsrds.RemoveTagsFromResourceOutput, error)
}

// SecurityGroups is what is used of EC2 to fence.
type SecurityGroups interface {
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
}

// FenceSpec is what is wanted of a network fence.
type FenceSpec struct {
	Identifier string
	// Fenced: nobody is to reach the instance.
	Fenced bool
	// Groups of the fence, prepared, which let nobody in.
	Groups []string
	// Required: without the fence the run fails. Otherwise it goes on, and says
	// that the instance may still be written to.
	Required bool
	// AllowReplica: a replica, which takes no writes, needs no fence.
	AllowReplica bool
	// Original are the groups that an earlier run recorded; none if none did.
	Original []string
	// WasFenced: an earlier run was to fence, so that lifting is work to do.
	WasFenced bool
	// Creating: nothing is known of earlier runs.
	Creating bool
}

// The states of a fence.
const (
	FenceOpen      = "open"
	FenceFencing   = "fencing" // or being lifted
	FenceFenced    = "fenced"
	FenceReplica   = "replica" // needs none
	FenceUnreached = "unreached"
	FenceUnknown   = "unknown"
)

// FenceStatus is a network fence as it was seen.
type FenceStatus struct {
	// Instance is zero when it could not be looked at.
	Instance Instance
	State    string
	// Since is when it began to hold.
	Since time.Time
	// Original are the groups to put back, Groups those of a fence that is
	// recorded.
	Original, Groups []string
	// Drift is what others have made of it meanwhile, in a sentence; or "".
	Drift string
	// leaks: the instance is in the fence's groups, and these let somebody in.
	leaks bool
}

// Proof is what the fence says of itself to a promotion.
func (f FenceStatus) Proof(region, id string) fence.Proof {
	p := fence.Proof{State: fence.StateOpen, Kind: fence.KindNetwork, Subject: fence.Network(region, id)}
	switch f.State {
	case FenceFenced:
		p.State, p.Since = fence.StateHeld, f.Since
	case FenceUnreached:
		p.State = fence.StateUnreached
	}
	return p
}

// FindFence looks at a fence. Errors are *Error.
func (s *Service) FindFence(ctx context.Context, spec FenceSpec) (FenceStatus, error) {
	i, err := s.Find(ctx, spec.Identifier)
	if err != nil {
		return FenceStatus{State: FenceUnknown, Original: spec.Original}, err
	}
	if !spec.Fenced {
		return fenceStatus(i, spec), nil // whom its groups let in matters no more
	}
	return s.fenceOf(ctx, i, spec)
}

// fenceOf is the fence of an instance as it was just seen. It holds only as long
// as the groups of it let nobody in: others may have given them rules since.
func (s *Service) fenceOf(ctx context.Context, i Instance, spec FenceSpec) (FenceStatus, error) {
	f := fenceStatus(i, spec)
	if f.State != FenceFenced {
		return f, nil
	}
	unfit := s.unfitGroups(ctx, FenceSpec{Groups: f.Groups}, i)
	if len(unfit) == 0 {
		return f, nil
	}
	if IsKind(unfit[0], KindRead) {
		f.State = FenceUnknown
		return f, unfit[0]
	}
	f.State, f.Since, f.leaks = FenceOpen, time.Time{}, true
	f.Drift = "The fence is not tight any more."
	for _, err := range unfit {
		if e, ok := errors.AsType[*Error](err); ok {
			f.Drift += " " + e.Reason
		}
	}
	return f, nil
}

func fenceStatus(i Instance, spec FenceSpec) FenceStatus {
	f := FenceStatus{Instance: i, State: FenceOpen, Original: i.groupIDs()}
	record, wrong := fenceRecordOf(i)
	if wrong != "" {
		f.State, f.Original, f.Drift = FenceUnknown, spec.Original, wrong
		return f
	}
	if record.phase != "" {
		f.Original, f.Groups = record.original, record.groups
	}
	switch {
	case record.phase == phaseHeld && record.isWornBy(i):
		f.State, f.Since = FenceFenced, record.at
	case record.phase == phaseHeld:
		f.Drift = fmt.Sprintf("The fence was held since %s in %s, and somebody has since changed the instance's security groups to %s.",
			stamp(record.at), listed(record.groups), listed(i.groupIDs()))
	case record.phase != "":
		f.State = FenceFencing
	case intersect(i.groupIDs(), spec.Groups):
		f.Original = spec.Original
		f.Drift = fmt.Sprintf("The instance is in %s, groups of the fence, and its tag %s, which would tell since when and what to put back, is gone.",
			listed(i.groupIDs()), FenceTag)
	case i.IsReplica() && spec.AllowReplica:
		f.State = FenceReplica
	}
	return f
}

// Group is a security group of an instance. Status is RDS's: active, adding,
// removing.
type Group struct{ ID, Status string }

func groupsFrom(db types.DBInstance) []Group {
	var groups []Group
	for _, g := range db.VpcSecurityGroups {
		groups = append(groups, Group{aws.ToString(g.VpcSecurityGroupId), aws.ToString(g.Status)})
	}
	return groups
}

// groupIDs are the groups of an instance, without those on their way out,
// sorted.
func (i Instance) groupIDs() []string {
	var ids []string
	for _, g := range i.Groups {
		if g.Status != "removing" {
			ids = append(ids, g.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// isIn says that the instance is in these groups, and in no other any more.
func (i Instance) isIn(groups []string) bool {
	return sameSet(i.groupIDs(), groups) &&
		!slices.ContainsFunc(i.Groups, func(g Group) bool { return g.Status != "active" })
}

// fenceText is what a wait for a fence says of the instance.
func fenceText(i Instance, found bool) string {
	if !found {
		return "not found"
	}
	text := i.Status
	for _, g := range i.Groups {
		text += fmt.Sprintf(", %s %s", g.ID, g.Status)
	}
	return text
}

// fenceRecord is the value of FenceTag.
type fenceRecord struct {
	phase            string
	at               time.Time
	original, groups []string
}

// isWornBy says that the instance is in the record's groups alone.
func (r fenceRecord) isWornBy(i Instance) bool { return sameSet(i.groupIDs(), r.groups) }

// A tag's value has up to 256 characters: letters, digits, spaces and _.:/=+-@.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html
const maxTagValue = 256

const groupPrefix = "sg-"

func (r fenceRecord) String() string {
	short := func(ids []string) string {
		parts := make([]string, 0, len(ids))
		for _, id := range ids {
			parts = append(parts, strings.TrimPrefix(id, groupPrefix))
		}
		return strings.Join(parts, "+")
	}
	return fmt.Sprintf("%s %s %s %s", r.phase, stamp(r.at), short(r.original), short(r.groups))
}

// fenceRecordOf reads an instance's tag; without one the phase is "". wrong is
// what is wrong with it, in a sentence.
func fenceRecordOf(i Instance) (record fenceRecord, wrong string) {
	value, ok := i.Tags[FenceTag]
	if !ok {
		return record, ""
	}
	wrong = fmt.Sprintf("Its tag %s is %q, which is not the record of a fence.", FenceTag, value)
	words := strings.Split(value, " ")
	if len(words) != 4 || words[2] == "" || words[3] == "" ||
		!slices.Contains([]string{phaseSwapping, phaseRebooting, phaseHeld, phaseLifting}, words[0]) {
		return record, wrong
	}
	at, err := time.Parse(time.RFC3339, words[1])
	if err != nil {
		return record, wrong
	}
	long := func(word string) []string {
		var ids []string
		for id := range strings.SplitSeq(word, "+") {
			ids = append(ids, groupPrefix+id)
		}
		return ids
	}
	return fenceRecord{phase: words[0], at: at, original: long(words[2]), groups: long(words[3])}, ""
}

func listed(ids []string) string {
	if len(ids) == 0 {
		return "no group"
	}
	return strings.Join(ids, ", ")
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

func intersect(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}

// without is a without what is in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return slices.Contains(b, id) })
}
