// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/flip"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

var (
	_ resource.ResourceWithConfigure      = (*route53FailoverSwitchResource)(nil)
	_ resource.ResourceWithValidateConfig = (*route53FailoverSwitchResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*route53FailoverSwitchResource)(nil)
	_ resource.ResourceWithImportState    = (*route53FailoverSwitchResource)(nil)
)

// switchTimeout bounds a change unless timeouts says otherwise: an alarm and its
// health check take up to three minutes to follow a datum.
const switchTimeout = 15 * time.Minute

func newRoute53FailoverSwitchResource() resource.Resource { return &route53FailoverSwitchResource{} }

type route53FailoverSwitchResource struct{ resourceBase }

// Metadata implements resource.Resource.
func (r *route53FailoverSwitchResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_route53_failover_switch"
}

// Schema implements resource.Resource.
func (r *route53FailoverSwitchResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = route53SwitchSchema(ctx)
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *route53FailoverSwitchResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m route53SwitchModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		m.check(ctx, &resp.Diagnostics)
	}
}

// ModifyPlan plans what is known to be so after an apply, and says what a move
// will need.
func (r *route53FailoverSwitchResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, prior *route53SwitchModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan == nil || prior != nil && !anyUnknown(plan.ZoneID, plan.Name, plan.Type) && plan.key().ID() != prior.key().ID() {
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: will be forgotten, its switch stays as it is", prior.key()),
			"The pair of records, the health check and the trigger stay, and DNS goes on answering with what it answers with now.")
		return
	}
	if prior != nil && prior.Status.ValueString() != switchIncomplete && req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	prepared := plan.prepared(ctx, prior, &resp.Diagnostics)
	plan.Status = types.StringValue(switchReady)
	if prior != nil && (plan.Active.IsUnknown() || plan.Active.Equal(plan.PrimaryRegion)) {
		plan.Status = types.StringUnknown() // held, if the standby region is lost
	}
	plan.HealthCheckID = types.StringUnknown()
	if prepared {
		plan.HealthCheckID = prior.HealthCheckID
	}
	if !plan.Name.IsUnknown() {
		plan.FQDN = types.StringValue(route53.DisplayName(plan.Name.ValueString()))
	}
	if !anyUnknown(plan.ZoneID, plan.Name, plan.Type) {
		plan.ID = types.StringValue(plan.key().ID())
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	spec, known := plan.spec(ctx, &resp.Diagnostics)
	if !known || resp.Diagnostics.HasError() {
		return
	}
	if prior == nil {
		r.checkCreate(ctx, plan, spec, &resp.Diagnostics)
	} else if !prior.Active.Equal(plan.Active) {
		r.warnOfMove(prior.Active.ValueString(), spec, prepared, &resp.Diagnostics)
	}
}

// checkCreate looks at what is there before it is taken over.
func (r *route53FailoverSwitchResource) checkCreate(ctx context.Context, plan *route53SwitchModel, spec flip.Spec, diags *diag.Diagnostics) {
	if r.p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	active, err := r.p.Flip().Check(ctx, flip.Request{Spec: spec, Overwrite: plan.AllowOverwrite.ValueBool()})
	switch {
	case err == nil && active != "" && active != spec.Active:
		r.warnOfMove(active, spec, false, diags)
	case err == nil:
	case route53.IsControlPlane(err):
		diags.AddWarning(spec.Key().String()+": could not be looked at before it is taken over", errorDetail(err)+
			"\n\nIf the switch was prepared before and only the state is lost, this moves DNS to "+spec.Active+" now:\n\n    "+spec.Command())
		diags.AddWarning(needsRoute53, "A switch of which nothing is known here is looked at, and prepared, by Route 53's API.")
	default:
		addError(diags, "Unable to Plan Switch", err)
	}
}

// warnOfMove says what clients will notice, and each control plane that the move
// needs: none, if all is as it was prepared.
func (r *route53FailoverSwitchResource) warnOfMove(from string, spec flip.Spec, prepared bool, diags *diag.Diagnostics) {
	if from == "" {
		from = "what answers with neither region"
	}
	keep := "the aliases' TTL"
	if spec.TTL != nil {
		keep = fmt.Sprintf("%d s", *spec.TTL)
	}
	diags.AddWarning(fmt.Sprintf("%s: moves from %s to %s", spec.Key(), from, spec.Active), fmt.Sprintf(
		"It is moved by one call: %s. Resolvers may keep the old answer for up to %s after the name servers have moved.\n\n"+
			"Once it is prepared, the same by hand, without this provider or its state:\n\n    %s", spec.Call(), keep, spec.Command()))
	if !prepared {
		diags.AddWarning(needsRoute53, "A switch is not prepared as it is declared: its records or its health check have to be changed first. "+
			"Where something was prepared before, the switch is thrown even if Route 53's API does not answer.")
	}
	lost := r.p != nil && r.p.Clients.Listed(spec.Standby)
	switch {
	case spec.Active == spec.Primary && lost:
		diags.AddWarning(needsRoute53, spec.Standby+" is listed in failed_regions, where the switches are thrown. In its place both records of each pair are made to lead to "+
			spec.Primary+"; the first apply after the region's return mends that.")
	case spec.Active == spec.Primary:
		diags.AddWarning(fmt.Sprintf("This plan needs %s or, in its place, Route 53's control plane, in us-east-1", spec.Standby),
			"The switches are thrown there, in either direction. If it gives no answer, both records of each pair are made to lead to "+spec.Primary+" by Route 53's API.")
	case lost:
		diags.AddWarning("This plan needs "+spec.Standby+", which is listed in failed_regions", "The switches are thrown there, in either direction.")
	}
	if r.p == nil {
		return
	}
	if sts := r.p.Clients.STSRegion(); r.p.Clients.AssumesRole() && sts == from {
		diags.AddWarning("This plan needs STS in "+sts+", the region that is being left", "The roles of assume_role are assumed there. Set the provider's region to the one that you recover to.")
	}
}

// warnOfHold says what a switch that is held cannot do.
func warnOfHold(spec flip.Spec, diags *diag.Diagnostics) {
	diags.AddWarning(fmt.Sprintf("%s: is held on %s, and cannot fail over", spec.Key(), spec.Primary), fmt.Sprintf(
		"%s, where it is thrown, gives no answer. Both records lead to %s, so that DNS stays where it is, also when the region returns. "+
			"The first plan after that shows it, and its apply makes it a switch again.", spec.Standby, spec.Primary))
}

// Create adopts or prepares the switch.
func (r *route53FailoverSwitchResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan route53SwitchModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	limit, diags := plan.Timeouts.Create(ctx, switchTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, limit, &plan, nil, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Read sees which region DNS answers with, and whether the switch is ready.
func (r *route53FailoverSwitchResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state route53SwitchModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit, diags := state.Timeouts.Read(ctx, lookTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if state.Targets.IsNull() {
		spec, checkID, err := r.p.Flip().Discover(ctx, state.key())
		if err != nil {
			addError(&resp.Diagnostics, "Unable to Import Switch", err)
			return
		}
		state.take(ctx, spec, checkID, &resp.Diagnostics)
	}
	spec, _ := state.spec(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := r.p.Flip().Find(ctx, spec, state.HealthCheckID.ValueString())
	switch {
	case errors.Is(err, flip.ErrNotFound):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		addError(&resp.Diagnostics, "Unable to Read Switch", err)
		return
	}
	for _, err := range found.Unread {
		resp.Diagnostics.AddWarning(spec.Key().String()+": could not be read as a whole, what was last known is kept", errorDetail(err))
	}
	if found.Answered {
		state.Active = stringOrNull(found.Active)
	}
	if found.Answered && found.Active == "" {
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: DNS answers with neither region alone, or is on its way", spec.Key()), found.Seen)
	}
	switch {
	case len(found.Lacking) > 0:
		state.Status = types.StringValue(switchIncomplete)
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: the switch is incomplete, a failover may not work", spec.Key()),
			strings.Join(found.Lacking, "\n")+"\n\nThe next apply mends it.")
	case found.Held:
		state.Status = types.StringValue(switchHeld)
		warnOfHold(spec, &resp.Diagnostics)
	case len(found.Unread) == 0:
		state.Status = types.StringValue(switchReady)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update throws the switch, and prepares it anew where that is needed. If it
// fails the prior state stays, and the next read finds out how far it got.
func (r *route53FailoverSwitchResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior route53SwitchModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	limit, diags := plan.Timeouts.Update(ctx, switchTimeout)
	resp.Diagnostics.Append(diags...)
	if r.ensure(ctx, limit, &plan, &prior, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Delete forgets the switch.
func (r *route53FailoverSwitchResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState implements resource.ResourceWithImportState.
func (r *route53FailoverSwitchResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	key, err := route53.ParseID(req.ID)
	if err != nil || key.SetIdentifier != "" {
		resp.Diagnostics.AddError("Unable to Import Switch", fmt.Sprintf("%q is not ZONE_NAME_TYPE, for instance Z0123456789ABCDEFGHIJ_app.example.com_A", req.ID))
		return
	}
	for name, value := range map[string]string{
		"id": key.ID(), "zone_id": key.ZoneID, "name": key.Name, "type": key.Type, "fqdn": route53.DisplayName(key.Name), "status": switchIncomplete,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("allow_overwrite"), false)...)
}

// ensure makes the switch what plan says, and fills what is computed.
func (r *route53FailoverSwitchResource) ensure(ctx context.Context, limit time.Duration, plan, prior *route53SwitchModel, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if plan.check(ctx, diags); diags.HasError() {
		return false
	}
	spec, _ := plan.spec(ctx, diags)
	request := flip.Request{Spec: spec, Overwrite: plan.AllowOverwrite.ValueBool()}
	if prior != nil {
		request.Prepared = plan.prepared(ctx, prior, diags)
		request.Owned, request.CheckID = true, prior.HealthCheckID.ValueString()
	}
	if diags.HasError() {
		return false
	}
	status, err := r.p.Flip().Ensure(ctx, request)
	if err != nil {
		addError(diags, "Unable to Switch Record", err)
		return false
	}
	plan.ID = types.StringValue(plan.key().ID())
	plan.FQDN = types.StringValue(route53.DisplayName(plan.Name.ValueString()))
	plan.HealthCheckID = types.StringValue(status.CheckID)
	plan.Status = types.StringValue(switchReady)
	if status.Held {
		plan.Status = types.StringValue(switchHeld)
		warnOfHold(spec, diags)
	}
	return true
}
