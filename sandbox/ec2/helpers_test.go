// SPDX-License-Identifier: MPL-2.0

package ec2_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const region = "us-west-2"

var (
	ours    = ec2.ID("vpc", "test")
	subnetA = ec2.ID("subnet", "test", "a")
	subnetB = ec2.ID("subnet", "test", "b")
	open    = ec2.ID("sg", "test", "open")
	shut    = ec2.ID("sg", "test", "shut")
)

// world is an engine with an EC2 that has a VPC of two subnets, a group that lets
// PostgreSQL's clients in and one that lets nobody in, and an interface with the
// former.
type world struct {
	t   testing.TB
	e   *engine.Engine
	ec2 *ec2.Service
	sdk *sdk.Client
	url string
}

func start(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, e: engine.New(engine.Options{})}
	w.ec2 = ec2.New(w.e)
	w.e.Register(w.ec2.Definition())
	server := httptest.NewServer(w.e.Handler())
	w.url = server.URL
	t.Cleanup(func() {
		_ = w.e.Close()
		server.Close()
	})
	w.sdk = sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	})
	err := w.ec2.SeedVPC(ec2.VPC{
		Account: engine.WorkloadAccount, Region: region, ID: ours, CIDR: "10.0.0.0/16", Name: "test",
		Subnets: []ec2.Subnet{{ID: subnetA, CIDR: "10.0.0.0/24", Zone: "a"}, {ID: subnetB, CIDR: "10.0.1.0/24", Zone: "b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []ec2.Group{
		{ID: open, Name: "open", Description: "lets in", Ingress: []ec2.Ingress{{Port: 5432, CIDR: "10.0.0.0/8"}}},
		{ID: shut, Name: "shut", Description: "lets nobody in"},
	} {
		g.Account, g.Region, g.VPC = engine.WorkloadAccount, region, ours
		if err := w.ec2.SeedGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	w.attach(open)
	return w
}

func (w *world) attach(groups ...string) {
	w.ec2.Attach(ec2.Interface{Account: engine.WorkloadAccount, Region: region, Owner: "db", Subnet: subnetA, Groups: groups})
}

// admits tells of new and of established connections to 5432.
func (w *world) admits() [2]bool {
	return [2]bool{
		w.ec2.Admits(engine.WorkloadAccount, region, "db", 5432, false),
		w.ec2.Admits(engine.WorkloadAccount, region, "db", 5432, true),
	}
}

// refused checks a refusal's code.
func refused(t testing.TB, err error, code string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code || refusal.ErrorMessage() == "" {
		t.Errorf("got %v, want %s", err, code)
	}
}

func ingress(port int32, cidrs ...string) []types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(port), ToPort: aws.Int32(port)}
	for _, c := range cidrs {
		p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(c)})
	}
	return []types.IpPermission{p}
}

// cli runs the AWS CLI and reads its JSON into out.
func (w *world) cli(out any, args ...string) string {
	w.t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		w.t.Skip("no aws command on PATH")
	}
	cmd := exec.CommandContext(w.t.Context(), path, append([]string{"--endpoint-url", w.url, "--region", region, "--output", "json", "ec2"}, args...)...)
	cmd.Env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	text, err := cmd.CombinedOutput()
	if out == nil {
		return string(text)
	}
	if err != nil {
		w.t.Fatalf("aws ec2 %q: %v\n%s", args, err, text)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, out); err != nil {
			w.t.Fatalf("aws ec2 %q: %v\n%s", args, err, text)
		}
	}
	return string(text)
}
