// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// Further values of status.
const (
	statusCreating  = "creating"
	statusPromoted  = "promoted"
	statusNameTaken = "name_taken"
)

type rdsReadReplicaModel struct {
	DBInstanceIdentifier            types.String   `tfsdk:"db_instance_identifier"`
	Source                          types.String   `tfsdk:"source"`
	Region                          types.String   `tfsdk:"region"`
	KMSKeyID                        types.String   `tfsdk:"kms_key_id"`
	DBSubnetGroupName               types.String   `tfsdk:"db_subnet_group_name"`
	DBParameterGroupName            types.String   `tfsdk:"db_parameter_group_name"`
	VPCSecurityGroupIDs             types.Set      `tfsdk:"vpc_security_group_ids"`
	DBInstanceClass                 types.String   `tfsdk:"db_instance_class"`
	MultiAZ                         types.Bool     `tfsdk:"multi_az"`
	DeletionProtection              types.Bool     `tfsdk:"deletion_protection"`
	StorageType                     types.String   `tfsdk:"storage_type"`
	IAMDatabaseAuthenticationEnable types.Bool     `tfsdk:"iam_database_authentication_enabled"`
	CopyTagsToSnapshot              types.Bool     `tfsdk:"copy_tags_to_snapshot"`
	BackupRetentionPeriod           types.Int32    `tfsdk:"backup_retention_period"`
	Tags                            types.Map      `tfsdk:"tags"`
	FenceSecurityGroupIDs           types.Set      `tfsdk:"fence_security_group_ids"`
	Fences                          types.Set      `tfsdk:"fences"`
	Accept                          types.Set      `tfsdk:"accept"`
	ID                              types.String   `tfsdk:"id"`
	Status                          types.String   `tfsdk:"status"`
	Endpoint                        types.String   `tfsdk:"endpoint"`
	Port                            types.Int32    `tfsdk:"port"`
	ARN                             types.String   `tfsdk:"arn"`
	ResourceID                      types.String   `tfsdk:"resource_id"`
	RetiredAs                       types.String   `tfsdk:"retired_as"`
	Timeouts                        timeouts.Value `tfsdk:"timeouts"`
}

// isKnown says that nothing that a look at AWS needs is unknown. Fences may be:
// this very apply may make them.
func (m *rdsReadReplicaModel) isKnown() bool {
	for _, v := range []attr.Value{
		m.DBInstanceIdentifier, m.Source, m.Region, m.KMSKeyID, m.DBSubnetGroupName, m.DBParameterGroupName, m.VPCSecurityGroupIDs,
		m.DBInstanceClass, m.MultiAZ, m.DeletionProtection, m.StorageType, m.IAMDatabaseAuthenticationEnable, m.CopyTagsToSnapshot,
		m.BackupRetentionPeriod, m.Tags, m.FenceSecurityGroupIDs, m.Accept, m.Timeouts,
	} {
		if !isKnownThroughout(v) {
			return false
		}
	}
	return true
}

// isKnownThroughout says that a value, and what is in it, is known.
func isKnownThroughout(v attr.Value) bool {
	if v.IsUnknown() {
		return false
	}
	var elements []attr.Value
	switch v := v.(type) {
	case types.Set:
		elements = v.Elements()
	case types.Map:
		for _, e := range v.Elements() {
			elements = append(elements, e)
		}
	}
	for _, e := range elements {
		if e.IsUnknown() {
			return false
		}
	}
	return true
}

// toSpec maps a plan, and the state before it (nil on create), to the domain.
func (m *rdsReadReplicaModel) toSpec(ctx context.Context, prior *rdsReadReplicaModel, diags *diag.Diagnostics) rds.ReplicaSpec {
	spec := rds.ReplicaSpec{
		Identifier:            m.DBInstanceIdentifier.ValueString(),
		Source:                m.Source.ValueString(),
		KMSKeyID:              m.KMSKeyID.ValueString(),
		SubnetGroup:           m.DBSubnetGroupName.ValueString(),
		ParameterGroup:        m.DBParameterGroupName.ValueString(),
		Class:                 m.DBInstanceClass.ValueString(),
		StorageType:           m.StorageType.ValueString(),
		MultiAZ:               m.MultiAZ.ValueBoolPointer(),
		DeletionProtection:    m.DeletionProtection.ValueBoolPointer(),
		IAMAuthentication:     m.IAMDatabaseAuthenticationEnable.ValueBoolPointer(),
		CopyTagsToSnapshot:    m.CopyTagsToSnapshot.ValueBoolPointer(),
		BackupRetentionPeriod: m.BackupRetentionPeriod.ValueInt32Pointer(),
		Creating:              prior == nil,
	}
	diags.Append(m.VPCSecurityGroupIDs.ElementsAs(ctx, &spec.SecurityGroups, false)...)
	diags.Append(m.FenceSecurityGroupIDs.ElementsAs(ctx, &spec.FenceGroups, false)...)
	diags.Append(m.Tags.ElementsAs(ctx, &spec.Tags, false)...)
	diags.Append(m.Accept.ElementsAs(ctx, &spec.Accept, false)...)
	spec.FencesUnknown = m.Fences.IsUnknown()
	for _, v := range m.Fences.Elements() {
		line, ok := v.(types.String)
		if !ok || line.IsUnknown() {
			spec.FencesUnknown = true
			continue
		}
		if proof, err := fence.Parse(line.ValueString()); err == nil { // validated
			spec.Fences = append(spec.Fences, proof)
		}
	}
	if prior != nil && prior.Source.Equal(m.Source) {
		spec.EvidentResourceID = prior.ResourceID.ValueString()
	}
	return spec
}

// fromInstance maps what was seen. The source is the caller's.
func (m *rdsReadReplicaModel) fromInstance(i rds.Instance, standing rds.Standing) {
	m.ID = types.StringValue(i.Region + "/" + i.Identifier)
	m.ARN = types.StringValue(i.ARN)
	m.ResourceID = types.StringValue(i.ResourceID)
	m.Status = types.StringValue(replicaStatus(i, standing))
	if i.Endpoint != "" { // an instance that is being created has none
		m.Endpoint = types.StringValue(i.Endpoint)
		m.Port = types.Int32Value(i.Port)
	}
}

func replicaStatus(i rds.Instance, standing rds.Standing) string {
	switch {
	case standing == rds.StandingPromoted:
		return statusPromoted
	case standing == rds.StandingOldWriter:
		return statusNeedsReprotection
	case standing != rds.StandingReplica:
		return statusNameTaken
	case i.Status == statusCreating:
		return statusCreating
	case i.Promoting():
		return statusPromoting
	case !i.Replicating() || i.ReplicationState() == rds.RoleUnknown:
		return statusUnknown
	}
	return statusReplicating
}

// unmeasured makes unknown what an apply that builds will find.
func (m *rdsReadReplicaModel) unmeasured() {
	m.Status, m.Endpoint, m.ARN, m.ResourceID, m.RetiredAs = types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m.Port = types.Int32Unknown()
}

// known makes null of what stayed unknown: an answer to an apply has no unknown
// values.
func (m *rdsReadReplicaModel) known() {
	for _, s := range []*types.String{&m.Status, &m.Endpoint, &m.ARN, &m.ResourceID, &m.RetiredAs} {
		if s.IsUnknown() {
			*s = types.StringNull()
		}
	}
	if m.Port.IsUnknown() {
		m.Port = types.Int32Null()
	}
}
