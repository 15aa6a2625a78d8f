// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"cmp"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// resource is what the describing operations have in common.
type resource interface {
	where() owner
	key() string
	// attribute gives the values that a filter looks at.
	attribute(filter string) []string
	tagged() []types.Tag
}

// owner of a resource.
type owner struct{ account, region string }

func ownerOf(c *engine.Call) owner { return owner{c.Account, c.Region} }

func (o owner) where() owner { return o }

// kind is how AWS speaks of one kind of resource.
type kind struct {
	prefix             string
	malformed, missing string // error codes
	noun               string // before the id in the message
	filters            []string
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var (
	vpcKind    = kind{"vpc", "InvalidVpcId.Malformed", "InvalidVpcID.NotFound", "vpc ID", []string{"vpc-id", "cidr", "is-default", "isDefault", "owner-id", "state"}}
	subnetKind = kind{"subnet", "InvalidSubnetId.Malformed", "InvalidSubnetID.NotFound", "subnet ID",
		[]string{"subnet-id", "vpc-id", "cidr-block", "availability-zone", "availabilityZone", "default-for-az", "owner-id", "state"}}
	groupKind = kind{"sg", "InvalidGroupId.Malformed", "InvalidGroup.NotFound", "security group",
		[]string{"group-id", "group-name", "vpc-id", "description", "owner-id", "ip-permission.cidr", "ip-permission.group-id", "ip-permission.from-port", "ip-permission.to-port", "ip-permission.protocol"}}
	ruleKind = kind{"sgr", "InvalidSecurityGroupRuleId.Malformed", "InvalidSecurityGroupRuleId.NotFound", "security group rule ID",
		[]string{"group-id", "security-group-rule-id"}}
	aclKind = kind{"acl", "InvalidNetworkAclId.Malformed", "InvalidNetworkAclID.NotFound", "networkAcl ID",
		[]string{"network-acl-id", "vpc-id", "default", "owner-id", "association.association-id", "association.network-acl-id", "association.subnet-id"}}
)

var idPattern = regexp.MustCompile(`^[a-z]+-([0-9a-f]{8}|[0-9a-f]{17})$`)

func (k kind) check(id string) error {
	if !idPattern.MatchString(id) || !strings.HasPrefix(id, k.prefix+"-") {
		return engine.Refuse(k.malformed, `Invalid id: "%s" (expecting "%s-...")`, id, k.prefix)
	}
	return nil
}

func (k kind) notFound(id string) error {
	return engine.Refuse(k.missing, "The %s '%s' does not exist", k.noun, id)
}

// find finds one resource by id.
func find[T resource](k kind, all []T, o owner, id string) (T, error) {
	var none T
	if err := k.check(id); err != nil {
		return none, err
	}
	for _, r := range all {
		if r.where() == o && r.key() == id {
			return r, nil
		}
	}
	return none, k.notFound(id)
}

// query is what a caller asks to be described.
type query struct {
	ids     []string
	filters []types.Filter
	max     *int32
	token   *string
}

// choose applies ids, filters and paging.
func choose[T resource](c *engine.Call, k kind, all []T, q query) ([]T, *string, error) {
	for _, f := range q.filters {
		if name := aws.ToString(f.Name); !slices.Contains(k.filters, name) && name != "tag-key" && !strings.HasPrefix(name, "tag:") {
			return nil, nil, engine.Refuse("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
	}
	size, after, err := newPage(q.max, q.token)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range q.ids {
		if _, err := find(k, all, ownerOf(c), id); err != nil {
			return nil, nil, err
		}
	}
	var found []T
	for _, r := range all {
		if r.where() == ownerOf(c) && (len(q.ids) == 0 || slices.Contains(q.ids, r.key())) && r.key() > after && passes(r, q.filters) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b T) int { return cmp.Compare(a.key(), b.key()) })
	if size == 0 || len(found) <= size {
		return found, nil, nil
	}
	found = found[:size]
	return found, aws.String(base64.URLEncoding.EncodeToString([]byte("after:" + found[size-1].key()))), nil
}

// newPage reads MaxResults (5 to 1000; all unless given) and NextToken.
func newPage(limit *int32, token *string) (size int, after string, err error) {
	if limit != nil {
		if *limit < 5 || *limit > 1000 {
			return 0, "", engine.Refuse("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", *limit)
		}
		size = int(*limit)
	}
	if t := aws.ToString(token); t != "" {
		raw, err := base64.URLEncoding.DecodeString(t)
		rest, ok := strings.CutPrefix(string(raw), "after:")
		if err != nil || !ok {
			return 0, "", engine.Refuse("InvalidPaginationToken", "The specified pagination token is not valid.")
		}
		after = rest
	}
	return size, after, nil
}

// passes tells whether a resource passes every filter; a filter passes if any of
// its values fits any of the resource's.
func passes(r resource, filters []types.Filter) bool {
	for _, f := range filters {
		name := aws.ToString(f.Name)
		var have []string
		key, isTag := strings.CutPrefix(name, "tag:")
		for _, t := range r.tagged() {
			switch {
			case isTag && aws.ToString(t.Key) == key:
				have = append(have, aws.ToString(t.Value))
			case name == "tag-key":
				have = append(have, aws.ToString(t.Key))
			}
		}
		if !isTag && name != "tag-key" {
			have = r.attribute(name)
		}
		ok := slices.ContainsFunc(f.Values, func(pattern string) bool {
			return slices.ContainsFunc(have, func(v string) bool { return fits(pattern, v) })
		})
		if !ok {
			return false
		}
	}
	return true
}

// fits matches a filter's value, in which * stands for anything and ? for one
// character.
func fits(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return fits(pattern[1:], s) || (s != "" && fits(pattern, s[1:]))
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && fits(pattern[1:], s[1:])
}

// given returns a required parameter.
func given(v *string, name string) (string, error) {
	if v == nil || *v == "" {
		return "", engine.Refuse("MissingParameter", "The request must contain the parameter %s", name)
	}
	return *v, nil
}

func invalid(format string, args ...any) error {
	return engine.Refuse("InvalidParameterValue", format, args...)
}

// tagsFor takes the tags of one resource type out of a creation's input.
func tagsFor(specifications []types.TagSpecification, want types.ResourceType) ([]types.Tag, error) {
	tags := []types.Tag{}
	for _, s := range specifications {
		if s.ResourceType != want {
			return nil, invalid("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
		tags = append(tags, s.Tags...)
	}
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(aws.ToString(t.Key)), "aws:") {
			return nil, invalid("Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	return tags, nil
}
