// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// asker is who asks: the EDNS client subnet if one is given, else the
// resolver's address.
type asker struct{ addr netip.Addr }

func (s *Service) place(from asker) place {
	if from.addr.IsValid() {
		if p, ok := places[s.askerRegion(from.addr)]; ok {
			return p
		}
	}
	return places[DefaultAskerRegion]
}

// choose picks from the record sets of one name and type those that answer, by
// their routing policy and health. See
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
// The caller holds the lock.
func (s *Service) choose(data *zoneData, zoneID string, sets []*recordSet, from asker) []*recordSet {
	if len(sets) == 0 {
		return nil
	}
	p := policy(sets[0])
	if p == "simple" {
		return sets
	}
	var healthy []*recordSet
	for _, r := range sets {
		if s.setHealthy(data, zoneID, r, 0) {
			healthy = append(healthy, r)
		}
	}
	var chosen *recordSet
	switch p {
	case "weighted":
		chosen = byWeight(sets, healthy)
	case "failover":
		chosen = byFailover(sets, healthy)
	case "latency":
		if len(healthy) == 0 {
			healthy = sets
		}
		chosen = byLatency(healthy, s.place(from))
	case "geolocation":
		if chosen = byLocation(healthy, s.place(from)); chosen == nil {
			chosen = byLocation(sets, s.place(from))
		}
	default: // multivalue answer
		if len(healthy) == 0 {
			healthy = sets
		}
		shuffled := append([]*recordSet(nil), healthy...)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		return shuffled[:min(8, len(shuffled))]
	}
	if chosen == nil {
		return nil
	}
	return []*recordSet{chosen}
}

// byWeight draws among the healthy sets of a weight above zero, else among the
// healthy ones of weight zero, else as if all were healthy.
func byWeight(sets, healthy []*recordSet) *recordSet {
	for _, candidates := range [][]*recordSet{healthy, sets} {
		total := int64(0)
		for _, r := range candidates {
			total += *r.Weight
		}
		switch {
		case len(candidates) == 0:
		case total == 0:
			return candidates[rand.IntN(len(candidates))]
		default:
			n := rand.Int64N(total)
			for _, r := range candidates {
				if n -= *r.Weight; n < 0 {
					return r
				}
			}
		}
	}
	return nil
}

// byFailover answers with the primary while it is healthy, or while the
// secondary is not.
func byFailover(sets, healthy []*recordSet) *recordSet {
	for _, candidates := range [][]*recordSet{healthy, sets} {
		for _, want := range []types.ResourceRecordSetFailover{types.ResourceRecordSetFailoverPrimary, types.ResourceRecordSetFailoverSecondary} {
			for _, r := range candidates {
				if r.Failover == want {
					return r
				}
			}
		}
	}
	return nil
}

// byLatency takes the nearest region for the one with the lowest latency.
func byLatency(sets []*recordSet, from place) *recordSet {
	var best *recordSet
	for _, r := range sets {
		if best == nil || from.distance(places[string(r.Region)]) < from.distance(places[string(best.Region)]) {
			best = r
		}
	}
	return best
}

// byLocation takes the smallest area that contains the asker.
func byLocation(sets []*recordSet, from place) *recordSet {
	find := func(match func(g *types.GeoLocation) bool) *recordSet {
		for _, r := range sets {
			if match(r.GeoLocation) {
				return r
			}
		}
		return nil
	}
	sub := func(g *types.GeoLocation) string { return aws.ToString(g.SubdivisionCode) }
	for _, match := range []func(*types.GeoLocation) bool{
		func(g *types.GeoLocation) bool {
			return aws.ToString(g.CountryCode) == from.country && sub(g) != "" && strings.EqualFold(sub(g), from.subdivision)
		},
		func(g *types.GeoLocation) bool { return aws.ToString(g.CountryCode) == from.country && sub(g) == "" },
		func(g *types.GeoLocation) bool { return aws.ToString(g.ContinentCode) == from.continent },
		func(g *types.GeoLocation) bool { return aws.ToString(g.CountryCode) == "*" },
	} {
		if r := find(match); r != nil {
			return r
		}
	}
	return nil
}
