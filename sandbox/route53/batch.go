// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// apply works a batch into a copy of the zone's data. It returns the new data,
// or all the reasons for which the batch is refused. Each change is checked
// against what the ones before it leave; Route 53's documentation does not say
// that it forgives an order, so this does not either. The caller holds the
// lock.
func (s *Service) apply(z *zone, changes []types.Change) (*zoneData, []string) {
	work := z.data.clone()
	var messages []string
	seen := map[recordKey][]types.ChangeAction{}
	touched := map[recordKey]bool{} // weighted groups, id left empty
	for _, ch := range changes {
		r, err := normalize(ch.ResourceRecordSet)
		if err != nil {
			messages = append(messages, fmt.Sprintf("The name %q is not valid: %v", *ch.ResourceRecordSet.Name, err))
			continue
		}
		k := keyOf(r)
		seen[k] = append(seen[k], ch.Action)
		if n := seen[k]; len(n) > 1 && !slices.Equal(n, []types.ChangeAction{types.ChangeActionDelete, types.ChangeActionCreate}) {
			messages = append(messages, fmt.Sprintf("The batch changes %s more than once", label(r)))
			continue
		}
		if !inZone(k.name, z.name) {
			messages = append(messages, fmt.Sprintf("%s is not within the zone %s", label(r), z.name))
			continue
		}
		var problems []string
		if ch.Action == types.ChangeActionDelete {
			problems = checkDelete(z, work, r)
		} else {
			problems = s.checkSet(z, work, r)
			if ch.Action == types.ChangeActionCreate && work.get(k) != nil {
				problems = append(problems, fmt.Sprintf("Tried to create %s, but it already exists", label(r)))
			}
		}
		if len(problems) > 0 {
			messages = append(messages, problems...)
			continue
		}
		if ch.Action == types.ChangeActionDelete {
			work.remove(k)
		} else {
			work.put(r)
		}
		if r.Weight != nil {
			touched[recordKey{k.name, k.typ, ""}] = true
		}
	}
	// The TTLs of a weighted group are compared at the end: they can only be
	// changed together.
	if len(messages) == 0 {
		for k := range maps.Keys(touched) {
			messages = append(messages, checkWeightedTTL(work, k)...)
		}
	}
	if len(messages) > 0 {
		return nil, messages
	}
	return work, nil
}

// label names a record set in a message.
func label(r *recordSet) string {
	s := fmt.Sprintf("the record set [name='%s', type='%s'", *r.Name, r.Type)
	if id := aws.ToString(r.SetIdentifier); id != "" {
		s += fmt.Sprintf(", set identifier='%s'", id)
	}
	return s + "]"
}

// normalize copies a record set as a caller sent it, with canonical names.
func normalize(in *recordSet) (*recordSet, error) {
	name, err := canonicalName(*in.Name)
	if err != nil {
		return nil, err
	}
	r := *in
	r.Name = aws.String(name)
	r.ResourceRecords = slices.Clone(in.ResourceRecords)
	if in.AliasTarget != nil {
		target, err := canonicalName(*in.AliasTarget.DNSName)
		if err != nil {
			return nil, fmt.Errorf("alias target %q: %w", *in.AliasTarget.DNSName, err)
		}
		r.AliasTarget = &types.AliasTarget{
			DNSName: aws.String(target), HostedZoneId: aws.String(trimID(*in.AliasTarget.HostedZoneId, "hostedzone")),
			EvaluateTargetHealth: in.AliasTarget.EvaluateTargetHealth,
		}
	}
	return &r, nil
}

func checkDelete(z *zone, work *zoneData, r *recordSet) []string {
	existing := work.get(keyOf(r))
	switch {
	case existing == nil:
		return []string{fmt.Sprintf("Tried to delete %s, but it was not found", label(r))}
	case !sameSet(existing, r):
		return []string{fmt.Sprintf("Tried to delete %s, but the values provided do not match the current values", label(r))}
	case *r.Name == z.name && r.Type == types.RRTypeSoa:
		return []string{"A hosted zone must contain exactly one SOA record"}
	case *r.Name == z.name && r.Type == types.RRTypeNs:
		return []string{"A hosted zone must contain at least one NS record for the zone itself"}
	}
	return nil
}

// sameSet compares everything that a DELETE has to match; the order of the
// values is of no account.
func sameSet(a, b *recordSet) bool {
	return aws.ToInt64(a.TTL) == aws.ToInt64(b.TTL) && (a.TTL == nil) == (b.TTL == nil) &&
		(a.Weight == nil) == (b.Weight == nil) && aws.ToInt64(a.Weight) == aws.ToInt64(b.Weight) &&
		a.Region == b.Region && a.Failover == b.Failover &&
		geoKey(a.GeoLocation) == geoKey(b.GeoLocation) &&
		aws.ToBool(a.MultiValueAnswer) == aws.ToBool(b.MultiValueAnswer) &&
		aws.ToString(a.HealthCheckId) == aws.ToString(b.HealthCheckId) &&
		aliasKey(a.AliasTarget) == aliasKey(b.AliasTarget) &&
		slices.Equal(sortedValues(a), sortedValues(b))
}

func geoKey(g *types.GeoLocation) string {
	if g == nil {
		return ""
	}
	return aws.ToString(g.ContinentCode) + "/" + aws.ToString(g.CountryCode) + "/" + aws.ToString(g.SubdivisionCode)
}

func aliasKey(a *types.AliasTarget) string {
	if a == nil {
		return ""
	}
	return fmt.Sprint(*a.HostedZoneId, " ", *a.DNSName, " ", a.EvaluateTargetHealth)
}

func sortedValues(r *recordSet) []string {
	var out []string
	for _, v := range r.ResourceRecords {
		out = append(out, aws.ToString(v.Value))
	}
	slices.Sort(out)
	return out
}

func checkWeightedTTL(work *zoneData, k recordKey) []string {
	var first *recordSet
	for _, r := range work.group(k.name, k.typ) {
		if r.Weight == nil || r.TTL == nil {
			continue
		}
		if first == nil {
			first = r
		} else if *first.TTL != *r.TTL {
			return []string{fmt.Sprintf("The weighted record sets of %s and type %s must all have the same TTL", strings.TrimSuffix(k.name, "."), k.typ)}
		}
	}
	return nil
}
