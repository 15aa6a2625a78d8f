// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Alarms are CloudWatch's, as far as health checks look at them.
type Alarms interface {
	// Alarm returns an alarm's settings; nil if there is none.
	Alarm(account, region, name string) *cloudwatch.MetricAlarm
	// Judge says what the alarm's metric makes of its settings now.
	Judge(account, region string, a *cloudwatch.MetricAlarm) cloudwatch.StateValue
}

// Objects are S3's, as far as a request that nobody signed may read them.
type Objects interface {
	Anonymous(region, bucket, key string) (status int, body []byte)
}

// WithAlarms lets health checks watch CloudWatch alarms.
func WithAlarms(a Alarms) Option { return func(s *Service) { s.alarms = a } }

// WithObjects lets health checks read S3 objects by their host names.
func WithObjects(o Objects) Option { return func(s *Service) { s.objects = o } }

// alarmInterval is the time between two looks at an alarm's metric.
const alarmInterval = 10 * time.Second

// completeMetric validates a check of an alarm, and copies the alarm's
// settings: those that it has later need an UpdateHealthCheck to be known here.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html
func (s *Service) completeMetric(account string, config types.HealthCheckConfig) (types.HealthCheckConfig, *cloudwatch.MetricAlarm, *engine.Error) {
	id := config.AlarmIdentifier
	switch {
	case id == nil || aws.ToString(id.Name) == "" || id.Region == "":
		return config, nil, invalidInput("AlarmIdentifier with Name and Region is needed for type CLOUDWATCH_METRIC")
	case aws.ToString(config.IPAddress) != "" || config.Port != nil || config.ResourcePath != nil || config.SearchString != nil || config.Regions != nil ||
		config.RequestInterval != nil || config.FullyQualifiedDomainName != nil || config.FailureThreshold != nil || len(config.ChildHealthChecks) > 0:
		return config, nil, invalidInput("a health check of type CLOUDWATCH_METRIC has no endpoint and no children")
	case s.alarms == nil:
		return config, nil, invalidInput("there is no CloudWatch beside this Route 53")
	}
	switch config.InsufficientDataHealthStatus {
	case "":
		config.InsufficientDataHealthStatus = types.InsufficientDataHealthStatusLastKnownStatus
	case types.InsufficientDataHealthStatusHealthy, types.InsufficientDataHealthStatusUnhealthy, types.InsufficientDataHealthStatusLastKnownStatus:
	default:
		return config, nil, invalidInput("InsufficientDataHealthStatus is not Healthy, Unhealthy or LastKnownStatus")
	}
	alarm := s.alarms.Alarm(account, string(id.Region), *id.Name)
	switch {
	case alarm == nil || s.engine.RegionState(string(id.Region)) != engine.Up:
		return config, nil, invalidInput("The CloudWatch alarm %s was not found in region %s", *id.Name, id.Region)
	case *alarm.Period < 60:
		return config, nil, invalidInput("The CloudWatch alarm %s is on a high-resolution metric", *id.Name)
	}
	config.Inverted, config.Disabled = aws.Bool(aws.ToBool(config.Inverted)), aws.Bool(aws.ToBool(config.Disabled))
	return config, alarm, nil
}

// alarmConfiguration is what the API shows of an alarm that is watched.
func alarmConfiguration(a *cloudwatch.MetricAlarm) *types.CloudWatchAlarmConfiguration {
	if a == nil {
		return nil
	}
	out := &types.CloudWatchAlarmConfiguration{
		ComparisonOperator: types.ComparisonOperator(a.ComparisonOperator), EvaluationPeriods: a.EvaluationPeriods, MetricName: a.MetricName,
		Namespace: a.Namespace, Period: a.Period, Statistic: types.Statistic(a.Statistic), Threshold: a.Threshold, Dimensions: []types.Dimension{},
	}
	for _, d := range a.Dimensions {
		out.Dimensions = append(out.Dimensions, types.Dimension{Name: d.Name, Value: d.Value})
	}
	return out
}

// watchAlarm looks at an alarm's data stream, not at its state. Without enough
// data the state stays what it was last; one that never had any is healthy.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
func (s *Service) watchAlarm(ctx context.Context, h *healthCheck, config types.HealthCheckConfig, alarm *cloudwatch.MetricAlarm) {
	region := string(config.AlarmIdentifier.Region)
	tick := time.NewTicker(max(s.engine.Clock.Wall(alarmInterval), time.Millisecond))
	defer tick.Stop()
	for {
		state := cloudwatch.StateValueInsufficientData
		if s.engine.RegionState(region) == engine.Up && s.alarms.Alarm(h.account, region, *config.AlarmIdentifier.Name) != nil {
			state = s.alarms.Judge(h.account, region, alarm)
		}
		o := observation{at: s.now(), ok: state == cloudwatch.StateValueOk, status: "Success: the data stream says " + string(state)}
		if state == cloudwatch.StateValueAlarm {
			o.status = "Failure: the data stream says " + string(state)
		}
		if state == cloudwatch.StateValueInsufficientData {
			switch config.InsufficientDataHealthStatus {
			case types.InsufficientDataHealthStatusHealthy:
				o.ok = true
			case types.InsufficientDataHealthStatusLastKnownStatus:
				o.ok = h.state()
			}
		}
		if ctx.Err() != nil {
			return
		}
		h.observe(o, 1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// s3Host is a bucket's own host name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
var s3Host = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*)\.s3[.-]([a-z]{2}(?:-[a-z]+)+-[0-9])\.amazonaws\.com$`)

// probeObject asks S3 for an object by the bucket's host name. It says whether
// the name is one.
func (s *Service) probeObject(config types.HealthCheckConfig) (is bool, status string, err error) {
	m := s3Host.FindStringSubmatch(strings.TrimSuffix(strings.ToLower(aws.ToString(config.FullyQualifiedDomainName)), "."))
	if m == nil || s.objects == nil || aws.ToString(config.IPAddress) != "" {
		return false, "", nil
	}
	bucket, region := m[1], m[2]
	if s.engine.RegionState(region) != engine.Up {
		return true, "", fmt.Errorf("the endpoint did not answer: %s is not reachable", region)
	}
	key := strings.TrimPrefix(aws.ToString(config.ResourcePath), "/")
	code, body := s.objects.Anonymous(region, bucket, key)
	status, err = judge(code, config, func() ([]byte, error) { return body, nil })
	return true, status, err
}

// judge makes of an HTTP answer what a health checker makes of it.
func judge(code int, config types.HealthCheckConfig, read func() ([]byte, error)) (string, error) {
	status := fmt.Sprintf("HTTP Status Code %d, %s", code, http.StatusText(code))
	if code < 200 || code >= 400 {
		return "", errors.New(status)
	}
	if want := aws.ToString(config.SearchString); want != "" {
		body, err := read()
		if err != nil {
			return "", fmt.Errorf("%s, but the body was not received: %w", status, err)
		}
		if !strings.Contains(string(body[:min(len(body), searchedBytes)]), want) {
			return "", fmt.Errorf("%s, but the body does not contain the search string", status)
		}
	}
	return status, nil
}
