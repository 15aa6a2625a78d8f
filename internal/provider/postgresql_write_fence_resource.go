// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/postgres"
)

var (
	_ resource.ResourceWithConfigure   = (*postgreSQLWriteFenceResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*postgreSQLWriteFenceResource)(nil)
	_ resource.ResourceWithImportState = (*postgreSQLWriteFenceResource)(nil)
)

const (
	writeFenceTimeout = 10 * time.Minute
	// writeFenceBestEffortTimeout is short: a recovery waits for it.
	writeFenceBestEffortTimeout = 2 * time.Minute
)

func newPostgreSQLWriteFenceResource() resource.Resource { return &postgreSQLWriteFenceResource{} }

type postgreSQLWriteFenceResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *postgreSQLWriteFenceResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_postgresql_write_fence"
}

// ModifyPlan looks at what the apply would do, and warns of it or refuses it.
func (r *postgreSQLWriteFenceResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *postgreSQLWriteFenceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil {
		resp.Diagnostics.AddWarning(
			fmt.Sprintf("%s: its write fence (%s) will be forgotten, not lifted", prior.ID.ValueString(), prior.Status.ValueString()),
			"Destroying dr_postgresql_write_fence leaves the server as it is. Roles that are fenced stay so; the comments of the roles "+
				"dr_fence_login_… say what is to be put back.")
		return
	}
	if prior == nil && !plan.Host.IsUnknown() && !plan.Port.IsUnknown() {
		subject := postgres.Target{Host: plan.Host.ValueString(), Port: int(plan.Port.ValueInt32())}.Subject()
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), subject)...)
	}
	if r.p == nil || !plan.isKnown() || len(resp.RequiresReplace) > 0 || !plan.Fenced.ValueBool() ||
		prior != nil && prior.Fenced.Equal(plan.Fenced) && prior.Roles.Equal(plan.Roles) {
		return
	}
	r.planFence(ctx, plan, prior, &resp.Diagnostics)
}

// planFence looks at a server whose writers are going to be fenced.
func (r *postgreSQLWriteFenceResource) planFence(ctx context.Context, plan, prior *postgreSQLWriteFenceModel, diags *diag.Diagnostics) {
	spec := plan.toSpec(ctx, prior, diags)
	ctx, cancel := lookContext(ctx, plan.Timeouts, diags)
	defer cancel()
	status, err := r.p.PostgreSQL().CheckFence(ctx, spec)
	switch {
	case postgres.IsUnreachable(err):
		diags.AddWarning(spec.Subject()+": cannot be reached, and may still be writing", fmt.Sprintf(
			"%s\n\nThe apply tries to fence its writers. If it cannot, it fails (required = true) or goes on (required = false); required is %t.",
			errorDetail(err), spec.Required))
	case err != nil && !spec.Required:
		diags.AddWarning(spec.Subject()+": may still be writing, its writers cannot be fenced", errorDetail(err))
	case err != nil:
		addError(diags, "Unable to Fence Writers", err)
	case status.State == postgres.FenceReplica:
	default:
		maps.DeleteFunc(status.HadLogin, func(_ string, login bool) bool { return !login })
		names := slices.Sorted(maps.Keys(status.HadLogin))
		diags.AddWarning(fmt.Sprintf("%s: %d roles will lose LOGIN, %d sessions will end", spec.Subject(), len(names), status.Sessions),
			fmt.Sprintf("The roles are %s. They cannot log in until the fence is lifted with fenced = false; what they have not committed is rolled back.",
				strings.Join(names, ", ")))
	}
	addPostgreSQLWarnings(diags, status.Warnings)
}

// Create adopts a server with whatever fence it has, and makes it so.
func (r *postgreSQLWriteFenceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan postgreSQLWriteFenceModel
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

// Read finds out whether the fence holds. A server that cannot be looked at
// stays as it was.
func (r *postgreSQLWriteFenceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state postgreSQLWriteFenceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := lookContext(ctx, state.Timeouts, &resp.Diagnostics)
	defer cancel()
	spec := state.toSpec(ctx, &state, &resp.Diagnostics)
	status, err := r.p.PostgreSQL().FindFence(ctx, spec)
	switch {
	case err != nil && state.Status.IsNull():
		addError(&resp.Diagnostics, "Unable to Import Write Fence", err)
		return
	case err != nil:
		resp.Diagnostics.AddWarning(spec.Subject()+": could not be looked at, the last known state of its write fence is kept", errorDetail(err))
		return
	}
	addPostgreSQLWarnings(&resp.Diagnostics, status.Warnings)
	state.fromRead(spec.Target, status)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update fences, or lifts the fence. When it fails, the state before it stays:
// the next plan shows again what is not done.
func (r *postgreSQLWriteFenceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior postgreSQLWriteFenceModel
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
func (r *postgreSQLWriteFenceResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState takes HOST:PORT/DATABASE?roles=A,B, with hostaddr, sslmode and
// secret_arn where they are needed to log in.
func (r *postgreSQLWriteFenceResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	attributes, err := importedWriteFence(req.ID)
	if err != nil {
		resp.Diagnostics.AddError("Unable to Import Write Fence", err.Error()+
			".\n\nNext: import it such as orders.abc123.us-east-1.rds.amazonaws.com:5432/orders?roles=orders_app.")
		return
	}
	for name, value := range attributes {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// ensure makes plan true and completes it for the state. It returns false when
// that failed.
func (r *postgreSQLWriteFenceResource) ensure(ctx context.Context, timeout time.Duration, plan, prior *postgreSQLWriteFenceModel, diags *diag.Diagnostics) bool {
	spec := plan.toSpec(ctx, prior, diags)
	if diags.HasError() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	status, err := r.p.PostgreSQL().EnsureFence(ctx, spec)
	addPostgreSQLWarnings(diags, status.Warnings)
	if err != nil {
		summary := "Unable to Lift Write Fence"
		if spec.Fenced {
			summary = "Unable to Fence Writers"
		}
		addError(diags, summary, err)
		return false
	}
	plan.OriginalLogins = types.MapNull(types.BoolType)
	if prior != nil {
		plan.OriginalLogins = prior.OriginalLogins
	}
	plan.fromStatus(spec.Target, status)
	return true
}

func addPostgreSQLWarnings(diags *diag.Diagnostics, warnings []postgres.Warning) {
	for _, w := range warnings {
		diags.AddWarning(w.Summary, w.Detail)
	}
}
