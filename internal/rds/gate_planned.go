// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// gatePlanned wants a source that is there and fenced.
func (a *Assessment) gatePlanned(spec Spec, source sourceHealth, f sourceFence, lag Lag, lagErr error) {
	switch source.state {
	case sourceUnreachable, sourceGone, sourceBroken:
		a.refuse(KindNoSource, FieldMode, "A planned promotion waits until the replica has everything, but "+source.text+".",
			`Set mode = "unplanned" and max_estimated_loss if the source is lost.`, source.err)
		return
	}
	a.gateCatchUp(f.held || fenceStatus(source.instance, FenceSpec{}).State == FenceFencing, lag, lagErr)
	irrevocable := func(waits string) {
		behind := lagText(lag, true)
		if lagErr != nil {
			behind = "ReplicaLag could not be read"
		}
		a.warn(fmt.Sprintf("%s: promotion cannot be undone (planned: waits %s; %s)", a.Instance.Identifier, waits, behind),
			"The instance reboots and becomes a writer for good; going home needs a new replica.")
	}
	switch {
	case f.held:
		a.FencedSince = f.since
		if f.claim != "" {
			a.warn(fmt.Sprintf("%s: its write fence is taken at its word (held since %s)", source.id, stamp(f.since)), claimed(f.claim))
		}
		irrevocable("until it has replayed past " + stamp(f.since))
	case spec.FencesUnknown:
		a.warn(source.id+": is fenced first, by this same apply",
			"The promotion begins only when a fence of it holds, and fails if none does.")
		irrevocable("until it has replayed past the fence")
	case spec.accepts(AcceptUnfencedSource):
		a.warn(source.id+": source is not fenced and may still be writing",
			"The promotion waits until the replica has everything from before the apply. What the source acknowledges from then on may be lost: "+
				"make sure that its writers are stopped, and their sessions ended, before you apply.")
		irrevocable("until it has replayed past the beginning of the apply")
	default:
		field := FieldAccept
		if len(spec.Fences) > 0 {
			field = FieldFences
		}
		if f.unread {
			a.refuse(KindUnfencedSource, FieldFences,
				"A planned promotion wants its source to be fenced, and "+f.text+". An unknown fence counts as none.",
				fmt.Sprintf("Grant rds:DescribeDBInstances and ec2:DescribeSecurityGroups in %s, or mend what the cause says, then apply again.", source.region), f.err)
			return
		}
		a.refuse(KindUnfencedSource, field,
			"A planned promotion wants its source to be fenced, and "+f.text+": what "+source.id+" acknowledges after the promotion is lost.",
			`Fence it (dr_rds_network_fence or dr_postgresql_write_fence) and name the proof in fences. If its writers are stopped by other means `+
				`(scaled to zero, their sessions ended), say so with accept = ["unfenced_source"].`, source.err)
	}
}

// warnOfFences says what an unplanned promotion knows of the fences.
func (a *Assessment) warnOfFences(spec Spec, source sourceHealth, f sourceFence) {
	switch {
	case f.held:
	case spec.FencesUnknown:
		a.warn(source.id+": is fenced first as far as it can be reached",
			"The fence is best-effort: where it cannot be made, the promotion goes on, and the source may still be writing.")
	case len(spec.Fences) > 0 && source.state != sourceGone && source.state != sourceBroken:
		a.warn(source.id+": no fence of it holds, it may still be writing",
			"Nothing shows that one does: "+f.text+". What it acknowledges after the promotion is lost.")
	}
}

// sourceFence is what the fences say of a source.
type sourceFence struct {
	held  bool
	since time.Time
	text  string // a clause: why none holds
	claim string // the proof that was believed without a look, or ""
	// unread: whether one holds could not be found out, because of err.
	unread bool
	err    error
}

// sourceFence looks for a fence of the source that holds. A network fence is not
// taken at its word: the instance itself must show it, and its groups that they
// let nobody in.
func (s *Service) sourceFence(ctx context.Context, spec Spec, source sourceHealth) sourceFence {
	f := sourceFence{text: "no fence is known"}
	var claim sourceFence // counts if nothing better is found
	if len(spec.Fences) > 0 && source.instance.Identifier == "" {
		return sourceFence{unread: true, err: source.err, text: fmt.Sprintf("whether %s/%s is fenced could not be read", source.region, source.id)}
	}
	for _, p := range spec.Fences {
		f.text = fmt.Sprintf("%q is not a fence of %s/%s that holds", p.String(), source.region, source.id)
		if !p.Held() {
			continue
		}
		switch p.Kind {
		case fence.KindNetwork:
			if !strings.EqualFold(p.Subject, fence.Network(source.region, source.id)) {
				continue
			}
			status, err := s.peer(source.region).fenceOf(ctx, source.instance, FenceSpec{})
			switch {
			case err != nil:
				return sourceFence{unread: true, err: unwrapped(err), text: "whether the security groups of the fence of " + source.id + " let anybody in could not be read"}
			case status.State == FenceFenced:
				return sourceFence{held: true, since: latest(p.Since, status.Since)}
			case status.leaks:
				f.text = fmt.Sprintf("%s is not fenced as %q says (%s)", source.id, p.String(), strings.TrimSuffix(status.Drift, "."))
				return f // whatever another one claims
			}
			f.text = fmt.Sprintf("%s is not fenced as %q says: it is in %s, its tag %s is %q",
				source.id, p.String(), listed(source.instance.groupIDs()), FenceTag, source.instance.Tags[FenceTag])
			return f
		case fence.KindPostgreSQL:
			if i := source.instance; i.Endpoint != "" && strings.EqualFold(p.Subject, fence.PostgreSQL(i.Endpoint, int(i.Port))) {
				claim = sourceFence{held: true, since: p.Since, claim: p.String()}
			}
		}
	}
	if claim.held {
		return claim
	}
	return f
}

// claimed says what a proof is worth that nobody can look into from here.
func claimed(proof string) string {
	return fmt.Sprintf("%q is what the fence said when it was last looked at, by this plan's refresh or by its apply. Only a session in the database shows whether it "+
		"still holds, and a promotion has no credentials for one: a role that was given LOGIN since may write. A dr_rds_network_fence is looked at again.", proof)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pass passes the gates, and waits for what a planned promotion waits for.
func (r *run) pass(ctx context.Context, i Instance) error {
	a := r.gate(ctx, r.spec, i)
	if err := a.Err(); err != nil {
		return err
	}
	r.out.Loss, r.out.LossKnown = a.Loss, a.LossKnown
	if r.spec.Mode != ModePlanned {
		return nil
	}
	r.out.Loss, r.out.LossKnown = 0, true
	since := a.FencedSince
	if since.IsZero() {
		// Whoever stopped the writers by other means has done it by now.
		if r.begun.IsZero() {
			r.begun = i.At.Truncate(time.Second).Add(time.Second)
		}
		since = r.begun
	}
	if err := r.awaitReplay(ctx, i, since); err != nil {
		return err
	}
	// The fence must have held all the while.
	return r.gate(ctx, r.spec, i).Err()
}

// Rival looks at what a promoted instance used to replicate: another writer of
// the same data is named in a warning. A region that is silent has none that is
// known of.
func (s *Service) Rival(ctx context.Context, promoted, source string) (Warning, bool) {
	of := Instance{Source: source, Region: s.region}
	f, _ := s.peer(of.SourceRegion()).FindFence(ctx, FenceSpec{Identifier: of.SourceIdentifier(), Fenced: true})
	i := f.Instance
	if i.Identifier == "" || i.IsReplica() || broken(i.Status) || f.State == FenceFenced {
		return Warning{}, false
	}
	return Warning{
		fmt.Sprintf("%s and %s: two writers at once", promoted, i.Identifier),
		fmt.Sprintf("%s in %s was promoted, and %s in %s, which it replicated, answers, is %s and is a writer that nothing fences: what it acknowledges is missing in the one that is wanted."+
			"\n\nNext: fence %s (dr_rds_network_fence), find out what was written to it since, and reprotect: build a new replica in its place.",
			promoted, s.region, i.Identifier, i.Region, i.Status, i.Identifier),
	}, true
}
