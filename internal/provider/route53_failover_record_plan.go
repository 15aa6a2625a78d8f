// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// foresee plans what is known to be so after an apply.
func (m *route53RecordModel) foresee(ctx context.Context, spec route53.Spec, known bool, diags *diag.Diagnostics) {
	m.SyncStatus = types.StringValue(route53.InSync)
	m.ChangeID = types.StringUnknown()
	m.Answer = types.ListUnknown(types.StringType)
	if known {
		m.setAnswer(ctx, spec.Desired().Answer, diags)
	}
	if !m.Name.IsUnknown() {
		m.FQDN = types.StringValue(route53.DisplayName(m.Name.ValueString()))
	}
	if !anyUnknown(m.ZoneID, m.Name, m.Type, m.SetIdentifier) {
		m.ID = types.StringValue(m.key().ID())
	}
}

// sameRecord says that both are about one record set; what is not known yet may
// be the same.
func (m *route53RecordModel) sameRecord(o *route53RecordModel) bool {
	return anyUnknown(o.ZoneID, o.Name, o.Type, o.SetIdentifier) || m.key().ID() == o.key().ID()
}

// warnOfLeaving says what becomes of a record that is managed no longer.
func (m *route53RecordModel) warnOfLeaving(destroyed bool, diags *diag.Diagnostics) {
	switch {
	case m.DeleteOnDestroy.ValueBool():
		diags.AddWarning(fmt.Sprintf("%s: will be deleted from zone %s", m.key(), m.ZoneID.ValueString()),
			"delete_on_destroy is set. Clients that resolve the name get no answer afterwards.")
	case destroyed:
		diags.AddWarning(fmt.Sprintf("%s: will be forgotten, the record stays as it is", m.key()),
			"Destroying dr_route53_failover_record leaves the record in its zone, serving what it serves now.")
	default:
		diags.AddWarning(fmt.Sprintf("%s: will be forgotten, the record stays as it is", m.key()),
			"The configuration names another record now. The one that was managed so far stays in its zone, serving what it serves now.")
	}
}

// warnOfMove says what clients will notice of an update.
func (m *route53RecordModel) warnOfMove(ctx context.Context, spec route53.Spec, diags *diag.Diagnostics) {
	var answer []string
	diags.Append(m.Answer.ElementsAs(ctx, &answer, false)...)
	from, same := m.Active.ValueString(), slices.Equal(answer, spec.Desired().Answer.Strings())
	if m.Targets.IsNull() && same {
		from = spec.Active // imported, and serving what it should
	}
	if from != spec.Active || !same {
		warnOfMove(spec, from, strings.Join(answer, ", "), diags)
	}
}

// warnOfMove says what clients will notice of a change; nothing where nothing
// changes for them. From is "" where the present answer is none of the targets.
func warnOfMove(spec route53.Spec, from, answer string, diags *diag.Diagnostics) {
	want := strings.Join(spec.Desired().Answer.Strings(), ", ")
	var summary string
	switch {
	case from == "":
		summary = fmt.Sprintf("%s: moves from %s, which is none of targets, to %s", spec.Key, answer, spec.Active)
	case from != spec.Active:
		summary = fmt.Sprintf("%s: moves from %s to %s", spec.Key, from, spec.Active)
	default:
		summary = fmt.Sprintf("%s: %s changes from %s to %s", spec.Key, from, answer, want)
	}
	keep := "the alias's TTL"
	if ttl := spec.Desired().TTL; ttl != nil {
		keep = fmt.Sprintf("%d s", *ttl)
	}
	diags.AddWarning(summary, fmt.Sprintf("It answers %s now and will answer %s. Resolvers may keep the old answer for up to %s.", answer, want, keep))
	if from != spec.Active {
		diags.AddWarning(needsRoute53, "A record is changed by Route 53's API, whose one control plane is in us-east-1: while that is gone, the record stays "+
			"where it is. A dr_route53_failover_switch, prepared in peacetime, is thrown by one call to the standby region instead.")
	}
}

// needsRoute53 names no record: all that need the same control plane share one
// warning.
const needsRoute53 = "This plan needs Route 53's control plane, in us-east-1"
