// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// checkFor finds a health check for a caller. The caller holds the lock.
func (s *Service) checkFor(c *engine.Call, id *string) (*healthCheck, *engine.Error) {
	h, ok := s.checks[aws.ToString(id)]
	switch {
	case !ok:
		return nil, engine.NotFound("NoSuchHealthCheck", "A health check with id %s does not exist", aws.ToString(id))
	case h.account != c.Account:
		return nil, accessDenied(c)
	}
	return h, nil
}

func (h *healthCheck) describe() *types.HealthCheck {
	config := h.config
	return &types.HealthCheck{
		Id: aws.String(h.id), CallerReference: aws.String(h.reference),
		HealthCheckVersion: aws.Int64(h.version), HealthCheckConfig: &config, CloudWatchAlarmConfiguration: alarmConfiguration(h.alarm),
	}
}

func (s *Service) createHealthCheck(c *engine.Call, in *route53.CreateHealthCheckInput) (*route53.CreateHealthCheckOutput, error) {
	ref := aws.ToString(in.CallerReference)
	if ref == "" || len(ref) > 64 {
		return nil, invalidInput("CallerReference must have 1 to 64 characters")
	}
	if in.HealthCheckConfig == nil {
		return nil, invalidInput("HealthCheckConfig is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	config, alarm, refusal := s.complete(c, *in.HealthCheckConfig)
	if refusal != nil {
		return nil, refusal
	}
	for _, h := range s.checks {
		if h.account != c.Account || h.reference != ref {
			continue
		}
		// The same call again answers with what it made.
		if h.version == 1 && reflect.DeepEqual(h.config, config) {
			return &route53.CreateHealthCheckOutput{HealthCheck: h.describe(), Location: aws.String(apiEndpoint + "healthcheck/" + h.id)}, nil
		}
		return nil, alreadyExists("A health check with the caller reference %q and other settings exists", ref)
	}
	if s.retired[retiredKey(c, ref)] {
		return nil, alreadyExists("The caller reference %q is that of a health check that was deleted", ref)
	}
	if refusal := s.checkChildren(c, "", config); refusal != nil {
		return nil, refusal
	}
	h := &healthCheck{id: newUUID(), account: c.Account, reference: ref, version: 1, config: config, alarm: alarm}
	s.checks[h.id] = h
	s.watch(h)
	return &route53.CreateHealthCheckOutput{HealthCheck: h.describe(), Location: aws.String(apiEndpoint + "healthcheck/" + h.id)}, nil
}

func alreadyExists(format string, args ...any) *engine.Error {
	e := engine.Refuse("HealthCheckAlreadyExists", format, args...)
	e.Status = 409
	return e
}

// retiredKey is of a caller reference, which never serves twice.
func retiredKey(c *engine.Call, reference string) string { return c.Account + "/" + reference }

// complete is completeConfig, and for a check of an alarm the alarm as it is
// now. The caller holds the lock.
func (s *Service) complete(c *engine.Call, config types.HealthCheckConfig) (types.HealthCheckConfig, *cloudwatch.MetricAlarm, *engine.Error) {
	if config.Type == types.HealthCheckTypeCloudwatchMetric {
		return s.completeMetric(c.Account, config)
	}
	config, refusal := completeConfig(config)
	return config, nil, refusal
}

// checkChildren wants a calculated check's children to exist in the account
// and not to be calculated themselves.
func (s *Service) checkChildren(c *engine.Call, self string, config types.HealthCheckConfig) *engine.Error {
	for _, child := range config.ChildHealthChecks {
		h, ok := s.checks[child]
		if !ok || h.account != c.Account || child == self {
			return invalidInput("the child health check %s does not exist", child)
		}
		if h.config.Type == types.HealthCheckTypeCalculated {
			return invalidInput("the child health check %s is a calculated one", child)
		}
	}
	return nil
}

// completeConfig validates a configuration and fills in the defaults.
func completeConfig(config types.HealthCheckConfig) (types.HealthCheckConfig, *engine.Error) {
	switch {
	case config.Type == types.HealthCheckTypeCalculated && config.AlarmIdentifier == nil:
		return completeCalculated(config)
	case config.AlarmIdentifier != nil || config.InsufficientDataHealthStatus != "":
		return config, invalidInput("AlarmIdentifier and InsufficientDataHealthStatus are for type CLOUDWATCH_METRIC")
	case config.Type == types.HealthCheckTypeRecoveryControl:
		return config, invalidInput("health checks of type %s are not simulated", config.Type)
	case !endpointCheck(config.Type):
		return config, invalidInput("the health check type %q does not exist", config.Type)
	case len(config.ChildHealthChecks) > 0 || config.HealthThreshold != nil:
		return config, invalidInput("ChildHealthChecks and HealthThreshold are for type CALCULATED")
	}
	searches := config.Type == types.HealthCheckTypeHttpStrMatch || config.Type == types.HealthCheckTypeHttpsStrMatch
	secure := config.Type == types.HealthCheckTypeHttps || config.Type == types.HealthCheckTypeHttpsStrMatch
	ip, fqdn := aws.ToString(config.IPAddress), aws.ToString(config.FullyQualifiedDomainName)
	if ip != "" {
		a, err := netip.ParseAddr(ip)
		if err != nil || a.IsPrivate() || a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast() {
			return config, invalidInput("%q is not an IP address that health checkers can reach", ip)
		}
	}
	if fqdn != "" {
		if _, err := canonicalName(fqdn); err != nil || len(fqdn) > 255 {
			return config, invalidInput("%q is not a fully qualified domain name", fqdn)
		}
	}
	switch {
	case ip == "" && fqdn == "":
		return config, invalidInput("IPAddress or FullyQualifiedDomainName is needed")
	case config.Port != nil && (*config.Port < 1 || *config.Port > 65535):
		return config, invalidInput("Port is not within 1 to 65535")
	case config.Port == nil && config.Type == types.HealthCheckTypeTcp:
		return config, invalidInput("Port is needed for type TCP")
	case len(aws.ToString(config.ResourcePath)) > 255 || config.ResourcePath != nil && config.Type == types.HealthCheckTypeTcp:
		return config, invalidInput("ResourcePath has at most 255 characters, and is not for type TCP")
	case searches != (aws.ToString(config.SearchString) != "") || len(aws.ToString(config.SearchString)) > 255:
		return config, invalidInput("SearchString, of 1 to 255 characters, belongs to the types that end in _STR_MATCH")
	case config.RequestInterval != nil && *config.RequestInterval != 10 && *config.RequestInterval != 30:
		return config, invalidInput("RequestInterval is not 10 or 30")
	case config.FailureThreshold != nil && (*config.FailureThreshold < 1 || *config.FailureThreshold > 10):
		return config, invalidInput("FailureThreshold is not within 1 to 10")
	case config.Regions != nil && len(config.Regions) < 3:
		return config, invalidInput("at least three Regions are needed")
	}
	for _, r := range config.Regions {
		if !slices.Contains(r.Values(), r) {
			return config, invalidInput("there are no health checkers in region %q", r)
		}
	}
	port := int32(80)
	if secure {
		port = 443
	}
	config.Port = cmp.Or(config.Port, aws.Int32(port))
	config.RequestInterval = cmp.Or(config.RequestInterval, aws.Int32(30))
	config.FailureThreshold = cmp.Or(config.FailureThreshold, aws.Int32(3))
	config.EnableSNI = cmp.Or(config.EnableSNI, aws.Bool(secure))
	config.MeasureLatency = cmp.Or(config.MeasureLatency, aws.Bool(false))
	config.Inverted = cmp.Or(config.Inverted, aws.Bool(false))
	config.Disabled = cmp.Or(config.Disabled, aws.Bool(false))
	return config, nil
}

func completeCalculated(config types.HealthCheckConfig) (types.HealthCheckConfig, *engine.Error) {
	switch {
	case aws.ToString(config.IPAddress) != "" || config.Port != nil || config.ResourcePath != nil || config.SearchString != nil ||
		config.RequestInterval != nil || config.FullyQualifiedDomainName != nil || config.FailureThreshold != nil:
		return config, invalidInput("a calculated health check has no endpoint")
	case len(config.ChildHealthChecks) > 256:
		return config, invalidInput("a calculated health check has at most 256 children")
	case config.HealthThreshold != nil && (*config.HealthThreshold < 0 || *config.HealthThreshold > 256):
		return config, invalidInput("HealthThreshold is not within 0 to 256")
	}
	config.HealthThreshold = cmp.Or(config.HealthThreshold, aws.Int32(int32(len(config.ChildHealthChecks))))
	config.Inverted = cmp.Or(config.Inverted, aws.Bool(false))
	config.Disabled = cmp.Or(config.Disabled, aws.Bool(false))
	return config, nil
}

func (s *Service) getHealthCheck(c *engine.Call, in *route53.GetHealthCheckInput) (*route53.GetHealthCheckOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, refusal := s.checkFor(c, in.HealthCheckId)
	if refusal != nil {
		return nil, refusal
	}
	return &route53.GetHealthCheckOutput{HealthCheck: h.describe()}, nil
}

func (s *Service) checksOf(account string) []*healthCheck {
	var out []*healthCheck
	for _, h := range s.checks {
		if h.account == account {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b *healthCheck) int { return cmp.Compare(a.id, b.id) })
	return out
}

func (s *Service) listHealthChecks(c *engine.Call, in *route53.ListHealthChecksInput) (*route53.ListHealthChecksOutput, error) {
	limit, refusal := pageSize(in.MaxItems, 1000)
	if refusal != nil {
		return nil, refusal
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &route53.ListHealthChecksOutput{
		Marker: aws.String(aws.ToString(in.Marker)), MaxItems: aws.Int32(int32(limit)), HealthChecks: []types.HealthCheck{},
	}
	for _, h := range s.checksOf(c.Account) {
		if h.id < *out.Marker {
			continue
		}
		if len(out.HealthChecks) == limit {
			out.IsTruncated, out.NextMarker = true, aws.String(h.id)
			break
		}
		out.HealthChecks = append(out.HealthChecks, *h.describe())
	}
	return out, nil
}

func (s *Service) getHealthCheckCount(c *engine.Call, _ *route53.GetHealthCheckCountInput) (*route53.GetHealthCheckCountOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &route53.GetHealthCheckCountOutput{HealthCheckCount: aws.Int64(int64(len(s.checksOf(c.Account))))}, nil
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
