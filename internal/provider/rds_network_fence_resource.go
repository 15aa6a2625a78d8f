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
	_ resource.ResourceWithConfigure   = (*rdsNetworkFenceResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*rdsNetworkFenceResource)(nil)
	_ resource.ResourceWithImportState = (*rdsNetworkFenceResource)(nil)
)

const (
	fenceTimeout = 30 * time.Minute
	// bestEffortTimeout is short: a recovery waits for it.
	bestEffortTimeout = 5 * time.Minute
)

func newRDSNetworkFenceResource() resource.Resource { return &rdsNetworkFenceResource{} }

type rdsNetworkFenceResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *rdsNetworkFenceResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_rds_network_fence"
}

// ModifyPlan looks at what the apply would do, and warns of it or refuses it.
func (r *rdsNetworkFenceResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *rdsNetworkFenceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil {
		resp.Diagnostics.AddWarning(
			fmt.Sprintf("%s: its fence (%s) will be forgotten, not lifted", prior.ID.ValueString(), prior.Status.ValueString()),
			"Destroying dr_rds_network_fence leaves the DB instance as it is. One that is fenced stays so; its tag "+rds.FenceTag+" says what is to be put back.")
		return
	}
	r.planInstance(ctx, req, resp, &plan.Region, prior != nil, plan.DBInstanceIdentifier)
	if resp.Diagnostics.HasError() || r.p == nil || !plan.isKnown() || len(resp.RequiresReplace) > 0 ||
		prior != nil && !plan.DBInstanceIdentifier.Equal(prior.DBInstanceIdentifier) {
		return
	}
	ctx, cancel := lookContext(ctx, plan.Timeouts, &resp.Diagnostics)
	defer cancel()
	spec := plan.toSpec(ctx, prior, &resp.Diagnostics)
	a, err := r.p.RDS(plan.Region.ValueString()).AssessFence(ctx, spec)
	addRDSWarnings(&resp.Diagnostics, a.Warnings)
	switch {
	case prior != nil && prior.Fenced.Equal(plan.Fenced): // settled: nothing that a look could refuse
	case rds.IsKind(err, rds.KindNotFound) && spec.Creating:
		warnAbsent(&resp.Diagnostics, plan.DBInstanceIdentifier, plan.Region)
	default:
		addError(&resp.Diagnostics, "Unable to Plan Network Fence", err)
		addError(&resp.Diagnostics, fenceSummary(spec), a.Err())
	}
}

// Create adopts an instance with whatever fence it has, and makes it so.
func (r *rdsNetworkFenceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan rdsNetworkFenceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, plan.defaultTimeout())
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, timeout, &plan, nil, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Read finds out whether the fence holds. An instance that cannot be looked at
// stays as it was.
func (r *rdsNetworkFenceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state rdsNetworkFenceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := lookContext(ctx, state.Timeouts, &resp.Diagnostics)
	defer cancel()
	id, region := state.DBInstanceIdentifier.ValueString(), state.Region.ValueString()
	imported := state.ID.IsNull()
	f, err := r.p.RDS(region).FindFence(ctx, state.toSpec(ctx, &state, &resp.Diagnostics))
	switch {
	case rds.IsKind(err, rds.KindNotFound) && !imported:
		resp.State.RemoveResource(ctx)
		return
	case err != nil && imported:
		addError(&resp.Diagnostics, "Unable to Import Network Fence", err)
		return
	case awsclient.IsExpiredToken(err) || awsclient.IsCredentials(err):
		addError(&resp.Diagnostics, "Unable to Read Network Fence", err)
		return
	case err != nil:
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: could not be read in %s, the last known state of its fence is kept", id, region), errorDetail(err))
		return
	}
	if imported {
		state.FenceSecurityGroupIDs = setOf(f.Groups)
		state.Required, state.AllowReplica = types.BoolValue(true), types.BoolValue(false)
	}
	state.fromRead(f)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update fences, or lifts the fence. When it fails, the state before it stays:
// the next plan shows again what is not done.
func (r *rdsNetworkFenceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior rdsNetworkFenceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, plan.defaultTimeout())
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, timeout, &plan, &prior, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Delete only forgets; ModifyPlan has warned.
func (r *rdsNetworkFenceResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState takes region/identifier.
func (r *rdsNetworkFenceResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	importInstance(ctx, req, resp, "Unable to Import Network Fence")
}

// ensure makes plan true and completes it for the state. It returns false when
// that failed.
func (r *rdsNetworkFenceResource) ensure(ctx context.Context, timeout time.Duration, plan, prior *rdsNetworkFenceModel, diags *diag.Diagnostics) bool {
	spec := plan.toSpec(ctx, prior, diags)
	if diags.HasError() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := r.p.RDS(plan.Region.ValueString()).EnsureFence(ctx, spec)
	addRDSWarnings(diags, out.Warnings)
	if err != nil {
		addError(diags, fenceSummary(spec), err)
		return false
	}
	plan.fromStatus(out.Status)
	return true
}

func (m *rdsNetworkFenceModel) defaultTimeout() time.Duration {
	if m.Fenced.ValueBool() && !m.Required.ValueBool() {
		return bestEffortTimeout
	}
	return fenceTimeout
}

func fenceSummary(spec rds.FenceSpec) string {
	switch {
	case spec.Fenced:
		return "Unable to Fence DB Instance"
	case spec.WasFenced:
		return "Unable to Lift Network Fence"
	default:
		return "Unable to Read Network Fence"
	}
}
