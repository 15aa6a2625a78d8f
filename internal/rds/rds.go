// SPDX-License-Identifier: MPL-2.0

// Package rds promotes read replicas of RDS instances, fences old writers off,
// builds replicas in their place, and watches replication.
//
// It promotes a replica only past gates: its source must be gone or given up by
// name, and the loss that is to be expected must be agreed to. It reboots only
// what it fences, and renames an instance only when something shows that it is
// the old writer, and that nobody writes to it any more. It never demotes or
// deletes anything, never takes an old writer for a promoted replica, and waits
// for nothing in a region that is down.
package rds

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// Client is what is used of RDS.
type Client interface {
	DescribeDBInstances(context.Context, *awsrds.DescribeDBInstancesInput, ...func(*awsrds.Options)) (*awsrds.DescribeDBInstancesOutput, error)
	PromoteReadReplica(context.Context, *awsrds.PromoteReadReplicaInput, ...func(*awsrds.Options)) (*awsrds.PromoteReadReplicaOutput, error)
	AddTagsToResource(context.Context, *awsrds.AddTagsToResourceInput, ...func(*awsrds.Options)) (*awsrds.AddTagsToResourceOutput, error)
	CreateDBInstanceReadReplica(context.Context, *awsrds.CreateDBInstanceReadReplicaInput, ...func(*awsrds.Options)) (*awsrds.CreateDBInstanceReadReplicaOutput, error)
	FenceClient
}

// Metrics is what is used of CloudWatch.
type Metrics interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// PromotedFromTag is written to a replica just before its promotion, with the
// ARN or identifier of its source: what tells a promoted replica from any other
// writer after Terraform's state was lost.
const PromotedFromTag = "dr:promoted-from"

// Options of a Service.
type Options struct {
	// PollInterval is the shortest time between two looks, 1 s if zero. They
	// grow to ten times as far apart.
	PollInterval time.Duration
	// Peer gives the service of another region, to ask it about a source.
	Peer func(region string) *Service
	// Groups is EC2 in the region, for network fences.
	Groups SecurityGroups
	// Log is told of the progress of long work. May be nil.
	Log func(ctx context.Context, message string, fields map[string]any)
}

// Service is RDS in one region. It is safe for concurrent use: look-ups that
// happen together, and all waits, share their calls.
type Service struct {
	region  string
	client  Client
	metrics Metrics
	options Options

	instances  wait.Loader[string, Instance]
	lags       wait.Loader[string, Lag]
	waits      wait.Poller[string, Instance]
	lagWaits   wait.Poller[string, Lag]
	fenceWaits wait.Poller[string, Instance]
	groups     wait.Loader[string, ec2types.SecurityGroup]
}

// New makes the service of a region. It calls nothing.
func New(region string, client Client, metrics Metrics, options Options) *Service {
	if options.PollInterval <= 0 {
		options.PollInterval = time.Second
	}
	s := &Service{region: region, client: client, metrics: metrics, options: options}
	s.instances.Fetch = s.describe
	s.lags.Fetch = s.fetchLags
	s.groups.Fetch = s.describeGroups
	s.waits = wait.Poller[string, Instance]{
		Interval: options.PollInterval,
		Max:      10 * options.PollInterval,
		// What is waited for here may have been accepted and cannot be
		// undone, so a silent region is asked again until the context ends.
		Fetch: func(ctx context.Context, ids []string) (map[string]Instance, error) {
			return s.describe(awsclient.Essential(ctx), ids)
		},
		Equal:   func(a, b Instance) bool { return a.Status == b.Status && a.Source == b.Source },
		Status:  statusText,
		Outlive: awsclient.IsTransient,
	}
	s.lagWaits = wait.Poller[string, Lag]{
		// The metric has a datum a minute: looking more often is of no use
		// beyond seeing it soon.
		Interval: 5 * options.PollInterval,
		Max:      10 * options.PollInterval,
		// As for instances: the source is fenced by now, and a metric that
		// falls silent for seconds is no reason to wait for ever.
		Fetch: func(ctx context.Context, ids []string) (map[string]Lag, error) {
			return s.fetchLags(awsclient.Essential(ctx), ids)
		},
		Equal:   func(a, b Lag) bool { return a == b },
		Status:  func(l Lag, found bool) string { return lagText(l, found) },
		Outlive: awsclient.IsTransient,
	}
	s.fenceWaits = wait.Poller[string, Instance]{
		Interval: options.PollInterval,
		Max:      10 * options.PollInterval,
		// A fence can be taken up again at any point, so that a region that
		// falls silent ends the wait.
		Fetch:   s.describe,
		Equal:   func(a, b Instance) bool { return fenceText(a, true) == fenceText(b, true) },
		Status:  fenceText,
		Outlive: func(err error) bool { return awsclient.IsTransient(err) && !awsclient.IsUnreachable(err) },
	}
	return s
}

// Region of the service.
func (s *Service) Region() string { return s.region }

func (s *Service) log(ctx context.Context, id, message string, fields map[string]any) {
	if s.options.Log == nil {
		return
	}
	if fields == nil {
		fields = map[string]any{}
	}
	fields["db_instance_identifier"], fields["region"] = id, s.region
	s.options.Log(ctx, message, fields)
}
