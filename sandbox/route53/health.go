// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// healthCheck is one health check. The service's lock guards its
// configuration, its own the state that its checker writes.
type healthCheck struct {
	id, account, reference string
	version                int64
	config                 types.HealthCheckConfig
	alarm                  *cloudwatch.MetricAlarm // as it was when the check was made or updated
	cancel                 context.CancelFunc      // nil if nothing is probed

	mu    sync.Mutex
	known bool // enough probes have been made
	ok    bool
	run   int // consecutive probes that differ from the state
	last  observation
}

type observation struct {
	at     time.Time
	ok     bool
	status string
}

func (h *healthCheck) stop() {
	if h.cancel != nil {
		h.cancel()
	}
}

// observe takes in one probe: the state turns over after FailureThreshold
// consecutive probes that contradict it. Until then a new check is healthy, see
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
func (h *healthCheck) observe(o observation, threshold int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.known {
		h.known, h.ok = true, true
	}
	if o.ok == h.ok {
		h.run = 0
	} else if h.run++; h.run >= threshold {
		h.ok, h.run = o.ok, 0
	}
	h.last = o
}

func (h *healthCheck) state() (ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.known || h.ok
}

func (h *healthCheck) lastObservation() observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// checkHealthy is the status of a health check as DNS failover sees it. One
// that does not exist (any more) does not hold a record back. The caller holds
// the lock.
func (s *Service) checkHealthy(id string, depth int) bool {
	h := s.checks[id]
	if h == nil || depth > 8 {
		return true
	}
	ok := true
	switch {
	case aws.ToBool(h.config.Disabled):
		// Disabled counts as healthy, and Inverted inverts that too.
	case h.config.Type == types.HealthCheckTypeCalculated:
		healthy := 0
		for _, child := range h.config.ChildHealthChecks {
			if s.checkHealthy(child, depth+1) {
				healthy++
			}
		}
		ok = healthy >= int(aws.ToInt32(h.config.HealthThreshold))
	default:
		ok = h.state()
	}
	return ok != aws.ToBool(h.config.Inverted)
}

// setHealthy tells whether a record set may be in an answer: its own health
// check, and for an alias that evaluates it, its target's. The caller holds
// the lock.
func (s *Service) setHealthy(data *zoneData, zoneID string, r *recordSet, depth int) bool {
	if id := aws.ToString(r.HealthCheckId); id != "" && !s.checkHealthy(id, 0) {
		return false
	}
	a := r.AliasTarget
	if a == nil || !a.EvaluateTargetHealth || *a.HostedZoneId != zoneID || depth > 8 {
		return true
	}
	for _, t := range data.group(*a.DNSName, r.Type) {
		if s.setHealthy(data, zoneID, t, depth+1) {
			return true
		}
	}
	return false
}

// checkerRegions are those from which Route 53 checks unless told otherwise,
// with the address of a checker there, taken from the range for documentation.
var checkerRegions = []struct {
	region  types.HealthCheckRegion
	address string
}{
	{types.HealthCheckRegionUsEast1, "198.51.100.1"},
	{types.HealthCheckRegionUsWest1, "198.51.100.2"},
	{types.HealthCheckRegionUsWest2, "198.51.100.3"},
	{types.HealthCheckRegionEuWest1, "198.51.100.4"},
	{types.HealthCheckRegionApSoutheast1, "198.51.100.5"},
	{types.HealthCheckRegionApSoutheast2, "198.51.100.6"},
	{types.HealthCheckRegionApNortheast1, "198.51.100.7"},
	{types.HealthCheckRegionSaEast1, "198.51.100.8"},
}
