// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// zone is a public hosted zone. The service's lock guards it.
type zone struct {
	id, name, account  string
	reference, comment string
	nameServers        []string
	order              int // of creation

	// data is what the API lists: changes that are pending included.
	data *zoneData
	// served is what is in sync, nil before the zone itself is; pending is
	// what follows, oldest first.
	served  *zoneData
	pending []pendingData
	// submitting is set while a change batch keeps the zone busy.
	submitting bool
	// batches counts the change batches that took effect.
	batches int
}

type pendingData struct {
	data *zoneData
	due  time.Time
}

// change is the record of an accepted change.
type change struct {
	id, account, comment string
	submitted, due       time.Time
}

func (c *change) info(now time.Time) *types.ChangeInfo {
	info := &types.ChangeInfo{
		Id: aws.String("/change/" + c.id), Status: types.ChangeStatusPending, SubmittedAt: aws.Time(c.submitted),
	}
	if c.comment != "" {
		info.Comment = aws.String(c.comment)
	}
	if !now.Before(c.due) {
		info.Status = types.ChangeStatusInsync
	}
	return info
}

// current returns what the name servers answer from at a moment.
func (z *zone) current(now time.Time) *zoneData {
	served := z.served
	for _, p := range z.pending {
		if now.Before(p.due) {
			break
		}
		served = p.data
	}
	return served
}

// publish makes data the zone's, to be served from due on.
func (z *zone) publish(data *zoneData, now, due time.Time) {
	z.served = z.current(now)
	kept := z.pending[:0:0]
	for _, p := range z.pending {
		if now.Before(p.due) {
			kept = append(kept, p)
		}
	}
	z.pending = append(kept, pendingData{data, due})
	z.data = data
}

// accept makes the change of something submitted now. The caller holds the
// lock.
func (s *Service) accept(account, comment string) *change {
	now := s.now()
	c := &change{
		id: newID("C", 20), account: account, comment: comment,
		submitted: now, due: now.Add(s.engine.Clock.Wall(s.propagation)),
	}
	s.changes[c.id] = c
	return c
}

// zoneFor finds a zone for a caller. The caller holds the lock.
func (s *Service) zoneFor(c *engine.Call, id *string) (*zone, *engine.Error) {
	if aws.ToString(id) == "" {
		return nil, invalidInput("the hosted zone id is missing")
	}
	z, ok := s.zones[trimID(*id, "hostedzone")]
	switch {
	case !ok:
		return nil, engine.NotFound("NoSuchHostedZone", "No hosted zone found with ID: %s", trimID(*id, "hostedzone"))
	case z.account != c.Account:
		return nil, accessDenied(c)
	}
	return z, nil
}

// makeZone makes a zone with its NS and SOA records, served from the start if
// inSync. The caller holds the lock.
func (s *Service) makeZone(account, id, name, reference string, inSync bool, due time.Time) *zone {
	z := &zone{
		id: id, name: name, account: account, reference: reference,
		nameServers: nameServersOf(id), order: len(s.zones),
	}
	for _, other := range s.zones {
		z.order = max(z.order, other.order+1)
	}
	data := newZoneData()
	var ns []types.ResourceRecord
	for _, n := range z.nameServers {
		ns = append(ns, types.ResourceRecord{Value: aws.String(n + ".")})
	}
	data.put(&recordSet{Name: aws.String(name), Type: types.RRTypeNs, TTL: aws.Int64(172800), ResourceRecords: ns})
	data.put(&recordSet{Name: aws.String(name), Type: types.RRTypeSoa, TTL: aws.Int64(900), ResourceRecords: []types.ResourceRecord{{
		Value: aws.String(z.nameServers[0] + ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"),
	}}})
	z.data = data
	if inSync {
		z.served = data
	} else {
		z.pending = []pendingData{{data, due}}
	}
	s.zones[id] = z
	return z
}

// nameServersOf derives a delegation set's four names from the zone's id, one
// in each of the top level domains that Route 53 uses.
func nameServersOf(id string) []string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	n := h.Sum32()
	var out []string
	for i, tld := range []string{"com", "net", "org", "co.uk"} {
		k := (n>>(8*i))%512 + uint32(512*i)
		out = append(out, fmt.Sprintf("ns-%d.awsdns-%02d.%s", k, k%64, tld))
	}
	return out
}

func (z *zone) describe() types.HostedZone {
	return types.HostedZone{
		Id: aws.String("/hostedzone/" + z.id), Name: aws.String(z.name), CallerReference: aws.String(z.reference),
		Config:                 &types.HostedZoneConfig{Comment: optional(z.comment), PrivateZone: false},
		ResourceRecordSetCount: aws.Int64(int64(z.data.len())),
	}
}

func (z *zone) delegation() *types.DelegationSet {
	return &types.DelegationSet{NameServers: z.nameServers}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
