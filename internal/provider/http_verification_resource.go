// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/httpcheck"
)

var (
	_ resource.ResourceWithConfigure        = (*httpVerificationResource)(nil)
	_ resource.ResourceWithConfigValidators = (*httpVerificationResource)(nil)
	_ resource.ResourceWithImportState      = (*httpVerificationResource)(nil)
)

func newHTTPVerificationResource() resource.Resource { return &httpVerificationResource{} }

type httpVerificationResource struct{ resourceBase }

type httpVerificationModel struct {
	URL                  types.String   `tfsdk:"url"`
	Method               types.String   `tfsdk:"method"`
	Headers              types.Map      `tfsdk:"headers"`
	HeadersWO            types.Map      `tfsdk:"headers_wo"`
	HostHeader           types.String   `tfsdk:"host_header"`
	ExpectedStatus       types.Int64    `tfsdk:"expected_status"`
	BodyContains         types.String   `tfsdk:"body_contains"`
	BodyRegex            types.String   `tfsdk:"body_regex"`
	JSONValue            types.Object   `tfsdk:"json_value"`
	ConsecutiveSuccesses types.Int64    `tfsdk:"consecutive_successes"`
	Interval             types.String   `tfsdk:"interval"`
	RequestTimeout       types.String   `tfsdk:"request_timeout"`
	CACertificatePEM     types.String   `tfsdk:"ca_certificate_pem"`
	ServerName           types.String   `tfsdk:"server_name"`
	InsecureSkipVerify   types.Bool     `tfsdk:"insecure_skip_verify"`
	Resolver             types.String   `tfsdk:"resolver"`
	Triggers             types.Map      `tfsdk:"triggers"`
	Timeouts             timeouts.Value `tfsdk:"timeouts"`

	VerifiedAt types.String `tfsdk:"verified_at"`
	Attempts   types.Int64  `tfsdk:"attempts"`
	Address    types.String `tfsdk:"address"`
}

type jsonValueModel struct {
	Path  types.String `tfsdk:"path"`
	Value types.String `tfsdk:"value"`
}

// verificationTimeout bounds a verification unless timeouts says otherwise.
const verificationTimeout = 10 * time.Minute

// Metadata implements resource.Resource.
func (r *httpVerificationResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_http_verification"
}

// Schema implements resource.Resource.
func (r *httpVerificationResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	atLeastOne := []validator.String{stringvalidator.LengthAtLeast(1)}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Proves that an HTTP endpoint is served by the region that it should be. Each attempt resolves " +
			"the name anew, past the caches, and opens a connection of its own. It runs at create and whenever one of its " +
			"arguments or `triggers` changes; put the active region among the triggers, and match something that only the " +
			"target region serves. A verification that fails fails the apply, shows what it saw, and runs again at the next one.\n\n" +
			"It calls no AWS API and needs no IAM permission; the machine that applies must reach the URL.",
		Attributes: map[string]schema.Attribute{
			"url": schema.StringAttribute{
				MarkdownDescription: "What to request, such as `https://app.example.com/health`.",
				Required:            true,
				Validators:          []validator.String{isCheckURL()},
			},
			"method": schema.StringAttribute{
				MarkdownDescription: "`GET` (the default) or `OPTIONS`: a verification changes nothing, and needs a body to match.",
				Optional:            true, Computed: true, Default: stringdefault.StaticString("GET"),
				Validators: []validator.String{stringvalidator.OneOf("GET", "OPTIONS")},
			},
			"headers": schema.MapAttribute{
				MarkdownDescription: "Headers to send. They are kept in the state: put secrets into `headers_wo`.",
				Optional:            true, ElementType: types.StringType,
			},
			"headers_wo": schema.MapAttribute{
				MarkdownDescription: "Headers to send that are kept neither in the plan nor in the state (write-only).",
				Optional:            true, Sensitive: true, WriteOnly: true, ElementType: types.StringType,
			},
			"host_header": schema.StringAttribute{
				MarkdownDescription: "Host to ask for instead of the URL's, for a check by address.",
				Optional:            true, Validators: atLeastOne,
			},
			"expected_status": schema.Int64Attribute{
				MarkdownDescription: "HTTP status that is expected. Redirects are not followed. Default: 200.",
				Optional:            true, Computed: true, Default: int64default.StaticInt64(200),
				Validators: []validator.Int64{int64validator.Between(100, 599)},
			},
			"body_contains": schema.StringAttribute{
				MarkdownDescription: "Text that the body must contain, such as the target region's name.",
				Optional:            true, Validators: atLeastOne,
			},
			"body_regex": schema.StringAttribute{
				MarkdownDescription: "Regular expression (RE2) that the body must match.",
				Optional:            true, Validators: []validator.String{isRegexp()},
			},
			"json_value": schema.SingleNestedAttribute{
				MarkdownDescription: "Value that the body, as JSON, must hold.",
				Optional:            true,
				Attributes: map[string]schema.Attribute{
					"path": schema.StringAttribute{
						MarkdownDescription: "Member names and list indices joined by dots, such as `checks.0.region`.",
						Required:            true,
						Validators: []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^[^.]+(\.[^.]+)*$`),
							"must be member names joined by single dots, such as checks.0.region")},
					},
					"value": schema.StringAttribute{
						MarkdownDescription: "The value there: a string as it is, a number or boolean as JSON spells it.",
						Required:            true,
					},
				},
			},
			"consecutive_successes": schema.Int64Attribute{
				MarkdownDescription: "Successes in a row that are needed. Default: 3.",
				Optional:            true, Computed: true, Default: int64default.StaticInt64(3),
				Validators: []validator.Int64{int64validator.Between(1, 100)},
			},
			"interval": schema.StringAttribute{
				MarkdownDescription: "Pause between two attempts. Default: `2s`.",
				Optional:            true, Computed: true, Default: stringdefault.StaticString("2s"),
				Validators: []validator.String{isDuration(10*time.Millisecond, 10*time.Minute)},
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long one attempt may take, its look-up included. Default: `5s`.",
				Optional:            true, Computed: true, Default: stringdefault.StaticString("5s"),
				Validators: []validator.String{isDuration(10*time.Millisecond, 5*time.Minute)},
			},
			"ca_certificate_pem": schema.StringAttribute{
				MarkdownDescription: "Certificate authorities, in PEM, to trust instead of the system's.",
				Optional:            true, Validators: atLeastOne,
			},
			"server_name": schema.StringAttribute{
				MarkdownDescription: "Name to expect in the certificate instead of the URL's host, for a check by address.",
				Optional:            true, Validators: atLeastOne,
			},
			"insecure_skip_verify": schema.BoolAttribute{
				MarkdownDescription: "Accept any certificate. Default: false. Whoever answers can then pass for your application.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"resolver": schema.StringAttribute{
				MarkdownDescription: "DNS server (`HOST:PORT`) to ask. Default: the zone's own name servers, so that no cache stands between.",
				Optional:            true, Validators: []validator.String{isHostPort()},
			},
			"triggers": schema.MapAttribute{
				MarkdownDescription: "Values that make the verification run again when they change. The active region belongs here.",
				Optional:            true, ElementType: types.StringType,
			},
			"verified_at": schema.StringAttribute{
				MarkdownDescription: "When the verification last succeeded (RFC 3339).", Computed: true,
			},
			"attempts": schema.Int64Attribute{
				MarkdownDescription: "Attempts that it took, the failed ones included.", Computed: true,
			},
			"address": schema.StringAttribute{
				MarkdownDescription: "Address that gave the last answer.", Computed: true,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long it may take until all `consecutive_successes` are in, on create. Default: `10m`.",
				Update: true, UpdateDescription: "How long it may take until all `consecutive_successes` are in. Default: `10m`.",
			}),
		},
	}
}

// ConfigValidators implements resource.ResourceWithConfigValidators.
func (r *httpVerificationResource) ConfigValidators(context.Context) []resource.ConfigValidator {
	return []resource.ConfigValidator{
		resourcevalidator.AtLeastOneOf(path.MatchRoot("body_contains"), path.MatchRoot("body_regex"), path.MatchRoot("json_value")),
	}
}

// Create implements resource.Resource.
func (r *httpVerificationResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config httpVerificationModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	limit, diags := plan.Timeouts.Create(ctx, verificationTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := plan.verify(ctx, config.HeadersWO, limit); err != nil {
		addError(&resp.Diagnostics, "Unable to Verify Endpoint", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

// Read implements resource.Resource. What was verified stays verified.
func (r *httpVerificationResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {
}

// Update implements resource.Resource. A run that fails leaves the prior state,
// so that the next plan wants it again.
func (r *httpVerificationResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, config httpVerificationModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	limit, diags := plan.Timeouts.Update(ctx, verificationTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := plan.verify(ctx, config.HeadersWO, limit); err != nil {
		addError(&resp.Diagnostics, "Unable to Verify Endpoint", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

// Delete implements resource.Resource: there is nothing to delete.
func (r *httpVerificationResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState implements resource.ResourceWithImportState. The id is the URL;
// the next apply runs the verification.
func (r *httpVerificationResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("url"), req, resp)
}

// verify runs the check and fills the computed attributes.
func (m *httpVerificationModel) verify(ctx context.Context, secret types.Map, limit time.Duration) error {
	check, err := m.check(ctx, secret)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := check.Run(ctx)
	if err != nil {
		return err
	}
	m.VerifiedAt = types.StringValue(result.At.UTC().Format(time.RFC3339))
	m.Attempts = types.Int64Value(int64(result.Attempts))
	m.Address = types.StringValue(result.Address)
	return nil
}

func (m *httpVerificationModel) check(ctx context.Context, secret types.Map) (httpcheck.Check, error) {
	check := httpcheck.Check{
		URL:            m.URL.ValueString(),
		Method:         m.Method.ValueString(),
		Headers:        map[string]string{},
		Status:         int(m.ExpectedStatus.ValueInt64()),
		Successes:      int(m.ConsecutiveSuccesses.ValueInt64()),
		Interval:       durationOr(m.Interval, 2*time.Second),
		RequestTimeout: durationOr(m.RequestTimeout, 5*time.Second),
		Resolver:       m.Resolver.ValueString(),
		RootCAs:        []byte(m.CACertificatePEM.ValueString()),
		ServerName:     m.ServerName.ValueString(),
		SkipVerify:     m.InsecureSkipVerify.ValueBool(),
	}
	for _, headers := range []types.Map{m.Headers, secret} {
		var given map[string]string
		if diags := headers.ElementsAs(ctx, &given, false); diags.HasError() {
			return check, fmt.Errorf("headers: %s", diags[0].Detail())
		}
		for name, value := range given {
			check.Headers[name] = value
		}
	}
	if !m.HostHeader.IsNull() {
		check.Headers["Host"] = m.HostHeader.ValueString()
	}
	if !m.BodyContains.IsNull() {
		check.Matchers = append(check.Matchers, httpcheck.Contains(m.BodyContains.ValueString()))
	}
	if !m.BodyRegex.IsNull() {
		expression, err := regexp.Compile(m.BodyRegex.ValueString())
		if err != nil {
			return check, &httpcheck.InvalidError{Field: "body_regex", Reason: err.Error()}
		}
		check.Matchers = append(check.Matchers, httpcheck.Regexp{Regexp: expression})
	}
	var diags diag.Diagnostics
	if j, _ := decode[jsonValueModel](ctx, m.JSONValue, &diags); j != nil {
		check.Matchers = append(check.Matchers, httpcheck.JSONValue{Path: j.Path.ValueString(), Value: j.Value.ValueString()})
	}
	if diags.HasError() {
		return check, fmt.Errorf("json_value: %s", diags[0].Detail())
	}
	return check, nil
}

// isCheckURL accepts a query beside what isURL accepts, and no user: a password
// would end up in the state.
func isCheckURL() validator.String {
	return checkString{
		description: "an http or https URL",
		check: func(s string) error {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
				return errors.New("not a URL; write it such as https://app.example.com/health")
			}
			if u.User != nil {
				return errors.New("the URL must not hold a user or a password; use headers_wo")
			}
			return nil
		},
	}
}

func isRegexp() validator.String {
	return checkString{
		description: "a regular expression (RE2)",
		check: func(s string) error {
			_, err := regexp.Compile(s)
			return err
		},
	}
}

func isHostPort() validator.String {
	return checkString{
		description: "HOST:PORT",
		check: func(s string) error {
			_, port, err := net.SplitHostPort(s)
			if err == nil {
				_, err = strconv.ParseUint(port, 10, 16)
			}
			if err != nil {
				return fmt.Errorf(`%q is not HOST:PORT; write it such as "10.0.0.2:53"`, s)
			}
			return nil
		},
	}
}
