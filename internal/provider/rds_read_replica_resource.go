// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

var (
	_ resource.ResourceWithConfigure   = (*rdsReadReplicaResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*rdsReadReplicaResource)(nil)
	_ resource.ResourceWithImportState = (*rdsReadReplicaResource)(nil)
)

// replicaTimeout is long: all data is copied from one region to the other.
const replicaTimeout = 4 * time.Hour

func newRDSReadReplicaResource() resource.Resource { return &rdsReadReplicaResource{} }

type rdsReadReplicaResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *rdsReadReplicaResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_rds_read_replica"
}

// ModifyPlan looks at what the apply would do, and warns of it or refuses it.
func (r *rdsReadReplicaResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *rdsReadReplicaModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil {
		resp.Diagnostics.AddWarning(
			prior.ID.ValueString()+": will be forgotten, neither promoted nor deleted",
			"Destroying dr_rds_read_replica leaves the DB instance as it is, and what was retired from its identifier too.")
		return
	}
	r.planInstance(ctx, req, resp, &plan.Region, prior != nil, plan.DBInstanceIdentifier)
	if resp.Diagnostics.HasError() || len(resp.RequiresReplace) > 0 || prior != nil && !plan.DBInstanceIdentifier.Equal(prior.DBInstanceIdentifier) {
		return
	}
	settled := prior != nil && plan.Source.Equal(prior.Source)
	switch {
	case settled && settleFences(ctx, req, resp):
		return
	case prior != nil && !settled:
		plan.unmeasured()
		resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	}
	if r.p == nil || !plan.isKnown() {
		return
	}
	ctx, cancel := lookContext(ctx, plan.Timeouts, &resp.Diagnostics)
	defer cancel()
	spec := plan.toSpec(ctx, prior, &resp.Diagnostics)
	a, err := r.p.RDS(plan.Region.ValueString()).AssessReplica(ctx, spec)
	addRDSWarnings(&resp.Diagnostics, a.Warnings)
	if settled {
		return // nothing that a look could refuse
	}
	addError(&resp.Diagnostics, "Unable to Plan Read Replica", err)
	addError(&resp.Diagnostics, "Unable to Build Read Replica", a.Err())
}

// Create adopts the replica, or retires the old writer and builds one.
func (r *rdsReadReplicaResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan rdsReadReplicaModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, replicaTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, timeout, &plan, nil, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Read looks at what holds the identifier. What is neither the replica nor what
// became of it has no source that is wanted, so that the next plan has
// something to do. What cannot be looked at stays as it was.
func (r *rdsReadReplicaResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state rdsReadReplicaModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := lookContext(ctx, state.Timeouts, &resp.Diagnostics)
	defer cancel()
	id, region := state.DBInstanceIdentifier.ValueString(), state.Region.ValueString()
	imported := state.ID.IsNull()
	spec := state.toSpec(ctx, &state, &resp.Diagnostics)
	if imported {
		r.readImported(ctx, &state, resp)
		return
	}
	standing, i, err := r.p.RDS(region).ReplicaStanding(ctx, spec)
	switch {
	case awsclient.IsExpiredToken(err) || awsclient.IsCredentials(err):
		addError(&resp.Diagnostics, "Unable to Read Read Replica", err)
		return
	case err != nil && i.Identifier != "" && i.ResourceID == state.ResourceID.ValueString() && !i.IsReplica():
		// The source is out of reach, or gone: what was its replica is a writer.
		standing = rds.StandingPromoted
	case err != nil:
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: could not be read in %s, its last known state is kept", id, region), errorDetail(err))
		return
	}
	switch standing {
	case rds.StandingFree:
		resp.State.RemoveResource(ctx)
		return
	case rds.StandingOldWriter, rds.StandingForeign:
		state.Source = types.StringNull()
		if i.IsReplica() {
			state.Source = types.StringValue(i.Source)
		}
	}
	state.fromInstance(i, standing)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// readImported takes the source from the instance.
func (r *rdsReadReplicaResource) readImported(ctx context.Context, state *rdsReadReplicaModel, resp *resource.ReadResponse) {
	i, err := r.p.RDS(state.Region.ValueString()).Find(ctx, state.DBInstanceIdentifier.ValueString())
	if err != nil {
		addError(&resp.Diagnostics, "Unable to Import Read Replica", err)
		return
	}
	standing := rds.StandingReplica
	state.Source = types.StringValue(i.Source)
	switch {
	case !i.IsReplica() && i.PromotedFrom != "":
		standing, state.Source = rds.StandingPromoted, types.StringValue(i.PromotedFrom)
	case !i.IsReplica():
		resp.Diagnostics.AddError("Unable to Import Read Replica", fmt.Sprintf("%s in %s is a writer, and does not carry the tag %s.\n\n"+
			"Next: declare the resource without importing it; the apply retires an old writer and builds the replica.", i.Identifier, i.Region, rds.PromotedFromTag))
		return
	}
	state.fromInstance(i, standing)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// Update builds the replica anew, or settles on one that is there. When it
// fails, the state before it stays: the next plan shows again what is not done.
func (r *rdsReadReplicaResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior rdsReadReplicaModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, replicaTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, timeout, &plan, &prior, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Delete only forgets; ModifyPlan has warned.
func (r *rdsReadReplicaResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState takes region/identifier.
func (r *rdsReadReplicaResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importInstance(ctx, req, resp, "Unable to Import Read Replica")
}

// ensure makes plan true and completes it for the state. It returns false when
// that failed.
func (r *rdsReadReplicaResource) ensure(ctx context.Context, timeout time.Duration, plan, prior *rdsReadReplicaModel, diags *diag.Diagnostics) bool {
	spec := plan.toSpec(ctx, prior, diags)
	if diags.HasError() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := r.p.RDS(plan.Region.ValueString()).EnsureReplica(ctx, spec)
	addRDSWarnings(diags, out.Warnings)
	if err != nil {
		addError(diags, "Unable to Build Read Replica", err)
		return false
	}
	plan.fromInstance(out.Instance, out.Standing)
	if plan.RetiredAs.IsUnknown() && out.RetiredAs != "" {
		plan.RetiredAs = types.StringValue(out.RetiredAs)
	}
	plan.known()
	return true
}
