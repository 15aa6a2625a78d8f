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

// Key is what makes a record set one of its own. Names are compared in their
// canonical form.
type Key struct {
	ZoneID, Name, Type, SetIdentifier string
}

// String is the record for people: "app.example.com A", with the set
// identifier in brackets where there is one.
func (k Key) String() string {
	s := DisplayName(k.Name) + " " + k.Type
	if k.SetIdentifier != "" {
		s += " [" + k.SetIdentifier + "]"
	}
	return s
}

// ID is the import id: zone, name, type and, where there is one, the set
// identifier, joined by underscores.
func (k Key) ID() string {
	id := k.ZoneID + "_" + DisplayName(k.Name) + "_" + k.Type
	if k.SetIdentifier != "" {
		id += "_" + k.SetIdentifier
	}
	return id
}

// Types of records that can follow an active region: all but SOA, which is the
// zone's own.
var Types = []string{"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"}

// ParseID is the reverse of Key.ID. A name may hold underscores; the type is
// the first part after it that is a record type in capitals.
func ParseID(id string) (Key, error) {
	parts := strings.Split(id, "_")
	for i := 2; i < len(parts); i++ {
		if slices.Contains(Types, parts[i]) {
			k := Key{
				ZoneID:        parts[0],
				Name:          strings.Join(parts[1:i], "_"),
				Type:          parts[i],
				SetIdentifier: strings.Join(parts[i+1:], "_"),
			}
			if k.ZoneID != "" && k.Name != "" {
				return k, nil
			}
		}
	}
	return Key{}, fmt.Errorf("%q is not ZONE_NAME_TYPE or ZONE_NAME_TYPE_SETIDENTIFIER, for instance Z0123456789ABCDEFGHIJ_app.example.com_A", id)
}

// Alias points to another AWS resource instead of holding values.
type Alias struct {
	Name, ZoneID         string
	EvaluateTargetHealth bool
}

// Answer is what a record set serves: values, or an alias.
type Answer struct {
	Records []string
	Alias   *Alias
}

// Strings are the values in a stable order, or the name of the alias's target.
func (a Answer) Strings() []string {
	if a.Alias != nil {
		return []string{a.Alias.Name}
	}
	return slices.Sorted(slices.Values(a.Records))
}

// String is the answer in one line.
func (a Answer) String() string {
	if a.Alias != nil {
		return "alias " + a.Alias.Name
	}
	return strings.Join(a.Strings(), ", ")
}

// leadsTo says whether both answers lead clients to the same place.
func (a Answer) leadsTo(recordType string, b Answer) bool {
	if a.Alias != nil && b.Alias != nil {
		return a.Alias.ZoneID == b.Alias.ZoneID && CanonicalName(a.Alias.Name) == CanonicalName(b.Alias.Name)
	}
	return a.Alias == nil && b.Alias == nil && equalValues(recordType, a.Records, b.Records)
}

// equal is leadsTo, with the alias's evaluation of health being the same.
func (a Answer) equal(recordType string, b Answer) bool {
	return a.leadsTo(recordType, b) && (a.Alias == nil || a.Alias.EvaluateTargetHealth == b.Alias.EvaluateTargetHealth)
}

// Geo is a place of the geolocation routing policy.
type Geo struct {
	Continent, Country, Subdivision string
}

// Routing is the routing policy of a record set; the zero value is the simple
// one.
type Routing struct {
	Weight     *int64
	Region     string
	Failover   string
	Geo        *Geo
	MultiValue bool
	// Other names a policy that this package does not manage.
	Other string
}

func (r Routing) equal(o Routing) bool {
	return equalPointers(r.Weight, o.Weight) && r.Region == o.Region && r.Failover == o.Failover &&
		equalPointers(r.Geo, o.Geo) && r.MultiValue == o.MultiValue && r.Other == o.Other
}

func equalPointers[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// Record is a record set as Route 53 has it.
type Record struct {
	Key
	TTL           *int64 // seconds; nil with an alias
	Answer        Answer
	Routing       Routing
	HealthCheckID string
}

// Spec declares a record set whose answer follows Active.
type Spec struct {
	Key
	TTL           *int64 // seconds; ignored where the active target is an alias
	Routing       Routing
	HealthCheckID string
	Targets       map[string]Answer // by region, or by any other name
	Active        string            // a key of Targets
}

// Desired is the record set that the Spec asks for.
func (s Spec) Desired() Record {
	r := Record{Key: s.Key, TTL: s.TTL, Answer: s.Targets[s.Active], Routing: s.Routing, HealthCheckID: s.HealthCheckID}
	if r.Answer.Alias != nil {
		r.TTL = nil
	}
	return r
}

// equal says whether nothing about the record needs a change.
func (r Record) equal(o Record) bool {
	return equalPointers(r.TTL, o.TTL) && r.Routing.equal(o.Routing) && r.HealthCheckID == o.HealthCheckID &&
		r.Answer.equal(r.Type, o.Answer)
}

// ActiveTarget is the name of the target that the record serves, "" where it
// serves none of them. Of two targets with the same answer the preferred one
// is named.
func (r Record) ActiveTarget(targets map[string]Answer, prefer string) string {
	if t, ok := targets[prefer]; ok && r.Answer.equal(r.Type, t) {
		return prefer
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		if r.Answer.equal(r.Type, targets[name]) {
			return name
		}
	}
	return ""
}

// declared says whether the record's answer is one that the Spec knows.
func (s Spec) declared(r Record) bool {
	for _, t := range s.Targets {
		if r.Answer.leadsTo(r.Type, t) {
			return true
		}
	}
	return false
}

func toAPI(r Record) types.ResourceRecordSet {
	set := types.ResourceRecordSet{
		Name:          aws.String(CanonicalName(r.Name)),
		Type:          types.RRType(r.Type),
		TTL:           r.TTL,
		SetIdentifier: optional(r.SetIdentifier),
		HealthCheckId: optional(r.HealthCheckID),
		Weight:        r.Routing.Weight,
		Region:        types.ResourceRecordSetRegion(r.Routing.Region),
		Failover:      types.ResourceRecordSetFailover(r.Routing.Failover),
	}
	if r.Routing.MultiValue {
		set.MultiValueAnswer = aws.Bool(true)
	}
	if g := r.Routing.Geo; g != nil {
		set.GeoLocation = &types.GeoLocation{
			ContinentCode: optional(g.Continent), CountryCode: optional(g.Country), SubdivisionCode: optional(g.Subdivision),
		}
	}
	if a := r.Answer.Alias; a != nil {
		set.TTL = nil
		set.AliasTarget = &types.AliasTarget{
			DNSName: aws.String(a.Name), HostedZoneId: aws.String(a.ZoneID), EvaluateTargetHealth: a.EvaluateTargetHealth,
		}
		return set
	}
	for _, v := range r.Answer.Strings() {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(wireValue(r.Type, v))})
	}
	return set
}

func fromAPI(zoneID string, set types.ResourceRecordSet) Record {
	r := Record{
		Key: Key{
			ZoneID: zoneID, Name: CanonicalName(aws.ToString(set.Name)), Type: string(set.Type),
			SetIdentifier: aws.ToString(set.SetIdentifier),
		},
		TTL:           set.TTL,
		HealthCheckID: aws.ToString(set.HealthCheckId),
		Routing: Routing{
			Weight: set.Weight, Region: string(set.Region), Failover: string(set.Failover),
			MultiValue: aws.ToBool(set.MultiValueAnswer),
		},
	}
	switch {
	case set.CidrRoutingConfig != nil:
		r.Routing.Other = "IP-based"
	case set.GeoProximityLocation != nil:
		r.Routing.Other = "geoproximity"
	case set.TrafficPolicyInstanceId != nil:
		r.Routing.Other = "traffic policy"
	}
	if g := set.GeoLocation; g != nil {
		r.Routing.Geo = &Geo{Continent: aws.ToString(g.ContinentCode), Country: aws.ToString(g.CountryCode), Subdivision: aws.ToString(g.SubdivisionCode)}
	}
	if a := set.AliasTarget; a != nil {
		r.Answer.Alias = &Alias{Name: aws.ToString(a.DNSName), ZoneID: aws.ToString(a.HostedZoneId), EvaluateTargetHealth: a.EvaluateTargetHealth}
		r.TTL = nil
		return r
	}
	for _, v := range set.ResourceRecords {
		r.Answer.Records = append(r.Answer.Records, aws.ToString(v.Value))
	}
	return r
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
