// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int32default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int32planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/drstate/terraform-provider-dr/internal/postgres"
)

// What resources have in common that log in to a PostgreSQL server.

const (
	defaultPostgreSQLPort = 5432
	defaultConnectTimeout = "5s"
)

var (
	hostShape      = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$`)
	secretARNShape = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}:[0-9]{12}:secret:[\w/+=.@!-]{1,519}$`)
)

// postgreSQLTarget are the attributes by which a server is found and logged in
// to.
type postgreSQLTarget struct {
	Host              types.String `tfsdk:"host"`
	HostAddr          types.String `tfsdk:"hostaddr"`
	Port              types.Int32  `tfsdk:"port"`
	Database          types.String `tfsdk:"database"`
	SSLMode           types.String `tfsdk:"sslmode"`
	CACertificatePEM  types.String `tfsdk:"ca_certificate_pem"`
	ConnectTimeout    types.String `tfsdk:"connect_timeout"`
	SecretARN         types.String `tfsdk:"secret_arn"`
	IAMAuthentication types.Object `tfsdk:"iam_authentication"`
}

type iamAuthenticationModel struct {
	Username types.String `tfsdk:"username"`
	Region   types.String `tfsdk:"region"`
}

func isHost() validator.String {
	return checkString{
		description: "a host name or an address",
		check: func(s string) error {
			if !hostShape.MatchString(s) {
				return fmt.Errorf("%q is not a host; write its name alone, such as orders.abc123.us-east-1.rds.amazonaws.com", s)
			}
			return nil
		},
	}
}

func isSecretARN() validator.String {
	return checkString{
		description: "the ARN of a secret",
		// The value is not repeated: it may be a secret itself.
		check: func(s string) error {
			if !secretARNShape.MatchString(s) {
				return errors.New("not the ARN of a secret; write it such as arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf")
			}
			return nil
		},
	}
}

// postgreSQLAttributes adds those attributes to others.
func postgreSQLAttributes(attributes map[string]schema.Attribute) map[string]schema.Attribute {
	for name, attribute := range map[string]schema.Attribute{
		"host": schema.StringAttribute{
			MarkdownDescription: "Name of the server, such as the `endpoint` of an RDS instance: what its certificate is verified against. " +
				"A change forgets the one and adopts the other.",
			Required:      true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:    []validator.String{isHost()},
		},
		"hostaddr": schema.StringAttribute{
			MarkdownDescription: "Address to connect to instead of looking up `host`: for a tunnel, or a DNS that cannot be relied on.",
			Optional:            true,
			Validators:          []validator.String{isHost()},
		},
		"port": schema.Int32Attribute{
			MarkdownDescription: "Port of the server. Default: 5432. A change forgets the one and adopts the other.",
			Optional:            true, Computed: true, Default: int32default.StaticInt32(defaultPostgreSQLPort),
			PlanModifiers: []planmodifier.Int32{int32planmodifier.RequiresReplace()},
			Validators:    []validator.Int32{int32validator.Between(1, 65535)},
		},
		"database": schema.StringAttribute{
			MarkdownDescription: "Database to log in to.",
			Required:            true,
			Validators:          []validator.String{stringvalidator.LengthBetween(1, 63)},
		},
		"sslmode": schema.StringAttribute{
			MarkdownDescription: "`verify-full` (default): the certificate and its name are verified. `verify-ca`: not the name. `require`: " +
				"neither, so that whoever answers can pass for the server. `disable`: no TLS.",
			Optional: true, Computed: true, Default: stringdefault.StaticString(postgres.VerifyFull),
			Validators: []validator.String{stringvalidator.OneOf(postgres.SSLModes...)},
		},
		"ca_certificate_pem": schema.StringAttribute{
			MarkdownDescription: "Certificate authorities, in PEM, to trust instead of the system's. RDS's own are not among a system's: give the " +
				"content of [`global-bundle.pem`](https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem).",
			Optional:   true,
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"connect_timeout": schema.StringAttribute{
			MarkdownDescription: "How long one attempt to connect may take. A server that has not answered is not asked again in the same run. Default: `5s`.",
			Optional:            true, Computed: true, Default: stringdefault.StaticString(defaultConnectTimeout),
			Validators: []validator.String{isDuration(100*time.Millisecond, 5*time.Minute)},
		},
		"secret_arn": schema.StringAttribute{
			MarkdownDescription: "ARN of the Secrets Manager secret with `username` and `password`, as RDS writes it. It is read in its own region at " +
				"each operation, and kept nowhere. Default: the environment (`PGUSER`, and `PGPASSWORD` or `PGPASSFILE`) of the provider.",
			Optional:   true,
			Validators: []validator.String{isSecretARN(), stringvalidator.ConflictsWith(path.MatchRoot("iam_authentication"))},
		},
		"iam_authentication": schema.SingleNestedAttribute{
			MarkdownDescription: "Log in with a token that is signed by the provider's credentials, by RDS's IAM authentication.",
			Optional:            true,
			Validators:          []validator.Object{objectvalidator.ConflictsWith(path.MatchRoot("secret_arn"))},
			Attributes: map[string]schema.Attribute{
				"username": schema.StringAttribute{
					MarkdownDescription: "Role to log in as. It has `rds_iam`.", Required: true,
					Validators: []validator.String{stringvalidator.LengthBetween(1, 63)},
				},
				"region": schema.StringAttribute{
					MarkdownDescription: "Region of the instance.", Required: true,
					Validators: []validator.String{isRegion()},
				},
			},
		},
	} {
		attributes[name] = attribute
	}
	return attributes
}

// isKnown says that nothing that a connection needs is unknown.
func (m *postgreSQLTarget) isKnown() bool {
	if m.IAMAuthentication.IsUnknown() {
		return false
	}
	for _, v := range m.IAMAuthentication.Attributes() {
		if v.IsUnknown() {
			return false
		}
	}
	return !m.Host.IsUnknown() && !m.HostAddr.IsUnknown() && !m.Port.IsUnknown() && !m.Database.IsUnknown() && !m.SSLMode.IsUnknown() &&
		!m.CACertificatePEM.IsUnknown() && !m.ConnectTimeout.IsUnknown() && !m.SecretARN.IsUnknown()
}

func (m *postgreSQLTarget) toTarget(ctx context.Context, diags *diag.Diagnostics) postgres.Target {
	target := postgres.Target{
		Host: m.Host.ValueString(), HostAddr: m.HostAddr.ValueString(), Port: int(m.Port.ValueInt32()), Database: m.Database.ValueString(),
		SSLMode: m.SSLMode.ValueString(), CACertificatePEM: m.CACertificatePEM.ValueString(),
		ConnectTimeout: durationOr(m.ConnectTimeout, postgres.DefaultConnectTimeout),
		Login:          postgres.Login{SecretARN: m.SecretARN.ValueString()},
	}
	if !m.IAMAuthentication.IsNull() {
		var iam iamAuthenticationModel
		diags.Append(m.IAMAuthentication.As(ctx, &iam, basetypes.ObjectAsOptions{})...)
		target.Login.IAM = &postgres.IAM{Username: iam.Username.ValueString(), Region: iam.Region.ValueString()}
	}
	return target
}
