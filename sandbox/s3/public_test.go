// SPDX-License-Identifier: MPL-2.0

package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const readable = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
	"Resource": "arn:aws:s3:::acme-dr-state-usw2/switch/*"}]}`

// An object is anyone's to read only after its owner opened the bucket and
// named it in the policy.
func TestPublicObjects(t *testing.T) {
	t.Parallel()
	s, _, url := start(t)
	c := client(url, "us-west-2", engine.WorkloadAccessKey)
	name := aws.String(bucket)
	for _, key := range []string{"switch/app", "secret"} {
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String(key), Body: strings.NewReader("over")}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, region, key string, want int) {
		t.Helper()
		if got, body := s.Anonymous(region, bucket, key); got != want || (string(body) == "over") != (want == 200) {
			t.Errorf("%s: %s in %s answers %d %q, want %d", when, key, region, got, body, want)
		}
	}
	expect("at first", "us-west-2", "switch/app", 403)
	put := &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(readable)}
	if _, err := c.PutBucketPolicy(t.Context(), put); code(err) != "AccessDenied" {
		t.Errorf("a public policy while public access is blocked: %v", err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("x"), ACL: types.ObjectCannedACLPublicRead}); code(err) != "AccessControlListNotSupported" {
		t.Errorf("a public ACL: %v", err)
	}
	if _, err := c.GetBucketPolicyStatus(t.Context(), &s3.GetBucketPolicyStatusInput{Bucket: name}); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("the status without a policy: %v", err)
	}
	open := &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicPolicy: aws.Bool(false), RestrictPublicBuckets: aws.Bool(false),
	}}
	if _, err := c.PutPublicAccessBlock(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutBucketPolicy(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	if out, err := c.GetBucketPolicyStatus(t.Context(), &s3.GetBucketPolicyStatusInput{Bucket: name}); err != nil || !aws.ToBool(out.PolicyStatus.IsPublic) {
		t.Errorf("the status with a public policy: %+v, %v", out, err)
	}
	expect("opened", "us-west-2", "switch/app", 200)
	expect("opened", "us-west-2", "switch/none", 403)
	expect("opened", "us-west-2", "secret", 403)
	expect("opened", "us-east-1", "switch/app", 301)
	if out, err := c.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: name}); err != nil || *out.Policy != readable {
		t.Errorf("the policy reads %+v, %v", out, err)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("switch/app")}); err != nil {
		t.Fatal(err)
	}
	expect("deleted", "us-west-2", "switch/app", 403)
	for when, policy := range map[string]string{
		"no JSON": "x", "another bucket": strings.ReplaceAll(readable, bucket, "other"), "a denial": strings.ReplaceAll(readable, "Allow", "Deny"),
	} {
		if _, err := c.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(policy)}); code(err) != "MalformedPolicy" {
			t.Errorf("%s: %v", when, err)
		}
	}
	if _, err := c.GetBucketPolicyStatus(t.Context(), &s3.GetBucketPolicyStatusInput{Bucket: aws.String("acme-none")}); code(err) != "NoSuchBucket" {
		t.Errorf("no bucket: %v", err)
	}
}
