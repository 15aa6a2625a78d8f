// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// eventLife is how long RDS keeps events.
const eventLife = 14 * 24 * time.Hour

type event struct {
	number            int
	account, region   string
	source, arn       string
	message, category string
	at                time.Time
}

// note records an event of an instance. Call it with the lock.
func (s *Service) note(i *instance, message, category string) {
	now := s.e.Clock.Now()
	for len(s.events) > 0 && s.events[0].at.Before(now.Add(-eventLife)) {
		s.events = s.events[1:]
	}
	number := 1
	if n := len(s.events); n > 0 {
		number = s.events[n-1].number + 1
	}
	s.events = append(s.events, event{number, i.account, i.region, i.id, i.arn(), message, category, now})
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html
func (s *Service) describeEvents(c *engine.Call, in *rds.DescribeEventsInput) (*rds.DescribeEventsOutput, error) {
	page, err := newPage(in.MaxRecords, in.Marker)
	if err != nil {
		return nil, err
	}
	if in.SourceType != "" && !slices.Contains(in.SourceType.Values(), in.SourceType) {
		return nil, invalid("The source type %s is not one that RDS has.", in.SourceType)
	}
	if in.SourceIdentifier != nil && in.SourceType == "" {
		return nil, clash("SourceIdentifier can be given only together with SourceType.")
	}
	now := s.e.Clock.Now()
	from, to, err := eventWindow(now, in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []event
	for _, e := range s.events {
		if e.account != c.Account || e.region != c.Region || e.at.Before(from) || e.at.After(to) {
			continue
		}
		if in.SourceType != "" && in.SourceType != types.SourceTypeDbInstance {
			continue
		}
		if in.SourceIdentifier != nil && !strings.EqualFold(*in.SourceIdentifier, e.source) {
			continue
		}
		if len(in.EventCategories) > 0 && !slices.Contains(in.EventCategories, e.category) {
			continue
		}
		found = append(found, e)
	}
	found, marker := turn(page, found, func(e event) string { return fmt.Sprintf("%09d", e.number) })
	out := &rds.DescribeEventsOutput{Marker: marker, Events: []types.Event{}}
	for _, e := range found {
		out.Events = append(out.Events, types.Event{
			Date: aws.Time(e.at), EventCategories: []string{e.category}, Message: aws.String(e.message),
			SourceArn: aws.String(e.arn), SourceIdentifier: aws.String(e.source), SourceType: types.SourceTypeDbInstance,
		})
	}
	return out, nil
}

// eventWindow: StartTime and EndTime, or the last Duration minutes (60).
func eventWindow(now time.Time, in *rds.DescribeEventsInput) (from, to time.Time, err error) {
	to = now
	set(&to, in.EndTime)
	minutes := int32(60)
	set(&minutes, in.Duration)
	if minutes < 1 || time.Duration(minutes)*time.Minute > eventLife {
		return from, to, invalid("Invalid Duration: %d minutes; events are kept for 14 days.", minutes)
	}
	from = to.Add(-time.Duration(minutes) * time.Minute)
	if in.StartTime != nil {
		from = *in.StartTime
		if in.Duration != nil && in.EndTime == nil {
			to = from.Add(time.Duration(minutes) * time.Minute)
		}
	}
	if from.Before(now.Add(-eventLife - time.Minute)) {
		return from, to, invalid("StartTime is more than 14 days ago.")
	}
	if from.After(to) {
		return from, to, invalid("StartTime must be before EndTime.")
	}
	return from, to, nil
}
