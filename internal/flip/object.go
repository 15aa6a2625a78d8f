// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

type object struct {
	spec Spec
	api  Objects
}

// host is the bucket's own name in the standby region, which needs nothing of
// any other.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (o *object) host() string {
	return fmt.Sprintf("%s.s3.%s.amazonaws.com", o.spec.Object.Bucket, o.spec.Standby)
}

func (o *object) call(over bool) string {
	operation := "s3:DeleteObject"
	if over {
		operation = "s3:PutObject"
	}
	return fmt.Sprintf("%s of s3://%s/%s", operation, o.spec.Object.Bucket, o.spec.Object.Key)
}

func (o *object) command(over bool) string {
	operation := "delete-object"
	if over {
		operation = "put-object"
	}
	return fmt.Sprintf("aws s3api %s --region %s --bucket %s --key '%s'", operation, o.spec.Standby, o.spec.Object.Bucket, o.spec.Object.Key)
}

func (o *object) set(ctx context.Context, over bool) error {
	bucket, key := aws.String(o.spec.Object.Bucket), aws.String(o.spec.Object.Key)
	if !over {
		_, err := o.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
		return err
	}
	_, err := o.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: key, ContentType: aws.String("text/plain"),
		Body: strings.NewReader(o.spec.Key().String() + " is served by " + o.spec.Standby + " while this object is here.\n"),
	})
	return err
}

func (o *object) is(ctx context.Context) (over, known bool, err error) {
	_, err = o.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(o.spec.Object.Bucket), Key: aws.String(o.spec.Object.Key)})
	if code := awsclient.Code(err); code == "NotFound" || code == "NoSuchKey" {
		return false, true, nil
	}
	return err == nil, err == nil, err
}

// lacking asks the bucket, not the object: it is absent in peacetime.
func (o *object) lacking(ctx context.Context) (string, error) {
	out, err := o.api.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: aws.String(o.spec.Object.Bucket)})
	switch code := awsclient.Code(err); {
	case code == "NoSuchBucket" || code == "NoSuchBucketPolicy":
		return fmt.Sprintf("the bucket %s: %s", o.spec.Object.Bucket, awsclient.Explain(err)), nil
	case err != nil:
		return "", err
	}
	// An answer without a status is one that does not say that it is public.
	if out.PolicyStatus == nil || !aws.ToBool(out.PolicyStatus.IsPublic) {
		return fmt.Sprintf("the bucket %s: its policy lets nobody read without credentials, as Route 53's health checkers do", o.spec.Object.Bucket), nil
	}
	return "", nil
}

// seen has nothing to wait for: S3 shows what was written last.
func (o *object) seen(context.Context, bool) {}

// prepare has nothing to make: the bucket and its policy are somebody else's.
func (o *object) prepare(context.Context, bool) error { return nil }

func (o *object) ready(ctx context.Context) error {
	problem, err := o.lacking(ctx)
	if err == nil && problem != "" {
		err = &Error{Kind: KindBucket, Field: FieldTrigger, Attempted: "prepare the trigger of", Name: o.spec.Key().String(), Region: o.spec.Standby, Reason: problem + ".",
			Next: fmt.Sprintf("Let anyone read the object, by a bucket policy that allows s3:GetObject on arn:aws:s3:::%s/%s to \"*\" "+
				"and by lifting S3 Block Public Access for the bucket; or use a cloudwatch_alarm, which needs nothing public.", o.spec.Object.Bucket, o.spec.Object.Key)}
	}
	return err
}
