// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const maxTags = 50

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_AddTagsToResource.html
func (s *Service) addTags(c *engine.Call, in *rds.AddTagsToResourceInput) (*rds.AddTagsToResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.tagged(c, in.ResourceName)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(i.tags)
	for _, t := range in.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if len(tags) > maxTags {
		return nil, invalid("A resource can have at most %d tags.", maxTags)
	}
	i.tags = tags
	return &rds.AddTagsToResourceOutput{}, nil
}

func (s *Service) removeTags(c *engine.Call, in *rds.RemoveTagsFromResourceInput) (*rds.RemoveTagsFromResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.tagged(c, in.ResourceName)
	if err != nil {
		return nil, err
	}
	for _, k := range in.TagKeys {
		delete(i.tags, k)
	}
	return &rds.RemoveTagsFromResourceOutput{}, nil
}

func (s *Service) listTags(c *engine.Call, in *rds.ListTagsForResourceInput) (*rds.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.tagged(c, in.ResourceName)
	if err != nil {
		return nil, err
	}
	return &rds.ListTagsForResourceOutput{TagList: tagList(i.tags)}, nil
}

// tagged finds the instance of an ARN. Call it with the lock.
func (s *Service) tagged(c *engine.Call, name *string) (*instance, error) {
	arn, err := given(name, "ResourceName")
	if err != nil {
		return nil, err
	}
	m := arnPattern.FindStringSubmatch(arn)
	if m == nil {
		return nil, invalid("Invalid resource name: %s; the sandbox tags DB instances, by ARN.", arn)
	}
	if m[1] != c.Region {
		return nil, invalid("The resource %s is not in the region %s.", arn, c.Region)
	}
	if m[2] != c.Account {
		return nil, notFound(arn)
	}
	return s.lookup(c.Account, c.Region, m[3])
}

func checkTags(tags []types.Tag) error {
	if len(tags) > maxTags {
		return invalid("A resource can have at most %d tags.", maxTags)
	}
	for _, t := range tags {
		k, v := aws.ToString(t.Key), aws.ToString(t.Value)
		switch {
		case k == "" || utf8.RuneCountInString(k) > 128:
			return invalid("Invalid tag key %q: it must have from 1 to 128 characters.", k)
		case utf8.RuneCountInString(v) > 256:
			return invalid("Invalid value of the tag %q: it may have up to 256 characters.", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("The tag key %q begins with a prefix that is AWS's own.", k)
		}
	}
	return nil
}
