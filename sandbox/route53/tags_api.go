// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

type tagKey struct {
	kind types.TagResourceType
	id   string
}

// tagged finds what is tagged and returns its key. The caller holds the lock.
func (s *Service) tagged(c *engine.Call, kind types.TagResourceType, id *string) (tagKey, *engine.Error) {
	switch kind {
	case types.TagResourceTypeHostedzone:
		z, refusal := s.zoneFor(c, id)
		if refusal != nil {
			return tagKey{}, refusal
		}
		return tagKey{kind, z.id}, nil
	case types.TagResourceTypeHealthcheck:
		h, refusal := s.checkFor(c, id)
		if refusal != nil {
			return tagKey{}, refusal
		}
		return tagKey{kind, h.id}, nil
	}
	return tagKey{}, invalidInput("the resource type %q is not hostedzone or healthcheck", kind)
}

func (s *Service) tagSet(k tagKey) types.ResourceTagSet {
	out := types.ResourceTagSet{ResourceId: aws.String(k.id), ResourceType: k.kind, Tags: []types.Tag{}}
	for _, name := range slices.Sorted(maps.Keys(s.tags[k])) {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(name), Value: aws.String(s.tags[k][name])})
	}
	return out
}

func (s *Service) listTagsForResource(c *engine.Call, in *route53.ListTagsForResourceInput) (*route53.ListTagsForResourceOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, refusal := s.tagged(c, in.ResourceType, in.ResourceId)
	if refusal != nil {
		return nil, refusal
	}
	set := s.tagSet(k)
	return &route53.ListTagsForResourceOutput{ResourceTagSet: &set}, nil
}

func (s *Service) listTagsForResources(c *engine.Call, in *route53.ListTagsForResourcesInput) (*route53.ListTagsForResourcesOutput, error) {
	if n := len(in.ResourceIds); n < 1 || n > 10 {
		return nil, invalidInput("between 1 and 10 resource ids are expected, not %d", n)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &route53.ListTagsForResourcesOutput{}
	for _, id := range in.ResourceIds {
		k, refusal := s.tagged(c, in.ResourceType, &id)
		if refusal != nil {
			return nil, refusal
		}
		out.ResourceTagSets = append(out.ResourceTagSets, s.tagSet(k))
	}
	return out, nil
}

func (s *Service) changeTagsForResource(c *engine.Call, in *route53.ChangeTagsForResourceInput) (*route53.ChangeTagsForResourceOutput, error) {
	if len(in.AddTags) == 0 && len(in.RemoveTagKeys) == 0 {
		return nil, invalidInput("no tag is added or removed")
	}
	if len(in.AddTags) > 10 || len(in.RemoveTagKeys) > 10 {
		return nil, invalidInput("more than 10 tags are added or removed")
	}
	for _, t := range in.AddTags {
		if n := len(aws.ToString(t.Key)); n < 1 || n > 128 || len(aws.ToString(t.Value)) > 256 {
			return nil, invalidInput("a tag's key has 1 to 128 characters and its value at most 256")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, refusal := s.tagged(c, in.ResourceType, in.ResourceId)
	if refusal != nil {
		return nil, refusal
	}
	tags := maps.Clone(s.tags[k])
	if tags == nil {
		tags = map[string]string{}
	}
	for _, name := range in.RemoveTagKeys {
		delete(tags, name)
	}
	for _, t := range in.AddTags {
		tags[*t.Key] = aws.ToString(t.Value)
	}
	if len(tags) > 50 {
		return nil, invalidInput("a resource has at most 50 tags")
	}
	s.tags[k] = tags
	return &route53.ChangeTagsForResourceOutput{}, nil
}
