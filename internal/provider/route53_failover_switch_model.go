// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/flip"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// Values of status.
const (
	switchReady      = "ready"
	switchIncomplete = "incomplete"
	switchHeld       = "held"
)

type route53SwitchModel struct {
	ID             types.String   `tfsdk:"id"`
	ZoneID         types.String   `tfsdk:"zone_id"`
	Name           types.String   `tfsdk:"name"`
	Type           types.String   `tfsdk:"type"`
	TTL            types.Int64    `tfsdk:"ttl"`
	PrimaryRegion  types.String   `tfsdk:"primary_region"`
	Targets        types.Map      `tfsdk:"targets"`
	Active         types.String   `tfsdk:"active"`
	Trigger        types.Object   `tfsdk:"trigger"`
	Resolver       types.String   `tfsdk:"resolver"`
	AllowOverwrite types.Bool     `tfsdk:"allow_overwrite"`
	FQDN           types.String   `tfsdk:"fqdn"`
	HealthCheckID  types.String   `tfsdk:"health_check_id"`
	Status         types.String   `tfsdk:"status"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
}

type switchTriggerModel struct {
	Alarm  types.Object `tfsdk:"cloudwatch_alarm"`
	Object types.Object `tfsdk:"s3_object"`
}

type switchAlarmModel struct {
	Name types.String `tfsdk:"alarm_name"`
}

type switchObjectModel struct {
	Bucket types.String `tfsdk:"bucket"`
	Key    types.String `tfsdk:"key"`
}

func (m *route53SwitchModel) key() route53.Key {
	return route53.Key{ZoneID: m.ZoneID.ValueString(), Name: m.Name.ValueString(), Type: m.Type.ValueString()}
}

// spec is the switch that is declared. It is complete when known.
func (m *route53SwitchModel) spec(ctx context.Context, diags *diag.Diagnostics) (s flip.Spec, known bool) {
	s = flip.Spec{
		ZoneID: m.ZoneID.ValueString(), Name: m.Name.ValueString(), Type: m.Type.ValueString(), TTL: m.TTL.ValueInt64Pointer(),
		Primary: m.PrimaryRegion.ValueString(), Active: m.Active.ValueString(), Resolver: m.Resolver.ValueString(),
		Targets: targetAnswers(ctx, m.Targets, diags),
	}
	known = !anyUnknown(m.ZoneID, m.Name, m.Type, m.TTL, m.PrimaryRegion, m.Active, m.Resolver, m.Targets) && len(s.Targets) == len(m.Targets.Elements())
	for region := range s.Targets {
		if region != s.Primary {
			s.Standby = region
		}
	}
	t, ok := decode[switchTriggerModel](ctx, m.Trigger, diags)
	if t == nil {
		return s, false
	}
	a, okAlarm := decode[switchAlarmModel](ctx, t.Alarm, diags)
	o, okObject := decode[switchObjectModel](ctx, t.Object, diags)
	known = known && ok && okAlarm && okObject
	if a != nil {
		s.Alarm = &flip.Alarm{Name: a.Name.ValueString()}
		known = known && !a.Name.IsUnknown()
	}
	if o != nil {
		s.Object = &flip.Object{Bucket: o.Bucket.ValueString(), Key: o.Key.ValueString()}
		known = known && !anyUnknown(o.Bucket, o.Key)
	}
	return s, known
}

// check says what no switch can be. Unknown values may still become right.
func (m *route53SwitchModel) check(ctx context.Context, diags *diag.Diagnostics) {
	const invalid = "Invalid Attribute Value"
	spec, known := m.spec(ctx, diags)
	if m.Targets.IsUnknown() || diags.HasError() {
		return
	}
	regions := slices.Sorted(maps.Keys(m.Targets.Elements()))
	if !m.PrimaryRegion.IsUnknown() && (len(regions) != 2 || !slices.Contains(regions, spec.Primary)) {
		diags.AddAttributeError(path.Root("targets"), invalid, fmt.Sprintf(
			"A switch has two targets, primary_region and one standby region; primary_region is %q and targets has %s.", spec.Primary, strings.Join(regions, ", ")))
		return
	}
	if !m.Active.IsUnknown() && !slices.Contains(regions, spec.Active) {
		diags.AddAttributeError(path.Root("active"), invalid, fmt.Sprintf("%q is none of targets: %s.", spec.Active, strings.Join(regions, ", ")))
	}
	records := false
	for _, region := range slices.Sorted(maps.Keys(spec.Targets)) {
		t := spec.Targets[region]
		at := path.Root("targets").AtMapKey(region)
		switch {
		case t.Alias == nil && len(t.Records) == 0:
			diags.AddAttributeError(at, invalid, "A target has either records or an alias.")
		case t.Alias != nil && len(t.Records) > 0:
			diags.AddAttributeError(at, invalid, "A target has either records or an alias, not both.")
		case t.Alias != nil && t.Alias.EvaluateTargetHealth:
			diags.AddAttributeError(at, invalid, "The alias evaluates its target's health: DNS would move by itself. The switch alone decides where clients go.")
		case t.Alias != nil && spec.Type == "CNAME":
			diags.AddAttributeError(at, invalid, "An alias to an AWS resource is of type A or AAAA.")
		case t.Alias == nil:
			records = true
		}
	}
	if records && m.TTL.IsNull() {
		diags.AddAttributeError(path.Root("ttl"), invalid, "A target with records needs a ttl.")
	}
	if known && len(spec.Targets) == 2 && spec.Targets[spec.Primary].LeadsTo(spec.Type, spec.Targets[spec.Standby]) {
		diags.AddAttributeError(path.Root("targets"), invalid, "Both targets are the same: nobody could see which one is served.")
	}
}

// prepared says that only the active side differs from what was last seen to be
// in place.
func (m *route53SwitchModel) prepared(ctx context.Context, prior *route53SwitchModel, diags *diag.Diagnostics) bool {
	if prior == nil || prior.Status.ValueString() != switchReady || prior.Targets.IsNull() {
		return false
	}
	have, _ := prior.spec(ctx, diags)
	want, known := m.spec(ctx, diags)
	have.Active, have.Resolver, want.Active, want.Resolver = "", "", "", ""
	have.Name, want.Name = route53.CanonicalName(have.Name), route53.CanonicalName(want.Name)
	for _, s := range []flip.Spec{have, want} {
		for region, t := range s.Targets {
			t.Records = t.Strings()
			s.Targets[region] = t
		}
	}
	return known && reflect.DeepEqual(have, want)
}

// take fills in what import finds.
func (m *route53SwitchModel) take(ctx context.Context, spec flip.Spec, checkID string, diags *diag.Diagnostics) {
	m.PrimaryRegion, m.TTL = types.StringValue(spec.Primary), types.Int64PointerValue(spec.TTL)
	m.HealthCheckID = types.StringValue(checkID)
	object, ok := m.Targets.ElementType(ctx).(types.ObjectType)
	if !ok {
		return
	}
	alias, ok := object.AttrTypes["alias"].(types.ObjectType)
	if !ok {
		return
	}
	targets := map[string]targetModel{}
	for region, t := range spec.Targets {
		one := targetModel{Records: types.SetNull(types.StringType), Alias: types.ObjectNull(alias.AttrTypes)}
		if a := t.Alias; a != nil {
			one.Alias = encode(ctx, one.Alias, &aliasModel{types.StringValue(a.Name), types.StringValue(a.ZoneID), types.BoolValue(a.EvaluateTargetHealth)}, diags)
		} else {
			records, d := types.SetValueFrom(ctx, types.StringType, t.Records)
			diags.Append(d...)
			one.Records = records
		}
		targets[region] = one
	}
	value, d := types.MapValueFrom(ctx, object, targets)
	diags.Append(d...)
	m.Targets = value
	trigger := switchTriggerModel{}
	for name, to := range map[string]*types.Object{"cloudwatch_alarm": &trigger.Alarm, "s3_object": &trigger.Object} {
		if inner, ok := m.Trigger.AttributeTypes(ctx)[name].(types.ObjectType); ok {
			*to = types.ObjectNull(inner.AttrTypes)
		}
	}
	if spec.Alarm != nil {
		trigger.Alarm = encode(ctx, trigger.Alarm, &switchAlarmModel{stringOrNull(spec.Alarm.Name)}, diags)
	} else {
		trigger.Object = encode(ctx, trigger.Object, &switchObjectModel{types.StringValue(spec.Object.Bucket), types.StringValue(spec.Object.Key)}, diags)
	}
	m.Trigger = encode(ctx, m.Trigger, &trigger, diags)
}
