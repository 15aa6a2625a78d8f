// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int32planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/rds"
)

const rdsReadReplicaDescription = `
A cross-region read replica of the present writer, under a stable identifier: the way home after a failover.

A promoted RDS instance never becomes a replica again. If the identifier is still held by the old writer, that one is retired
first; then the replica is built in its place, and the apply waits until it replicates:

1. The old writer is known by evidence: the present writer carries the tag ` + "`dr:promoted-from`" + ` with its ARN (a promotion by
   ` + "`dr_rds_replica_promotion`" + ` leaves it), or is tagged as built from it, or it still lists the writer as its replica. Anything else
   that holds the identifier is refused.
2. It is fenced: by ` + "`fence_security_group_ids`" + ` here, or by another fence whose proof is in ` + "`fences`" + `.
3. It is tagged ` + "`dr:retired-as`, `dr:retired-at` and `dr:retired-from`" + `, renamed to ` + "`<identifier>-retired-<YYYYMMDD>`" + ` (with ` + "`-2`, `-3`" + ` …
   if that is taken), and its deletion protection is switched on. The rename reboots it, and applies modifications that were waiting
   for its maintenance window. **It is kept, and costs what it cost**: ` + "`dr_rds_retired_instances`" + ` lists it, a person deletes it.
4. The replica is created. The name makes the call safe to repeat: RDS creates no second instance under it.

Nothing is ever deleted. An apply that was interrupted anywhere is run again and goes on from there. A replica of ` + "`source`" + ` that
is there already is adopted, as it is. Once the replica has been promoted (going home), the status is ` + "`promoted`" + `, and there is
nothing to plan. Destroying this resource only forgets it.

What RDS would choose by itself to the instance's harm is never left to RDS. ` + "`kms_key_id`, `db_subnet_group_name`, `db_parameter_group_name`, " +
	"`vpc_security_group_ids`, `db_instance_class`, `multi_az`" + ` and ` + "`deletion_protection`" + ` are those that the old writer has (its security groups
from before its fence), wherever they are not given; if there is no old writer, they are required. The kind of storage,
` + "`iam_database_authentication_enabled`" + ` and ` + "`copy_tags_to_snapshot`" + ` are the old writer's, else the source's. Settings are for when the replica
is built: one that is there is not changed, except that its deletion protection is switched on and its backup retention set.

-> ` + "`aws_db_instance`" + ` follows an instance, not a name: after a retirement it would want to rename the old writer back. Have it forget that one
(` + "`terraform state rm`" + `) and import the replica in its place, with ` + "`lifecycle { ignore_changes = [replicate_source_db, backup_retention_period] }`" + `,
and set ` + "`ignore_tags { key_prefixes = [\"dr:\"] }`" + ` on the provider ` + "`aws`" + `: these tags are the evidence. See the guide *Who owns what*.

The caller needs, in the replica's region, and ` + "`rds:DescribeDBInstances`" + ` in the source's too:

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
      "Action": ["rds:AddTagsToResource", "rds:ModifyDBInstance", "rds:RebootDBInstance"],
      "Resource": ["arn:aws:rds:us-east-1:123456789012:db:orders", "arn:aws:rds:us-east-1:123456789012:db:orders-retired-*"]
    },
    {
      "Effect": "Allow",
      "Action": ["rds:CreateDBInstanceReadReplica", "rds:AddTagsToResource"],
      "Resource": [
        "arn:aws:rds:us-west-2:123456789012:db:orders-usw2",
        "arn:aws:rds:us-east-1:123456789012:db:orders",
        "arn:aws:rds:us-east-1:123456789012:og:*",
        "arn:aws:rds:us-east-1:123456789012:pg:*",
        "arn:aws:rds:us-east-1:123456789012:subgrp:*"
      ]
    },
    {
      "Effect": "Allow",
      "Action": ["kms:CreateGrant", "kms:DescribeKey"],
      "Resource": "arn:aws:kms:us-east-1:123456789012:key/*",
      "Condition": { "StringEquals": { "kms:ViaService": "rds.us-east-1.amazonaws.com" } }
    }
  ]
}
` + "```" + `

` + "`rds:RebootDBInstance`, `rds:DescribeEvents`" + ` and the statement of EC2 are for ` + "`fence_security_group_ids`" + `, the last statement is for encrypted
instances. Planning needs the first statement only.
`

var sourceARNShape = regexp.MustCompile(`^arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:db:[a-z](-?[a-z0-9]){0,62}$`)

// isProof accepts what a fence says of itself.
func isProof() validator.String {
	return checkString{
		description: "the proof of a fence",
		check: func(s string) error {
			_, err := fence.Parse(s)
			return err
		},
	}
}

func isSourceARN() validator.String {
	return checkString{
		description: "the ARN of a DB instance",
		check: func(s string) error {
			if !sourceARNShape.MatchString(s) {
				return fmt.Errorf("%q is not the ARN of a DB instance; write it such as arn:aws:rds:us-west-2:123456789012:db:orders-usw2", s)
			}
			return nil
		},
	}
}

// isOwnTag accepts tag keys that do not clash with those that are evidence.
func isOwnTag() validator.String {
	return checkString{
		description: "a tag key that does not begin with dr: or aws:",
		check: func(s string) error {
			if regexp.MustCompile(`^(?i)(dr|aws):`).MatchString(s) {
				return errors.New("tags that begin with dr: or aws: are set by others")
			}
			return nil
		},
	}
}

// Schema implements resource.Resource.
func (r *rdsReadReplicaResource) Schema(ctx context.Context, _ resourceSchemaRequest, resp *resourceSchemaResponse) {
	const otherwise = " Default: the old writer's; required if there is none."
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}}
	}
	flag := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{MarkdownDescription: description, Optional: true}
	}
	groups := func(description string) schema.SetAttribute {
		return schema.SetAttribute{
			MarkdownDescription: description, Optional: true, ElementType: types.StringType,
			Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
		}
	}
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description, Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: rdsReadReplicaDescription,
		Attributes: map[string]schema.Attribute{
			"db_instance_identifier": identifierAttribute(),
			"source": schema.StringAttribute{
				MarkdownDescription: "ARN of the writer that the replica follows, in another region. It must keep automated backups.",
				Required:            true,
				Validators:          []validator.String{isSourceARN()},
			},
			"region":                              regionAttribute(),
			"kms_key_id":                          text("KMS key, in the replica's region, of an encrypted replica: ARN, key id or alias." + otherwise),
			"db_subnet_group_name":                text("DB subnet group of the replica." + otherwise),
			"db_parameter_group_name":             text("DB parameter group of the replica." + otherwise),
			"vpc_security_group_ids":              groups("Ids of the security groups of the replica. Default: the old writer's, from before its fence; required if there is none."),
			"db_instance_class":                   text("Class of the replica. Give it what production needs: it is to be promoted." + otherwise),
			"multi_az":                            flag("Whether the replica has a standby in another zone." + otherwise),
			"deletion_protection":                 flag("Whether the replica is protected from deletion. `true` is made so on a replica that is there; `false` changes nothing." + otherwise),
			"storage_type":                        text("Kind of storage, such as `gp3`. Default: the old writer's, else the source's."),
			"iam_database_authentication_enabled": flag("Whether IAM authentication is enabled. Default: the old writer's, else the source's."),
			"copy_tags_to_snapshot":               flag("Whether tags are copied to snapshots. Default: the old writer's, else the source's."),
			"backup_retention_period": schema.Int32Attribute{
				MarkdownDescription: "Days for which the replica itself keeps automated backups, set once it is there. Default: RDS's own, which is 0 " +
					"for a replica: the promotion sets it then, and RDS builds no replica of an instance without backups.",
				Optional:   true,
				Validators: []validator.Int32{int32validator.Between(0, 35)},
			},
			"tags": schema.MapAttribute{
				MarkdownDescription: "Tags that the replica is created with, beside `dr:replica-of`.",
				Optional:            true,
				ElementType:         types.StringType,
				Validators:          []validator.Map{mapvalidator.KeysAre(isOwnTag())},
			},
			"fence_security_group_ids": groups("Ids of security groups that let nobody in, prepared in the old writer's VPC: it is put into them, and rebooted, " +
				"before it is retired, and stays in them. See `dr_rds_network_fence`."),
			"fences": schema.SetAttribute{
				MarkdownDescription: "Proofs of fences of the old writer: the attribute `proof` of `dr_rds_network_fence` or `dr_postgresql_write_fence`. " +
					"They are looked at only while there is an old writer to retire: a network fence at the instance and at the rules of its groups " +
					"(`ec2:DescribeSecurityGroups`), a write fence is taken at its word, which the plan says.",
				Optional:    true,
				ElementType: types.StringType,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(isProof())},
			},
			"accept": schema.SetAttribute{
				MarkdownDescription: "What is accepted by name: `unfenced_source` (retire an old writer whose writers were stopped by other means).",
				Optional:            true,
				ElementType:         types.StringType,
				Validators:          []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(rds.AcceptUnfencedSource))},
			},
			"id": idAttribute(),
			"status": schema.StringAttribute{
				MarkdownDescription: "`creating`, `replicating`, `promoted` (it was, and is a writer since), `needs_reprotection` (the identifier is held by " +
					"the old writer), `name_taken` (or by something else) or `unknown`.",
				Computed: true,
			},
			"endpoint":    computed("Host name of the replica."),
			"arn":         computed("ARN of the replica."),
			"resource_id": computed("`DbiResourceId`: differs from instance to instance, even under one identifier."),
			"port": schema.Int32Attribute{
				MarkdownDescription: "Port of the replica.",
				Computed:            true,
				PlanModifiers:       []planmodifier.Int32{int32planmodifier.UseStateForUnknown()},
			},
			"retired_as": computed("Identifier of the youngest instance that was retired from this one; null if there was none."),
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long to wait for the retirement and until the replica replicates. Default: `4h`.",
				Read: true, ReadDescription: "How long to look. Default: `2m`.",
				Update: true, UpdateDescription: "The same where the replica has to be built anew. Default: `4h`.",
			}),
		},
	}
}
