// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Sets are all record sets of a key's name and type, whatever their set
// identifiers.
func (s *Service) Sets(ctx context.Context, key Key) ([]Record, error) {
	// No record set has this identifier, so all of them are others.
	key.SetIdentifier = "\x00"
	_, sets, err := s.find(ctx, key, &progress{key: Key{ZoneID: key.ZoneID, Name: key.Name, Type: key.Type}, began: time.Now()})
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return sets, err
}

// Replace removes record sets of one name and type and puts others, all in one
// batch: either everything takes effect, or nothing. It returns when Route 53
// says that all its name servers know. What is put may be there already; what is
// removed must be there as it is named.
func (s *Service) Replace(ctx context.Context, key Key, remove, put []Record) error {
	key.SetIdentifier = ""
	var parts []types.Change
	add := func(action types.ChangeAction, records []Record) {
		for _, r := range records {
			set := toAPI(r)
			parts = append(parts, types.Change{Action: action, ResourceRecordSet: &set})
		}
	}
	add(types.ChangeActionDelete, remove) // first: a simple record and a pair exclude each other
	add(types.ChangeActionUpsert, put)
	if len(parts) == 0 {
		return nil
	}
	c := change{key: key, action: parts[0].Action, set: *parts[0].ResourceRecordSet, also: parts[1:]}
	_, err := s.apply(ctx, c, &progress{key: key, to: "its failover pair", began: time.Now()})
	return err
}

// Is says that nothing about the record differs from another of the same key.
func (r Record) Is(o Record) bool { return r.equal(o) }

// LeadsTo says whether both answers lead clients to the same place.
func (a Answer) LeadsTo(recordType string, b Answer) bool { return a.leadsTo(recordType, b) }

// Describe is the record's answer for people, with its set identifier.
func (r Record) Describe() string { return r.describe() }
