// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// SeedZone makes a public hosted zone of an account with an id of the caller's
// choice, in sync at once.
func (s *Service) SeedZone(account, id, name string) error {
	canonical, err := canonicalName(name)
	if err != nil {
		return fmt.Errorf("zone %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.zones[id] != nil {
		return fmt.Errorf("zone %s: the id %s is taken", name, id)
	}
	s.makeZone(account, id, canonical, "seed-"+id, true, s.now())
	return nil
}

// SeedRecord puts a record set into a zone, in sync at once. It passes the same
// checks as an UPSERT.
func (s *Service) SeedRecord(zoneID string, r types.ResourceRecordSet) error {
	change := types.Change{Action: types.ChangeActionUpsert, ResourceRecordSet: &r}
	if refusal := checkStructure(change); refusal != nil {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones[zoneID]
	if z == nil {
		return fmt.Errorf("there is no zone %s", zoneID)
	}
	data, messages := s.apply(z, []types.Change{change})
	if len(messages) > 0 {
		return invalidBatch(messages)
	}
	z.data, z.served, z.pending = data, data, nil
	return nil
}

// SeedA puts a simple A record into a zone, in sync at once.
func (s *Service) SeedA(zoneID, name string, ttl int64, addresses ...string) error {
	r := types.ResourceRecordSet{Name: aws.String(name), Type: types.RRTypeA, TTL: aws.Int64(ttl)}
	for _, a := range addresses {
		r.ResourceRecords = append(r.ResourceRecords, types.ResourceRecord{Value: aws.String(a)})
	}
	return s.SeedRecord(zoneID, r)
}

// Records returns the record sets of a zone as the API lists them.
func (s *Service) Records(zoneID string) []types.ResourceRecordSet {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z := s.zones[zoneID]
	if z == nil {
		return nil
	}
	var out []types.ResourceRecordSet
	for _, r := range z.data.list() {
		out = append(out, *r)
	}
	return out
}

// EffectiveBatches counts the change batches of a zone that took effect.
func (s *Service) EffectiveBatches(zoneID string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if z := s.zones[zoneID]; z != nil {
		return z.batches
	}
	return 0
}

// InSync tells whether everything that was changed in a zone is being served.
func (s *Service) InSync(zoneID string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z := s.zones[zoneID]
	return z != nil && z.current(s.now()) == z.data
}

// Healthy is the status of a health check as DNS failover sees it.
func (s *Service) Healthy(healthCheckID string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.checkHealthy(healthCheckID, 0)
}
