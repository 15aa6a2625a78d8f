// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

type route53RecordModel struct {
	ID              types.String   `tfsdk:"id"`
	ZoneID          types.String   `tfsdk:"zone_id"`
	Name            types.String   `tfsdk:"name"`
	Type            types.String   `tfsdk:"type"`
	TTL             types.Int64    `tfsdk:"ttl"`
	SetIdentifier   types.String   `tfsdk:"set_identifier"`
	Weighted        types.Object   `tfsdk:"weighted_routing_policy"`
	Latency         types.Object   `tfsdk:"latency_routing_policy"`
	Failover        types.Object   `tfsdk:"failover_routing_policy"`
	Geolocation     types.Object   `tfsdk:"geolocation_routing_policy"`
	MultiValue      types.Bool     `tfsdk:"multivalue_answer_routing_policy"`
	HealthCheckID   types.String   `tfsdk:"health_check_id"`
	Targets         types.Map      `tfsdk:"targets"`
	Active          types.String   `tfsdk:"active"`
	AllowOverwrite  types.Bool     `tfsdk:"allow_overwrite"`
	DeleteOnDestroy types.Bool     `tfsdk:"delete_on_destroy"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
	FQDN            types.String   `tfsdk:"fqdn"`
	Answer          types.List     `tfsdk:"answer"`
	ChangeID        types.String   `tfsdk:"change_id"`
	SyncStatus      types.String   `tfsdk:"sync_status"`
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
	Records types.Set    `tfsdk:"records"`
	Alias   types.Object `tfsdk:"alias"`
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

func (m *route53RecordModel) targets(ctx context.Context, diags *diag.Diagnostics) map[string]route53.Answer {
	return targetAnswers(ctx, m.Targets, diags)
}

// targetAnswers are the answers by target; those that are not known yet are
// absent.
func targetAnswers(ctx context.Context, targets types.Map, diags *diag.Diagnostics) map[string]route53.Answer {
	var objects map[string]types.Object
	if targets.IsUnknown() {
		return nil
	}
	diags.Append(targets.ElementsAs(ctx, &objects, false)...)
	answers := make(map[string]route53.Answer, len(objects))
	for name, object := range objects {
		t, known := decode[targetModel](ctx, object, diags)
		if !known || t == nil {
			continue
		}
		if answer, known := t.answer(ctx, diags); known {
			answers[name] = answer
		}
	}
	return answers
}

// answer is what a target serves; not known while a part of it is not.
func (t *targetModel) answer(ctx context.Context, diags *diag.Diagnostics) (a route53.Answer, known bool) {
	alias, known := decode[aliasModel](ctx, t.Alias, diags)
	if !known || t.Records.IsUnknown() {
		return a, false
	}
	if alias != nil {
		a.Alias = &route53.Alias{
			Name: alias.Name.ValueString(), ZoneID: alias.ZoneID.ValueString(),
			EvaluateTargetHealth: alias.EvaluateTargetHealth.ValueBool(),
		}
		return a, !anyUnknown(alias.Name, alias.ZoneID, alias.EvaluateTargetHealth)
	}
	var records []types.String
	diags.Append(t.Records.ElementsAs(ctx, &records, false)...)
	for _, r := range records {
		known = known && !r.IsUnknown()
		a.Records = append(a.Records, r.ValueString())
	}
	return a, known
}

// spec is the record that is declared. It is complete when ok: the active
// target and all that is sent with it are known.
func (m *route53RecordModel) spec(ctx context.Context, diags *diag.Diagnostics) (s route53.Spec, ok bool) {
	s = route53.Spec{Key: m.key(), Targets: m.targets(ctx, diags), Active: m.Active.ValueString(), HealthCheckID: m.HealthCheckID.ValueString()}
	s.TTL = m.TTL.ValueInt64Pointer()
	s.Routing.MultiValue = m.MultiValue.ValueBool()
	known := !anyUnknown(m.ZoneID, m.Name, m.Type, m.SetIdentifier, m.TTL, m.HealthCheckID, m.Active, m.MultiValue)
	weighted, ok := decode[weightedModel](ctx, m.Weighted, diags)
	if known = known && ok; weighted != nil {
		s.Routing.Weight = weighted.Weight.ValueInt64Pointer()
		known = known && !weighted.Weight.IsUnknown()
	}
	latency, ok := decode[latencyModel](ctx, m.Latency, diags)
	if known = known && ok; latency != nil {
		s.Routing.Region = latency.Region.ValueString()
		known = known && !latency.Region.IsUnknown()
	}
	failover, ok := decode[failoverModel](ctx, m.Failover, diags)
	if known = known && ok; failover != nil {
		s.Routing.Failover = failover.Type.ValueString()
		known = known && !failover.Type.IsUnknown()
	}
	g, ok := decode[geolocationModel](ctx, m.Geolocation, diags)
	if known = known && ok; g != nil {
		s.Routing.Geo = &route53.Geo{Continent: g.Continent.ValueString(), Country: g.Country.ValueString(), Subdivision: g.Subdivision.ValueString()}
		known = known && !anyUnknown(g.Continent, g.Country, g.Subdivision)
	}
	_, found := s.Targets[s.Active]
	return s, known && found
}

// see takes over what a record is found to be.
func (m *route53RecordModel) see(ctx context.Context, have route53.Record, targets map[string]route53.Answer, diags *diag.Diagnostics) {
	m.Active = stringOrNull(have.ActiveTarget(targets, m.Active.ValueString()))
	answer := have.Answer
	if declared, ok := targets[m.Active.ValueString()]; ok {
		answer = declared // the same, as the configuration spells it
	}
	m.setAnswer(ctx, answer, diags)
	if have.TTL != nil {
		m.TTL = types.Int64PointerValue(have.TTL)
	}
	m.HealthCheckID = stringOrNull(have.HealthCheckID)
	var weighted *weightedModel
	if have.Routing.Weight != nil {
		weighted = &weightedModel{types.Int64PointerValue(have.Routing.Weight)}
	}
	var latency *latencyModel
	if have.Routing.Region != "" {
		latency = &latencyModel{types.StringValue(have.Routing.Region)}
	}
	var failover *failoverModel
	if have.Routing.Failover != "" {
		failover = &failoverModel{types.StringValue(have.Routing.Failover)}
	}
	var geolocation *geolocationModel
	if g := have.Routing.Geo; g != nil {
		geolocation = &geolocationModel{stringOrNull(g.Continent), stringOrNull(g.Country), stringOrNull(g.Subdivision)}
	}
	m.Weighted = encode(ctx, m.Weighted, weighted, diags)
	m.Latency = encode(ctx, m.Latency, latency, diags)
	m.Failover = encode(ctx, m.Failover, failover, diags)
	m.Geolocation = encode(ctx, m.Geolocation, geolocation, diags)
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
	m.setAnswer(ctx, s.Answer, diags)
	m.SyncStatus = types.StringValue(route53.InSync)
	m.ChangeID = stringOrNull(s.ChangeID)
	if s.ChangeID == "" {
		m.ChangeID = stringOrNull(before.ValueString())
	}
}

func (m *route53RecordModel) setAnswer(ctx context.Context, answer route53.Answer, diags *diag.Diagnostics) {
	list, d := types.ListValueFrom(ctx, types.StringType, answer.Strings())
	diags.Append(d...)
	m.Answer = list
}

func stringOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// decode reads an object: nil for null, and not known while it is unknown as a
// whole.
func decode[T any](ctx context.Context, o types.Object, diags *diag.Diagnostics) (v *T, known bool) {
	if o.IsNull() || o.IsUnknown() {
		return nil, !o.IsUnknown()
	}
	v = new(T)
	diags.Append(o.As(ctx, v, basetypes.ObjectAsOptions{})...)
	return v, true
}

// encode makes an object of the same type as like; null for nil.
func encode[T any](ctx context.Context, like types.Object, v *T, diags *diag.Diagnostics) types.Object {
	if v == nil {
		return types.ObjectNull(like.AttributeTypes(ctx))
	}
	o, d := types.ObjectValueFrom(ctx, like.AttributeTypes(ctx), v)
	diags.Append(d...)
	return o
}

func anyUnknown(values ...attr.Value) bool {
	return slices.ContainsFunc(values, attr.Value.IsUnknown)
}
