// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// server starts an engine with services on a loopback endpoint.
func server(t *testing.T, services ...engine.Service) (*engine.Engine, string) {
	t.Helper()
	e := engine.New(engine.Options{})
	for _, s := range services {
		e.Register(s)
	}
	srv := httptest.NewServer(e.Handler())
	t.Cleanup(func() {
		e.Close()
		srv.Close()
	})
	return e, srv.URL
}

// config of a client that tries once.
func config(url, region string) aws.Config {
	return aws.Config{
		Region:           region,
		BaseEndpoint:     &url,
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	}
}

func rdsClient(url, region string) *rds.Client { return rds.NewFromConfig(config(url, region)) }
func cloudwatchClient(url string) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(config(url, "us-west-2"))
}
func route53Client(url string) *route53.Client {
	return route53.NewFromConfig(config(url, "us-east-1"))
}

// awsCLI runs the AWS CLI against an endpoint and returns what it printed.
func awsCLI(t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("no aws command on PATH: botocore is not tested")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"--endpoint-url", url, "--region", "us-west-2", "--output", "json"}, args...)...)
	cmd.Env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
