// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

const (
	// The fast interval, and three looks in a row: neither a single checker
	// decides (it takes more than 18 % of them to call an endpoint healthy) nor
	// one bad moment of S3 while the standby serves.
	// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
	requestInterval  = 10
	failureThreshold = 3
	// settle, in poll intervals: how long a check of an alarm that was made or
	// changed is given to see the data, since Route 53 does not tell what it saw.
	settle = 30
	// period is the alarm's, and periods are how many of them are given to a
	// check that has to see data.
	period  = 60 * time.Second
	periods = 3
	// lives bounds how often a health check may have been deleted, or changed
	// for good, by others.
	lives = 20
)

// checkConfig is the health check of a switch. That of an alarm is not
// inverted: without data a new one counts as healthy, and so serves the
// primary. That of an object is: the object is absent in peacetime, and so is a
// standby region that is down.
func (s Spec) checkConfig() types.HealthCheckConfig {
	if s.Object != nil {
		host := (&object{spec: s}).host()
		return types.HealthCheckConfig{
			Type: types.HealthCheckTypeHttps, FullyQualifiedDomainName: aws.String(host), Port: aws.Int32(443), ResourcePath: aws.String("/" + s.Object.Key),
			RequestInterval: aws.Int32(requestInterval), FailureThreshold: aws.Int32(failureThreshold), Inverted: aws.Bool(true), Disabled: aws.Bool(false),
		}
	}
	return types.HealthCheckConfig{
		Type:                         types.HealthCheckTypeCloudwatchMetric,
		AlarmIdentifier:              &types.AlarmIdentifier{Name: aws.String(s.AlarmName()), Region: types.CloudWatchRegion(s.Standby)},
		InsufficientDataHealthStatus: types.InsufficientDataHealthStatusLastKnownStatus, Inverted: aws.Bool(false), Disabled: aws.Bool(false),
	}
}

// checkDiffers compares what a failover depends on. Route 53 keeps a copy of the
// alarm's settings, which an update renews.
func (s Spec) checkDiffers(h *types.HealthCheck) bool {
	want, have := s.checkConfig(), h.HealthCheckConfig
	if have == nil || have.Type != want.Type || aws.ToBool(have.Inverted) != *want.Inverted || aws.ToBool(have.Disabled) {
		return true
	}
	if s.Object != nil {
		return aws.ToString(have.FullyQualifiedDomainName) != *want.FullyQualifiedDomainName || aws.ToString(have.ResourcePath) != *want.ResourcePath ||
			aws.ToInt32(have.Port) != *want.Port || aws.ToInt32(have.FailureThreshold) != failureThreshold || aws.ToString(have.IPAddress) != ""
	}
	copied := h.CloudWatchAlarmConfiguration
	return have.AlarmIdentifier == nil || aws.ToString(have.AlarmIdentifier.Name) != s.AlarmName() || have.AlarmIdentifier.Region != want.AlarmIdentifier.Region ||
		have.InsufficientDataHealthStatus != want.InsufficientDataHealthStatus || copied == nil ||
		aws.ToString(copied.MetricName) != metric || aws.ToString(copied.Namespace) != namespace || aws.ToFloat64(copied.Threshold) != 1 ||
		copied.ComparisonOperator != types.ComparisonOperatorGreaterThanOrEqualToThreshold || copied.Statistic != types.StatisticMaximum ||
		aws.ToInt32(copied.EvaluationPeriods) != 1 || aws.ToInt32(copied.Period) != int32(period/time.Second)
}

// spent says that a health check cannot be mended: an address cannot be taken
// out of it again. Its next life is made instead.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_UpdateHealthCheck.html
func spent(h *types.HealthCheck) bool {
	return h.HealthCheckConfig != nil && aws.ToString(h.HealthCheckConfig.IPAddress) != ""
}

// ensureCheck finds the health check, or makes it. It says whether it changed
// anything.
func (s *Service) ensureCheck(ctx context.Context, spec Spec, known string) (id string, changed bool, err error) {
	if known != "" {
		out, err := s.o.Checks.GetHealthCheck(ctx, &route53.GetHealthCheckInput{HealthCheckId: aws.String(known)})
		switch {
		case err == nil && !spent(out.HealthCheck) && strings.HasPrefix(aws.ToString(out.HealthCheck.CallerReference), strings.TrimSuffix(spec.reference(0), "0")):
			return s.mend(ctx, spec, out.HealthCheck)
		case err != nil && awsclient.Code(err) != "NoSuchHealthCheck":
			return "", false, err
		}
	}
	var mine []types.HealthCheck
	for n := range lives {
		reference := spec.reference(n)
		config := spec.checkConfig()
		out, err := s.o.Checks.CreateHealthCheck(ctx, &route53.CreateHealthCheckInput{CallerReference: aws.String(reference), HealthCheckConfig: &config})
		switch {
		case err == nil && spent(out.HealthCheck):
			continue
		case err == nil:
			return aws.ToString(out.HealthCheck.Id), true, nil
		case awsclient.Code(err) != "HealthCheckAlreadyExists":
			return "", false, err
		}
		// It is there with other settings, or it was and has been deleted.
		if mine == nil {
			if mine, err = s.list(ctx); err != nil {
				return "", false, err
			}
		}
		if i := slices.IndexFunc(mine, func(h types.HealthCheck) bool { return aws.ToString(h.CallerReference) == reference }); i >= 0 && !spent(&mine[i]) {
			return s.mend(ctx, spec, &mine[i])
		}
	}
	return "", false, fmt.Errorf("the health check was deleted or changed for good %d times by others", lives)
}

// mend gives a health check the settings that it should have.
func (s *Service) mend(ctx context.Context, spec Spec, h *types.HealthCheck) (string, bool, error) {
	if !spec.checkDiffers(h) {
		return aws.ToString(h.Id), false, nil
	}
	want := spec.checkConfig()
	_, err := s.o.Checks.UpdateHealthCheck(ctx, &route53.UpdateHealthCheckInput{
		HealthCheckId: h.Id, Inverted: want.Inverted, Disabled: want.Disabled, AlarmIdentifier: want.AlarmIdentifier,
		InsufficientDataHealthStatus: want.InsufficientDataHealthStatus, FullyQualifiedDomainName: want.FullyQualifiedDomainName,
		ResourcePath: want.ResourcePath, Port: want.Port, FailureThreshold: want.FailureThreshold,
	})
	return aws.ToString(h.Id), true, err
}

func (s *Service) list(ctx context.Context) ([]types.HealthCheck, error) {
	all := []types.HealthCheck{}
	in := &route53.ListHealthChecksInput{}
	for {
		out, err := s.o.Checks.ListHealthChecks(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.HealthChecks...)
		if !out.IsTruncated {
			return all, nil
		}
		in.Marker = out.NextMarker
	}
}

// settled returns when the health check is seen to be in the state that it is
// to have when records begin to follow it. A new inverted check counts as
// unhealthy until its checkers have reported; one is resumed where the name was
// held.
func (s *Service) settled(ctx context.Context, spec Spec, id string, changed, resumed bool) error {
	if spec.Object == nil {
		return s.fed(ctx, spec, changed, resumed)
	}
	want := "Failure"
	if spec.over() {
		want = "Success"
	}
	// Each checker turns over at the threshold: that many looks of each have to
	// be seen.
	last, run := map[string]time.Time{}, map[string]int{}
	return s.checks.Await(ctx, id, func(reports []report, found bool) (bool, error) {
		if !found {
			return false, errors.New("the health check is gone")
		}
		done := len(reports) > 0
		for _, r := range reports {
			at, before := last[r.checker]
			switch {
			case !strings.HasPrefix(r.status, want):
				run[r.checker] = 0
			case !before || r.at.After(at):
				run[r.checker]++
			}
			last[r.checker] = r.at
			done = done && run[r.checker] >= failureThreshold
		}
		return done, nil
	})
}

// fed gives the check of an alarm, which nobody can ask what it saw, the time to
// see the data that its records are to begin with. A new one is healthy without
// any; one that is to be unhealthy, or may have been, has to see some, which the
// clock decides and not how often it is looked at.
func (s *Service) fed(ctx context.Context, spec Spec, changed, resumed bool) error {
	if !changed && !resumed {
		return nil
	}
	hold, send := settle*s.o.Poll, false
	if spec.over() || resumed {
		hold, send = max(hold, periods*period), true
	}
	timer, again := time.NewTimer(hold), time.NewTicker(period/3)
	defer timer.Stop()
	defer again.Stop()
	t := s.trigger(spec)
	var last error
	for {
		select {
		case <-timer.C:
			return last
		case <-again.C:
			if send {
				last = t.set(ctx, spec.over())
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// report is what one of Route 53's checkers saw last.
type report struct {
	checker, status string
	at              time.Time
}

// checkers are the reports of the health checkers, by check.
func (s *Service) checkers(ctx context.Context, ids []string) (map[string][]report, error) {
	seen := map[string][]report{}
	for _, id := range ids {
		out, err := s.o.Checks.GetHealthCheckStatus(ctx, &route53.GetHealthCheckStatusInput{HealthCheckId: aws.String(id)})
		if awsclient.Code(err) == "NoSuchHealthCheck" {
			continue
		}
		if err != nil {
			return nil, err
		}
		reports := []report{}
		for _, o := range out.HealthCheckObservations {
			if o.StatusReport != nil {
				reports = append(reports, report{
					checker: string(o.Region) + " " + aws.ToString(o.IPAddress), status: aws.ToString(o.StatusReport.Status), at: aws.ToTime(o.StatusReport.CheckedTime),
				})
			}
		}
		seen[id] = reports
	}
	return seen, nil
}

func checkerStatus(reports []report, found bool) string {
	if !found || len(reports) == 0 {
		return "no health checker has reported"
	}
	return fmt.Sprintf("%d health checkers have reported, one of them %q", len(reports), reports[0].status)
}
