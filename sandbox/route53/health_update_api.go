// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// updateHealthCheck changes what can be changed: neither the type nor the
// request interval.
func (s *Service) updateHealthCheck(c *engine.Call, in *route53.UpdateHealthCheckInput) (*route53.UpdateHealthCheckOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, refusal := s.checkFor(c, in.HealthCheckId)
	if refusal != nil {
		return nil, refusal
	}
	if in.HealthCheckVersion != nil && *in.HealthCheckVersion != h.version {
		e := engine.Refuse("HealthCheckVersionMismatch", "The version %d is not the current one, %d", *in.HealthCheckVersion, h.version)
		e.Status = 409
		return nil, e
	}
	config := h.config
	for _, e := range in.ResetElements {
		switch e {
		case types.ResettableElementNameChildHealthChecks:
			config.ChildHealthChecks = nil
		case types.ResettableElementNameFullyQualifiedDomainName:
			config.FullyQualifiedDomainName = nil
		case types.ResettableElementNameRegions:
			config.Regions = nil
		case types.ResettableElementNameResourcePath:
			config.ResourcePath = nil
		default:
			return nil, invalidInput("%q cannot be reset", e)
		}
	}
	set(&config.Disabled, in.Disabled)
	set(&config.EnableSNI, in.EnableSNI)
	set(&config.FailureThreshold, in.FailureThreshold)
	set(&config.FullyQualifiedDomainName, in.FullyQualifiedDomainName)
	set(&config.HealthThreshold, in.HealthThreshold)
	set(&config.IPAddress, in.IPAddress)
	set(&config.Inverted, in.Inverted)
	set(&config.Port, in.Port)
	set(&config.ResourcePath, in.ResourcePath)
	set(&config.SearchString, in.SearchString)
	if in.ChildHealthChecks != nil {
		config.ChildHealthChecks = slices.Clone(in.ChildHealthChecks)
	}
	if in.Regions != nil {
		config.Regions = slices.Clone(in.Regions)
	}
	set(&config.AlarmIdentifier, in.AlarmIdentifier)
	if in.InsufficientDataHealthStatus != "" {
		config.InsufficientDataHealthStatus = in.InsufficientDataHealthStatus
	}
	config, alarm, refusal := s.complete(c, config)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := s.checkChildren(c, h.id, config); refusal != nil {
		return nil, refusal
	}
	h.config, h.alarm = config, alarm
	h.version++
	s.watch(h)
	return &route53.UpdateHealthCheckOutput{HealthCheck: h.describe()}, nil
}

// set takes over a value that is given.
func set[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func (s *Service) deleteHealthCheck(c *engine.Call, in *route53.DeleteHealthCheckInput) (*route53.DeleteHealthCheckOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, refusal := s.checkFor(c, in.HealthCheckId)
	if refusal != nil {
		return nil, refusal
	}
	for _, other := range s.checks {
		if slices.Contains(other.config.ChildHealthChecks, h.id) {
			return nil, engine.Refuse("HealthCheckInUse", "The health check %s is a child of the health check %s", h.id, other.id)
		}
	}
	h.stop()
	delete(s.checks, h.id)
	s.retired[retiredKey(c, h.reference)] = true
	delete(s.tags, tagKey{types.TagResourceTypeHealthcheck, h.id})
	return &route53.DeleteHealthCheckOutput{}, nil
}

// getHealthCheckStatus reports what the checkers saw last. The sandbox makes
// one probe for all of them.
func (s *Service) getHealthCheckStatus(c *engine.Call, in *route53.GetHealthCheckStatusInput) (*route53.GetHealthCheckStatusOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, refusal := s.checkFor(c, in.HealthCheckId)
	if refusal != nil {
		return nil, refusal
	}
	if h.config.Type == types.HealthCheckTypeCalculated {
		return nil, invalidInput("a calculated health check has no status of its own")
	}
	out := &route53.GetHealthCheckStatusOutput{HealthCheckObservations: []types.HealthCheckObservation{}}
	if h.config.Type == types.HealthCheckTypeCloudwatchMetric {
		return out, nil // no checker looks at an endpoint
	}
	last := h.lastObservation()
	if last.at.IsZero() {
		return out, nil
	}
	for _, r := range checkerRegions {
		if len(h.config.Regions) > 0 && !slices.Contains(h.config.Regions, r.region) {
			continue
		}
		out.HealthCheckObservations = append(out.HealthCheckObservations, types.HealthCheckObservation{
			Region: r.region, IPAddress: aws.String(r.address),
			StatusReport: &types.StatusReport{CheckedTime: aws.Time(last.at), Status: aws.String(last.status)},
		})
	}
	return out, nil
}
