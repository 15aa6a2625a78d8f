// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// FenceOutcome is what an EnsureFence found or did.
type FenceOutcome struct {
	Status   FenceStatus
	Warnings []Warning
}

// EnsureFence makes the fence what the spec wants, from whatever state an
// earlier run left it in. Errors are *Error, or several of them joined.
func (s *Service) EnsureFence(ctx context.Context, spec FenceSpec) (FenceOutcome, error) {
	f := &fencing{Service: s, spec: spec, id: strings.ToLower(spec.Identifier)}
	i, err := s.Find(ctx, spec.Identifier)
	if err == nil {
		if spec.Fenced {
			i, err = f.fence(ctx, i)
		} else {
			i, err = f.lift(ctx, i)
		}
	}
	switch {
	case err == nil:
		return FenceOutcome{fenceStatus(i, spec), f.warnings}, nil
	case spec.forgives(err) && !errors.Is(ctx.Err(), context.Canceled):
		return FenceOutcome{
			FenceStatus{State: FenceUnreached, Original: f.originalOr(spec.Original)},
			append(f.warnings, s.unreached(spec, s.failed(KindRefused, f.done, f.id, f.attempted(), err))),
		}, nil
	case spec.mayStayUnread(err):
		return FenceOutcome{
			FenceStatus{State: FenceUnknown, Original: spec.Original},
			[]Warning{{
				fmt.Sprintf("%s: could not be read in %s, its fence is unknown", f.id, s.region),
				awsclient.Explain(err) + "\n\nNo fence is wanted, so nothing depends on it.",
			}},
		}, nil
	}
	return FenceOutcome{Warnings: f.warnings}, s.failed(KindRefused, f.done, f.id, f.attempted(), err)
}

// fencing is one EnsureFence.
type fencing struct {
	*Service
	spec     FenceSpec
	id       string
	record   fenceRecord
	done     string // what was already done when something failed
	warnings []Warning
}

func (f *fencing) attempted() string {
	if f.spec.Fenced {
		return "fence"
	}
	return "lift the fence of"
}

func (f *fencing) originalOr(other []string) []string {
	if f.record.phase != "" {
		return f.record.original
	}
	return other
}

// fence goes from any phase to held.
func (f *fencing) fence(ctx context.Context, i Instance) (Instance, error) {
	if unfit := f.unfit(ctx, f.spec, i); len(unfit) > 0 {
		return i, errors.Join(append(unfit, f.unhold(ctx, i, unfit))...)
	}
	if i.IsReplica() {
		return i, nil
	}
	var err error
	if f.record, err = f.known(i); err != nil {
		return i, err
	}
	if f.record.phase == phaseHeld && f.record.isWornBy(i) {
		return f.keep(ctx, i)
	}
	if f.record.phase != phaseSwapping && f.record.phase != phaseRebooting || !sameSet(f.record.groups, f.spec.Groups) {
		if i, err = f.note(ctx, i, phaseSwapping, i.At); err != nil {
			return i, err
		}
	}
	i, joined, err := f.join(ctx, i, f.spec.Groups)
	if err != nil {
		return i, err
	}
	resumed := f.record.phase == phaseRebooting && !joined
	if !resumed {
		if i, err = f.note(ctx, i, phaseRebooting, i.At); err != nil {
			return i, err
		}
	}
	if i, err = f.reboot(ctx, i, resumed); err != nil {
		return i, err
	}
	if !i.isIn(f.spec.Groups) {
		return i, &Error{
			Kind: KindRefused, Attempted: "fence", ID: f.id, Region: f.region, Done: f.done,
			Reason: "Its security groups were changed meanwhile, to " + listed(i.groupIDs()) + ".",
			Next:   "Find out who changes them, then apply again.",
		}
	}
	// A rule that came meanwhile has let somebody in after the reboot.
	if unfit := f.unfitGroups(ctx, f.spec, i); len(unfit) > 0 {
		return i, errors.Join(append(unfit, f.unhold(ctx, i, unfit))...)
	}
	// Rounded up: whatever was written, was written before.
	return f.note(ctx, i, phaseHeld, i.At.Truncate(time.Second).Add(time.Second))
}

// unhold notes that a fence does not hold, or that its reboot proves nothing,
// since its groups let clients in: these keep their sessions when the rule is
// removed, so that the next run has to reboot again.
func (f *fencing) unhold(ctx context.Context, i Instance, unfit []error) error {
	record, _ := fenceRecordOf(i)
	if record.phase != phaseHeld && record.phase != phaseRebooting || !record.isWornBy(i) || !sameSet(record.groups, f.spec.Groups) ||
		!slices.ContainsFunc(unfit, func(err error) bool { return IsKind(err, KindFenceGroups) }) {
		return nil
	}
	f.record = record
	if _, err := f.note(ctx, i, phaseSwapping, i.At); err != nil {
		return f.failed(KindRefused, f.done, f.id, "note that nothing holds of the fence of", err)
	}
	for _, err := range unfit {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Done = "The tag " + FenceTag + " now says that the fence does not hold, so that the next apply reboots the instance again."
		}
	}
	return nil
}

// known is the record of the instance, or what a new one has to hold.
func (f *fencing) known(i Instance) (fenceRecord, error) {
	record, wrong := fenceRecordOf(i)
	switch {
	case wrong != "":
		return record, f.noRecord(wrong)
	case record.phase != "":
		return record, nil
	case !intersect(i.groupIDs(), f.spec.Groups):
		record.original, record.groups = i.groupIDs(), f.spec.Groups
		return record, nil
	case len(f.spec.Original) == 0:
		return record, f.noRecord(fmt.Sprintf("It is in %s, groups of the fence, and neither its tag %s nor Terraform's state says what is to be put back.",
			listed(i.groupIDs()), FenceTag))
	}
	record.original, record.groups = f.spec.Original, f.spec.Groups
	return record, nil
}

func (f *fencing) noRecord(reason string) *Error {
	return &Error{
		Kind: KindFenceRecord, Field: FieldIdentifier, Attempted: f.attempted(), ID: f.id, Region: f.region, Reason: reason,
		Next: fmt.Sprintf("Give the instance the security groups that it is to have in peacetime, remove its tag %s if it has one, then apply again.", FenceTag),
	}
}

// keep moves a fence that holds to the groups that are wanted now: neither lets
// anybody in, so that it holds throughout.
func (f *fencing) keep(ctx context.Context, i Instance) (Instance, error) {
	if sameSet(f.record.groups, f.spec.Groups) {
		return i, nil
	}
	i, _, err := f.join(ctx, i, f.spec.Groups)
	if err != nil {
		return i, err
	}
	return f.note(ctx, i, phaseHeld, f.record.at)
}

// lift goes from any phase to none.
func (f *fencing) lift(ctx context.Context, i Instance) (Instance, error) {
	if f.spec.Creating {
		if unfit := f.unfit(ctx, f.spec, i); len(unfit) > 0 {
			return i, errors.Join(unfit...)
		}
	}
	if _, tagged := i.Tags[FenceTag]; !tagged && !intersect(i.groupIDs(), f.spec.Groups) {
		return i, nil
	}
	var err error
	if f.record, err = f.known(i); err != nil {
		return i, err
	}
	others := without(without(i.groupIDs(), f.record.groups), f.record.original)
	target := slices.Sorted(slices.Values(append(slices.Clone(f.record.original), others...)))
	if !intersect(i.groupIDs(), f.record.groups) && f.record.phase != phaseLifting {
		target = i.groupIDs() // nothing of the fence is left to take away
	}
	if !sameSet(target, f.record.original) {
		f.warnings = append(f.warnings, Warning{
			f.id + ": is not put back into the security groups that it had",
			fmt.Sprintf("It had %s when it was fenced. Somebody has changed its groups meanwhile; what is not the fence's is left as it is: %s.",
				listed(f.record.original), listed(target)),
		})
	}
	if f.record.phase != phaseLifting {
		if i, err = f.note(ctx, i, phaseLifting, i.At); err != nil {
			return i, err
		}
	}
	if i, _, err = f.join(ctx, i, target); err != nil {
		return i, err
	}
	_, err = f.client.RemoveTagsFromResource(ctx, &awsrds.RemoveTagsFromResourceInput{ResourceName: &i.ARN, TagKeys: []string{FenceTag}})
	if err != nil {
		return i, err
	}
	f.log(ctx, f.id, "the fence is lifted", map[string]any{"security_groups": listed(target)})
	i.Tags = maps.Clone(i.Tags)
	delete(i.Tags, FenceTag)
	return i, nil
}

// note writes the phase down. It takes effect before anything else is done.
func (f *fencing) note(ctx context.Context, i Instance, phase string, at time.Time) (Instance, error) {
	record := fenceRecord{phase, at.Truncate(time.Second), f.record.original, f.spec.Groups}
	if !f.spec.Fenced {
		record.groups = f.record.groups
	}
	if len(record.String()) > maxTagValue {
		return i, f.noRecord(fmt.Sprintf("The record of %d security groups is longer than a tag can be.", len(record.original)))
	}
	_, err := f.client.AddTagsToResource(ctx, &awsrds.AddTagsToResourceInput{
		ResourceName: &i.ARN, Tags: []types.Tag{{Key: aws.String(FenceTag), Value: aws.String(record.String())}},
	})
	if err != nil {
		return i, err
	}
	f.record = record
	f.log(ctx, f.id, "noted the fence's phase", map[string]any{"phase": phase})
	switch phase {
	case phaseSwapping, phaseLifting:
		f.done = "The instance was tagged " + FenceTag + "; the tag tells the next run where to go on."
	case phaseRebooting:
		f.done = "The instance is in the fence's security groups and lets no new client in; sessions that were open may still write. The tag " + FenceTag + " tells the next run where to go on."
	}
	i.Tags = maps.Clone(i.Tags)
	i.Tags[FenceTag] = record.String()
	return i, nil
}

// join puts the instance into groups, and waits until it is in these alone and
// can be worked with. asked says that it may have been asked for here.
func (f *fencing) join(ctx context.Context, i Instance, groups []string) (_ Instance, asked bool, err error) {
	var (
		accepted  bool
		refusedAt time.Time
	)
	for {
		i, err = f.await(ctx, i, func(i Instance) bool {
			return ready(i.Status) && (i.isIn(groups) || !accepted && !sameSet(i.groupIDs(), groups))
		})
		if err != nil || i.isIn(groups) {
			return i, asked, err
		}
		// Without ApplyImmediately, which would apply what waits for the
		// maintenance window too; groups are changed as soon as possible anyway.
		// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
		f.log(ctx, f.id, "replacing the security groups", map[string]any{"from": listed(i.groupIDs()), "to": listed(groups)})
		_, err = f.client.ModifyDBInstance(ctx, &awsrds.ModifyDBInstanceInput{DBInstanceIdentifier: &f.id, VpcSecurityGroupIds: groups})
		i, asked = Instance{}, asked || err == nil || awsclient.IsUnanswered(err)
		if err == nil {
			accepted = true
			continue
		}
		if err = f.outlive(err, &refusedAt); err != nil {
			return i, asked, err
		}
		if err := wait.Pause(ctx, f.options.PollInterval); err != nil {
			return i, asked, f.timedOut(err)
		}
	}
}

// outlive returns nil for what the same call, later, may get past.
func (f *fencing) outlive(err error, refusedAt *time.Time) error {
	_, state := errors.AsType[*types.InvalidDBInstanceStateFault](err)
	switch {
	case state:
		if refusedAt.IsZero() {
			*refusedAt = time.Now()
		}
		if time.Since(*refusedAt) < patience*f.options.PollInterval {
			return nil
		}
	case awsclient.IsTransient(err) && !awsclient.IsUnreachable(err):
		return nil
	}
	return &Error{Kind: KindRefused, Attempted: f.attempted(), ID: f.id, Region: f.region, Err: err, Done: f.done, Reason: "RDS refused.", Next: nextAfter(err)}
}

// await waits for what look says of the instance. seen is what was just
// observed; its zero value is no observation.
func (f *fencing) await(ctx context.Context, seen Instance, look func(Instance) bool) (Instance, error) {
	if seen.Status != "" && look(seen) {
		return seen, nil
	}
	err := f.fenceWaits.Await(ctx, f.id, func(i Instance, found bool) (bool, error) {
		if !found {
			return false, f.notFound(f.id)
		}
		if seen = i; broken(i.Status) {
			return false, &Error{
				Kind: KindNotReady, Field: FieldIdentifier, Attempted: f.attempted(), ID: f.id, Region: f.region,
				Reason: fmt.Sprintf("Its status is %q, which does not mend itself.", i.Status), Next: "Mend the instance in RDS, then apply again.",
			}
		}
		return look(i), nil
	})
	if err != nil && ctx.Err() != nil {
		err = f.timedOut(err)
	}
	return seen, err
}

// timedOut explains the end of the context, with the timeout to raise.
func (f *fencing) timedOut(err error) error {
	name := "timeouts.update"
	if f.spec.Creating {
		name = "timeouts.create"
	}
	e, _ := errors.AsType[*Error](f.failed(KindTimeout, f.done, f.id, f.attempted(), err))
	e.Next = "Apply again: it goes on from where this run ended. Raise " + name + " if RDS needs longer."
	return e
}
