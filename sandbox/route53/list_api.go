// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"slices"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// listResourceRecordSets pages through a zone's records, those that are pending
// included, in the order of their reversed labels, type and set identifier.
func (s *Service) listResourceRecordSets(c *engine.Call, in *route53.ListResourceRecordSetsInput) (*route53.ListResourceRecordSetsOutput, error) {
	limit, refusal := pageSize(in.MaxItems, 300)
	if refusal != nil {
		return nil, refusal
	}
	start, id := aws.ToString(in.StartRecordName), aws.ToString(in.StartRecordIdentifier)
	switch {
	case in.StartRecordType != "" && start == "":
		return nil, invalidInput("type needs name")
	case id != "" && in.StartRecordType == "":
		return nil, invalidInput("identifier needs name and type")
	case in.StartRecordType != "" && !slices.Contains(in.StartRecordType.Values(), in.StartRecordType):
		return nil, invalidInput("the type %q does not exist", in.StartRecordType)
	}
	first := &recordSet{Type: in.StartRecordType, SetIdentifier: in.StartRecordIdentifier}
	var firstKey string
	if start != "" {
		name, err := canonicalName(start)
		if err != nil {
			return nil, invalidInput("the name %q is not valid: %v", start, err)
		}
		firstKey = sortKey(name)
	}
	s.mu.RLock()
	z, refusal := s.zoneFor(c, in.HostedZoneId)
	if refusal != nil {
		s.mu.RUnlock()
		return nil, refusal
	}
	data := z.data
	s.mu.RUnlock()

	all := data.list()
	if start != "" {
		all = all[sort.Search(len(all), func(i int) bool {
			if k := sortKey(*all[i].Name); k != firstKey {
				return k > firstKey
			}
			return compareWithinName(all[i], first) >= 0
		}):]
	}
	out := &route53.ListResourceRecordSetsOutput{MaxItems: aws.Int32(int32(limit)), ResourceRecordSets: []types.ResourceRecordSet{}}
	if len(all) > limit {
		next := all[limit]
		out.IsTruncated = true
		out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = next.Name, next.Type, next.SetIdentifier
		all = all[:limit]
	}
	for _, r := range all {
		out.ResourceRecordSets = append(out.ResourceRecordSets, *r)
	}
	return out, nil
}
