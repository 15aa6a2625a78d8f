// SPDX-License-Identifier: MPL-2.0

// Package route53 moves one record set from one declared answer to another and
// waits until Route 53 says that all its name servers know. Changes to a zone
// that arrive together travel in one change batch, and reads in one listing, so
// that an estate of records costs little more than a single one.
//
// It refuses to overwrite an answer that nobody declared, to delete a record on
// the way from one answer to another, and to call a change done that Route 53
// has not confirmed.
//
// Route 53's control plane lives in us-east-1. When it does not answer, the
// package says so (StuckError) and changes nothing; every step can be repeated.
package route53

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53"
)

// Client is the part of the SDK's Route 53 client that this package calls.
type Client interface {
	ChangeResourceRecordSets(context.Context, *route53.ChangeResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error)
	GetChange(context.Context, *route53.GetChangeInput, ...func(*route53.Options)) (*route53.GetChangeOutput, error)
	ListResourceRecordSets(context.Context, *route53.ListResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error)
}

// Windows within which calls count as arriving together.
const (
	changeWindow = 50 * time.Millisecond
	readWindow   = 10 * time.Millisecond
)

// Service shares batches, listings and polls among everything that uses it.
// One Service serves one provider configuration.
type Service struct {
	api  Client
	poll time.Duration

	mu      sync.Mutex
	zones   map[string]*queue[change, string]
	reads   map[string]*queue[string, []Record]
	watches map[string]*watch
}

// New makes a Service. Poll is the shortest time between two looks at a change
// that is on its way; 0 means one second.
func New(api Client, poll time.Duration) *Service {
	if poll <= 0 {
		poll = time.Second
	}
	return &Service{
		api:     api,
		poll:    poll,
		zones:   map[string]*queue[change, string]{},
		reads:   map[string]*queue[string, []Record]{},
		watches: map[string]*watch{},
	}
}
