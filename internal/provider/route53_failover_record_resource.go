// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

var (
	_ resource.ResourceWithConfigure        = (*route53FailoverRecordResource)(nil)
	_ resource.ResourceWithConfigValidators = (*route53FailoverRecordResource)(nil)
	_ resource.ResourceWithValidateConfig   = (*route53FailoverRecordResource)(nil)
	_ resource.ResourceWithModifyPlan       = (*route53FailoverRecordResource)(nil)
	_ resource.ResourceWithImportState      = (*route53FailoverRecordResource)(nil)
)

// recordTimeout bounds a change unless timeouts says otherwise: INSYNC usually
// comes within a minute.
const recordTimeout = 10 * time.Minute

func newRoute53FailoverRecordResource() resource.Resource { return &route53FailoverRecordResource{} }

type route53FailoverRecordResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *route53FailoverRecordResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_route53_failover_record"
}

// Schema implements resource.Resource.
func (r *route53FailoverRecordResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = route53RecordSchema(ctx)
}

// ConfigValidators implements resource.ResourceWithConfigValidators.
func (r *route53FailoverRecordResource) ConfigValidators(context.Context) []resource.ConfigValidator {
	return []resource.ConfigValidator{resourcevalidator.Conflicting(
		path.MatchRoot("weighted_routing_policy"), path.MatchRoot("latency_routing_policy"), path.MatchRoot("failover_routing_policy"),
		path.MatchRoot("geolocation_routing_policy"), path.MatchRoot("multivalue_answer_routing_policy"))}
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *route53FailoverRecordResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m route53RecordModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const invalid = "Invalid Attribute Value"
	unknown := anyUnknown(m.Weighted, m.Latency, m.Failover, m.Geolocation, m.MultiValue)
	routed := !m.Weighted.IsNull() || !m.Latency.IsNull() || !m.Failover.IsNull() || !m.Geolocation.IsNull() || m.MultiValue.ValueBool()
	if routed && !unknown && m.SetIdentifier.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("set_identifier"), invalid,
			"A record with a routing policy needs a set_identifier, which tells it apart from the others of its name and type.")
	}
	if !routed && !unknown && !m.SetIdentifier.IsNull() && !m.SetIdentifier.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("set_identifier"), invalid,
			"A simple record has no set_identifier. Remove it, or add a routing policy.")
	}
	if m.Targets.IsUnknown() {
		return
	}
	var targets map[string]types.Object
	resp.Diagnostics.Append(m.Targets.ElementsAs(ctx, &targets, false)...)
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		at := path.Root("targets").AtMapKey(name)
		t, _ := decode[targetModel](ctx, targets[name], &resp.Diagnostics)
		if t == nil || anyUnknown(t.Alias, t.Records) {
			continue
		}
		if t.Alias.IsNull() == t.Records.IsNull() {
			resp.Diagnostics.AddAttributeError(at, invalid, fmt.Sprintf("Target %q needs either records or alias, not both.", name))
		}
		if t.Alias.IsNull() && m.TTL.IsNull() {
			resp.Diagnostics.AddAttributeError(path.Root("ttl"), invalid, fmt.Sprintf("Target %q has records, so the record needs a ttl, such as 60.", name))
		}
	}
	if _, found := targets[m.Active.ValueString()]; !found && !m.Active.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("active"), invalid, fmt.Sprintf("%q is none of targets (%s).",
			m.Active.ValueString(), strings.Join(slices.Sorted(maps.Keys(targets)), ", ")))
	}
}

// ModifyPlan warns of what will happen, refuses what the apply would refuse, and
// plans the confirmation of an answer that nobody saw confirmed.
func (r *route53FailoverRecordResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *route53RecordModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil || prior != nil && !prior.sameRecord(plan) {
		prior.warnOfLeaving(plan == nil, &resp.Diagnostics)
		return
	}
	spec, known := plan.spec(ctx, &resp.Diagnostics)
	idle := prior != nil && prior.SyncStatus.ValueString() == route53.InSync && req.Plan.Raw.Equal(req.State.Raw)
	if resp.Diagnostics.HasError() || idle {
		return
	}
	plan.foresee(ctx, spec, known, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	switch {
	case !known || resp.Diagnostics.HasError():
	case prior != nil:
		prior.warnOfMove(ctx, spec, &resp.Diagnostics)
	case r.p != nil:
		r.checkCreate(ctx, plan, spec, &resp.Diagnostics)
	}
}

// checkCreate looks at what is there before a record is taken over.
func (r *route53FailoverRecordResource) checkCreate(ctx context.Context, plan *route53RecordModel, spec route53.Spec, diags *diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	have, err := r.p.Route53().Check(ctx, route53.Request{Spec: spec, Overwrite: plan.AllowOverwrite.ValueBool()})
	switch {
	case err == nil:
		if from := have.ActiveTarget(spec.Targets, spec.Active); from != spec.Active {
			warnOfMove(spec, from, strings.Join(have.Answer.Strings(), ", "), diags)
		}
	case errors.Is(err, route53.ErrNotFound):
	case route53.IsControlPlane(err):
		// The rest of the plan must not wait for Route 53.
		diags.AddWarning(spec.String()+": could not be looked at before it is taken over", errorDetail(err))
	default:
		addError(diags, "Unable to Plan Record", err)
	}
}

// Create adopts or makes the record.
func (r *route53FailoverRecordResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan route53RecordModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	limit, diags := plan.Timeouts.Create(ctx, recordTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, limit, &plan, nil, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Read takes over what the record is. What has changed since it was last seen
// is not known to be confirmed.
func (r *route53FailoverRecordResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state route53RecordModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit, diags := state.Timeouts.Read(ctx, lookTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	have, err := r.p.Route53().Find(ctx, state.key())
	imported := state.Targets.IsNull()
	switch {
	case errors.Is(err, route53.ErrNotFound) && imported:
		resp.Diagnostics.AddError("Unable to Import Record", fmt.Sprintf("%s does not exist in zone %s.", state.key(), state.ZoneID.ValueString()))
		return
	case errors.Is(err, route53.ErrNotFound):
		resp.State.RemoveResource(ctx)
		return
	case route53.IsControlPlane(err) && !imported:
		resp.Diagnostics.AddWarning(state.key().String()+": could not be read, its last known state is kept", errorDetail(err))
		return
	case err != nil:
		addError(&resp.Diagnostics, "Unable to Read Record", err)
		return
	}
	spec, known := state.spec(ctx, &resp.Diagnostics)
	if !imported && (!known || !spec.InForce(have)) {
		state.SyncStatus = types.StringValue(route53.Unknown)
	}
	state.see(ctx, have, spec.Targets, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update moves the record. If it fails the prior state stays, and the next read
// finds out how far it got.
func (r *route53FailoverRecordResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior route53RecordModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	limit, diags := plan.Timeouts.Update(ctx, recordTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, limit, &plan, &prior, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Delete forgets the record, or deletes it if that was asked for.
func (r *route53FailoverRecordResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state route53RecordModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit, diags := state.Timeouts.Delete(ctx, recordTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || !state.DeleteOnDestroy.ValueBool() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addError(&resp.Diagnostics, "Unable to Delete Record", r.p.Route53().Delete(ctx, state.key()))
}

// ImportState implements resource.ResourceWithImportState.
func (r *route53FailoverRecordResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	key, err := route53.ParseID(req.ID)
	if err != nil {
		resp.Diagnostics.AddError("Unable to Import Record", err.Error())
		return
	}
	for name, value := range map[string]types.String{
		"id": types.StringValue(key.ID()), "zone_id": types.StringValue(key.ZoneID), "name": types.StringValue(key.Name),
		"type": types.StringValue(key.Type), "set_identifier": stringOrNull(key.SetIdentifier),
		"fqdn": types.StringValue(route53.DisplayName(key.Name)),
		// Nothing of ours is on its way to a record that is only now taken over.
		"sync_status": types.StringValue(route53.InSync),
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	for _, name := range []string{"allow_overwrite", "delete_on_destroy"} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), false)...)
	}
}

// ensure makes the record what plan says, and fills what is computed.
func (r *route53FailoverRecordResource) ensure(ctx context.Context, limit time.Duration, plan, prior *route53RecordModel, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	spec, known := plan.spec(ctx, diags)
	if !known && !diags.HasError() {
		diags.AddAttributeError(path.Root("active"), "Unable to Change Record", fmt.Sprintf("%q is none of targets.", spec.Active))
	}
	if diags.HasError() {
		return false
	}
	request := route53.Request{Spec: spec, Overwrite: plan.AllowOverwrite.ValueBool()}
	changeID := types.StringNull()
	if prior != nil {
		request.Owned = !prior.Targets.IsNull()
		request.Unconfirmed = prior.SyncStatus.ValueString() != route53.InSync
		request.From = prior.Active.ValueString()
		changeID = prior.ChangeID
	}
	status, err := r.p.Route53().Ensure(ctx, request)
	if err != nil {
		addError(diags, "Unable to Change Record", err)
		return false
	}
	plan.settle(ctx, status, changeID, diags)
	return true
}
