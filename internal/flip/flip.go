// SPDX-License-Identifier: MPL-2.0

// Package flip is the DNS switch that needs no control plane. In peacetime it
// prepares a failover pair of records whose primary is watched by a health check
// that is fed from the standby region; failing over is then one call to that
// region, and Route 53's data plane, which goes on without its API, does the
// rest.
//
// It refuses to let records follow a health check that has not been seen in the
// state that they are to begin with, and to call a switch thrown that the zone's
// own name servers do not answer by.
//
// What prepares, in this order; a run that ends after any step is repeated from
// the first, and what is there already is left as it is:
//
//  1. the record sets are read, and refused if they are somebody else's
//  2. the trigger is set to the side that is to be active
//  3. the alarm is made, and is seen in that state
//  4. the health check is made, under a caller reference that is derived from
//     the inputs, and is seen in that state
//  5. the records go over to the pair in one change batch, until INSYNC
//  6. the zone's name servers are seen to answer with the active side
//
// Before step 5 nothing that clients see depends on any of it. Throwing the
// switch is step 2 and step 6 alone.
//
// docs/decisions/0004-a-switch-without-a-control-plane.md tells what makes each
// trigger safe.
package flip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	awsroute53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/drstate/terraform-provider-dr/internal/resolve"
	"github.com/drstate/terraform-provider-dr/internal/route53"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// Checks is the part of the SDK's Route 53 client that makes health checks.
type Checks interface {
	CreateHealthCheck(context.Context, *awsroute53.CreateHealthCheckInput, ...func(*awsroute53.Options)) (*awsroute53.CreateHealthCheckOutput, error)
	GetHealthCheck(context.Context, *awsroute53.GetHealthCheckInput, ...func(*awsroute53.Options)) (*awsroute53.GetHealthCheckOutput, error)
	GetHealthCheckStatus(context.Context, *awsroute53.GetHealthCheckStatusInput, ...func(*awsroute53.Options)) (*awsroute53.GetHealthCheckStatusOutput, error)
	ListHealthChecks(context.Context, *awsroute53.ListHealthChecksInput, ...func(*awsroute53.Options)) (*awsroute53.ListHealthChecksOutput, error)
	UpdateHealthCheck(context.Context, *awsroute53.UpdateHealthCheckInput, ...func(*awsroute53.Options)) (*awsroute53.UpdateHealthCheckOutput, error)
}

// Metrics is the part of a region's CloudWatch client that an alarm needs.
type Metrics interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
	PutMetricAlarm(context.Context, *cloudwatch.PutMetricAlarmInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error)
	PutMetricData(context.Context, *cloudwatch.PutMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error)
}

// Objects is the part of a region's S3 client that an object needs.
type Objects interface {
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput, ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// DNS asks name servers: a *resolve.Resolver.
type DNS interface {
	Answers(ctx context.Context, host, kind string) ([]resolve.Said, error)
	Values(ctx context.Context, host, kind string) ([]string, error)
}

// Options are what a Service works with.
type Options struct {
	Records *route53.Service
	Checks  Checks
	// Metrics and Objects are the clients of a region.
	Metrics func(region string) Metrics
	Objects func(region string) Objects
	// DNS makes what asks a server, or a zone's own where that is empty.
	DNS func(server string) DNS
	// Poll is the shortest time between two looks at anything; 0 means a second.
	Poll time.Duration
}

// Service shares looks among everything that waits. One Service serves one
// provider configuration.
type Service struct {
	o      Options
	names  *wait.Poller[nameKey, answers]
	checks *wait.Poller[string, []report]

	mu     sync.Mutex
	dns    map[nameKey]DNS
	alarms map[string]*wait.Poller[string, types.MetricAlarm] // by region
}

// New makes a Service.
func New(o Options) *Service {
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	s := &Service{o: o, dns: map[nameKey]DNS{}, alarms: map[string]*wait.Poller[string, types.MetricAlarm]{}}
	s.names = &wait.Poller[nameKey, answers]{Fetch: s.ask, Interval: o.Poll, Max: 10 * o.Poll, Equal: answers.equal, Status: answers.status}
	s.checks = &wait.Poller[string, []report]{Fetch: s.checkers, Interval: o.Poll, Max: 10 * o.Poll, Status: checkerStatus}
	return s
}

// Alarm is a trigger: a metric of its own in the standby region, which an alarm
// there and, through it, a health check watch.
type Alarm struct {
	// Name of the alarm; "" derives it from the record.
	Name string
}

// Object is a trigger: an S3 object in the standby region that is there while
// the standby serves. Anyone must be allowed to read it.
type Object struct{ Bucket, Key string }

// Spec declares a switch.
type Spec struct {
	ZoneID, Name, Type string
	TTL                *int64 // seconds; ignored where the targets are aliases
	Primary, Standby   string // regions
	Targets            map[string]route53.Answer
	Active             string // Primary or Standby
	// Either of the two.
	Alarm  *Alarm
	Object *Object
	// Resolver is the HOST:PORT to ask; "" for the zone's own name servers.
	Resolver string
}

// Key of the records, without a set identifier.
func (s Spec) Key() route53.Key { return route53.Key{ZoneID: s.ZoneID, Name: s.Name, Type: s.Type} }

// over says that the standby is to serve.
func (s Spec) over() bool { return s.Active == s.Standby }

// AlarmName is the name of the trigger's alarm.
func (s Spec) AlarmName() string {
	if s.Alarm != nil && s.Alarm.Name != "" {
		return s.Alarm.Name
	}
	name := strings.Trim(strings.NewReplacer("*", "wildcard", `\`, "-").Replace(route53.DisplayName(s.Name)), ".")
	return fmt.Sprintf("dr-switch-%s-%s-%s", s.ZoneID, name, s.Type)
}

// Call names the one call that makes the active side serve, for people.
func (s Spec) Call() string { return s.words().call(s.over()) + " in " + s.Standby }

// Command is that call for a shell: a prepared switch needs nothing else, neither
// this provider nor its state.
func (s Spec) Command() string { return s.words().command(s.over()) }

// words is the trigger without its clients.
func (s Spec) words() trigger {
	if s.Object != nil {
		return &object{spec: s}
	}
	return &alarm{spec: s}
}

// reference is the caller reference of the health check's nth life: that of one
// that was deleted never serves again.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
func (s Spec) reference(n int) string {
	trigger := "alarm/" + s.Standby + "/" + s.AlarmName()
	if s.Object != nil {
		trigger = "object/" + s.Standby + "/" + s.Object.Bucket + "/" + s.Object.Key
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{s.ZoneID, route53.CanonicalName(s.Name), s.Type, trigger}, "\n")))
	return fmt.Sprintf("dr-switch-%s-%d", hex.EncodeToString(sum[:16]), n)
}

// pair are the records that the switch consists of.
func (s Spec) pair(checkID string) []route53.Record {
	one := func(region, role, check string) route53.Record {
		r := route53.Record{Key: s.Key(), TTL: s.TTL, Answer: s.Targets[region], HealthCheckID: check}
		r.SetIdentifier, r.Routing.Failover = region, role
		if r.Answer.Alias != nil {
			r.TTL = nil
		}
		return r
	}
	return []route53.Record{one(s.Primary, "PRIMARY", checkID), one(s.Standby, "SECONDARY", "")}
}

// trigger is what a switch is thrown by.
type trigger interface {
	// ready refuses what can never work, before anything is changed.
	ready(ctx context.Context) error
	// set throws the switch: one call to the standby region.
	set(ctx context.Context, over bool) error
	// is says which way it is thrown, where that can be known.
	is(ctx context.Context) (over, known bool, err error)
	// prepare makes what stands between set and the health check, and returns
	// when that is seen to be as set has left it.
	prepare(ctx context.Context, over bool) error
	// seen returns when is does not contradict any more, or after some minutes.
	seen(ctx context.Context, over bool)
	// lacking says what of that is missing or different, "" for nothing.
	lacking(ctx context.Context) (string, error)
	// call names set, for people: "cloudwatch:PutMetricData", and command is it
	// in full, for a shell.
	call(over bool) string
	command(over bool) string
}

func (s *Service) trigger(spec Spec) trigger {
	if spec.Object != nil {
		return &object{spec: spec, api: s.o.Objects(spec.Standby)}
	}
	return &alarm{spec: spec, s: s, api: s.o.Metrics(spec.Standby)}
}
