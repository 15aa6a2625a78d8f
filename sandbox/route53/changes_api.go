// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

func priorRequest() *engine.Error {
	return engine.Refuse("PriorRequestNotComplete",
		"The request was rejected because Route 53 was still processing a prior request.")
}

// invalidBatch answers as Route 53 does today: an ErrorResponse whose message
// is the list of reasons in brackets. The document of its own that the API
// reference shows for this error is one that the AWS CLI cannot read.
func invalidBatch(messages []string) *engine.Error {
	return engine.Refuse("InvalidChangeBatch", "[%s]", strings.Join(messages, ", "))
}

// changeResourceRecordSets applies a batch as a whole or not at all. While the
// batch is in its submission window another one to the zone is refused.
func (s *Service) changeResourceRecordSets(c *engine.Call, in *route53.ChangeResourceRecordSetsInput) (*route53.ChangeResourceRecordSetsOutput, error) {
	if in.ChangeBatch == nil || len(in.ChangeBatch.Changes) == 0 {
		return nil, invalidInput("the change batch contains no changes")
	}
	if len(aws.ToString(in.ChangeBatch.Comment)) > 256 {
		return nil, invalidInput("Comment must have at most 256 characters")
	}
	for _, ch := range in.ChangeBatch.Changes {
		if refusal := checkStructure(ch); refusal != nil {
			return nil, refusal
		}
	}
	z, change, refusal := s.submit(c, in)
	if refusal != nil {
		return nil, refusal
	}
	window := time.NewTimer(s.engine.Clock.Wall(s.submission))
	defer window.Stop()
	select {
	case <-window.C:
	case <-c.Context.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	z.submitting = false
	return &route53.ChangeResourceRecordSetsOutput{ChangeInfo: change.info(change.submitted)}, nil
}

func (s *Service) submit(c *engine.Call, in *route53.ChangeResourceRecordSetsInput) (*zone, *change, *engine.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z, refusal := s.zoneFor(c, in.HostedZoneId)
	if refusal != nil {
		return nil, nil, refusal
	}
	if z.submitting {
		return nil, nil, priorRequest()
	}
	if messages := exceeded(in.ChangeBatch.Changes); len(messages) > 0 {
		return nil, nil, invalidBatch(messages)
	}
	for _, ch := range in.ChangeBatch.Changes {
		if id := aws.ToString(ch.ResourceRecordSet.HealthCheckId); id != "" && s.checks[id] == nil {
			return nil, nil, engine.NotFound("NoSuchHealthCheck", "A health check with id %s does not exist", id)
		}
	}
	data, messages := s.apply(z, in.ChangeBatch.Changes)
	if len(messages) > 0 {
		return nil, nil, invalidBatch(messages)
	}
	change := s.accept(c.Account, aws.ToString(in.ChangeBatch.Comment))
	z.publish(data, s.now(), change.due)
	z.submitting = true
	z.batches++
	return z, change, nil
}

func (s *Service) getChange(c *engine.Call, in *route53.GetChangeInput) (*route53.GetChangeOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id := trimID(aws.ToString(in.Id), "change")
	change, ok := s.changes[id]
	switch {
	case !ok:
		return nil, engine.NotFound("NoSuchChange", "Could not find resource with ID: %s", id)
	case change.account != c.Account:
		return nil, accessDenied(c)
	}
	return &route53.GetChangeOutput{ChangeInfo: change.info(s.now())}, nil
}
