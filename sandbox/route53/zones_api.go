// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// endpoint of the API as it appears in Location headers.
const apiEndpoint = "https://route53.amazonaws.com/2013-04-01/"

func (s *Service) createHostedZone(c *engine.Call, in *route53.CreateHostedZoneInput) (*route53.CreateHostedZoneOutput, error) {
	ref := aws.ToString(in.CallerReference)
	switch {
	case ref == "" || len(ref) > 128:
		return nil, invalidInput("CallerReference must have 1 to 128 characters")
	case in.VPC != nil || in.HostedZoneConfig != nil && in.HostedZoneConfig.PrivateZone:
		return nil, invalidInput("private hosted zones are not simulated")
	case aws.ToString(in.DelegationSetId) != "":
		return nil, engine.NotFound("NoSuchDelegationSet", "there is no reusable delegation set %s", *in.DelegationSetId)
	case in.HostedZoneConfig != nil && len(aws.ToString(in.HostedZoneConfig.Comment)) > 256:
		return nil, invalidInput("Comment must have at most 256 characters")
	}
	name, err := canonicalName(aws.ToString(in.Name))
	if err != nil {
		return nil, engine.Refuse("InvalidDomainName", "%q is not a valid domain name: %v", aws.ToString(in.Name), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, z := range s.zones {
		if z.account == c.Account && z.reference == ref {
			e := engine.Refuse("HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
			e.Status = 409
			return nil, e
		}
	}
	change := s.accept(c.Account, "")
	z := s.makeZone(c.Account, newID("Z", 20), name, ref, false, change.due)
	if in.HostedZoneConfig != nil {
		z.comment = aws.ToString(in.HostedZoneConfig.Comment)
	}
	described := z.describe()
	return &route53.CreateHostedZoneOutput{
		HostedZone: &described, DelegationSet: z.delegation(), ChangeInfo: change.info(change.submitted),
		Location: aws.String(apiEndpoint + "hostedzone/" + z.id),
	}, nil
}

func (s *Service) getHostedZone(c *engine.Call, in *route53.GetHostedZoneInput) (*route53.GetHostedZoneOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z, refusal := s.zoneFor(c, in.Id)
	if refusal != nil {
		return nil, refusal
	}
	described := z.describe()
	return &route53.GetHostedZoneOutput{HostedZone: &described, DelegationSet: z.delegation()}, nil
}

func (s *Service) deleteHostedZone(c *engine.Call, in *route53.DeleteHostedZoneInput) (*route53.DeleteHostedZoneOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z, refusal := s.zoneFor(c, in.Id)
	if refusal != nil {
		return nil, refusal
	}
	if z.submitting {
		return nil, priorRequest()
	}
	if z.data.len() > 2 {
		return nil, engine.Refuse("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
	}
	delete(s.zones, z.id)
	delete(s.tags, tagKey{types.TagResourceTypeHostedzone, z.id})
	change := s.accept(c.Account, "")
	return &route53.DeleteHostedZoneOutput{ChangeInfo: change.info(change.submitted)}, nil
}

func (s *Service) getHostedZoneCount(c *engine.Call, _ *route53.GetHostedZoneCountInput) (*route53.GetHostedZoneCountOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &route53.GetHostedZoneCountOutput{HostedZoneCount: aws.Int64(int64(len(s.zonesOf(c.Account))))}, nil
}

// zonesOf lists an account's zones in the order of their making.
func (s *Service) zonesOf(account string) []*zone {
	var out []*zone
	for _, z := range s.zones {
		if z.account == account {
			out = append(out, z)
		}
	}
	slices.SortFunc(out, func(a, b *zone) int { return cmp.Compare(a.order, b.order) })
	return out
}

// pageSize reads maxitems, which the API caps.
func pageSize(maxItems *int32, limit int) (int, *engine.Error) {
	if maxItems == nil {
		return limit, nil
	}
	if *maxItems < 1 {
		return 0, invalidInput("maxitems must be a number from 1 to %d", limit)
	}
	return min(int(*maxItems), limit), nil
}

func (s *Service) listHostedZones(c *engine.Call, in *route53.ListHostedZonesInput) (*route53.ListHostedZonesOutput, error) {
	limit, refusal := pageSize(in.MaxItems, 100)
	if refusal != nil {
		return nil, refusal
	}
	if aws.ToString(in.DelegationSetId) != "" {
		return nil, engine.NotFound("NoSuchDelegationSet", "there is no reusable delegation set %s", *in.DelegationSetId)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	zones := s.zonesOf(c.Account)
	if in.HostedZoneType == types.HostedZoneTypePrivateHostedZone {
		zones = nil
	}
	if m := aws.ToString(in.Marker); m != "" {
		at := slices.IndexFunc(zones, func(z *zone) bool { return z.id == trimID(m, "hostedzone") })
		if at < 0 {
			return nil, invalidInput("the marker %q is not a hosted zone of this account", m)
		}
		zones = zones[at:]
	}
	out := &route53.ListHostedZonesOutput{Marker: in.Marker, MaxItems: aws.Int32(int32(limit)), HostedZones: []types.HostedZone{}}
	for i, z := range zones {
		if i == limit {
			out.IsTruncated, out.NextMarker = true, aws.String(z.id)
			break
		}
		out.HostedZones = append(out.HostedZones, z.describe())
	}
	return out, nil
}

func (s *Service) listHostedZonesByName(c *engine.Call, in *route53.ListHostedZonesByNameInput) (*route53.ListHostedZonesByNameOutput, error) {
	limit, refusal := pageSize(in.MaxItems, 100)
	if refusal != nil {
		return nil, refusal
	}
	name, id := "", trimID(aws.ToString(in.HostedZoneId), "hostedzone")
	if aws.ToString(in.DNSName) != "" {
		n, err := canonicalName(*in.DNSName)
		if err != nil {
			return nil, engine.Refuse("InvalidDomainName", "%q is not a valid domain name: %v", *in.DNSName, err)
		}
		name = n
	} else if id != "" {
		return nil, invalidInput("hostedzoneid needs dnsname")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	zones := s.zonesOf(c.Account)
	slices.SortFunc(zones, func(a, b *zone) int {
		return cmp.Or(strings.Compare(sortKey(a.name), sortKey(b.name)), strings.Compare(a.id, b.id))
	})
	out := &route53.ListHostedZonesByNameOutput{
		DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, MaxItems: aws.Int32(int32(limit)), HostedZones: []types.HostedZone{},
	}
	for _, z := range zones {
		if name != "" && (sortKey(z.name) < sortKey(name) || z.name == name && z.id < id) {
			continue
		}
		if len(out.HostedZones) == limit {
			out.IsTruncated, out.NextDNSName, out.NextHostedZoneId = true, aws.String(z.name), aws.String(z.id)
			break
		}
		out.HostedZones = append(out.HostedZones, z.describe())
	}
	return out, nil
}
