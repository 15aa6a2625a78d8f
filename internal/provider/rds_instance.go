// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// What resources have in common that are about one DB instance, known as
// region/db_instance_identifier.

var identifierShape = regexp.MustCompile(`^[a-z](-?[a-z0-9]){0,62}$`)

func identifierAttribute() schema.Attribute {
	return schema.StringAttribute{
		MarkdownDescription: "Identifier of the DB instance, in lower case. A change forgets the one and adopts the other.",
		Required:            true,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators: []validator.String{stringvalidator.RegexMatches(identifierShape,
			"must be a DB instance identifier: up to 63 lower-case letters, digits and single hyphens, a letter first")},
	}
}

func regionAttribute() schema.Attribute {
	return schema.StringAttribute{
		MarkdownDescription: "Region of the instance. Default: the provider's. A change forgets the one and adopts the other.",
		Optional:            true,
		Computed:            true,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown(), stringplanmodifier.RequiresReplaceIfConfigured()},
		Validators:          []validator.String{isRegion()},
	}
}

func idAttribute() schema.Attribute {
	return schema.StringAttribute{
		MarkdownDescription: "`region/db_instance_identifier`, which is also what is imported.",
		Computed:            true,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// planInstance makes the provider's region the default, and so the id known.
// region is the plan's.
func (b *resourceBase) planInstance(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
	region *types.String, updating bool, identifier types.String,
) {
	var configured, prior types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("region"), &configured)...)
	if configured.IsNull() && b.p != nil {
		*region = types.StringValue(b.p.Clients.Region())
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("region"), *region)...)
		if updating {
			resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("region"), &prior)...)
			if !prior.Equal(*region) {
				resp.RequiresReplace = append(resp.RequiresReplace, path.Root("region"))
			}
		}
	}
	if !updating && !region.IsUnknown() && !identifier.IsUnknown() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), region.ValueString()+"/"+identifier.ValueString())...)
	}
}

// settleFences plans no change for a proof that says something else than it did
// when it was needed: the old writer that it was about may be retired by now.
// It returns true if that leaves nothing to change.
func settleFences(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) bool {
	var planned, before types.Set
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("fences"), &planned)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("fences"), &before)...)
	if !planned.IsNull() && !before.IsNull() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("fences"), before)...)
	}
	var plan, state, config map[string]tftypes.Value
	if resp.Diagnostics.HasError() || resp.Plan.Raw.As(&plan) != nil || req.State.Raw.As(&state) != nil || req.Config.Raw.As(&config) != nil {
		return false
	}
	for name, value := range plan {
		// What is not known and was not configured would only be measured again.
		measured := !value.IsKnown() && config[name].IsNull()
		if !measured && !value.Equal(state[name]) {
			return false
		}
	}
	resp.Plan.Raw = req.State.Raw
	return true
}

// warnAbsent warns of an instance that this very apply may be about to create.
func warnAbsent(diags *diag.Diagnostics, identifier, region types.String) {
	diags.AddWarning(
		fmt.Sprintf("%s: does not exist in %s yet", identifier.ValueString(), region.ValueString()),
		"The apply fails unless the instance is there by then. Check db_instance_identifier and region if nothing in this plan creates it.")
}

// importInstance takes region/identifier.
func importInstance(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse, summary string) {
	region, id, ok := strings.Cut(req.ID, "/")
	if !ok || !regionShape.MatchString(region) || !identifierShape.MatchString(id) {
		resp.Diagnostics.AddError(summary,
			fmt.Sprintf("%q is not region/db_instance_identifier.\n\nNext: import it such as us-west-2/orders-usw2.", req.ID))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("region"), region)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("db_instance_identifier"), id)...)
}
