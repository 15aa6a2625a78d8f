// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

var _ datasource.DataSourceWithConfigure = (*rdsRetiredInstancesDataSource)(nil)

func newRDSRetiredInstancesDataSource() datasource.DataSource {
	return &rdsRetiredInstancesDataSource{}
}

type rdsRetiredInstancesDataSource struct{ dataSourceBase }

type rdsRetiredInstancesModel struct {
	Region                    types.String           `tfsdk:"region"`
	InstanceHourlyPrices      map[string]float64     `tfsdk:"instance_hourly_prices"`
	StorageMonthlyPricePerGiB types.Float64          `tfsdk:"storage_monthly_price_per_gib"`
	Instances                 []retiredInstanceModel `tfsdk:"instances"`
	MonthlyCost               types.Float64          `tfsdk:"monthly_cost"`
	Known                     types.Bool             `tfsdk:"known"`
}

type retiredInstanceModel struct {
	DBInstanceIdentifier types.String  `tfsdk:"db_instance_identifier"`
	RetiredFrom          types.String  `tfsdk:"retired_from"`
	RetiredAt            types.String  `tfsdk:"retired_at"`
	AgeDays              types.Int64   `tfsdk:"age_days"`
	ARN                  types.String  `tfsdk:"arn"`
	Status               types.String  `tfsdk:"status"`
	DBInstanceClass      types.String  `tfsdk:"db_instance_class"`
	AllocatedStorage     types.Int32   `tfsdk:"allocated_storage"`
	StorageType          types.String  `tfsdk:"storage_type"`
	MultiAZ              types.Bool    `tfsdk:"multi_az"`
	DeletionProtection   types.Bool    `tfsdk:"deletion_protection"`
	MonthlyCost          types.Float64 `tfsdk:"monthly_cost"`
}

// Metadata implements datasource.DataSource.
func (d *rdsRetiredInstancesDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_rds_retired_instances"
}

// Schema implements datasource.DataSource.
func (d *rdsRetiredInstancesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	flag := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{MarkdownDescription: description, Computed: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The old writers that `dr_rds_read_replica` has retired in a region, the oldest first, and what keeping them costs. " +
			"They hold what was written after the failover and never reached the new writer. Nothing here, nor anywhere in this provider, deletes " +
			"them: a person does, once nobody needs them, after switching their deletion protection off.\n\n" +
			"Prices are the caller's; without them costs are null, which means unknown. An instance that is stopped saves its hourly price for " +
			"seven days, after which RDS starts it again: the cost is that of a running one.\n\n" +
			"A region that cannot be read gives a warning, `known = false` and an empty list.\n\n" +
			"-> These facts change by the day: made a root output, they make plans non-empty.\n\n" +
			"The caller needs `rds:DescribeDBInstances`.",
		Attributes: map[string]schema.Attribute{
			"region": schema.StringAttribute{
				MarkdownDescription: "Region to look in. Default: the provider's.",
				Optional:            true,
				Computed:            true,
				Validators:          []validator.String{isRegion()},
			},
			"instance_hourly_prices": schema.MapAttribute{
				MarkdownDescription: "Hourly price of a running Single-AZ instance, by class, such as `{ \"db.r6g.large\" = 0.225 }`, in any currency.",
				Optional:            true,
				ElementType:         types.Float64Type,
				Validators:          []validator.Map{mapvalidator.ValueFloat64sAre(float64validator.AtLeast(0))},
			},
			"storage_monthly_price_per_gib": schema.Float64Attribute{
				MarkdownDescription: "Monthly price of a GiB of Single-AZ storage, in the same currency.",
				Optional:            true,
				Validators:          []validator.Float64{float64validator.AtLeast(0)},
			},
			"instances": schema.ListNestedAttribute{
				MarkdownDescription: "The retired instances.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"db_instance_identifier": text("Identifier that it has now."),
					"retired_from":           text("Identifier that it had."),
					"retired_at":             text("When its retirement began (RFC 3339); null if its tag does not say."),
					"age_days":               schema.Int64Attribute{MarkdownDescription: "Whole days since then.", Computed: true},
					"arn":                    text("ARN that it has now."),
					"status":                 text("RDS's own `DBInstanceStatus`."),
					"db_instance_class":      text("Its class."),
					"allocated_storage":      schema.Int32Attribute{MarkdownDescription: "Its storage in GiB.", Computed: true},
					"storage_type":           text("Its kind of storage."),
					"multi_az":               flag("Whether it has a standby in another zone, and so costs twice as much."),
					"deletion_protection":    flag("Whether it is protected from deletion."),
					"monthly_cost": schema.Float64Attribute{
						MarkdownDescription: "What a month of 730 hours costs, in the currency of the prices; null if a price is missing.", Computed: true,
					},
				}},
			},
			"monthly_cost": schema.Float64Attribute{
				MarkdownDescription: "The sum of them; null if one is unknown.", Computed: true,
			},
			"known": flag("Whether the region could be read."),
		},
	}
}

// Read implements datasource.DataSource.
func (d *rdsRetiredInstancesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model rdsRetiredInstancesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	if model.Region.IsNull() {
		model.Region = types.StringValue(d.p.Clients.Region())
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	list, err := d.p.RDS(model.Region.ValueString()).Retired(ctx)
	if awsclient.IsExpiredToken(err) || awsclient.IsCredentials(err) {
		addError(&resp.Diagnostics, "Unable to Read Retired Instances", err)
		return
	}
	if err != nil {
		resp.Diagnostics.AddWarning(fmt.Sprintf("%s: its retired instances are unknown", model.Region.ValueString()), errorDetail(err))
	}
	model.fromRetired(list, time.Now())
	if model.Known = types.BoolValue(err == nil); err != nil {
		model.MonthlyCost = types.Float64Null()
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (m *rdsRetiredInstancesModel) fromRetired(list []rds.Retired, now time.Time) {
	prices := rds.Prices{Hourly: m.InstanceHourlyPrices, StoragePerGiB: m.StorageMonthlyPricePerGiB.ValueFloat64Pointer()}
	m.Instances = []retiredInstanceModel{}
	sum, all := 0.0, true
	for _, r := range list {
		i, s := r.Instance, r.Instance.Settings
		row := retiredInstanceModel{
			DBInstanceIdentifier: types.StringValue(i.Identifier), RetiredFrom: types.StringValue(r.From), ARN: types.StringValue(i.ARN),
			Status: types.StringValue(i.Status), DBInstanceClass: types.StringValue(s.Class), AllocatedStorage: types.Int32Value(s.AllocatedStorage),
			StorageType: types.StringValue(s.StorageType), MultiAZ: types.BoolValue(s.MultiAZ), DeletionProtection: types.BoolValue(s.DeletionProtection),
		}
		if !r.At.IsZero() {
			row.RetiredAt = types.StringValue(r.At.UTC().Format(time.RFC3339))
			row.AgeDays = types.Int64Value(int64(now.Sub(r.At) / (24 * time.Hour)))
		}
		cost, known := r.MonthlyCost(prices)
		if known {
			row.MonthlyCost = types.Float64Value(cents(cost))
		}
		sum, all = sum+cost, all && known
		m.Instances = append(m.Instances, row)
	}
	if all {
		m.MonthlyCost = types.Float64Value(cents(sum))
	}
}

// cents rounds to hundredths.
func cents(x float64) float64 { return math.Round(x*100) / 100 }
