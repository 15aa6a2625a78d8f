// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

var _ datasource.DataSourceWithConfigure = (*replicationStatusDataSource)(nil)

func newReplicationStatusDataSource() datasource.DataSource { return &replicationStatusDataSource{} }

type replicationStatusDataSource struct{ dataSourceBase }

type replicationStatusModel struct {
	DBInstanceIdentifier types.String      `tfsdk:"db_instance_identifier"`
	Region               types.String      `tfsdk:"region"`
	Role                 types.String      `tfsdk:"role"`
	Status               types.String      `tfsdk:"status"`
	Source               types.String      `tfsdk:"source"`
	LagSeconds           types.Float64     `tfsdk:"lag_seconds"`
	LagObservedAt        types.String      `tfsdk:"lag_observed_at"`
	LagAgeSeconds        types.Float64     `tfsdk:"lag_age_seconds"`
	ReplicationState     types.String      `tfsdk:"replication_state"`
	StatusInfos          []statusInfoModel `tfsdk:"status_infos"`
	Known                types.Bool        `tfsdk:"known"`
}

type statusInfoModel struct {
	Type    types.String `tfsdk:"type"`
	Normal  types.Bool   `tfsdk:"normal"`
	Status  types.String `tfsdk:"status"`
	Message types.String `tfsdk:"message"`
}

// Metadata implements datasource.DataSource.
func (d *replicationStatusDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_replication_status"
}

// Schema implements datasource.DataSource.
func (d *replicationStatusDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Replication of a DB instance of Amazon RDS as it is now. What cannot be known (a region that does not answer, " +
			"no permission, a datum older than five minutes, a `ReplicaLag` of -1) is `unknown` or null with a warning, never healthy and " +
			"never an error; an instance that does not exist is an error.\n\n" +
			"-> These facts change all the time: made a root output, they make every plan non-empty.\n\n" +
			"The caller needs `rds:DescribeDBInstances` and `cloudwatch:GetMetricData`.",
		Attributes: map[string]schema.Attribute{
			"db_instance_identifier": schema.StringAttribute{
				MarkdownDescription: "Identifier of the DB instance, in lower case.",
				Required:            true,
				Validators: []validator.String{stringvalidator.RegexMatches(identifierShape,
					"must be a DB instance identifier: up to 63 lower-case letters, digits and single hyphens, a letter first")},
			},
			"region": schema.StringAttribute{
				MarkdownDescription: "Region of the instance. Default: the provider's.",
				Optional:            true,
				Computed:            true,
				Validators:          []validator.String{isRegion()},
			},
			"role": schema.StringAttribute{
				MarkdownDescription: "`replica`, `source` (a writer with replicas), `standalone` (a writer without) or `unknown`.",
				Computed:            true,
			},
			"status": schema.StringAttribute{
				MarkdownDescription: "RDS's own `DBInstanceStatus`, or `unknown`.",
				Computed:            true,
			},
			"source": schema.StringAttribute{
				MarkdownDescription: "ARN (of another region) or identifier of what the replica follows; null for a writer.",
				Computed:            true,
			},
			"lag_seconds": schema.Float64Attribute{
				MarkdownDescription: "CloudWatch's newest `ReplicaLag` in seconds; null if unknown. For PostgreSQL it is the age of the last " +
					"replayed transaction, and grows while the source is idle or dead.",
				Computed: true,
			},
			"lag_observed_at": schema.StringAttribute{
				MarkdownDescription: "Time of the newest `ReplicaLag` datum (RFC 3339), also when it is too old or -1; null if there is none.",
				Computed:            true,
			},
			"lag_age_seconds": schema.Float64Attribute{
				MarkdownDescription: "Age of that datum in seconds; null if there is none.",
				Computed:            true,
			},
			"replication_state": schema.StringAttribute{
				MarkdownDescription: "Status of RDS's `read replication` entry: `replicating`, `replication stop point set`, `replication stop " +
					"point reached`, `error`, `stopped`, `terminated`; `unknown` if there is none.",
				Computed: true,
			},
			"status_infos": schema.ListNestedAttribute{
				MarkdownDescription: "RDS's `StatusInfos`.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"type":    schema.StringAttribute{MarkdownDescription: "What it is about, such as `read replication`.", Computed: true},
					"normal":  schema.BoolAttribute{MarkdownDescription: "Whether RDS calls it normal.", Computed: true},
					"status":  schema.StringAttribute{MarkdownDescription: "The status.", Computed: true},
					"message": schema.StringAttribute{MarkdownDescription: "RDS's message, if it is not normal.", Computed: true},
				}},
			},
			"known": schema.BoolAttribute{
				MarkdownDescription: "Whether everything that applies is known: the instance was read, and for a replica its lag is fresh.",
				Computed:            true,
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *replicationStatusDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model replicationStatusModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	if model.Region.IsNull() {
		model.Region = types.StringValue(d.p.Clients.Region())
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	id, region := model.DBInstanceIdentifier.ValueString(), model.Region.ValueString()
	model.unknown()
	service := d.p.RDS(region)
	i, err := service.Find(ctx, id)
	switch {
	case rds.IsKind(err, rds.KindNotFound) || awsclient.IsExpiredToken(err) || awsclient.IsCredentials(err):
		addError(&resp.Diagnostics, "Unable to Read Replication Status", err)
		return
	case err != nil:
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: replication in %s is unknown", id, region), errorDetail(err))
	default:
		model.fromInstance(i)
		if i.IsReplica() {
			lag, err := service.Lag(ctx, id)
			model.fromLag(lag, time.Now())
			if !model.Known.ValueBool() {
				resp.Diagnostics.AddWarning(fmt.Sprintf("%s: replica lag in %s is unknown", id, region), whyUnknown(lag, err))
			}
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func whyUnknown(lag rds.Lag, err error) string {
	switch {
	case err != nil:
		return errorDetail(err)
	case lag.At.IsZero():
		return "CloudWatch has no ReplicaLag datum of the last 24 hours."
	case lag.Seconds < 0:
		return fmt.Sprintf("ReplicaLag was %.0f at %s: the instance was not replicating.", lag.Seconds, lag.At.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("The newest ReplicaLag datum is of %s, more than %s ago.", lag.At.UTC().Format(time.RFC3339), rds.StaleAfter)
	}
}

func (m *replicationStatusModel) unknown() {
	m.Role, m.Status = types.StringValue(rds.RoleUnknown), types.StringValue(statusUnknown)
	m.ReplicationState = types.StringValue(rds.RoleUnknown)
	m.StatusInfos = []statusInfoModel{}
	m.Known = types.BoolValue(false)
}

func (m *replicationStatusModel) fromInstance(i rds.Instance) {
	m.Role, m.Status = types.StringValue(i.Role()), types.StringValue(i.Status)
	m.ReplicationState = types.StringValue(i.ReplicationState())
	m.Known = types.BoolValue(!i.IsReplica())
	if i.IsReplica() {
		m.Source = types.StringValue(i.Source)
	}
	for _, info := range i.Infos {
		m.StatusInfos = append(m.StatusInfos, statusInfoModel{
			Type: types.StringValue(info.Type), Normal: types.BoolValue(info.Normal),
			Status: types.StringValue(info.Status), Message: types.StringValue(info.Message),
		})
	}
}

func (m *replicationStatusModel) fromLag(lag rds.Lag, now time.Time) {
	if lag.At.IsZero() {
		return
	}
	m.LagObservedAt = types.StringValue(lag.At.UTC().Format(time.RFC3339))
	m.LagAgeSeconds = types.Float64Value(max(0, now.Sub(lag.At).Round(time.Second).Seconds()))
	if lag.Known(rds.StaleAfter) {
		m.LagSeconds = types.Float64Value(lag.Seconds)
		m.Known = types.BoolValue(true)
	}
}
