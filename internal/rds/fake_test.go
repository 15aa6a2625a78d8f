// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

const (
	east      = "us-east-1"
	west      = "us-west-2"
	sourceARN = "arn:aws:rds:us-east-1:111111111111:db:orders"
	replica   = "orders-usw2"
)

// cloud is a fake of RDS and CloudWatch in every region, in the time of the
// test. It records calls, injects failures, and kills callers around a call.
type cloud struct {
	mu        sync.Mutex
	instances map[string]*types.DBInstance // by region/identifier
	lag       map[string]datum             // newest by identifier
	earlier   map[string][]datum           // older ones
	calls     []string                     // "us-west-2 PromoteReadReplica orders-usw2"
	inputs    []*awsrds.PromoteReadReplicaInput
	promoted  int // promotions that took effect
	turns     replicaChanges
	// fail is asked before a call takes effect: an error is the answer. after
	// is asked when it has: an error is a lost answer.
	fail, after func(call string) error
	// stale is how long a replica still reads available after the call.
	stale time.Duration
	net   network
}

type datum struct {
	at      time.Time
	seconds float64
}

// newCloud has a PostgreSQL source and its replica, which is 3 s behind.
func newCloud() *cloud {
	c := &cloud{instances: map[string]*types.DBInstance{}, lag: map[string]datum{}, earlier: map[string][]datum{}, stale: 2 * time.Second}
	c.instances[east+"/orders"] = &types.DBInstance{
		DBInstanceIdentifier: aws.String("orders"), DBInstanceArn: aws.String(sourceARN), DbiResourceId: aws.String("db-SOURCE"),
		Engine: aws.String("postgres"), DBInstanceStatus: aws.String("available"), BackupRetentionPeriod: aws.Int32(7),
		ReadReplicaDBInstanceIdentifiers: []string{"arn:aws:rds:us-west-2:111111111111:db:" + replica},
	}
	c.instances[west+"/"+replica] = &types.DBInstance{
		DBInstanceIdentifier: aws.String(replica), DBInstanceArn: aws.String("arn:aws:rds:us-west-2:111111111111:db:" + replica),
		DbiResourceId: aws.String("db-REPLICA"), Engine: aws.String("postgres"), DBInstanceStatus: aws.String("available"),
		Endpoint:                              &types.Endpoint{Address: aws.String(replica + ".example.com"), Port: aws.Int32(5432)},
		ReadReplicaSourceDBInstanceIdentifier: aws.String(sourceARN), BackupRetentionPeriod: aws.Int32(14), PreferredBackupWindow: aws.String("03:00-03:30"),
		StatusInfos: []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: aws.String("replicating"), Normal: aws.Bool(true)}},
	}
	c.lag[replica] = datum{at: time.Now(), seconds: 3}
	return c
}

// down makes a region unreachable, as awsclient reports it.
func (c *cloud) down(region string) {
	c.fail = func(call string) error {
		if strings.HasPrefix(call, region+" ") {
			// The last attempt ended by a time-out of its own.
			return &awsclient.UnreachableError{Region: region, Budget: 3 * time.Second, Err: context.DeadlineExceeded}
		}
		return nil
	}
}

// service makes what one process would use.
func (c *cloud) service(region string) *rds.Service {
	services := map[string]*rds.Service{}
	var mu sync.Mutex
	var peer func(string) *rds.Service
	peer = func(region string) *rds.Service {
		mu.Lock()
		defer mu.Unlock()
		if services[region] == nil {
			f := &regional{cloud: c, region: region}
			services[region] = rds.New(region, f, f, rds.Options{Peer: peer, Groups: f})
		}
		return services[region]
	}
	return peer(region)
}

func (c *cloud) get(region, id string) *types.DBInstance { return c.instances[region+"/"+id] }

// later runs f with the lock held.
func (c *cloud) later(d time.Duration, f func()) {
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		f()
	})
}

// lifecycle is a promotion from the moment on at which it takes effect.
func (c *cloud) lifecycle(db *types.DBInstance) {
	c.promoted++
	c.later(c.stale, func() { db.DBInstanceStatus = aws.String("modifying") })
	c.later(c.stale+60*time.Second, func() { db.DBInstanceStatus = aws.String("rebooting") })
	c.later(c.stale+90*time.Second, func() { db.DBInstanceStatus = aws.String("available") })
	c.later(c.stale+93*time.Second, func() {
		db.ReadReplicaSourceDBInstanceIdentifier = nil
		db.StatusInfos = nil
	})
}

// count counts the calls of an operation.
func (c *cloud) count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, call := range c.calls {
		if strings.Contains(call, " "+operation+" ") {
			n++
		}
	}
	return n
}

// mutations counts the calls that change something.
func (c *cloud) mutations() int {
	return c.count("PromoteReadReplica") + c.count("AddTagsToResource") + c.count("ModifyDBInstance") + c.count("CreateDBInstanceReadReplica")
}

// around is what happens to every call.
func (c *cloud) around(ctx context.Context, region, operation, id string, effect func() error) error {
	call := region + " " + operation + " " + id
	c.mu.Lock()
	c.calls = append(c.calls, call)
	fail, after := c.fail, c.after
	c.mu.Unlock()
	if fail != nil {
		if err := fail(call); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	err := effect()
	c.mu.Unlock()
	if err == nil && after != nil {
		err = after(call)
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// regional is the cloud's API in one region.
type regional struct {
	*cloud
	region string
}

func (r *regional) DescribeDBInstances(ctx context.Context, in *awsrds.DescribeDBInstancesInput, _ ...func(*awsrds.Options)) (*awsrds.DescribeDBInstancesOutput, error) {
	ids := []string{aws.ToString(in.DBInstanceIdentifier)}
	if in.DBInstanceIdentifier == nil && len(in.Filters) == 0 {
		return r.describeAll(ctx, in)
	}
	if len(in.Filters) > 0 {
		ids = in.Filters[0].Values
	}
	if len(ids) > 100 {
		return nil, errors.New("too many identifiers")
	}
	out := &awsrds.DescribeDBInstancesOutput{}
	err := r.around(ctx, r.region, "DescribeDBInstances", strings.Join(ids, ","), func() error {
		for _, id := range ids {
			if db := r.get(r.region, id); db != nil {
				clone := *db
				clone.TagList = slices.Clone(db.TagList)
				out.DBInstances = append(out.DBInstances, clone)
			}
		}
		if in.DBInstanceIdentifier != nil && len(out.DBInstances) == 0 {
			return &types.DBInstanceNotFoundFault{}
		}
		return nil
	})
	return out, err
}

func (r *regional) PromoteReadReplica(ctx context.Context, in *awsrds.PromoteReadReplicaInput, _ ...func(*awsrds.Options)) (*awsrds.PromoteReadReplicaOutput, error) {
	id := aws.ToString(in.DBInstanceIdentifier)
	err := r.around(ctx, r.region, "PromoteReadReplica", id, func() error {
		db := r.get(r.region, id)
		if db == nil {
			return &types.DBInstanceNotFoundFault{}
		}
		// The call is refused from the moment on at which one was accepted,
		// although the status still reads available.
		if aws.ToString(db.DBInstanceStatus) != "available" || db.ReadReplicaSourceDBInstanceIdentifier == nil || r.promoted > 0 {
			return &types.InvalidDBInstanceStateFault{Message: aws.String("not in a state to be promoted")}
		}
		r.inputs = append(r.inputs, in)
		r.lifecycle(db)
		return nil
	})
	return &awsrds.PromoteReadReplicaOutput{}, err
}

func (r *regional) AddTagsToResource(ctx context.Context, in *awsrds.AddTagsToResourceInput, _ ...func(*awsrds.Options)) (*awsrds.AddTagsToResourceOutput, error) {
	_, id, _ := strings.Cut(aws.ToString(in.ResourceName), ":db:")
	err := r.around(ctx, r.region, "AddTagsToResource", id, func() error {
		db := r.get(r.region, id)
		if db == nil {
			return &types.DBInstanceNotFoundFault{}
		}
		for _, tag := range in.Tags {
			db.TagList = slices.DeleteFunc(slices.Clone(db.TagList), func(t types.Tag) bool { return *t.Key == *tag.Key })
			db.TagList = append(db.TagList, tag)
		}
		return nil
	})
	return &awsrds.AddTagsToResourceOutput{}, err
}

func (r *regional) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	out := &cloudwatch.GetMetricDataOutput{}
	err := r.around(ctx, r.region, "GetMetricData", fmt.Sprint(len(in.MetricDataQueries)), func() error {
		for _, q := range in.MetricDataQueries {
			result := cwtypes.MetricDataResult{Id: q.Id}
			id := aws.ToString(q.MetricStat.Metric.Dimensions[0].Value)
			if d, ok := r.lag[id]; ok && d.at.After(*in.StartTime) {
				for _, d := range append([]datum{d}, r.earlier[id]...) {
					result.Timestamps, result.Values = append(result.Timestamps, d.at), append(result.Values, d.seconds)
				}
			}
			out.MetricDataResults = append(out.MetricDataResults, result)
		}
		return nil
	})
	return out, err
}

// refusal is an answer of AWS.
func refusal(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

// only makes a hook that answers one operation in one region.
func only(region, operation string, err error) func(string) error {
	return func(call string) error {
		if strings.HasPrefix(call, region+" "+operation+" ") {
			return err
		}
		return nil
	}
}
