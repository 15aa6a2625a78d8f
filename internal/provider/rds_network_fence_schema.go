// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const rdsNetworkFenceDescription = `
A fence around a DB instance of Amazon RDS: nobody reaches it any more, so that nothing is written to an old source after
the replica that takes its place has stopped to follow it.

Create it in peacetime with ` + "`fenced = false`" + `: the instance is only observed, and the security groups that it has are recorded.
Setting ` + "`fenced = true`" + `

1. checks that the groups of the fence are in the instance's VPC and have no ingress rule,
2. writes the tag ` + "`dr:fence`" + ` to the instance: the phase, the time, the groups to put back and those of the fence,
3. replaces the instance's security groups by those of the fence, and waits until they are active: no new session begins,
4. reboots the instance, once: connections that are tracked live through a change of groups, and end with the reboot.

Then ` + "`proof`" + ` says ` + "`held`" + `, with the time since when, for ` + "`fences`" + ` of [dr_rds_replica_promotion](rds_replica_promotion.md).
Replication to the instance's replicas goes on. Setting ` + "`fenced = false`" + ` again puts the groups back exactly as they were recorded,
and removes the tag last.

An apply that was interrupted at any point is run again and goes on from there. What others do to the instance's groups
meanwhile is named in a warning at plan; nothing of it is undone, except that an apply with ` + "`fenced = true`" + ` fences again.
An ingress rule that somebody adds to a group of a fence that holds lets clients in, and they stay in when it is removed: the
fence does not hold any more, the next apply notes that in the tag and fails as long as the rule is there, and the one after
its removal reboots again. A rule that came and went between two looks is not seen.
Destroying this resource only forgets it: an instance that is fenced stays so.

With ` + "`required = false`" + ` a region that does not answer, or anything else that keeps the fence from being made, is a warning that
the instance **may still be writing**, and what depends on the fence goes on. When the instance can be reached again, the next plan
shows the fence and the apply makes it first.

-> With ` + "`aws_db_instance`" + `: set ` + "`lifecycle { ignore_changes = [vpc_security_group_ids] }`" + ` on the instance, and
` + "`ignore_tags { key_prefixes = [\"dr:\"] }`" + ` on the provider ` + "`aws`" + `, or the AWS provider plans to lift the fence and to remove its record.
The fence's own ` + "`aws_security_group`" + ` has ` + "`ingress = []`" + `, so that rules which others add are taken out again.

!> The fence cuts off who connects. **Writers inside the database need no connection from outside** and go on: jobs of
` + "`pg_cron`" + `, MySQL's and MariaDB's event scheduler, logical subscriptions, which the instance opens itself, and what jobs
reach by ` + "`dblink`" + ` or ` + "`postgres_fdw`" + ` from the instance. What they write after the fence may be lost, although the fence holds.
Stop them before the move: ` + "`cron.launch_active_jobs = off`" + ` or ` + "`event_scheduler = OFF`" + ` in the parameter group, ` + "`ALTER SUBSCRIPTION … DISABLE`" + `.
The promoted instance, in its region, has a parameter group of its own.

The caller needs, in the instance's region:

` + "```json" + `
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["rds:DescribeDBInstances", "rds:DescribeEvents", "ec2:DescribeSecurityGroups"],
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": ["rds:AddTagsToResource", "rds:ModifyDBInstance", "rds:RebootDBInstance", "rds:RemoveTagsFromResource"],
      "Resource": "arn:aws:rds:us-east-1:123456789012:db:orders"
    }
  ]
}
` + "```" + `

` + "`rds:DescribeEvents`" + ` finds out whether a reboot whose answer was lost took place; without it, such a reboot is repeated.
Planning needs the first statement only.
`

var groupShape = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)

// Schema implements resource.Resource.
func (r *rdsNetworkFenceResource) Schema(ctx context.Context, _ resourceSchemaRequest, resp *resourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: rdsNetworkFenceDescription,
		Attributes: map[string]schema.Attribute{
			"db_instance_identifier": identifierAttribute(),
			"fenced": schema.BoolAttribute{
				MarkdownDescription: "Whether nobody is to reach the instance. `false` records what would have to be put back, or puts it back.",
				Required:            true,
			},
			"fence_security_group_ids": schema.SetAttribute{
				MarkdownDescription: "Ids of the security groups that the instance is in while it is fenced: prepared, in its VPC, without any " +
					"ingress rule. One is enough. A change while the fence holds replaces them without a reboot.",
				Required:    true,
				ElementType: types.StringType,
				Validators: []validator.Set{
					setvalidator.SizeBetween(1, 5),
					setvalidator.ValueStringsAre(stringvalidator.RegexMatches(groupShape, "must be the id of a security group such as sg-0123456789abcdef0")),
				},
			},
			"region": regionAttribute(),
			"required": schema.BoolAttribute{
				MarkdownDescription: "Whether the apply fails when the fence cannot be made. `false`: it warns that the instance may still be " +
					"writing, and goes on. Default: `true`.",
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(true),
			},
			"allow_replica": schema.BoolAttribute{
				MarkdownDescription: "Whether `fenced = true` leaves a replica as it is, since it takes no writes: for a fence that is declared for " +
					"each member of a database. The default, `false`, refuses to fence a replica.",
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(false),
			},
			"id": idAttribute(),
			"status": schema.StringAttribute{
				MarkdownDescription: "`open`, `fencing` (half done, either way), `fenced`, `replica` (see `allow_replica`), `unreached` (wanted, and " +
					"could not be made) or `unknown`.",
				Computed: true,
			},
			"proof": schema.StringAttribute{
				MarkdownDescription: "What the fence says of itself, for `fences` of a promotion: `held network us-east-1/orders <time>`, " +
					"`open network us-east-1/orders` or `unreached network us-east-1/orders`.",
				Computed: true,
			},
			"fenced_since": schema.StringAttribute{
				MarkdownDescription: "Since when the fence holds (RFC 3339); null if it does not.",
				Computed:            true,
			},
			"original_security_group_ids": schema.SetAttribute{
				MarkdownDescription: "Ids of the security groups that the instance has when it is not fenced.",
				Computed:            true,
				ElementType:         types.StringType,
			},
			"resource_id": schema.StringAttribute{
				MarkdownDescription: "`DbiResourceId` of the instance: differs from instance to instance, even under one identifier.",
				Computed:            true,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long to wait for the fence on create. Default: `30m`; `5m` with `required = false`.",
				Read: true, ReadDescription: "How long to look at the instance. Default: `2m`.",
				Update: true, UpdateDescription: "How long to wait for the fence, or for its lifting. Default: `30m`; `5m` with `required = false`.",
			}),
		},
	}
}
