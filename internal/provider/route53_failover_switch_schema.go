// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var (
	bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	objectShape = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	alarmShape  = regexp.MustCompile(`^[A-Za-z0-9_.*/ -]{1,255}$`)
)

func route53SwitchSchema(ctx context.Context) schema.Schema {
	fixed := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	kept := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	return schema.Schema{
		MarkdownDescription: "A DNS name that moves to the standby region without any control plane. In peacetime it prepares a pair of failover records whose " +
			"primary is watched by a health check that is fed from the standby region. Moving `active` is then one call to the standby region " +
			"(`trigger`), and Route 53's data plane does the rest: no call goes to Route 53's API, which lives in us-east-1, nor to the region that failed. " +
			"The apply ends when the zone's own name servers answer with the active region.\n\n" +
			"Create adopts a simple record that serves one of `targets`, and replaces it by the pair in one change batch; nothing but the preparation needs " +
			"Route 53's API. While that, or the standby region, cannot be read, the last known state is kept with a warning. What others have changed of the " +
			"records, the health check or the alarm is seen as `status = \"incomplete\"` and mended by the next apply. " +
			"Going back to the primary while the standby region is lost needs Route 53's API in its place: both records are made to lead " +
			"to the primary, and `status` is `held` until the first apply after the region's return. " +
			"Destroying the resource leaves everything as it is. The zone must be public: health checkers and name servers are asked from outside.\n\n" +
			"IAM actions: to prepare, `route53:ListResourceRecordSets`, `route53:ChangeResourceRecordSets`, `route53:GetChange`, `route53:CreateHealthCheck`, " +
			"`route53:GetHealthCheck`, `route53:GetHealthCheckStatus`, `route53:ListHealthChecks`, `route53:UpdateHealthCheck`; for an alarm " +
			"`cloudwatch:PutMetricAlarm`, `cloudwatch:DescribeAlarms`, `cloudwatch:PutMetricData`; for an object `s3:GetBucketPolicyStatus`, `s3:ListBucket`, " +
			"`s3:GetObject`, `s3:PutObject`, `s3:DeleteObject`. To fail over: `cloudwatch:PutMetricData` or `s3:PutObject` alone are needed, and the reading actions used where allowed; to go back from a lost standby region, `route53:ChangeResourceRecordSets` and `route53:GetChange`.\n\n" +
			"```json\n" + switchPolicy + "\n```",
		Attributes: map[string]schema.Attribute{
			"zone_id": schema.StringAttribute{
				MarkdownDescription: "Id of the hosted zone, in the account of this resource's provider.", Required: true, PlanModifiers: fixed, Validators: []validator.String{isZoneID()},
			},
			"name": schema.StringAttribute{
				MarkdownDescription: "Full name of the record, such as `app.example.com`.", Required: true,
				PlanModifiers: []planmodifier.String{isAnotherName()},
				Validators:    []validator.String{stringvalidator.RegexMatches(nameShape, "must be a full name such as app.example.com")},
			},
			"type": schema.StringAttribute{
				MarkdownDescription: "`A`, `AAAA` or `CNAME`.", Required: true, PlanModifiers: fixed,
				Validators: []validator.String{stringvalidator.OneOf("A", "AAAA", "CNAME")},
			},
			"ttl": schema.Int64Attribute{
				MarkdownDescription: "Time to live in seconds: how long resolvers keep the old answer after a move. Needed unless both targets are aliases.",
				Optional:            true, Validators: []validator.Int64{int64validator.Between(0, 2147483647)},
			},
			"primary_region": schema.StringAttribute{
				MarkdownDescription: "The region that serves while the trigger is quiet. The other key of `targets` is the standby region, where the trigger lives.",
				Required:            true, PlanModifiers: fixed, Validators: []validator.String{isRegion()},
			},
			"targets": targetsAttribute("What the name leads to, by region: the primary and the standby one. An alias must not evaluate its target's health: the switch alone decides."),
			"active": schema.StringAttribute{
				MarkdownDescription: "The region to serve, a key of `targets`. Null after a read that found the name servers answering with neither, or on the way.", Required: true,
			},
			"trigger": schema.SingleNestedAttribute{
				MarkdownDescription: "What throws the switch, in the standby region. Another one makes another health check, and leaves the old one behind.", Required: true,
				Attributes: map[string]schema.Attribute{
					"cloudwatch_alarm": schema.SingleNestedAttribute{
						MarkdownDescription: "A metric of the switch's own in the namespace `DR/Switch`, and an alarm on it, both made by this resource. One datum fails over, and Route 53 keeps the " +
							"last known status when it gets old. DNS follows within two to three minutes.",
						Optional: true,
						Attributes: map[string]schema.Attribute{
							"alarm_name": schema.StringAttribute{
								MarkdownDescription: "Name of the alarm. Default: `dr-switch-` with the zone, the name and the type.", Optional: true,
								Validators: []validator.String{stringvalidator.RegexMatches(alarmShape, "must be an alarm's name of 1 to 255 letters, digits, spaces and -_./*")},
							},
						},
						Validators: []validator.Object{objectvalidator.ExactlyOneOf(
							path.MatchRoot("trigger").AtName("cloudwatch_alarm"), path.MatchRoot("trigger").AtName("s3_object"))},
					},
					"s3_object": schema.SingleNestedAttribute{
						MarkdownDescription: "An S3 object that is there while the standby serves. Its bucket must exist in the standby region, and anyone must be allowed to read " +
							"the object: Route 53's health checkers have no credentials. `status` sees that the bucket's policy is public, " +
							"and not that it reaches this object (another prefix, a Deny, SSE-KMS): put an object beside it under the same prefix once, and fetch it with `curl -f`. " +
							"DNS follows within a minute. A standby region that goes down while it serves gives the name back to the primary, and takes it again when it returns, " +
							"unless an apply has moved `active` meanwhile.",
						Optional: true,
						Attributes: map[string]schema.Attribute{
							"bucket": schema.StringAttribute{MarkdownDescription: "Bucket in the standby region.", Required: true,
								Validators: []validator.String{stringvalidator.RegexMatches(bucketShape, "must be a bucket's name")}},
							"key": schema.StringAttribute{MarkdownDescription: "Key of the object, such as `switch/app.example.com`.", Required: true,
								Validators: []validator.String{stringvalidator.LengthBetween(1, 200), stringvalidator.RegexMatches(objectShape, "must consist of letters, digits and -_. between slashes")}},
						},
					},
				},
			},
			"resolver": schema.StringAttribute{
				MarkdownDescription: "`HOST:PORT` of the name server to ask instead of the zone's own.", Optional: true, Validators: []validator.String{isHostPort()},
			},
			"allow_overwrite": schema.BoolAttribute{
				MarkdownDescription: "Replace an existing record that serves none of `targets`. Default: false.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id":              schema.StringAttribute{MarkdownDescription: "Zone, name and type, joined by underscores.", Computed: true, PlanModifiers: kept},
			"fqdn":            schema.StringAttribute{MarkdownDescription: "Full name, without a trailing dot.", Computed: true, PlanModifiers: kept},
			"health_check_id": schema.StringAttribute{MarkdownDescription: "Id of the health check.", Computed: true},
			"status": schema.StringAttribute{
				MarkdownDescription: "`ready` while all that a failover depends on is in place; `incomplete` where something was seen to be missing or different: the next apply mends it; " +
					"`held` while the standby region gives no answer and both records lead to the primary.", Computed: true,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true}),
		},
	}
}

const switchPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    { "Sid": "Records", "Effect": "Allow",
      "Action": ["route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets"],
      "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ" },
    { "Sid": "HealthChecks", "Effect": "Allow",
      "Action": ["route53:GetChange", "route53:CreateHealthCheck", "route53:GetHealthCheck", "route53:GetHealthCheckStatus",
                 "route53:ListHealthChecks", "route53:UpdateHealthCheck"],
      "Resource": "*" },
    { "Sid": "Alarm", "Effect": "Allow",
      "Action": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms"],
      "Resource": "arn:aws:cloudwatch:us-west-2:111122223333:alarm:dr-switch-*" },
    { "Sid": "Switch", "Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*",
      "Condition": { "StringEquals": { "cloudwatch:namespace": "DR/Switch" } } }
  ]
}`
