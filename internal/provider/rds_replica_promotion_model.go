// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// The values of status.
const (
	statusReplicating       = "replicating"
	statusPromoting         = "promoting"
	statusWriter            = "writer"
	statusNeedsReprotection = "needs_reprotection"
	statusUnknown           = "unknown"
)

type rdsReplicaPromotionModel struct {
	DBInstanceIdentifier  types.String   `tfsdk:"db_instance_identifier"`
	Promoted              types.Bool     `tfsdk:"promoted"`
	Region                types.String   `tfsdk:"region"`
	Mode                  types.String   `tfsdk:"mode"`
	MaxEstimatedLoss      types.String   `tfsdk:"max_estimated_loss"`
	SourceLostAt          types.String   `tfsdk:"source_lost_at"`
	Accept                types.Set      `tfsdk:"accept"`
	Fences                types.Set      `tfsdk:"fences"`
	BackupRetentionPeriod types.Int32    `tfsdk:"backup_retention_period"`
	PreferredBackupWindow types.String   `tfsdk:"preferred_backup_window"`
	ID                    types.String   `tfsdk:"id"`
	Status                types.String   `tfsdk:"status"`
	Endpoint              types.String   `tfsdk:"endpoint"`
	Port                  types.Int32    `tfsdk:"port"`
	ARN                   types.String   `tfsdk:"arn"`
	ResourceID            types.String   `tfsdk:"resource_id"`
	Source                types.String   `tfsdk:"source"`
	ReplicaLagSeconds     types.Float64  `tfsdk:"replica_lag_seconds"`
	EstimatedLossSeconds  types.Float64  `tfsdk:"estimated_loss_seconds"`
	PromotedAt            types.String   `tfsdk:"promoted_at"`
	Timeouts              timeouts.Value `tfsdk:"timeouts"`
}

// isKnown says that nothing that a look at AWS needs is unknown. Fences may be:
// they are made by the same apply.
func (m *rdsReplicaPromotionModel) isKnown() bool {
	if m.Accept.IsUnknown() || m.Timeouts.IsUnknown() {
		return false
	}
	for _, name := range m.Accept.Elements() {
		if name.IsUnknown() {
			return false
		}
	}
	return !m.DBInstanceIdentifier.IsUnknown() && !m.Promoted.IsUnknown() && !m.Region.IsUnknown() && !m.Mode.IsUnknown() &&
		!m.MaxEstimatedLoss.IsUnknown() && !m.SourceLostAt.IsUnknown() && !m.BackupRetentionPeriod.IsUnknown() &&
		!m.PreferredBackupWindow.IsUnknown()
}

// is says that two models are of one instance.
func (m *rdsReplicaPromotionModel) is(o *rdsReplicaPromotionModel) bool {
	return m.DBInstanceIdentifier.Equal(o.DBInstanceIdentifier) && m.Region.Equal(o.Region)
}

// toSpec maps a plan, and the state before it (nil on create), to the domain.
func (m *rdsReplicaPromotionModel) toSpec(ctx context.Context, prior *rdsReplicaPromotionModel, diags *diag.Diagnostics) rds.Spec {
	spec := rds.Spec{
		Identifier:            m.DBInstanceIdentifier.ValueString(),
		Promoted:              m.Promoted.ValueBool(),
		Mode:                  m.Mode.ValueString(),
		BackupRetentionPeriod: m.BackupRetentionPeriod.ValueInt32Pointer(),
		PreferredBackupWindow: m.PreferredBackupWindow.ValueString(),
		Creating:              prior == nil,
	}
	if !m.MaxEstimatedLoss.IsNull() {
		limit := durationOr(m.MaxEstimatedLoss, 0)
		spec.MaxEstimatedLoss = &limit
	}
	if !m.SourceLostAt.IsNull() {
		// Validated; a zero time would only count the source as lost now.
		spec.SourceLostAt, _ = time.Parse(time.RFC3339, m.SourceLostAt.ValueString())
	}
	diags.Append(m.Accept.ElementsAs(ctx, &spec.Accept, false)...)
	spec.Fences, spec.FencesUnknown = m.fences(diags)
	if prior != nil && (prior.Promoted.ValueBool() || prior.Source.ValueString() != "") {
		spec.EvidentResourceID, spec.EvidentSource = prior.ResourceID.ValueString(), prior.Source.ValueString()
	}
	spec.Settled = prior != nil && prior.Promoted.ValueBool() && m.Promoted.ValueBool()
	return spec
}

// fences are the proofs that are known; pending says that there are others.
func (m *rdsReplicaPromotionModel) fences(diags *diag.Diagnostics) (proofs []fence.Proof, pending bool) {
	pending = m.Fences.IsUnknown()
	for _, element := range m.Fences.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			pending = true
			continue
		}
		proof, err := fence.Parse(text.ValueString())
		if err != nil { // validated, but for what was unknown then
			diags.AddAttributeError(path.Root("fences"), "Unable to Read Fences", err.Error()+".")
			continue
		}
		proofs = append(proofs, proof)
	}
	return proofs, pending
}

// fromInstance maps what was seen. Goal attributes are the caller's.
func (m *rdsReplicaPromotionModel) fromInstance(i rds.Instance) {
	m.ID = types.StringValue(i.Region + "/" + i.Identifier)
	m.ARN = types.StringValue(i.ARN)
	m.ResourceID = types.StringValue(i.ResourceID)
	if i.Endpoint != "" { // an instance that is being created has none
		m.Endpoint = types.StringValue(i.Endpoint)
		m.Port = types.Int32Value(i.Port)
	}
	m.Status = types.StringValue(promotionStatus(i, m.Promoted.ValueBool()))
	if i.IsReplica() {
		m.Source = types.StringValue(i.Source)
	}
}

func promotionStatus(i rds.Instance, wanted bool) string {
	switch {
	case i.Promoting():
		return statusPromoting
	case i.IsReplica() && !i.Replicating():
		return statusUnknown
	case i.IsReplica():
		return statusReplicating
	case wanted:
		return statusWriter
	default:
		return statusNeedsReprotection
	}
}

// known makes null of what stayed unknown: an answer to an apply has no unknown
// values.
func (m *rdsReplicaPromotionModel) known() {
	for _, s := range []*types.String{&m.ID, &m.Status, &m.Endpoint, &m.ARN, &m.ResourceID, &m.Source, &m.PromotedAt} {
		if s.IsUnknown() {
			*s = types.StringNull()
		}
	}
	if m.Port.IsUnknown() {
		m.Port = types.Int32Null()
	}
	for _, f := range []*types.Float64{&m.ReplicaLagSeconds, &m.EstimatedLossSeconds} {
		if f.IsUnknown() {
			*f = types.Float64Null()
		}
	}
}
