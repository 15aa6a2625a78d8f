// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/postgres"
)

type postgreSQLWriteFenceModel struct {
	postgreSQLTarget
	Fenced         types.Bool     `tfsdk:"fenced"`
	Roles          types.Set      `tfsdk:"roles"`
	Method         types.String   `tfsdk:"method"`
	Except         types.Set      `tfsdk:"except"`
	Required       types.Bool     `tfsdk:"required"`
	AllowReplica   types.Bool     `tfsdk:"allow_replica"`
	ID             types.String   `tfsdk:"id"`
	Status         types.String   `tfsdk:"status"`
	Proof          types.String   `tfsdk:"proof"`
	FencedSince    types.String   `tfsdk:"fenced_since"`
	OriginalLogins types.Map      `tfsdk:"original_logins"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
}

// isKnown says that nothing that a look at the server needs is unknown.
func (m *postgreSQLWriteFenceModel) isKnown() bool {
	for _, set := range []types.Set{m.Roles, m.Except} {
		if set.IsUnknown() || slices.ContainsFunc(set.Elements(), attr.Value.IsUnknown) {
			return false
		}
	}
	return m.postgreSQLTarget.isKnown() && !m.Fenced.IsUnknown() && !m.Required.IsUnknown() && !m.AllowReplica.IsUnknown() && !m.Timeouts.IsUnknown()
}

// toSpec maps a plan, and the state before it (nil on create), to the domain.
func (m *postgreSQLWriteFenceModel) toSpec(ctx context.Context, prior *postgreSQLWriteFenceModel, diags *diag.Diagnostics) postgres.FenceSpec {
	spec := postgres.FenceSpec{
		Target:       m.toTarget(ctx, diags),
		Fenced:       m.Fenced.ValueBool(),
		Required:     m.Required.ValueBool(),
		AllowReplica: m.AllowReplica.ValueBool(),
	}
	diags.Append(m.Roles.ElementsAs(ctx, &spec.Roles, false)...)
	diags.Append(m.Except.ElementsAs(ctx, &spec.Except, false)...)
	if prior != nil {
		diags.Append(prior.OriginalLogins.ElementsAs(ctx, &spec.HadLogin, false)...)
		diags.Append(prior.Roles.ElementsAs(ctx, &spec.Released, false)...)
		spec.Released = slices.DeleteFunc(spec.Released, func(role string) bool { return slices.Contains(spec.Roles, role) })
	}
	return spec
}

// fromStatus maps what was seen. Goal attributes are the caller's.
func (m *postgreSQLWriteFenceModel) fromStatus(target postgres.Target, s postgres.FenceStatus) {
	m.ID = types.StringValue(target.Subject())
	m.Status = types.StringValue(s.State)
	m.Proof = types.StringValue(s.Proof(target).String())
	m.FencedSince = types.StringNull()
	if s.State == postgres.FenceHeld {
		m.FencedSince = types.StringValue(s.Since.UTC().Format(time.RFC3339))
	}
	if s.HadLogin == nil {
		return // nothing was seen
	}
	logins := map[string]attr.Value{}
	for role, login := range s.HadLogin {
		logins[role] = types.BoolValue(login)
	}
	m.OriginalLogins = types.MapValueMust(types.BoolType, logins)
}

// fromRead maps a look to the goal: a fence half done, or undone by others, is
// null, so that the next plan has something to finish whichever way it is to go.
func (m *postgreSQLWriteFenceModel) fromRead(target postgres.Target, s postgres.FenceStatus) {
	m.fromStatus(target, s)
	switch s.State {
	case postgres.FenceHeld:
		m.Fenced = types.BoolValue(true)
	case postgres.FenceOpen:
		m.Fenced = types.BoolValue(false)
	case postgres.FenceReplica: // as it is wanted
	default:
		m.Fenced = types.BoolNull()
	}
}

func (m *postgreSQLWriteFenceModel) defaultTimeout() time.Duration {
	if m.Fenced.ValueBool() && !m.Required.ValueBool() {
		return writeFenceBestEffortTimeout
	}
	return writeFenceTimeout
}

// importedWriteFence reads HOST:PORT/DATABASE?roles=A,B and further attributes.
func importedWriteFence(id string) (map[string]any, error) {
	u, err := url.Parse("postgres://" + id)
	if err != nil || u.User != nil {
		return nil, errors.New("the id is not HOST:PORT/DATABASE?roles=ROLE")
	}
	port := defaultPostgreSQLPort
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("%q is no port", u.Port())
		}
	}
	database, query := strings.TrimPrefix(u.Path, "/"), u.Query()
	roles := strings.FieldsFunc(query.Get("roles"), func(r rune) bool { return r == ',' })
	if u.Hostname() == "" || database == "" || strings.Contains(database, "/") || len(roles) == 0 {
		return nil, fmt.Errorf("%q lacks the host, the database or the roles", id)
	}
	attributes := map[string]any{
		"id": net.JoinHostPort(u.Hostname(), strconv.Itoa(port)), "host": u.Hostname(), "port": int32(port), "database": database, //nolint:gosec // checked
		"roles": setOf(roles), "required": true, "allow_replica": false, "method": methodLogin,
		"connect_timeout": defaultConnectTimeout, "sslmode": postgres.VerifyFull,
	}
	for name := range query {
		switch name {
		case "roles":
		case "hostaddr", "sslmode", "secret_arn":
			attributes[name] = query.Get(name)
		default:
			return nil, fmt.Errorf("%q cannot be given to an import", name)
		}
	}
	return attributes, nil
}
