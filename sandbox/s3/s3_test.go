// SPDX-License-Identifier: MPL-2.0

package s3_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	service "github.com/drstate/terraform-provider-dr/sandbox/s3"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

const bucket = "acme-dr-state-usw2"

func start(t *testing.T) (*service.Service, *engine.Engine, string) {
	t.Helper()
	e := engine.New(engine.Options{})
	s := service.New(e)
	e.Register(s.Definition())
	e.Register(sts.New(e).Definition())
	if err := s.AddBucket("us-west-2", engine.WorkloadAccount, bucket); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(e.Handler())
	t.Cleanup(func() {
		e.Close()
		srv.Close()
	})
	return s, e, srv.URL
}

func client(url, region, key string) *s3.Client {
	return s3.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, "any", ""),
	}, func(o *s3.Options) { o.UsePathStyle = true })
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestObjects(t *testing.T) {
	t.Parallel()
	s, e, url := start(t)
	c := client(url, "us-west-2", engine.WorkloadAccessKey)
	put := func(body io.Reader, change func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("a/b c.tfstate"), Body: body}
		if change != nil {
			change(in)
		}
		_, err := c.PutObject(t.Context(), in)
		return err
	}
	if err := put(strings.NewReader("one"), func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }); err != nil {
		t.Fatal(err)
	}
	if err := put(strings.NewReader("two"), func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }); code(err) != "PreconditionFailed" {
		t.Errorf("an object that is there: %v", err)
	}
	if err := put(strings.NewReader("three"), func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 }); err != nil {
		t.Error(err)
	}
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("a/b c.tfstate"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(out.Body); err != nil || string(body) != "three" {
		t.Errorf("%v: read %q", err, body)
	}
	if body, ok := s.Object(bucket, "a/b c.tfstate"); !ok || string(body) != "three" {
		t.Errorf("kept %q", body)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("a/")})
	if err != nil || len(list.Contents) != 1 || *list.Contents[0].Key != "a/b c.tfstate" {
		t.Errorf("%v: listed %+v", err, list)
	}
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("none")})
	if code(err) != "NoSuchKey" {
		t.Errorf("no such key: %v", err)
	}
	if _, err := c.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: aws.String(bucket)}); code(err) != "NotImplemented" {
		t.Errorf("what is not there: %v", err)
	}
	first := e.Calls()[0]
	if first.Operation != "PutObject" || !first.TookEffect || first.Params["Key"] != "a/b c.tfstate" || first.Account != engine.WorkloadAccount {
		t.Errorf("recorded %+v", first)
	}
	if second := e.Calls()[1]; second.TookEffect || second.Outcome != "PreconditionFailed" {
		t.Errorf("recorded %+v", second)
	}
}

func TestOwners(t *testing.T) {
	t.Parallel()
	_, _, url := start(t)
	list := &s3.ListObjectsV2Input{Bucket: aws.String(bucket)}
	if _, err := client(url, "us-east-1", engine.WorkloadAccessKey).ListObjectsV2(t.Context(), list); code(err) != "PermanentRedirect" {
		t.Errorf("from the wrong region: %v", err)
	}
	if _, err := client(url, "us-west-2", engine.DNSAccessKey).ListObjectsV2(t.Context(), list); code(err) != "AccessDenied" {
		t.Errorf("from another account: %v", err)
	}
	in := &s3.CreateBucketInput{Bucket: aws.String("acme-other"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}
	if _, err := client(url, "us-east-1", engine.WorkloadAccessKey).CreateBucket(t.Context(), in); code(err) != "IllegalLocationConstraintException" {
		t.Errorf("created where it does not belong: %v", err)
	}
	c := client(url, "us-west-2", engine.WorkloadAccessKey)
	if _, err := c.CreateBucket(t.Context(), in); err != nil {
		t.Error(err)
	}
	where, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: in.Bucket})
	if err != nil || where.LocationConstraint != "us-west-2" {
		t.Errorf("%v: it is in %+v", err, where)
	}
}

const configuration = `
terraform {
  backend "s3" {
    bucket         = "acme-dr-state-usw2"
    key            = "acme/prod/terraform.tfstate"
    region         = "us-west-2"
    use_path_style = true
    use_lockfile   = true
    endpoints      = { s3 = "URL", sts = "URL" }
  }
}

resource "terraform_data" "goal" {
  input = "reached"
}
`

// TestTerraformBackend keeps a state in the sandbox with the real Terraform,
// and meets a lock that a killed run left.
func TestTerraformBackend(t *testing.T) {
	t.Parallel()
	var command string
	for _, name := range []string{os.Getenv("DR_TERRAFORM"), "terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil && command == "" {
			command = path
		}
	}
	if command == "" {
		t.Skip("neither terraform nor tofu on PATH, and DR_TERRAFORM is not set: the state backend is not tested with the real one")
	}
	s, e, url := start(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(strings.ReplaceAll(configuration, "URL", url)), 0o600); err != nil {
		t.Fatal(err)
	}
	terraform := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), command, append([]string{"-chdir=" + dir}, args...)...)
		cmd.Env = append(os.Environ(),
			"AWS_ACCESS_KEY_ID="+engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY=any", "AWS_EC2_METADATA_DISABLED=true",
			"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{{"init", "-input=false", "-no-color"}, {"apply", "-auto-approve", "-input=false", "-no-color"}} {
		if out, err := terraform(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	const key, lock = "acme/prod/terraform.tfstate", "acme/prod/terraform.tfstate.tflock"
	if state, ok := s.Object(bucket, key); !ok || !strings.Contains(string(state), "reached") {
		t.Errorf("the state is %q", state)
	}
	if _, ok := s.Object(bucket, lock); ok {
		t.Error("the lock is still there")
	}
	stale := `{"ID":"5d5b5c5e-0000-4000-8000-000000000001","Operation":"OperationTypeApply","Info":"","Who":"runner@us-east-1","Version":"1.11.4","Created":"2026-01-01T00:00:00Z","Path":"x"}`
	if err := s.PutObject(bucket, lock, []byte(stale)); err != nil {
		t.Fatal(err)
	}
	out, err := terraform("plan", "-input=false", "-no-color", "-lock-timeout=0s")
	if err == nil || !strings.Contains(out, "runner@us-east-1") {
		t.Errorf("with a lock in place: %v\n%s", err, out)
	}
	if out, err := terraform("force-unlock", "-force", "5d5b5c5e-0000-4000-8000-000000000001"); err != nil {
		t.Errorf("force-unlock: %v\n%s", err, out)
	}
	if out, err := terraform("plan", "-input=false", "-no-color", "-detailed-exitcode"); err != nil {
		t.Errorf("after force-unlock: %v\n%s", err, out)
	}
	for _, c := range e.Calls() {
		if c.Region != "us-west-2" {
			t.Errorf("%s:%s went to %s", c.Service, c.Operation, c.Region)
		}
	}
}
