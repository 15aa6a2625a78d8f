// SPDX-License-Identifier: MPL-2.0

package rds_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ec2sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
)

const (
	east = "us-east-1"
	west = "us-west-2"
)

// Security groups of the default VPC of both regions: one that lets PostgreSQL's
// clients in, and one that lets nobody in.
const (
	letsIn = "sg-0123456789abcdef0"
	shut   = "sg-0fedcba9876543210"
)

var placement = rds.Placement{SecurityGroups: []string{letsIn}}

// world is an engine with RDS and CloudWatch behind an endpoint.
type world struct {
	t       testing.TB
	e       *engine.Engine
	ec2     *ec2.Service
	rds     *rds.Service
	metrics *cloudwatch.Service
	url     string
}

func start(t testing.TB, scale float64, stateOnly bool) *world {
	t.Helper()
	e := engine.New(engine.Options{TimeScale: scale, DataDir: t.TempDir()})
	w := &world{t: t, e: e, ec2: ec2.New(e), metrics: cloudwatch.New(e)}
	for _, region := range []string{east, west} {
		vpc, _ := w.ec2.DefaultVPC(engine.WorkloadAccount, region)
		for _, g := range []ec2.Group{
			{ID: letsIn, Name: "lets-in", Ingress: []ec2.Ingress{{Port: 5432, CIDR: "10.0.0.0/8"}}},
			{ID: shut, Name: "shut"},
		} {
			g.Account, g.Region, g.VPC, g.Description = engine.WorkloadAccount, region, vpc, g.Name
			if err := w.ec2.SeedGroup(g); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.rds = rds.New(e, rds.Options{StateOnly: stateOnly, EC2: w.ec2, Metrics: w.metrics})
	e.Register(w.ec2.Definition())
	e.Register(w.rds.Definition())
	e.Register(w.metrics.Definition())
	server := httptest.NewServer(e.Handler())
	w.url = server.URL
	t.Cleanup(func() {
		if err := w.rds.Close(); err != nil {
			t.Error(err)
		}
		_ = e.Close()
		server.Close()
	})
	return w
}

func (w *world) client(region string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	})
}

func (w *world) ec2Client(region string) *ec2sdk.Client {
	return ec2sdk.New(ec2sdk.Options{
		Region: region, BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	})
}

// seed makes orders in us-east-1 and its replica orders-usw2 in us-west-2.
func (w *world) seed(name string) {
	w.t.Helper()
	err := w.rds.Seed(w.t.Context(), rds.Instance{
		Account: engine.WorkloadAccount, Region: east, Identifier: "orders", Engine: name, DBName: "orders",
		MasterUsername: "dradmin", MasterPassword: "correct-horse", Placement: placement,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.seedReplica("orders-usw2", west)
}

func (w *world) seedReplica(id, region string) {
	w.t.Helper()
	err := w.rds.SeedReplica(w.t.Context(), rds.Replica{
		Account: engine.WorkloadAccount, Region: region, Identifier: id, SourceRegion: east, Source: "orders", Placement: placement,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) describe(region, id string) types.DBInstance {
	w.t.Helper()
	out, err := w.client(region).DescribeDBInstances(w.t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(id)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.DBInstances[0]
}

// statuses polls an instance and returns the different things it was, until it
// is last.
func (w *world) statuses(region, id string, show func(types.DBInstance) string, last string) []string {
	w.t.Helper()
	var seen []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(3 * time.Millisecond) {
		db, err := w.rds.Describe(engine.WorkloadAccount, region, id)
		now := "gone"
		if err == nil {
			now = show(db)
		}
		if len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
		if now == last {
			return seen
		}
	}
	w.t.Fatalf("%s did not become %q within 20 s: %q", id, last, seen)
	return nil
}

func status(db types.DBInstance) string { return aws.ToString(db.DBInstanceStatus) }

// refused checks code and HTTP status of a refusal.
func refused(t testing.TB, err error, code string, httpStatus int) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() != httpStatus {
		t.Errorf("%s with %v, want HTTP %d", code, err, httpStatus)
	}
}

// cli runs the AWS CLI.
func (w *world) cli(args ...string) (string, error) {
	w.t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		w.t.Skip("no aws command on PATH")
	}
	cmd := exec.CommandContext(w.t.Context(), path, append([]string{"--endpoint-url", w.url, "--output", "text"}, args...)...)
	cmd.Env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
