// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// The types that have no routing policies (multivalue answers exclude CNAME
// too), see the API's ResourceRecordSet.
var simpleOnly = []types.RRType{types.RRTypeNs, types.RRTypeSoa, types.RRTypeDs}

// checkSet makes the checks of a CREATE or UPSERT that need the zone.
func (s *Service) checkSet(z *zone, work *zoneData, r *recordSet) []string {
	var problems []string
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	name, apex := *r.Name, *r.Name == z.name
	wildcard := strings.HasPrefix(name, wildcardLabel+".")
	switch {
	case r.Type == types.RRTypeCname && apex:
		refuse("A record set of type CNAME with DNS name %s is not permitted at the apex of zone %s", name, z.name)
	case r.Type == types.RRTypeSoa && !apex:
		refuse("A record set of type SOA is only permitted at the apex of zone %s", z.name)
	case r.Type == types.RRTypeNs && wildcard:
		refuse("A record set of type NS must not be a wildcard")
	case r.Type == types.RRTypeDs && apex:
		refuse("A record set of type DS is not permitted at the apex of zone %s", z.name)
	}
	if n := len(r.ResourceRecords); n > 1 && (r.Type == types.RRTypeCname || r.Type == types.RRTypeSoa) {
		refuse("%s has %d values, but a %s has one", label(r), n, r.Type)
	}
	values := map[string]bool{}
	for _, v := range r.ResourceRecords {
		if _, err := parseValue(name, aws.ToInt64(r.TTL), r.Type, *v.Value); err != nil {
			refuse("Invalid resource record in %s: %v: '%s'", label(r), err, *v.Value)
		}
		if values[*v.Value] {
			refuse("Duplicate resource record in %s: '%s'", label(r), *v.Value)
		}
		values[*v.Value] = true
	}
	problems = append(problems, checkRouting(r)...)
	if r.AliasTarget != nil {
		problems = append(problems, s.checkAlias(z, work, r)...)
	}
	return append(problems, checkNeighbours(work, r)...)
}

func checkRouting(r *recordSet) []string {
	p := policy(r)
	switch {
	case p == "simple":
		return nil
	case slices.Contains(simpleOnly, r.Type):
		return []string{fmt.Sprintf("A record set of type %s cannot have a routing policy", r.Type)}
	case p == "multivalue answer" && r.Type == types.RRTypeCname:
		return []string{"A multivalue answer record set cannot be of type CNAME"}
	case p == "multivalue answer" && r.AliasTarget != nil:
		return []string{"A multivalue answer record set cannot be an alias"}
	case r.Failover == types.ResourceRecordSetFailoverPrimary && r.AliasTarget == nil && aws.ToString(r.HealthCheckId) == "":
		return []string{fmt.Sprintf("A primary failover record set that is not an alias must have a health check: %s", label(r))}
	}
	return nil
}

// checkNeighbours compares a record set with the others of its name.
func checkNeighbours(work *zoneData, r *recordSet) []string {
	var problems []string
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	k, p, same := keyOf(r), policy(r), 0
	for _, o := range work.byName[k.name] {
		if keyOf(o) == k {
			continue
		}
		if o.Type != r.Type {
			if o.Type == types.RRTypeCname || r.Type == types.RRTypeCname {
				refuse("A record set of type %s with DNS name %s is not permitted because a conflicting one of type %s with the same DNS name already exists",
					r.Type, k.name, o.Type)
			}
			continue
		}
		same++
		switch other := policy(o); {
		case other != p:
			refuse("%s, which is %s, cannot be created because a %s set with the same name and type exists", label(r), p, other)
		case p == "latency" && o.Region == r.Region:
			refuse("%s cannot be created because a latency set of region %s with the same name and type exists", label(r), r.Region)
		case p == "failover" && o.Failover == r.Failover:
			refuse("%s cannot be created because a failover set that is %s with the same name and type exists", label(r), r.Failover)
		case p == "geolocation" && geoKey(o.GeoLocation) == geoKey(r.GeoLocation):
			refuse("%s cannot be created because a geolocation set of the same location with the same name and type exists", label(r))
		}
	}
	if p == "weighted" && same >= maxWeightedSets {
		refuse("There are already %d weighted sets of %s and type %s", same, k.name, k.typ)
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// cloudFrontZone is the hosted zone id of every CloudFront distribution.
const cloudFrontZone = "Z2FDTNDATAQYW2"

// checkAlias checks an alias target: another record of the zone, or a name of
// an AWS resource, which in the sandbox is a name of its network. An RDS
// endpoint is none: Route 53 has no alias to it.
func (s *Service) checkAlias(z *zone, work *zoneData, r *recordSet) []string {
	zoneID, target := *r.AliasTarget.HostedZoneId, *r.AliasTarget.DNSName
	what := fmt.Sprintf("Tried to create an alias that targets %s, type %s in zone %s, but ", target, r.Type, zoneID)
	switch {
	case r.Type == types.RRTypeNs || r.Type == types.RRTypeSoa:
		return []string{fmt.Sprintf("A record set of type %s cannot be an alias", r.Type)}
	case zoneID == z.id && !inZone(target, z.name):
		return []string{what + "the alias target name does not lie within the target zone"}
	case zoneID == z.id && target == *r.Name:
		return []string{what + "an alias cannot target itself"}
	case zoneID == z.id && len(work.group(target, r.Type)) == 0:
		return []string{what + "that target was not found"}
	case zoneID == z.id:
		return nil
	case s.zones[zoneID] != nil:
		return []string{what + "the target zone is another one than the record's"}
	case r.Type != types.RRTypeA && r.Type != types.RRTypeAaaa && r.Type != types.RRTypeHttps:
		return []string{what + "an alias to an AWS resource is of type A or AAAA"}
	case zoneID == cloudFrontZone && r.AliasTarget.EvaluateTargetHealth:
		return []string{what + "EvaluateTargetHealth cannot be set to true for a CloudFront distribution"}
	case strings.HasSuffix(target, ".rds.amazonaws.com."):
		return []string{what + "an RDS endpoint cannot be the target of an alias"}
	}
	if _, ok := s.lookupNetwork(target); !ok {
		return []string{what + "that target was not found"}
	}
	return nil
}
