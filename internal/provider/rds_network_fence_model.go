// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

type rdsNetworkFenceModel struct {
	DBInstanceIdentifier     types.String   `tfsdk:"db_instance_identifier"`
	Region                   types.String   `tfsdk:"region"`
	Fenced                   types.Bool     `tfsdk:"fenced"`
	FenceSecurityGroupIDs    types.Set      `tfsdk:"fence_security_group_ids"`
	Required                 types.Bool     `tfsdk:"required"`
	AllowReplica             types.Bool     `tfsdk:"allow_replica"`
	ID                       types.String   `tfsdk:"id"`
	Status                   types.String   `tfsdk:"status"`
	Proof                    types.String   `tfsdk:"proof"`
	FencedSince              types.String   `tfsdk:"fenced_since"`
	OriginalSecurityGroupIDs types.Set      `tfsdk:"original_security_group_ids"`
	ResourceID               types.String   `tfsdk:"resource_id"`
	Timeouts                 timeouts.Value `tfsdk:"timeouts"`
}

// isKnown says that nothing that a look at AWS needs is unknown.
func (m *rdsNetworkFenceModel) isKnown() bool {
	for _, id := range m.FenceSecurityGroupIDs.Elements() {
		if id.IsUnknown() {
			return false
		}
	}
	return !m.DBInstanceIdentifier.IsUnknown() && !m.Region.IsUnknown() && !m.Fenced.IsUnknown() && !m.FenceSecurityGroupIDs.IsUnknown() &&
		!m.Required.IsUnknown() && !m.AllowReplica.IsUnknown() && !m.Timeouts.IsUnknown()
}

// toSpec maps a plan, and the state before it (nil on create), to the domain.
func (m *rdsNetworkFenceModel) toSpec(ctx context.Context, prior *rdsNetworkFenceModel, diags *diag.Diagnostics) rds.FenceSpec {
	spec := rds.FenceSpec{
		Identifier:   m.DBInstanceIdentifier.ValueString(),
		Fenced:       m.Fenced.ValueBool(),
		Required:     m.Required.ValueBool(),
		AllowReplica: m.AllowReplica.ValueBool(),
		Creating:     prior == nil,
	}
	diags.Append(m.FenceSecurityGroupIDs.ElementsAs(ctx, &spec.Groups, false)...)
	if prior != nil {
		spec.WasFenced = prior.Fenced.ValueBool() || prior.Status.ValueString() == rds.FenceFencing
		diags.Append(prior.OriginalSecurityGroupIDs.ElementsAs(ctx, &spec.Original, false)...)
	}
	return spec
}

// fromStatus maps what was seen. Goal attributes are the caller's.
func (m *rdsNetworkFenceModel) fromStatus(f rds.FenceStatus) {
	region, id := m.Region.ValueString(), m.DBInstanceIdentifier.ValueString()
	m.ID = types.StringValue(region + "/" + id)
	m.Status = types.StringValue(f.State)
	m.Proof = types.StringValue(f.Proof(region, id).String())
	m.FencedSince = types.StringNull()
	if f.State == rds.FenceFenced {
		m.FencedSince = types.StringValue(f.Since.UTC().Format(time.RFC3339))
	}
	m.OriginalSecurityGroupIDs = setOf(f.Original)
	if f.Instance.Identifier != "" {
		m.ResourceID = types.StringValue(f.Instance.ResourceID)
	} else if m.ResourceID.IsUnknown() {
		m.ResourceID = types.StringNull()
	}
}

// fromRead maps a look to the goal: what is neither fenced nor open, such as a
// fence half done, or one that others have changed, is null, so that the next
// plan has something to finish whichever way it is to go.
func (m *rdsNetworkFenceModel) fromRead(f rds.FenceStatus) {
	m.fromStatus(f)
	switch {
	case f.State == rds.FenceFenced:
		m.Fenced = types.BoolValue(true)
	case f.State == rds.FenceReplica: // as it is wanted
	case f.State == rds.FenceOpen && f.Drift == "":
		m.Fenced = types.BoolValue(false)
	default:
		m.Fenced = types.BoolNull()
	}
}

// setOf makes a set of strings; null of none.
func setOf(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, 0, len(values))
	for _, v := range values {
		elements = append(elements, types.StringValue(v))
	}
	return types.SetValueMust(types.StringType, elements)
}
