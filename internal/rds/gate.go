// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// The modes of a promotion.
const (
	ModePlanned   = "planned"
	ModeUnplanned = "unplanned"
)

// What a Spec can accept by name.
const (
	AcceptHealthySource    = "healthy_source"
	AcceptUnknownLoss      = "unknown_loss"
	AcceptUnfencedSource   = "unfenced_source"
	AcceptStandaloneWriter = "standalone_writer"
)

// Spec is what is wanted of an instance.
type Spec struct {
	Identifier string
	// Promoted: a writer is wanted. Otherwise the instance is only observed.
	Promoted bool
	Mode     string
	// MaxEstimatedLoss that an unplanned promotion may cost; nil if nobody has
	// agreed to any.
	MaxEstimatedLoss *time.Duration
	// SourceLostAt is when the source stopped acknowledging writes; zero for
	// now.
	SourceLostAt time.Time
	// Fences are what fences say of themselves. FencesUnknown: more of them is
	// only known once what makes them has been applied.
	Fences        []fence.Proof
	FencesUnknown bool
	// Accept has names of what is accepted.
	Accept []string
	// BackupRetentionPeriod in days after the promotion; nil keeps the
	// replica's own.
	BackupRetentionPeriod *int32
	// PreferredBackupWindow after the promotion; "" keeps the replica's own.
	PreferredBackupWindow string
	// EvidentResourceID is the DbiResourceId under which earlier runs saw the
	// instance as a replica, or settled on it as the writer that is wanted; ""
	// if none did. It is the evidence that a writer of that id is not an old
	// source.
	EvidentResourceID string
	// EvidentSource is what it replicated then, or "".
	EvidentSource string
	// FormerReplicas that the instance of FormerResourceID had when it was last
	// seen as the writer that is wanted. While it still has them all, none of
	// them was promoted in its place.
	FormerResourceID string
	FormerReplicas   []string
	// Creating: nothing is known of earlier runs.
	Creating bool
	// Settled: an earlier run saw the promotion complete, so that there is
	// nothing to do and nothing to refuse.
	Settled bool
}

func (s Spec) accepts(name string) bool { return slices.Contains(s.Accept, name) }

func (s Spec) isEvident(i Instance) bool {
	return s.EvidentResourceID != "" && s.EvidentResourceID == i.ResourceID
}

// Warning is a fact that a person should see before an apply.
type Warning struct{ Summary, Detail string }

// Assessment is what an Ensure would do now, and why not.
type Assessment struct {
	Instance Instance
	// Promotes: PromoteReadReplica would be called.
	Promotes bool
	// Loss that is to be expected of the promotion, if LossKnown.
	Loss      time.Duration
	LossKnown bool
	// FencedSince is since when the source of a planned promotion is fenced;
	// zero if it is not.
	FencedSince time.Time
	Warnings    []Warning
	// Refusals are *Error; with any, an Ensure would change nothing.
	Refusals []error
}

// Err joins the refusals.
func (a Assessment) Err() error { return errors.Join(a.Refusals...) }

func (a *Assessment) warn(summary, detail string) {
	a.Warnings = append(a.Warnings, Warning{Summary: summary, Detail: detail})
}

// refuse adds a refusal to promote.
func (a *Assessment) refuse(kind Kind, field, reason, next string, cause error) {
	a.Refusals = append(a.Refusals, &Error{
		Kind: kind, Field: field, Attempted: "promote the replica", ID: a.Instance.Identifier, Region: a.Instance.Region,
		Reason: reason, Err: cause, Next: next,
	})
}

// Assess looks, and says what an Ensure of the same spec would do. It changes
// nothing. The error is of the look at the instance itself.
func (s *Service) Assess(ctx context.Context, spec Spec) (Assessment, error) {
	i, err := s.Find(ctx, spec.Identifier)
	if err != nil {
		return Assessment{}, err
	}
	a := Assessment{Instance: i}
	if !spec.Promoted {
		return a, nil
	}
	if !i.IsReplica() {
		if !adoptable(i, spec) {
			a.Refusals = append(a.Refusals, standaloneWriter(i, spec))
		} else if err := s.ambiguous(ctx, spec, i); err != nil {
			a.Refusals = append(a.Refusals, err)
		} else if from := spec.adoptedFrom(i); from != "" {
			a.warn(i.Identifier+": is a writer already and is adopted as it is",
				"It was promoted from "+from+", by an apply that did not end or by other means. What that source has acknowledged since is not in it.")
		}
		return a, nil
	}
	if err := unready(i); err != nil {
		a.Refusals = append(a.Refusals, err)
		return a, nil
	}
	if i.Promoting() {
		a.warn(fmt.Sprintf("%s: a promotion seems to be under way (%s)", i.Identifier, i.Status),
			"The apply waits for it, and starts none of its own as long as it goes on.")
		return a, nil
	}
	return s.gate(ctx, spec, i), nil
}

// adoptable says that a writer may be taken for what is wanted. An old source
// that nobody has reprotected must not be: DNS would move to old data.
func adoptable(i Instance, spec Spec) bool {
	switch {
	case spec.isEvident(i), spec.keepsReplicas(i), spec.accepts(AcceptStandaloneWriter):
		return true
	case spec.Creating:
		return len(i.Replicas) > 0 || i.PromotedFrom != ""
	}
	return false
}

// keepsReplicas says that the writer was given up and that nothing came of it:
// all its replicas still follow it.
func (s Spec) keepsReplicas(i Instance) bool {
	if s.FormerResourceID == "" || s.FormerResourceID != i.ResourceID || len(s.FormerReplicas) == 0 {
		return false
	}
	for _, id := range s.FormerReplicas {
		if !slices.Contains(i.Replicas, id) {
			return false
		}
	}
	return true
}

// adoptedFrom is the source that an adopted writer was promoted from, as far as
// it is known.
func (s Spec) adoptedFrom(i Instance) string {
	switch {
	case s.isEvident(i) && s.EvidentSource != "":
		return s.EvidentSource
	case s.Creating || s.isEvident(i):
		return i.PromotedFrom
	}
	return ""
}

// ambiguous refuses a writer that is known only by its tag while the source that
// the tag names is a writer that was promoted from this one: without Terraform's
// state nothing tells which of the two came last.
func (s *Service) ambiguous(ctx context.Context, spec Spec, i Instance) error {
	if !spec.Creating || i.PromotedFrom == "" || spec.accepts(AcceptStandaloneWriter) {
		return nil
	}
	source := Instance{Source: i.PromotedFrom, Region: i.Region}
	other, err := s.peer(source.SourceRegion()).Find(ctx, source.SourceIdentifier())
	if err != nil || other.IsReplica() || other.PromotedFrom == "" || other.PromotedFrom != i.ARN && other.PromotedFrom != i.Identifier {
		return nil //nolint:nilerr // a source that is gone or silent is no writer that could be preferred
	}
	return &Error{
		Kind: KindStandaloneWriter, Field: FieldIdentifier, Attempted: "adopt the writer", ID: i.Identifier, Region: i.Region,
		Reason: fmt.Sprintf("It was promoted from %s in %s, and that one was promoted from it: both are writers, and nothing shows which has the newer data.",
			other.Identifier, other.Region),
		Next: `Find out which of them the application used last. If it is this one, say so with accept = ["standalone_writer"].`,
	}
}

func standaloneWriter(i Instance, spec Spec) error {
	e := &Error{
		Kind: KindStandaloneWriter, Field: FieldIdentifier, Attempted: "adopt the writer", ID: i.Identifier, Region: i.Region,
		Reason: "It replicates nothing, and nothing shows that it was promoted: it may be an old source with old data, and traffic must not move to it.",
		Next: `If it was retired by an earlier failover, reprotect first: dr_rds_read_replica builds a replica of the present writer under this identifier. ` +
			`If its data is the data to go on with, say so with accept = ["standalone_writer"].`,
	}
	if spec.Creating {
		e.Reason = "It is no replica, has no replicas and does not carry the tag " + PromotedFromTag +
			": it may be an unrelated instance, or an old source with old data."
		e.Next = `Correct db_instance_identifier or region; if this is the writer that you mean, say so with accept = ["standalone_writer"].`
	}
	return e
}

// unready says why a replica cannot be promoted whatever anybody accepts.
func unready(i Instance) error {
	e := &Error{Field: FieldIdentifier, Attempted: "promote the replica", ID: i.Identifier, Region: i.Region}
	switch {
	case i.Cluster != "" || strings.HasPrefix(i.Engine, "aurora"):
		e.Kind, e.Reason = KindUnsupported, fmt.Sprintf("It is an Aurora instance (engine %s): PromoteReadReplica is for RDS instances.", i.Engine)
		e.Next = "Fail the Aurora cluster over instead."
	case strings.HasPrefix(i.Engine, "custom-"):
		e.Kind, e.Reason = KindUnsupported, fmt.Sprintf("It is an RDS Custom instance (engine %s): PromoteReadReplica is not for these.", i.Engine)
		e.Next = "Promote it by the means of its engine."
	case i.Status == "creating":
		e.Kind, e.Reason = KindNotReady, "The replica is still being created: it has no complete copy of the data yet."
		e.Next = "Apply again when its status is available."
	case broken(i.Status):
		e.Kind, e.Reason = KindNotReady, fmt.Sprintf("Its status is %q, which does not mend itself.", i.Status)
		e.Next = "Mend the instance in RDS, or fail over to another replica."
	default:
		return nil
	}
	return e
}

// gate asks whether a replica may be promoted now: about its source's health
// and about the loss, side by side.
func (s *Service) gate(ctx context.Context, spec Spec, i Instance) Assessment {
	a := Assessment{Instance: i, Promotes: true}
	var (
		group  sync.WaitGroup
		source sourceHealth
		fenced sourceFence
		lag    Lag
		lagErr error
	)
	group.Go(func() {
		source = s.sourceHealth(ctx, i)
		fenced = s.sourceFence(ctx, spec, source)
	})
	group.Go(func() { lag, lagErr = s.Lag(ctx, i.Identifier) })
	group.Wait()

	if spec.Mode == ModePlanned {
		a.gatePlanned(spec, source, fenced, lag, lagErr)
	} else {
		a.gateSource(spec, source, fenced)
		a.warnOfFences(spec, source, fenced)
		a.gateLoss(spec, lag, lagErr)
	}
	a.gateBackup(spec)
	if !ready(i.Status) {
		a.warn(fmt.Sprintf("%s: is %s, the promotion waits until it is available", i.Identifier, i.Status),
			"RDS promotes no replica in this status.")
	}
	a.Promotes = len(a.Refusals) == 0
	return a
}

// gateSource refuses to promote away from a source that is or may be healthy.
func (a *Assessment) gateSource(spec Spec, source sourceHealth, fenced sourceFence) {
	const next = `If the source is lost to you all the same, say so with accept = ["healthy_source"]. For a move with nothing lost, set mode = "planned". ` +
		`If nothing was to fail over, revert the change that asked for it.`
	switch source.state {
	case sourceHealthy, sourceUnknown:
		if !spec.accepts(AcceptHealthySource) {
			a.refuse(KindHealthySource, FieldAccept, "Its source may be healthy: "+source.text+".", next, source.err)
			return
		}
		if fenced.held {
			return
		}
		a.warn(source.id+": source is up or may be, and may still be writing",
			source.text+"; accept has healthy_source. What it acknowledges from now on is lost.")
	case sourceUnreachable:
		a.warn(source.id+": source could not be reached and may still be writing",
			source.text+". The fence is best-effort: what the source acknowledges after the promotion is lost.")
	}
}

// gateLoss wants the loss to be known and agreed to.
func (a *Assessment) gateLoss(spec Spec, lag Lag, lagErr error) {
	lostAt, lostText := spec.SourceLostAt, "the source counts as lost at "+stamp(spec.SourceLostAt)
	if lostAt.IsZero() {
		lostAt, lostText = time.Now(), "source_lost_at is not set, so the source counts as lost only now"
	}
	id := a.Instance.Identifier
	a.Loss, a.LossKnown = EstimateLoss(a.Instance, lag, lostAt)
	ahead, contradicted := contradicted(a.Instance, lag, spec.SourceLostAt)
	a.LossKnown = a.LossKnown && !contradicted
	limit := "no limit set"
	if spec.MaxEstimatedLoss != nil {
		limit = fmt.Sprintf("at most %s s", seconds(*spec.MaxEstimatedLoss))
	}
	explain := fmt.Sprintf("ReplicaLag was %.0f s at %s; %s.", lag.GoodSeconds, stamp(lag.GoodAt), lostText)
	switch {
	case spec.MaxEstimatedLoss == nil:
		estimate := "The estimated loss is unknown."
		if a.LossKnown {
			estimate = fmt.Sprintf("The estimated loss is %s s: %s", seconds(a.Loss), explain)
		}
		a.refuse(KindNoLossLimit, FieldMaxLoss, "An unplanned promotion loses what the replica has not received, and nobody has agreed to a limit. "+estimate,
			`Set max_estimated_loss, such as "300s".`, nil)
	case contradicted && !spec.accepts(AcceptUnknownLoss):
		a.refuse(KindUnknownLoss, FieldSourceLostAt, fmt.Sprintf(
			"The source was alive %s s after source_lost_at (%s), so the estimated loss is unknown.", seconds(ahead), stamp(spec.SourceLostAt)),
			`Correct source_lost_at and its time zone, or remove it if it is an earlier incident's.`, nil)
	case !a.LossKnown && !spec.accepts(AcceptUnknownLoss):
		reason := "The estimated loss is unknown: CloudWatch has no ReplicaLag of this replica, or only -1 (not replicating)."
		if lagErr != nil {
			reason = "The estimated loss is unknown: ReplicaLag could not be read."
		}
		a.refuse(KindUnknownLoss, FieldAccept, reason,
			`Find out how far the replica is behind; to promote whatever the loss, say so with accept = ["unknown_loss"].`, unwrapped(lagErr))
	case !a.LossKnown:
		a.warn(fmt.Sprintf("%s: promotion cannot be undone (estimated loss unknown)", id),
			"The instance reboots and becomes a writer for good. accept has unknown_loss.")
	case a.Loss > *spec.MaxEstimatedLoss:
		next := "Raise max_estimated_loss to agree to it."
		if spec.SourceLostAt.IsZero() {
			next = "Set source_lost_at to the time at which the source stopped acknowledging writes, which narrows the estimate, or raise max_estimated_loss to agree to it."
		}
		a.refuse(KindLossLimit, FieldMaxLoss, fmt.Sprintf("The estimated loss is %s s, the limit is %s s: %s",
			seconds(a.Loss), seconds(*spec.MaxEstimatedLoss), explain), next, nil)
	default:
		a.warn(fmt.Sprintf("%s: promotion cannot be undone (estimated loss %s s of %s)", id, seconds(a.Loss), limit),
			explain+" The instance reboots and becomes a writer for good; going home needs a new replica.")
	}
}

// gateBackup looks at what the promotion makes of the backups.
func (a *Assessment) gateBackup(spec Spec) {
	if retention(spec, a.Instance) > 0 {
		return
	}
	if len(a.Instance.Replicas) > 0 {
		a.refuse(KindBackup, FieldBackupRetention,
			"It is a source of replicas itself, for which RDS wants automated backups, and their retention would be 0 days.",
			"Set backup_retention_period to at least 1.", nil)
		return
	}
	a.warn(a.Instance.Identifier+": will have no automated backups (retention 0 days)",
		"The replica keeps none, and the promotion changes that only if backup_retention_period says so.")
}

// retention is never left to RDS, whose default is one day.
func retention(spec Spec, i Instance) int32 {
	if spec.BackupRetentionPeriod != nil {
		return *spec.BackupRetentionPeriod
	}
	return i.BackupRetention
}

// unwrapped takes the cause out of an error of this package, which another one
// is going to explain.
func unwrapped(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Err != nil {
		return e.Err
	}
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
