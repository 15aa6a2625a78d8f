// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// FenceAssessment is what an EnsureFence would do now, and why not.
type FenceAssessment struct {
	Status   FenceStatus
	Warnings []Warning
	// Refusals are *Error; with any, an EnsureFence would change nothing.
	Refusals []error
}

// Err joins the refusals.
func (a FenceAssessment) Err() error { return errors.Join(a.Refusals...) }

// AssessFence looks, and says what an EnsureFence of the same spec would do. It
// changes nothing.
func (s *Service) AssessFence(ctx context.Context, spec FenceSpec) (FenceAssessment, error) {
	status, err := s.FindFence(ctx, spec)
	a := FenceAssessment{Status: status}
	id := strings.ToLower(spec.Identifier)
	if err != nil {
		switch {
		case spec.forgives(err):
			a.Warnings = append(a.Warnings, s.unreached(spec, err))
			return a, nil
		case spec.mayStayUnread(err):
			return a, nil // Ensure warns
		}
		return a, err
	}
	i := status.Instance
	unfit := s.unfit(ctx, spec, i)
	switch {
	case status.State == FenceReplica && spec.Fenced:
	case len(unfit) == 0:
	case spec.Fenced && status.leaks && spec.Required: // the drift says it, and the apply has to note it
	case spec.Fenced && status.State != FenceFenced && !spec.Required:
		a.Warnings = append(a.Warnings, s.unreached(spec, errors.Join(unfit...)))
		return a, nil
	case spec.Fenced && status.State != FenceFenced, spec.Creating:
		a.Refusals = unfit
	default:
		// Settled: found out in peacetime, or long after.
		for _, err := range unfit {
			a.Warnings = append(a.Warnings, Warning{id + ": the fence is not fit for use", detailOf(err)})
		}
	}
	if status.Drift != "" {
		a.Warnings = append(a.Warnings, Warning{id + ": the fence is not as it was left", status.Drift + s.afterDrift(spec, status)})
	}
	if len(a.Refusals) > 0 {
		return a, nil
	}
	switch {
	case spec.Fenced && status.leaks:
	case spec.Fenced && (status.State == FenceOpen || status.State == FenceFencing):
		a.Warnings = append(a.Warnings, Warning{
			fmt.Sprintf("%s: will be cut off from all its clients (%d security groups replaced, one reboot)", id, len(i.groupIDs())),
			fmt.Sprintf("%s in %s leaves %s and joins %s, which let nobody in; the reboot, of a minute or so, then ends the sessions that are open. "+
				"Reads end too. Replication to its replicas goes on: its network is RDS's own. What is to be put back is recorded in the tag %s.",
				id, s.region, listed(status.Original), listed(spec.Groups), FenceTag),
		})
	case !spec.Fenced && (status.State == FenceFenced || status.State == FenceFencing || status.Drift != ""):
		a.Warnings = append(a.Warnings, Warning{
			id + ": will be open to its clients again",
			fmt.Sprintf("%s in %s is put back into %s.", id, s.region, listed(status.Original)),
		})
	}
	return a, nil
}

// afterDrift says what comes of a drift.
func (s *Service) afterDrift(spec FenceSpec, status FenceStatus) string {
	switch {
	case status.leaks:
		return fmt.Sprintf("\n\nClients that came in stay in when the rule is gone: only another reboot ends their sessions. This apply notes in the tag %s "+
			"that the fence does not hold, and fails as long as the rule is there: rules of others are not removed. Apply, remove the rule, and apply "+
			"again: that reboots. If the rule is removed before an apply has noted it, reboot the instance by hand.", FenceTag)
	case !spec.Fenced:
		return "\n\nLifting the fence leaves groups that are not the fence's as they are."
	}
	return fmt.Sprintf("\n\nThe apply fences again. Lifting will put back %s; find out who else changes the instance's groups.", listed(status.Original))
}

// forgives says that a failure must not hold up what comes after the fence. Only
// what ails the caller, in any region, does.
func (spec FenceSpec) forgives(err error) bool {
	return spec.Fenced && !spec.Required && !awsclient.IsExpiredToken(err) && !awsclient.IsCredentials(err)
}

// mayStayUnread says that there is nothing to do in a region that is silent.
func (spec FenceSpec) mayStayUnread(err error) bool {
	return !spec.Fenced && !spec.WasFenced && awsclient.IsUnreachable(err)
}

// unreached is the warning of a fence that is wanted and could not be made.
func (s *Service) unreached(spec FenceSpec, err error) Warning {
	return Warning{
		fmt.Sprintf("%s: could not be fenced in %s and may still be writing", strings.ToLower(spec.Identifier), s.region),
		detailOf(err) + "\n\nThe fence is best-effort (required = false), so the run goes on without: what the instance acknowledges from now on is lost. " +
			"When it can be reached again, the next plan shows the fence, and the apply finishes it first.",
	}
}

// detailOf is the long text of errors of this package.
func detailOf(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost
		var parts []string
		for _, err := range joined.Unwrap() {
			parts = append(parts, detailOf(err))
		}
		return strings.Join(parts, "\n\n")
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail()
	}
	return awsclient.Explain(err)
}

// unfit says what is in the way of fencing an instance, all at once.
func (s *Service) unfit(ctx context.Context, spec FenceSpec, i Instance) []error {
	var refusals []error
	refuse := func(kind Kind, field, reason, next string) {
		refusals = append(refusals, &Error{
			Kind: kind, Field: field, Attempted: "fence", ID: i.Identifier, Region: s.region, Reason: reason, Next: next,
		})
	}
	switch {
	case i.Cluster != "" || strings.HasPrefix(i.Engine, "aurora") || strings.HasPrefix(i.Engine, "custom-"):
		refuse(KindUnsupported, FieldIdentifier, fmt.Sprintf("Its engine is %s: the security groups of such an instance are not its own.", i.Engine),
			"Fence its cluster by other means.")
	case i.IsReplica() && spec.Fenced:
		if !spec.AllowReplica {
			refuse(KindReplica, FieldIdentifier, "It is a replica of "+i.Source+": it takes no writes, and a fence would only end its readers.",
				"Fence its source, or set allow_replica = true if it is to be fenced only once it is a writer.")
		}
		return refusals
	case broken(i.Status) && spec.Fenced:
		refuse(KindNotReady, FieldIdentifier, fmt.Sprintf("Its status is %q, in which RDS changes nothing of it.", i.Status),
			"Mend the instance in RDS, then apply again.")
	}
	if n := len(fenceRecord{phaseRebooting, i.At, i.groupIDs(), spec.Groups}.String()); n > maxTagValue {
		refuse(KindFenceRecord, FieldFenceGroups, fmt.Sprintf("The record of its %d security groups and the fence's %d would have %d characters; a tag has %d.",
			len(i.groupIDs()), len(spec.Groups), n, maxTagValue), "Use fewer groups: one is enough for a fence.")
	}
	return append(refusals, s.unfitGroups(ctx, spec, i)...)
}

// unfitGroups looks at the groups of a fence: they must be there, in the
// instance's VPC, and let nobody in.
func (s *Service) unfitGroups(ctx context.Context, spec FenceSpec, i Instance) []error {
	var (
		loads  sync.WaitGroup
		groups = make([]types.SecurityGroup, len(spec.Groups))
		found  = make([]bool, len(spec.Groups))
		errs   = make([]error, len(spec.Groups))
	)
	for n, id := range spec.Groups {
		loads.Go(func() { groups[n], found[n], errs[n] = s.groups.Load(ctx, id) })
	}
	loads.Wait()
	for _, err := range errs {
		if err != nil {
			return []error{s.failed(KindRead, "", i.Identifier, "read the security groups of the fence of", err)}
		}
	}
	var refusals []error
	for n, id := range spec.Groups {
		g, ok := groups[n], found[n]
		e := &Error{Kind: KindFenceGroups, Field: FieldFenceGroups, Attempted: "fence", ID: i.Identifier, Region: s.region}
		switch vpc := aws.ToString(g.VpcId); {
		case !ok:
			e.Reason = fmt.Sprintf("%s has no security group %s in this account.", s.region, id)
			e.Next = "Create the group, without any ingress rule, or correct fence_security_group_ids."
		case i.VPC != "" && vpc != i.VPC:
			e.Reason = fmt.Sprintf("The security group %s is in %s, and the instance is in %s.", id, vpc, i.VPC)
			e.Next = "Create a group without any ingress rule in the instance's VPC, and name that one."
		case len(g.IpPermissions) > 0:
			e.Reason = fmt.Sprintf("The security group %s has %d ingress rules: it would let clients in.", id, len(g.IpPermissions))
			e.Next = "Remove its ingress rules, or name a group that has none."
		default:
			continue
		}
		refusals = append(refusals, e)
	}
	return refusals
}

// describeGroups reads security groups by id; those that do not exist are
// absent.
func (s *Service) describeGroups(ctx context.Context, ids []string) (map[string]types.SecurityGroup, error) {
	const perFilter = 200 // values, EC2's limit
	out := make(map[string]types.SecurityGroup, len(ids))
	for part := range slices.Chunk(ids, perFilter) {
		in := &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: part}}}
		for {
			page, err := s.options.Groups.DescribeSecurityGroups(ctx, in)
			if err != nil {
				return nil, err
			}
			for _, g := range page.SecurityGroups {
				out[aws.ToString(g.GroupId)] = g
			}
			if aws.ToString(page.NextToken) == "" {
				break
			}
			in.NextToken = page.NextToken
		}
	}
	return out, nil
}
