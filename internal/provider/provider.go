// SPDX-License-Identifier: MPL-2.0

// Package provider is the Terraform side of the provider: schemas, and the
// mapping between them and the domain packages. It decides nothing about AWS:
// what may be done, and how, is for the domain packages to say.
package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

var _ provider.ProviderWithFunctions = (*drProvider)(nil)

// New makes the provider of one version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &drProvider{version: version} }
}

type drProvider struct{ version string }

type providerModel struct {
	Region        types.String      `tfsdk:"region"`
	Profile       types.String      `tfsdk:"profile"`
	Endpoints     types.Map         `tfsdk:"endpoints"`
	AssumeRole    []assumeRoleModel `tfsdk:"assume_role"`
	FailedRegions types.Set         `tfsdk:"failed_regions"`
	RegionTimeout types.String      `tfsdk:"region_timeout"`
	PollInterval  types.String      `tfsdk:"poll_interval"`
}

type assumeRoleModel struct {
	RoleARN     types.String `tfsdk:"role_arn"`
	SessionName types.String `tfsdk:"session_name"`
	ExternalID  types.String `tfsdk:"external_id"`
	Duration    types.String `tfsdk:"duration"`
}

// Metadata implements provider.Provider.
func (p *drProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "dr"
	resp.Version = p.version
}

// Resources implements provider.Provider.
func (p *drProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newHTTPVerificationResource,
		newPostgreSQLWriteFenceResource,
		newRDSNetworkFenceResource,
		newRDSReadReplicaResource,
		newRDSReplicaPromotionResource,
		newRoute53FailoverRecordResource,
		newRoute53FailoverSwitchResource,
	}
}

// DataSources implements provider.Provider.
func (p *drProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newRDSRetiredInstancesDataSource,
		newReplicationStatusDataSource,
	}
}

// Functions implements provider.ProviderWithFunctions.
func (p *drProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		newARNRegionFunction,
		newRPOBreachedFunction,
		newRTORemainingFunction,
	}
}

// Schema implements provider.Provider.
func (p *drProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Disaster recovery as declared state: moving one input, the active region, promotes " +
			"databases, moves DNS and verifies the application, in order, as fast as AWS allows, and can be run " +
			"again after any interruption.",
		Attributes: map[string]schema.Attribute{
			"region": schema.StringAttribute{
				MarkdownDescription: "Region of calls that name none, and of the STS endpoint that gives out the " +
					"credentials of `assume_role`. Name the region that you recover *to*, never the one that may fail. " +
					"Default: the environment (`AWS_REGION`) or the profile.",
				Optional:   true,
				Validators: []validator.String{isRegion()},
			},
			"profile": schema.StringAttribute{
				MarkdownDescription: "Profile of the shared AWS configuration files.",
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"endpoints": schema.MapAttribute{
				MarkdownDescription: "URLs to use instead of AWS's own, by service: `rds`, `route53`, `cloudwatch`, `ec2`, `s3`, `secretsmanager`, `sts`. " +
					"`AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` work too.",
				Optional:    true,
				ElementType: types.StringType,
				Validators: []validator.Map{
					mapvalidator.KeysAre(stringvalidator.OneOf("rds", "route53", "cloudwatch", "ec2", "s3", "secretsmanager", "sts")),
					mapvalidator.ValueStringsAre(isURL()),
				},
			},
			"assume_role": schema.ListNestedAttribute{
				MarkdownDescription: "Roles to assume, in order: the first with the default credentials, each further " +
					"one with those of the role before it.",
				Optional:   true,
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
				NestedObject: schema.NestedAttributeObject{
					Attributes: map[string]schema.Attribute{
						"role_arn": schema.StringAttribute{
							MarkdownDescription: "ARN of the role.",
							Required:            true,
							Validators:          []validator.String{isRoleARN()},
						},
						"session_name": schema.StringAttribute{
							MarkdownDescription: "Name of the session, as CloudTrail shows it. Default: `terraform-provider-dr`.",
							Optional:            true,
							Validators:          []validator.String{stringvalidator.LengthBetween(2, 64)},
						},
						"external_id": schema.StringAttribute{
							MarkdownDescription: "External id that the role's trust policy asks for.",
							Optional:            true,
							Sensitive:           true,
						},
						"duration": schema.StringAttribute{
							MarkdownDescription: "How long the session's credentials last, such as `1h`; they are renewed when they " +
								"run out. At most `1h` for all but the first role of the chain. Default: `15m`.",
							Optional:   true,
							Validators: []validator.String{isDuration(15*time.Minute, 12*time.Hour)},
						},
					},
				},
			},
			"failed_regions": schema.SetAttribute{
				MarkdownDescription: "Regions that you know to be down: they are not called at all, and count as lost. It spares the wait " +
					"of `region_timeout`; a region that is not listed and does not answer is found out. Take it out after the incident.",
				Optional:    true,
				ElementType: types.StringType,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(isRegionOrGlobal())},
			},
			"region_timeout": schema.StringAttribute{
				MarkdownDescription: "How long a region may give no answer at all before it counts as unreachable for the " +
					"rest of the run: one budget per region, shared by all calls. Default: `3s`.",
				Optional:   true,
				Validators: []validator.String{isDuration(100*time.Millisecond, 5*time.Minute)},
			},
			"poll_interval": schema.StringAttribute{
				MarkdownDescription: "Shortest time between two looks at what is being waited for; it grows to ten times as " +
					"long while nothing changes. Default: `1s`.",
				Optional:   true,
				Validators: []validator.String{isDuration(10*time.Millisecond, time.Minute)},
			},
		},
	}
}

// Configure implements provider.Provider. It makes no call.
func (p *drProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	if !knownThroughout(req.Config) {
		// Something the provider depends on does not exist yet: resources
		// plan without looking at AWS, or are deferred where the core can.
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	cfg := awsclient.Config{
		Region:        model.Region.ValueString(),
		Profile:       model.Profile.ValueString(),
		RegionTimeout: durationOr(model.RegionTimeout, awsclient.DefaultRegionTimeout),
		Version:       p.version,
		OnCall:        logCall,
	}
	resp.Diagnostics.Append(model.Endpoints.ElementsAs(ctx, &cfg.Endpoints, false)...)
	resp.Diagnostics.Append(model.FailedRegions.ElementsAs(ctx, &cfg.FailedRegions, false)...)
	for _, role := range model.AssumeRole {
		cfg.AssumeRole = append(cfg.AssumeRole, awsclient.AssumeRole{
			RoleARN:     role.RoleARN.ValueString(),
			SessionName: role.SessionName.ValueString(),
			ExternalID:  role.ExternalID.ValueString(),
			Duration:    durationOr(role.Duration, 0),
		})
	}
	if resp.Diagnostics.HasError() {
		return
	}
	clients, err := awsclient.New(ctx, cfg)
	if err != nil {
		at := path.Root("profile")
		if errors.Is(err, awsclient.ErrNoRegion) {
			at = path.Root("region")
		}
		resp.Diagnostics.AddAttributeError(at, "Unable to Configure Provider", err.Error()+
			"\n\nSet the provider's region and profile, or AWS_REGION and AWS_PROFILE.")
		return
	}
	if slices.Contains(cfg.FailedRegions, clients.Region()) {
		resp.Diagnostics.AddAttributeError(path.Root("failed_regions"), "Unable to Configure Provider", fmt.Sprintf(
			"The provider's own region, %s, is listed in failed_regions: credentials would come from there.\n\n"+
				"Set the provider's region to the one that you recover to.", clients.Region()))
		return
	}
	data := newProviderData(clients, durationOr(model.PollInterval, time.Second))
	resp.ResourceData = data
	resp.DataSourceData = data
}

// knownThroughout says that no value of a configuration is unknown.
func knownThroughout(config tfsdk.Config) bool { return config.Raw.IsFullyKnown() }
