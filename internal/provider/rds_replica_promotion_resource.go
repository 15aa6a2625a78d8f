// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

var (
	_ resource.ResourceWithConfigure   = (*rdsReplicaPromotionResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*rdsReplicaPromotionResource)(nil)
	_ resource.ResourceWithImportState = (*rdsReplicaPromotionResource)(nil)
)

type (
	resourceSchemaRequest  = resource.SchemaRequest
	resourceSchemaResponse = resource.SchemaResponse
)

const (
	promotionTimeout = 60 * time.Minute
	lookTimeout      = 2 * time.Minute
)

func newRDSReplicaPromotionResource() resource.Resource { return &rdsReplicaPromotionResource{} }

type rdsReplicaPromotionResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *rdsReplicaPromotionResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_rds_replica_promotion"
}

// ModifyPlan looks at what the apply would do, and warns of it or refuses it.
// It plans no value that it measures: the core plans again during the apply.
func (r *rdsReplicaPromotionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *rdsReplicaPromotionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil {
		resp.Diagnostics.AddWarning(
			prior.ID.ValueString()+": will be forgotten, neither demoted nor deleted",
			"Destroying dr_rds_replica_promotion leaves the DB instance as it is.")
		return
	}
	r.planInstance(ctx, req, resp, &plan.Region, prior != nil, plan.DBInstanceIdentifier)
	if resp.Diagnostics.HasError() || r.p == nil || !plan.isKnown() || len(resp.RequiresReplace) > 0 || prior != nil && !plan.is(prior) {
		return
	}
	if !plan.Promoted.ValueBool() {
		if prior != nil && (prior.Status.ValueString() == statusWriter || prior.Status.ValueString() == statusNeedsReprotection) {
			r.planUnwantedWriter(ctx, plan, &resp.Diagnostics)
			if prior.Source.ValueString() != "" && !prior.Promoted.ValueBool() {
				forgetSource(ctx, resp)
			}
		}
		return
	}
	if prior != nil && prior.Promoted.ValueBool() {
		// Settled: nothing that a look could refuse.
		settleFences(ctx, req, resp)
		r.planRival(ctx, plan, prior, &resp.Diagnostics)
		return
	}
	ctx, cancel := lookContext(ctx, plan.Timeouts, &resp.Diagnostics)
	defer cancel()
	spec := plan.toSpec(ctx, prior, &resp.Diagnostics)
	recall(ctx, req.Private, &spec)
	a, err := r.p.RDS(plan.Region.ValueString()).Assess(ctx, spec)
	if rds.IsKind(err, rds.KindNotFound) && spec.Creating {
		warnAbsent(&resp.Diagnostics, plan.DBInstanceIdentifier, plan.Region)
		return
	}
	addError(&resp.Diagnostics, "Unable to Plan Replica Promotion", err)
	addError(&resp.Diagnostics, "Unable to Promote Replica", a.Err())
	addRDSWarnings(&resp.Diagnostics, a.Warnings)
}

// planUnwantedWriter warns of an instance that is still a writer. One that
// cannot be read is no news: the refresh or the apply says so.
func (r *rdsReplicaPromotionResource) planUnwantedWriter(ctx context.Context, plan *rdsReplicaPromotionModel, diags *diag.Diagnostics) {
	ctx, cancel := lookContext(ctx, plan.Timeouts, diags)
	defer cancel()
	i, err := r.p.RDS(plan.Region.ValueString()).Find(ctx, plan.DBInstanceIdentifier.ValueString())
	if err == nil && !i.IsReplica() {
		warnUnwantedWriter(diags, plan)
	}
}

// forgetSource uses up the evidence that a writer was promoted from its source:
// nobody has wanted it, its source goes on, and months later its data would be
// old. An apply that means it all the same says so with standalone_writer.
func forgetSource(ctx context.Context, resp *resource.ModifyPlanResponse) {
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("source"), types.StringNull())...)
	for name, value := range map[string]any{
		"status": types.StringUnknown(), "promoted_at": types.StringUnknown(),
		"replica_lag_seconds": types.Float64Unknown(), "estimated_loss_seconds": types.Float64Unknown(),
	} {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// planRival warns of a source that is a writer again, or still, beside the
// writer that is wanted.
func (r *rdsReplicaPromotionResource) planRival(ctx context.Context, plan, prior *rdsReplicaPromotionModel, diags *diag.Diagnostics) {
	if prior.Source.ValueString() == "" {
		return
	}
	ctx, cancel := lookContext(ctx, plan.Timeouts, diags)
	defer cancel()
	rival, found := r.p.RDS(plan.Region.ValueString()).Rival(ctx, plan.DBInstanceIdentifier.ValueString(), prior.Source.ValueString())
	if found {
		addRDSWarnings(diags, []rds.Warning{rival})
	}
}

// Create adopts an instance, and promotes it if that is wanted.
func (r *rdsReplicaPromotionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan rdsReplicaPromotionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, promotionTimeout)
	resp.Diagnostics.Append(diags...)
	spec := plan.toSpec(ctx, nil, &resp.Diagnostics)
	if r.ensure(ctx, timeout, spec, &plan, nil, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Read never says that a promotion was reached: only the apply that saw it
// complete does. An instance that cannot be looked at stays as it was.
func (r *rdsReplicaPromotionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state rdsReplicaPromotionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := lookContext(ctx, state.Timeouts, &resp.Diagnostics)
	defer cancel()
	id, region := state.DBInstanceIdentifier.ValueString(), state.Region.ValueString()
	imported := state.Promoted.IsNull()
	i, err := r.p.RDS(region).Find(ctx, id)
	switch {
	case rds.IsKind(err, rds.KindNotFound) && imported:
		addError(&resp.Diagnostics, "Unable to Import Replica Promotion", err)
		return
	case rds.IsKind(err, rds.KindNotFound) && state.Promoted.ValueBool():
		resp.State.RemoveResource(ctx)
		return
	case rds.IsKind(err, rds.KindNotFound):
		// It is only observed: to have it created again would make its
		// absence an error, which would hold up the recovery elsewhere.
		state.Status, state.ReplicaLagSeconds = types.StringValue(statusUnknown), types.Float64Null()
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: does not exist in %s", id, region), errorDetail(err))
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
		return
	case err != nil && (imported || awsclient.IsExpiredToken(err) || awsclient.IsCredentials(err)):
		addError(&resp.Diagnostics, "Unable to Read Replica Promotion", err)
		return
	case err != nil:
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: could not be read in %s, its last known state is kept", id, region), errorDetail(err))
		return
	}
	if imported {
		state.Promoted = types.BoolValue(!i.IsReplica() && (i.Role() == rds.RoleSource || i.PromotedFrom != ""))
		state.Mode = types.StringValue(rds.ModeUnplanned)
	}
	if i.IsReplica() {
		state.Promoted = types.BoolValue(false)
		state.EstimatedLossSeconds, state.PromotedAt = types.Float64Null(), types.StringNull()
	} else if state.ResourceID.ValueString() != i.ResourceID {
		// Another instance under the same name: what was seen of the one
		// proves nothing about the other.
		state.Source, state.PromotedAt, state.EstimatedLossSeconds = types.StringNull(), types.StringNull(), types.Float64Null()
	}
	if state.Promoted.ValueBool() {
		resp.Diagnostics.Append(keepFollowers(ctx, resp.Private, i)...)
	}
	state.fromInstance(i)
	state.ReplicaLagSeconds = r.lag(ctx, i)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update promotes, or settles on observing. When it fails, the state before it
// stays: the next plan shows again what is not done.
func (r *rdsReplicaPromotionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior rdsReplicaPromotionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, promotionTimeout)
	resp.Diagnostics.Append(diags...)
	spec := plan.toSpec(ctx, &prior, &resp.Diagnostics)
	recall(ctx, req.Private, &spec)
	if r.ensure(ctx, timeout, spec, &plan, &prior, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Delete only forgets; ModifyPlan has warned.
func (r *rdsReplicaPromotionResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState takes region/identifier.
func (r *rdsReplicaPromotionResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importInstance(ctx, req, resp, "Unable to Import Replica Promotion")
}

// ensure makes plan true and completes it for the state. It returns false when
// that failed.
func (r *rdsReplicaPromotionResource) ensure(ctx context.Context, timeout time.Duration, spec rds.Spec, plan, prior *rdsReplicaPromotionModel, diags *diag.Diagnostics) bool {
	if diags.HasError() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := r.p.RDS(plan.Region.ValueString()).Ensure(ctx, spec)
	addRDSWarnings(diags, out.Warnings)
	if err != nil {
		summary := "Unable to Promote Replica"
		if !spec.Promoted {
			summary = "Unable to Read Replica Promotion"
		}
		addError(diags, summary, err)
		return false
	}
	plan.Source, plan.PromotedAt, plan.EstimatedLossSeconds = types.StringNull(), types.StringNull(), types.Float64Null()
	plan.ReplicaLagSeconds = types.Float64Null()
	if spec.Promoted && prior != nil {
		plan.Source, plan.PromotedAt, plan.EstimatedLossSeconds = prior.Source, prior.PromotedAt, prior.EstimatedLossSeconds
	}
	switch out.Instance.Identifier {
	case "":
		plan.Status = types.StringValue(statusUnknown)
		plan.ID = types.StringValue(plan.Region.ValueString() + "/" + spec.Identifier)
	default:
		plan.fromInstance(out.Instance)
		plan.ReplicaLagSeconds = r.lag(ctx, out.Instance)
	}
	if out.Promoted && (prior == nil || !prior.Promoted.ValueBool()) {
		plan.PromotedAt = types.StringValue(out.PromotedAt.Format(time.RFC3339))
		if out.LossKnown {
			plan.EstimatedLossSeconds = types.Float64Value(out.Loss.Seconds())
		}
		if out.Source != "" {
			plan.Source = types.StringValue(out.Source)
		}
	}
	if plan.Status.ValueString() == statusNeedsReprotection {
		warnUnwantedWriter(diags, plan)
	}
	plan.known()
	return true
}

// lag of a replica; null is unknown, and no reason to fail.
func (r *rdsReplicaPromotionResource) lag(ctx context.Context, i rds.Instance) types.Float64 {
	if !i.IsReplica() {
		return types.Float64Null()
	}
	lag, err := r.p.RDS(i.Region).Lag(ctx, i.Identifier)
	if err != nil {
		tflog.Warn(ctx, "ReplicaLag could not be read", map[string]any{"id": i.Identifier, "error": awsclient.Explain(err)})
	}
	if err != nil || !lag.Known(rds.StaleAfter) {
		return types.Float64Null()
	}
	return types.Float64Value(lag.Seconds)
}

func warnUnwantedWriter(diags *diag.Diagnostics, m *rdsReplicaPromotionModel) {
	id, region := m.DBInstanceIdentifier.ValueString(), m.Region.ValueString()
	diags.AddWarning(fmt.Sprintf("%s: is a writer and stays one, needs reprotection", id),
		fmt.Sprintf("%s in %s is a writer although no promotion of it is wanted, and RDS cannot make it a replica again. "+
			"Nothing is demoted.\n\nNext: reprotect. dr_rds_read_replica fences it, keeps it as %s-retired-<date>, and builds a replica of the present writer as %s.", id, region, id, id))
}

func addRDSWarnings(diags *diag.Diagnostics, warnings []rds.Warning) {
	for _, w := range warnings {
		diags.AddWarning(w.Summary, w.Detail)
	}
}
