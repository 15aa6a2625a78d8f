// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html
func (s *Service) describeInstances(c *engine.Call, in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
	page, err := newPage(in.MaxRecords, in.Marker)
	if err != nil {
		return nil, err
	}
	if err := checkFilters(in.Filters); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*instance
	if name := aws.ToString(in.DBInstanceIdentifier); name != "" {
		id, ok := idIn(c.Account, c.Region, name)
		if !ok {
			return nil, notFound(name)
		}
		i, err := s.lookup(c.Account, c.Region, id)
		if err != nil {
			return nil, err
		}
		found = []*instance{i}
	} else {
		for _, i := range s.instances {
			if i.account == c.Account && i.region == c.Region {
				found = append(found, i)
			}
		}
		slices.SortFunc(found, func(a, b *instance) int { return cmp.Compare(a.id, b.id) })
	}
	found = slices.DeleteFunc(found, func(i *instance) bool { return !matches(i, in.Filters) })
	found, marker := turn(page, found, func(i *instance) string { return i.id })
	out := &rds.DescribeDBInstancesOutput{Marker: marker, DBInstances: []types.DBInstance{}}
	for _, i := range found {
		out.DBInstances = append(out.DBInstances, *s.render(i))
	}
	return out, nil
}

// idIn takes an identifier, or an ARN of this account and region.
func idIn(account, region, name string) (string, bool) {
	if !strings.HasPrefix(name, "arn:") {
		return name, true
	}
	m := arnPattern.FindStringSubmatch(name)
	if m == nil || m[1] != region || m[2] != account {
		return "", false
	}
	return m[3], true
}

func checkFilters(filters []types.Filter) error {
	for _, f := range filters {
		switch name := aws.ToString(f.Name); name {
		case "db-instance-id", "db-cluster-id", "dbi-resource-id", "domain", "engine":
		default:
			return invalid("Unrecognized filter name: %s", name)
		}
		if len(f.Values) == 0 {
			return clash("The filter %s has no values.", aws.ToString(f.Name))
		}
	}
	return nil
}

// matches tells whether an instance passes every filter; a filter passes if any
// of its values does.
func matches(i *instance, filters []types.Filter) bool {
	for _, f := range filters {
		ok := slices.ContainsFunc(f.Values, func(v string) bool {
			switch aws.ToString(f.Name) {
			case "db-instance-id":
				id, mine := idIn(i.account, i.region, v)
				return mine && strings.EqualFold(id, i.id)
			case "dbi-resource-id":
				return v == aws.ToString(i.db.DbiResourceId)
			case "engine":
				return strings.EqualFold(v, i.engine())
			}
			return false // no clusters and no domains here
		})
		if !ok {
			return false
		}
	}
	return true
}

// page is where an answer of several pages stands.
type page struct {
	size  int
	after string
}

// newPage reads MaxRecords (20 to 100) and Marker.
func newPage(maxRecords *int32, marker *string) (page, error) {
	p := page{size: 100}
	if maxRecords != nil {
		if *maxRecords < 20 || *maxRecords > 100 {
			return p, invalid("Invalid value %d for MaxRecords. Must be between 20 and 100", *maxRecords)
		}
		p.size = int(*maxRecords)
	}
	if m := aws.ToString(marker); m != "" {
		raw, err := base64.URLEncoding.DecodeString(m)
		if err != nil || !strings.HasPrefix(string(raw), "after:") {
			return p, invalid("Invalid marker %s", strconv.Quote(m))
		}
		p.after = strings.TrimPrefix(string(raw), "after:")
	}
	return p, nil
}

// turn cuts a page out of a list sorted by name, and gives the next one's marker.
func turn[T any](p page, list []T, name func(T) string) ([]T, *string) {
	if p.after != "" {
		list = slices.DeleteFunc(list, func(x T) bool { return name(x) <= p.after })
	}
	if len(list) <= p.size {
		return list, nil
	}
	list = list[:p.size]
	return list, aws.String(base64.URLEncoding.EncodeToString([]byte("after:" + name(list[len(list)-1]))))
}
