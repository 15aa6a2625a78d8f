// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// The limits of one change batch, see
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
const (
	maxBatchRecords    = 1000
	maxBatchCharacters = 32000
	maxSetRecords      = 400
	maxWeightedSets    = 100
)

// checkStructure makes the checks that need no zone: what is missing, out of
// range or contradictory in one change. Route 53 answers them with
// InvalidInput.
func checkStructure(ch types.Change) *engine.Error {
	r := ch.ResourceRecordSet
	if r == nil {
		return invalidInput("a change has no resource record set")
	}
	in := fmt.Sprintf("in the change [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]",
		ch.Action, aws.ToString(r.Name), r.Type, aws.ToString(r.SetIdentifier))
	switch {
	case !slices.Contains(ch.Action.Values(), ch.Action):
		return invalidInput("the action is not CREATE, UPSERT or DELETE %s", in)
	case aws.ToString(r.Name) == "":
		return invalidInput("the field Name is missing %s", in)
	case len(*r.Name) > 1024:
		return invalidInput("the field Name is longer than 1024 characters %s", in)
	case !slices.Contains(r.Type.Values(), r.Type):
		return invalidInput("the field Type is not one of %v %s", r.Type.Values(), in)
	case r.CidrRoutingConfig != nil || r.GeoProximityLocation != nil || aws.ToString(r.TrafficPolicyInstanceId) != "":
		return invalidInput("CIDR and geoproximity routing and traffic policies are not simulated %s", in)
	}
	for _, v := range r.ResourceRecords {
		if aws.ToString(v.Value) == "" {
			return invalidInput("a resource record has no value %s", in)
		}
	}
	if a := r.AliasTarget; a != nil {
		switch {
		case r.TTL != nil || len(r.ResourceRecords) > 0:
			return invalidInput("exactly one of AliasTarget, or TTL with ResourceRecords, is expected, but more are given %s", in)
		case aws.ToString(a.HostedZoneId) == "" || aws.ToString(a.DNSName) == "":
			return invalidInput("an alias target needs HostedZoneId and DNSName %s", in)
		}
	} else {
		switch {
		case r.TTL == nil && len(r.ResourceRecords) == 0:
			return invalidInput("exactly one of AliasTarget, or TTL with ResourceRecords, is expected, but none is given %s", in)
		case r.TTL == nil:
			return invalidInput("the field TTL is missing %s", in)
		case len(r.ResourceRecords) == 0:
			return invalidInput("the field ResourceRecords is missing %s", in)
		case *r.TTL < 0 || *r.TTL > 2147483647:
			return invalidInput("TTL is not within 0 to 2147483647 %s", in)
		}
	}
	return checkPolicy(r, in)
}

// policy names the routing policy of a record set.
func policy(r *recordSet) string {
	switch {
	case r.Weight != nil:
		return "weighted"
	case r.Region != "":
		return "latency"
	case r.Failover != "":
		return "failover"
	case r.GeoLocation != nil:
		return "geolocation"
	case aws.ToBool(r.MultiValueAnswer):
		return "multivalue answer"
	}
	return "simple"
}

func checkPolicy(r *recordSet, in string) *engine.Error {
	policies := 0
	for _, set := range []bool{
		r.Weight != nil, r.Region != "", r.Failover != "", r.GeoLocation != nil, aws.ToBool(r.MultiValueAnswer),
	} {
		if set {
			policies++
		}
	}
	const oneOf = "Weight, Region, Failover, GeoLocation and MultiValueAnswer"
	id := r.SetIdentifier
	switch {
	case policies > 1:
		return invalidInput("exactly one of %s is expected, but %d are given %s", oneOf, policies, in)
	case policies == 1 && aws.ToString(id) == "":
		return invalidInput("the field SetIdentifier is missing %s", in)
	case policies == 0 && id != nil:
		return invalidInput("exactly one of %s is expected, but none is given %s", oneOf, in)
	case len(aws.ToString(id)) > 128:
		return invalidInput("SetIdentifier is longer than 128 characters %s", in)
	case r.Weight != nil && (*r.Weight < 0 || *r.Weight > 255):
		return invalidInput("Weight is not within 0 to 255 %s", in)
	case r.Region != "" && !slices.Contains(r.Region.Values(), r.Region):
		return invalidInput("Region %q does not exist %s", r.Region, in)
	case r.Failover != "" && !slices.Contains(r.Failover.Values(), r.Failover):
		return invalidInput("Failover is not PRIMARY or SECONDARY %s", in)
	case len(aws.ToString(r.HealthCheckId)) > 64:
		return invalidInput("HealthCheckId is longer than 64 characters %s", in)
	}
	if g := r.GeoLocation; g != nil {
		continent, country, sub := aws.ToString(g.ContinentCode), aws.ToString(g.CountryCode), aws.ToString(g.SubdivisionCode)
		continents := []string{"AF", "AN", "AS", "EU", "OC", "NA", "SA"}
		switch {
		case (continent == "") == (country == ""):
			return invalidInput("a geolocation is a ContinentCode or a CountryCode %s", in)
		case continent != "" && !slices.Contains(continents, continent):
			return invalidInput("ContinentCode %q does not exist %s", continent, in)
		case country != "" && country != "*" && !twoCapitals(country):
			return invalidInput("CountryCode %q is not two capital letters or * %s", country, in)
		case sub != "" && country != "US" && country != "UA":
			return invalidInput("a SubdivisionCode is for the countries US and UA only %s", in)
		}
	}
	return nil
}

func twoCapitals(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// exceeded checks the limits of a batch, in which an UPSERT counts twice and an
// alias is one record.
func exceeded(changes []types.Change) []string {
	records, characters := 0, 0
	var messages []string
	for _, ch := range changes {
		times := 1
		if ch.Action == types.ChangeActionUpsert {
			times = 2
		}
		r := ch.ResourceRecordSet
		records += times * max(len(r.ResourceRecords), 1)
		for _, v := range r.ResourceRecords {
			characters += times * len([]rune(*v.Value))
		}
		if len(r.ResourceRecords) > maxSetRecords {
			messages = append(messages, fmt.Sprintf("The record set %s of type %s has more than %d values", *r.Name, r.Type, maxSetRecords))
		}
	}
	if records > maxBatchRecords {
		messages = append(messages, fmt.Sprintf("The limit of %d records is exceeded (%d, an UPSERT counted twice)", maxBatchRecords, records))
	}
	if characters > maxBatchCharacters {
		messages = append(messages, fmt.Sprintf("The limit of %d characters is exceeded (%d, an UPSERT counted twice)", maxBatchCharacters, characters))
	}
	return messages
}
