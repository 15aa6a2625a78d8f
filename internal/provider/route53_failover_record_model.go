// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

type route53RecordModel struct {
	ID              types.String      `tfsdk:"id"`
	ZoneID          types.String      `tfsdk:"zone_id"`
	Name            types.String      `tfsdk:"name"`
	Type            types.String      `tfsdk:"type"`
	TTL             types.Int64       `tfsdk:"ttl"`
	SetIdentifier   types.String      `tfsdk:"set_identifier"`
	Weighted        *weightedModel    `tfsdk:"weighted_routing_policy"`
	Latency         *latencyModel     `tfsdk:"latency_routing_policy"`
	Failover        *failoverModel    `tfsdk:"failover_routing_policy"`
	Geolocation     *geolocationModel `tfsdk:"geolocation_routing_policy"`
	MultiValue      types.Bool        `tfsdk:"multivalue_answer_routing_policy"`
	HealthCheckID   types.String      `tfsdk:"health_check_id"`
	Targets         types.Map         `tfsdk:"targets"`
	Active          types.String      `tfsdk:"active"`
	AllowOverwrite  types.Bool        `tfsdk:"allow_overwrite"`
	DeleteOnDestroy types.Bool        `tfsdk:"delete_on_destroy"`
	Timeouts        timeouts.Value    `tfsdk:"timeouts"`
	FQDN            types.String      `tfsdk:"fqdn"`
	Answer          types.List        `tfsdk:"answer"`
	ChangeID        types.String      `tfsdk:"change_id"`
	SyncStatus      types.String      `tfsdk:"sync_status"`
}

type weightedModel struct {
	Weight types.Int64 `tfsdk:"weight"`
}

type latencyModel struct {
	Region types.String `tfsdk:"region"`
}

type failoverModel struct {
	Type types.String `tfsdk:"type"`
}

type geolocationModel struct {
	Continent   types.String `tfsdk:"continent"`
	Country     types.String `tfsdk:"country"`
	Subdivision types.String `tfsdk:"subdivision"`
}

type targetModel struct {
	Records types.Set   `tfsdk:"records"`
	Alias   *aliasModel `tfsdk:"alias"`
}

type aliasModel struct {
	Name                 types.String `tfsdk:"name"`
	ZoneID               types.String `tfsdk:"zone_id"`
	EvaluateTargetHealth types.Bool   `tfsdk:"evaluate_target_health"`
}

func (m *route53RecordModel) key() route53.Key {
	return route53.Key{
		ZoneID: m.ZoneID.ValueString(), Name: m.Name.ValueString(), Type: m.Type.ValueString(),
		SetIdentifier: m.SetIdentifier.ValueString(),
	}
}

// targets are the answers by target; those that are not known yet are absent.
func (m *route53RecordModel) targets(ctx context.Context, diags *diag.Diagnostics) map[string]route53.Answer {
	var models map[string]targetModel
	if m.Targets.IsUnknown() {
		return nil
	}
	diags.Append(m.Targets.ElementsAs(ctx, &models, false)...)
	answers := make(map[string]route53.Answer, len(models))
	for name, t := range models {
		var a route53.Answer
		if t.Alias != nil {
			if t.Alias.Name.IsUnknown() || t.Alias.ZoneID.IsUnknown() || t.Alias.EvaluateTargetHealth.IsUnknown() {
				continue
			}
			a.Alias = &route53.Alias{
				Name: t.Alias.Name.ValueString(), ZoneID: t.Alias.ZoneID.ValueString(),
				EvaluateTargetHealth: t.Alias.EvaluateTargetHealth.ValueBool(),
			}
		} else {
			var records []types.String
			if t.Records.IsUnknown() {
				continue
			}
			diags.Append(t.Records.ElementsAs(ctx, &records, false)...)
			known := true
			for _, r := range records {
				known = known && !r.IsUnknown()
				a.Records = append(a.Records, r.ValueString())
			}
			if !known {
				continue
			}
		}
		answers[name] = a
	}
	return answers
}

// spec is the record that is declared. It is complete when ok: the active
// target and all that is sent with it are known.
func (m *route53RecordModel) spec(ctx context.Context, diags *diag.Diagnostics) (s route53.Spec, ok bool) {
	s = route53.Spec{Key: m.key(), Targets: m.targets(ctx, diags), Active: m.Active.ValueString(), HealthCheckID: m.HealthCheckID.ValueString()}
	if !m.TTL.IsNull() {
		s.TTL = m.TTL.ValueInt64Pointer()
	}
	known := []attr.Value{m.ZoneID, m.Name, m.Type, m.SetIdentifier, m.TTL, m.HealthCheckID, m.Active, m.MultiValue}
	if m.Weighted != nil {
		s.Routing.Weight = m.Weighted.Weight.ValueInt64Pointer()
		known = append(known, m.Weighted.Weight)
	}
	if m.Latency != nil {
		s.Routing.Region = m.Latency.Region.ValueString()
		known = append(known, m.Latency.Region)
	}
	if m.Failover != nil {
		s.Routing.Failover = m.Failover.Type.ValueString()
		known = append(known, m.Failover.Type)
	}
	if g := m.Geolocation; g != nil {
		s.Routing.Geo = &route53.Geo{Continent: g.Continent.ValueString(), Country: g.Country.ValueString(), Subdivision: g.Subdivision.ValueString()}
		known = append(known, g.Continent, g.Country, g.Subdivision)
	}
	s.Routing.MultiValue = m.MultiValue.ValueBool()
	for _, v := range known {
		if v.IsUnknown() {
			return s, false
		}
	}
	_, ok = s.Targets[s.Active]
	return s, ok
}

// see takes over what a record is found to be.
func (m *route53RecordModel) see(ctx context.Context, have route53.Record, targets map[string]route53.Answer, diags *diag.Diagnostics) {
	m.Active = stringOrNull(have.ActiveTarget(targets, m.Active.ValueString()))
	m.answer(ctx, have, diags)
	if have.TTL != nil {
		m.TTL = types.Int64PointerValue(have.TTL)
	}
	m.HealthCheckID = stringOrNull(have.HealthCheckID)
	m.Weighted, m.Latency, m.Failover, m.Geolocation = nil, nil, nil, nil
	if have.Routing.Weight != nil {
		m.Weighted = &weightedModel{types.Int64PointerValue(have.Routing.Weight)}
	}
	if have.Routing.Region != "" {
		m.Latency = &latencyModel{types.StringValue(have.Routing.Region)}
	}
	if have.Routing.Failover != "" {
		m.Failover = &failoverModel{types.StringValue(have.Routing.Failover)}
	}
	if g := have.Routing.Geo; g != nil {
		m.Geolocation = &geolocationModel{stringOrNull(g.Continent), stringOrNull(g.Country), stringOrNull(g.Subdivision)}
	}
	if have.Routing.MultiValue {
		m.MultiValue = types.BoolValue(true)
	} else if m.MultiValue.ValueBool() {
		m.MultiValue = types.BoolNull()
	}
}

// settle fills what is computed after an apply.
func (m *route53RecordModel) settle(ctx context.Context, s route53.Status, before types.String, diags *diag.Diagnostics) {
	m.ID = types.StringValue(m.key().ID())
	m.FQDN = types.StringValue(route53.DisplayName(m.Name.ValueString()))
	m.answer(ctx, s.Record, diags)
	m.SyncStatus = types.StringValue(route53.InSync)
	m.ChangeID = stringOrNull(s.ChangeID)
	if s.ChangeID == "" {
		m.ChangeID = stringOrNull(before.ValueString())
	}
}

func (m *route53RecordModel) answer(ctx context.Context, have route53.Record, diags *diag.Diagnostics) {
	list, d := types.ListValueFrom(ctx, types.StringType, have.Answer.Strings())
	diags.Append(d...)
	m.Answer = list
}

func stringOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
