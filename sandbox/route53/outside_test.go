// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cwsdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
	"github.com/drstate/terraform-provider-dr/sandbox/s3"
)

// beside is a bench whose health checks can watch alarms and objects.
type beside struct {
	*bench
	metrics *cwsdk.Client
	objects *s3.Service
}

func startBeside(t *testing.T, scale float64) *beside {
	t.Helper()
	var (
		s  *cloudwatch.Service
		o  *s3.Service
		in = lateAlarms{}
	)
	b := start(t, scale, route53.WithAlarms(&in), route53.WithObjects(lateObjects{&o}))
	s, o = cloudwatch.New(b.engine), s3.New(b.engine)
	in.Service = s
	b.engine.Register(s.Definition())
	if err := o.AddBucket("us-west-2", engine.DNSAccount, "acme-switch"); err != nil {
		t.Fatal(err)
	}
	o.OpenBucket("acme-switch", "")
	return &beside{bench: b, objects: o, metrics: cwsdk.New(cwsdk.Options{
		Region: "us-west-2", BaseEndpoint: aws.String(b.endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(engine.DNSAccessKey, "secret", ""),
	})}
}

// The engine, which both need, is made with the bench.
type (
	lateAlarms  struct{ *cloudwatch.Service }
	lateObjects struct{ s **s3.Service }
)

func (l lateObjects) Anonymous(region, bucket, key string) (int, []byte) {
	return (*l.s).Anonymous(region, bucket, key)
}

func (b *beside) put(value float64) {
	b.Helper()
	_, err := b.metrics.PutMetricData(b.Context(), &cwsdk.PutMetricDataInput{
		Namespace: aws.String("DR"), MetricData: []cwtypes.MetricDatum{{MetricName: aws.String("over"), Value: aws.Float64(value)}},
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *beside) makeAlarm(name string, change func(*cwsdk.PutMetricAlarmInput)) {
	b.Helper()
	in := &cwsdk.PutMetricAlarmInput{
		AlarmName: aws.String(name), Namespace: aws.String("DR"), MetricName: aws.String("over"), Statistic: "Maximum", Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: "GreaterThanOrEqualToThreshold",
	}
	if change != nil {
		change(in)
	}
	if _, err := b.metrics.PutMetricAlarm(b.Context(), in); err != nil {
		b.Fatal(err)
	}
}

func metricCheck(region string, name string, change func(*types.HealthCheckConfig)) *types.HealthCheckConfig {
	c := &types.HealthCheckConfig{
		Type:            types.HealthCheckTypeCloudwatchMetric,
		AlarmIdentifier: &types.AlarmIdentifier{Name: aws.String(name), Region: types.CloudWatchRegion(region)},
	}
	if change != nil {
		change(c)
	}
	return c
}

func (b *beside) state(name string) cwtypes.StateValue {
	b.Helper()
	out, err := b.metrics.DescribeAlarms(b.Context(), &cwsdk.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil || len(out.MetricAlarms) != 1 {
		b.Fatalf("%+v, %v", out, err)
	}
	return out.MetricAlarms[0].StateValue
}

func TestChecksFollowAnAlarmsMetric(t *testing.T) {
	t.Parallel()
	b := startBeside(t, 300) // a minute takes 200 ms
	b.makeAlarm("app", nil)
	last := b.makeCheck("last", metricCheck("us-west-2", "app", nil))
	inverted := b.makeCheck("inverted", metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.Inverted = aws.Bool(true) }))
	bad := b.makeCheck("bad", metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.InsufficientDataHealthStatus = "Unhealthy" }))
	healthy := b.service.Healthy
	b.eventually("without data", func() bool { return healthy(last) && !healthy(inverted) && !healthy(bad) })
	b.put(1)
	b.eventually("one datum in alarm", func() bool { return !healthy(last) && healthy(inverted) && b.state("app") == "ALARM" })
	// The datum gets old: the alarm forgets it, the last known status does not.
	b.eventually("the data gone", func() bool { return b.state("app") == "INSUFFICIENT_DATA" })
	if healthy(last) {
		t.Error("a check forgot its last known status")
	}
	b.put(0)
	b.eventually("one datum that is fine", func() bool { return healthy(last) && healthy(bad) && b.state("app") == "OK" })
	// Neither a region that is down nor a deleted alarm moves anything.
	b.engine.SetRegion("us-west-2", engine.Down)
	b.eventually("the region down", func() bool { return !healthy(bad) })
	if !healthy(last) {
		t.Error("a check failed with the region of its alarm")
	}
	b.engine.SetRegion("us-west-2", engine.Up)
	if _, err := b.metrics.DeleteAlarms(t.Context(), &cwsdk.DeleteAlarmsInput{AlarmNames: []string{"app"}}); err != nil {
		t.Fatal(err)
	}
	b.put(1)
	b.eventually("the alarm deleted", func() bool { return !healthy(bad) })
	if !healthy(last) {
		t.Error("a check followed the metric of an alarm that is deleted")
	}
}

// A check keeps the alarm's settings that it was made with, until it is updated.
func TestChecksCopyTheAlarm(t *testing.T) {
	t.Parallel()
	b := startBeside(t, 300)
	b.makeAlarm("app", nil)
	hc := b.makeCheck("app", metricCheck("us-west-2", "app", nil))
	b.makeAlarm("app", func(in *cwsdk.PutMetricAlarmInput) { in.Threshold = aws.Float64(10) })
	get := func() float64 {
		out, err := b.client.GetHealthCheck(t.Context(), &sdk.GetHealthCheckInput{HealthCheckId: aws.String(hc)})
		if err != nil || out.HealthCheck.CloudWatchAlarmConfiguration == nil {
			t.Fatalf("%+v, %v", out, err)
		}
		return *out.HealthCheck.CloudWatchAlarmConfiguration.Threshold
	}
	if got := get(); got != 1 {
		t.Errorf("the threshold is %v", got)
	}
	_, err := b.client.UpdateHealthCheck(t.Context(), &sdk.UpdateHealthCheckInput{HealthCheckId: aws.String(hc), AlarmIdentifier: &types.AlarmIdentifier{Name: aws.String("app"), Region: "us-west-2"}})
	if got := get(); err != nil || got != 10 {
		t.Errorf("the threshold is %v: %v", got, err)
	}
	out, err := b.client.GetHealthCheckStatus(t.Context(), &sdk.GetHealthCheckStatusInput{HealthCheckId: aws.String(hc)})
	if err != nil || len(out.HealthCheckObservations) != 0 {
		t.Errorf("checkers of an alarm: %+v, %v", out, err)
	}
}

func TestInvertedCheckOfAnObject(t *testing.T) {
	t.Parallel()
	b := startBeside(t, 500)
	check := &types.HealthCheckConfig{
		Type: "HTTPS", FullyQualifiedDomainName: aws.String("acme-switch.s3.us-west-2.amazonaws.com"), ResourcePath: aws.String("/app"),
		RequestInterval: aws.Int32(10), FailureThreshold: aws.Int32(3), Inverted: aws.Bool(true),
	}
	hc := b.makeCheck("object", check)
	if b.service.Healthy(hc) {
		t.Error("a new inverted check counts as healthy before it has enough data")
	}
	b.eventually("no object", func() bool { return b.service.Healthy(hc) })
	if err := b.objects.PutObject("acme-switch", "app", nil); err != nil {
		t.Fatal(err)
	}
	b.eventually("an object", func() bool { return !b.service.Healthy(hc) })
	b.engine.SetRegion("us-west-2", engine.BlackHoled)
	b.eventually("no region", func() bool { return b.service.Healthy(hc) })
}

func TestRefusedAlarmChecks(t *testing.T) {
	t.Parallel()
	b := startBeside(t, 1)
	b.makeAlarm("app", nil)
	b.makeAlarm("fast", func(in *cwsdk.PutMetricAlarmInput) { in.Period = aws.Int32(10) })
	for name, c := range map[string]*types.HealthCheckConfig{
		"no alarm":         metricCheck("us-west-2", "none", nil),
		"another region":   metricCheck("us-east-1", "app", nil),
		"high resolution":  metricCheck("us-west-2", "fast", nil),
		"an endpoint":      metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.Port = aws.Int32(80) }),
		"an odd status":    metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.InsufficientDataHealthStatus = "x" }),
		"alarm and TCP":    metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.Type = "TCP" }),
		"alarm and others": metricCheck("us-west-2", "app", func(c *types.HealthCheckConfig) { c.Type = "CALCULATED" }),
	} {
		_, err := b.client.CreateHealthCheck(t.Context(), &sdk.CreateHealthCheckInput{CallerReference: aws.String(name), HealthCheckConfig: c})
		if code(err) != "InvalidInput" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A deleted check's caller reference never serves again.
	hc := b.makeCheck("once", metricCheck("us-west-2", "app", nil))
	if _, err := b.client.DeleteHealthCheck(t.Context(), &sdk.DeleteHealthCheckInput{HealthCheckId: aws.String(hc)}); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.CreateHealthCheck(t.Context(), &sdk.CreateHealthCheckInput{CallerReference: aws.String("once"), HealthCheckConfig: metricCheck("us-west-2", "app", nil)})
	if code(err) != "HealthCheckAlreadyExists" {
		t.Errorf("a reference for the second time: %v", err)
	}
}

// The AWS CLI makes the alarm, the check and the datum, and reads what it made.
func TestAlarmWithAWSCLI(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("no AWS CLI on PATH")
	}
	if testing.Short() {
		t.Skip("the AWS CLI takes its time")
	}
	b := startBeside(t, 60)
	run := func(want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", b.endpoint, "--output", "json"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+engine.DNSAccessKey, "AWS_SECRET_ACCESS_KEY=x", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2",
			"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
	run("", "cloudwatch", "put-metric-alarm", "--alarm-name", "app", "--namespace", "DR", "--metric-name", "over", "--dimensions", "Name=Switch,Value=app",
		"--statistic", "Maximum", "--period", "60", "--evaluation-periods", "1", "--threshold", "1", "--comparison-operator", "GreaterThanOrEqualToThreshold")
	run("", "cloudwatch", "put-metric-data", "--namespace", "DR", "--metric-data", "MetricName=over,Value=0,Dimensions=[{Name=Switch,Value=app}]")
	run(`"Value": "app"`, "cloudwatch", "describe-alarms", "--alarm-names", "app")
	run(`"LastKnownStatus"`, "route53", "create-health-check", "--caller-reference", "cli", "--health-check-config",
		`{"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Name": "app", "Region": "us-west-2"}, "InsufficientDataHealthStatus": "LastKnownStatus"}`)
	run(`"MetricName": "over"`, "route53", "list-health-checks")
	run("", "cloudwatch", "delete-alarms", "--alarm-names", "app")
}
