// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
)

// The tags of a retirement, written before the rename: what is to happen is on
// record before it begins. Tags stay with an instance that is renamed.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html
const (
	// RetiredAsTag is the identifier that the old writer is given.
	RetiredAsTag = "dr:retired-as"
	// RetiredAtTag is when the retirement began (RFC 3339); the date in the
	// identifier is this one's.
	RetiredAtTag = "dr:retired-at"
	// RetiredFromTag is the identifier that it gives up.
	RetiredFromTag = "dr:retired-from"
)

// Retired is an old writer that was renamed and kept.
type Retired struct {
	Instance Instance
	// From is the identifier that it had.
	From string
	// At is when its retirement began; zero if its tag says no time.
	At time.Time
}

// Prices that a caller knows: this package knows none.
type Prices struct {
	// Hourly prices of a running Single-AZ instance, by class.
	Hourly map[string]float64
	// StoragePerGiB and month of a Single-AZ instance; nil if it is not known.
	StoragePerGiB *float64
}

// hoursPerMonth is what AWS's own estimates reckon with.
const hoursPerMonth = 730

// MonthlyCost is what keeping the instance costs while it runs; false if a price
// is missing. A Multi-AZ instance has everything twice. One that is stopped
// costs its storage for a week, and is then started again by RDS.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
func (r Retired) MonthlyCost(p Prices) (float64, bool) {
	s := r.Instance.Settings
	hourly, ok := p.Hourly[s.Class]
	if !ok || p.StoragePerGiB == nil {
		return 0, false
	}
	cost := hourly*hoursPerMonth + *p.StoragePerGiB*float64(s.AllocatedStorage)
	if s.MultiAZ {
		cost *= 2
	}
	return cost, true
}

// Retired lists the region's retired instances, the oldest first. An instance
// whose retirement has not got as far as its rename is none. Errors are *Error.
func (s *Service) Retired(ctx context.Context) ([]Retired, error) {
	var list []Retired
	in := &awsrds.DescribeDBInstancesInput{MaxRecords: aws.Int32(perCall)}
	for {
		page, err := s.client.DescribeDBInstances(ctx, in)
		if err != nil {
			return nil, s.failed(KindRead, "", "the retired instances", "list", err)
		}
		for _, db := range page.DBInstances {
			i := fromAPI(db, s.region)
			from := i.Tags[RetiredFromTag]
			if from == "" || from == i.Identifier {
				continue
			}
			at, _ := time.Parse(time.RFC3339, i.Tags[RetiredAtTag])
			list = append(list, Retired{Instance: i, From: from, At: at})
		}
		if aws.ToString(page.Marker) == "" {
			break
		}
		in.Marker = page.Marker
	}
	slices.SortStableFunc(list, func(a, b Retired) int { return a.At.Compare(b.At) })
	return list, nil
}

// lastRetired is the youngest instance that was retired from an identifier; nil
// if there is none.
func (s *Service) lastRetired(ctx context.Context, from string) (*Retired, error) {
	list, err := s.Retired(ctx)
	if err != nil {
		return nil, err
	}
	for n := range slices.Backward(list) {
		if list[n].From == from {
			return &list[n], nil
		}
	}
	return nil, nil
}

// maxIdentifier is how long RDS lets an identifier be.
const maxIdentifier = 63

// retiredName is the nth (from 1) identifier that an instance may be retired
// under: "orders-retired-20261125", "orders-retired-20261125-2" …
func retiredName(id string, at time.Time, n int) string {
	suffix := "-retired-" + at.UTC().Format("20060102")
	if n > 1 {
		suffix += fmt.Sprintf("-%d", n)
	}
	if room := maxIdentifier - len(suffix); len(id) > room {
		id = strings.TrimRight(id[:room], "-")
	}
	return id + suffix
}
