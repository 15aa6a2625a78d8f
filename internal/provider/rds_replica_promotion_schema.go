// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int32planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

const rdsReplicaPromotionDescription = `
A DB instance of Amazon RDS that is to become a writer when a region fails over.

` + "`promoted = false`" + ` means that a promotion is not wanted: the instance is only observed. Setting it to ` + "`true`" + `
promotes the replica, past these gates, at plan and once more just before the call:

* The source must be lost. A source that answers, or whose state cannot be read although its region answers, is
  promoted away from only with ` + "`mode = \"planned\"`" + ` or ` + "`accept = [\"healthy_source\"]`" + `.
* ` + "`mode = \"unplanned\"`" + `: the estimated loss must be known and at most ` + "`max_estimated_loss`" + `. It is how far the replica
  was behind when the source was last heard of, plus the time from then to ` + "`source_lost_at`" + `; it is not the present lag,
  which for PostgreSQL grows as long as the source is dead.
* ` + "`mode = \"planned\"`" + `: one of ` + "`fences`" + ` must hold the source off its writers, and the promotion waits until the replica has
  replayed everything from before the fence: then nothing is lost. A replica that does not replicate, or whose
  ` + "`ReplicaLag`" + ` cannot be read, is refused at plan, before its source is cut off. For PostgreSQL the metric tells the time of
  the last transaction replayed. A replica of MySQL or MariaDB measures against what it has *received*: there the
  promotion waits for three data of 0 in a row that are younger than the fence, which proves the loss of nothing only as
  long as the replication itself is not stuck for minutes on its way.

A promotion **cannot be undone**. ` + "`promoted = false`" + ` on a writer demotes nothing: the status is ` + "`needs_reprotection`" + ` until
a new replica has been built under the identifier. Destroying this resource only forgets it.

An apply that was interrupted is run again: the promotion takes effect once, and a writer that is seen to have been
promoted is adopted. A writer that nothing shows to be a promoted replica is refused: it may be an old source.

Nothing is waited for in the source's region beyond the provider's ` + "`region_timeout`" + `.

-> With ` + "`aws_db_instance`" + `: set ` + "`lifecycle { ignore_changes = [replicate_source_db, backup_retention_period, backup_window] }`" + `
on the replica, or the AWS provider plans to undo what a promotion changes.

The caller needs, in the instance's region, and ` + "`rds:DescribeDBInstances`" + ` in the source's too, with
a network fence in ` + "`fences`" + ` also ` + "`ec2:DescribeSecurityGroups`" + ` there:

` + "```json" + `
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["rds:DescribeDBInstances", "cloudwatch:GetMetricData"],
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": ["rds:PromoteReadReplica", "rds:AddTagsToResource"],
      "Resource": "arn:aws:rds:us-west-2:123456789012:db:orders-usw2"
    }
  ]
}
` + "```" + `

` + "`rds:AddTagsToResource`" + ` is for the tag ` + "`dr:promoted-from`" + `, by which a promoted replica is known after the loss of
Terraform's state; without the permission there is a warning.
`

// Schema implements resource.Resource.
func (r *rdsReplicaPromotionResource) Schema(ctx context.Context, _ resourceSchemaRequest, resp *resourceSchemaResponse) {
	stable := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: rdsReplicaPromotionDescription,
		Attributes: map[string]schema.Attribute{
			"db_instance_identifier": identifierAttribute(),
			"promoted": schema.BoolAttribute{
				MarkdownDescription: "Whether the instance is wanted as a writer. `false` only observes; it never demotes.",
				Required:            true,
			},
			"region": regionAttribute(),
			"mode": schema.StringAttribute{
				MarkdownDescription: "`unplanned` (default): the source is lost. `planned`: the source is up, and nothing is to be lost.",
				Optional:            true,
				Computed:            true,
				Default:             stringdefault.StaticString(rds.ModeUnplanned),
				Validators:          []validator.String{stringvalidator.OneOf(rds.ModePlanned, rds.ModeUnplanned)},
			},
			"max_estimated_loss": schema.StringAttribute{
				MarkdownDescription: "Greatest estimated loss that an unplanned promotion may cost, such as `300s`. Needed for one.",
				Optional:            true,
				Validators:          []validator.String{isDuration(0, 31*24*time.Hour)},
			},
			"source_lost_at": schema.StringAttribute{
				MarkdownDescription: "When the source stopped acknowledging writes (RFC 3339). Default: now, which makes the estimated loss of a " +
					"source that has been dead for an hour an hour too high.",
				Optional:   true,
				Validators: []validator.String{isTimestamp()},
			},
			"accept": schema.SetAttribute{
				MarkdownDescription: "What is accepted by name: `healthy_source` (promote although the source is or may be up), `unknown_loss` " +
					"(promote although the loss cannot be estimated), `unfenced_source` (a planned promotion whose writers were stopped by " +
					"other means than `fences`; it waits until everything from before the apply is replayed), `standalone_writer` (adopt a writer that nothing shows to be a promoted replica).",
				Optional:    true,
				ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(
					rds.AcceptHealthySource, rds.AcceptUnknownLoss, rds.AcceptUnfencedSource, rds.AcceptStandaloneWriter))},
			},
			"fences": schema.SetAttribute{
				MarkdownDescription: "What fences say of themselves: `proof` of `dr_rds_network_fence` or `dr_postgresql_write_fence`, as it is. A planned " +
					"promotion needs one that holds its source; a network fence is looked at again, at the instance itself and at the rules of its groups. " +
					"A write fence is taken at its word, since a promotion has no credentials for the database: the plan says so. An unplanned promotion only " +
					"warns of fences that do not hold. Being named here also orders them: a fence is made before the promotion.",
				Optional:    true,
				ElementType: types.StringType,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(isFenceProof())},
			},
			"backup_retention_period": schema.Int32Attribute{
				MarkdownDescription: "Days for which the promoted instance keeps automated backups, set by the promotion itself. Default: what " +
					"the replica has, which may be 0.",
				Optional:   true,
				Validators: []validator.Int32{int32validator.Between(0, 35)},
			},
			"preferred_backup_window": schema.StringAttribute{
				MarkdownDescription: "Daily backup window (UTC) of the promoted instance, such as `03:00-03:30`. Default: the replica's.",
				Optional:            true,
				Validators:          []validator.String{isWindow()},
			},
			"id": idAttribute(),
			"status": schema.StringAttribute{
				MarkdownDescription: "`replicating`, `promoting`, `writer`, `needs_reprotection` (a writer, although no promotion is wanted) or " +
					"`unknown`.",
				Computed: true,
			},
			"endpoint": schema.StringAttribute{
				MarkdownDescription: "Host name of the instance. A promotion does not change it.",
				Computed:            true,
				PlanModifiers:       stable,
			},
			"port": schema.Int32Attribute{
				MarkdownDescription: "Port of the instance.",
				Computed:            true,
				PlanModifiers:       []planmodifier.Int32{int32planmodifier.UseStateForUnknown()},
			},
			"arn": schema.StringAttribute{
				MarkdownDescription: "ARN of the instance.",
				Computed:            true,
				PlanModifiers:       stable,
			},
			"resource_id": schema.StringAttribute{
				MarkdownDescription: "`DbiResourceId`: differs from instance to instance, even under one identifier. Known through a promotion.",
				Computed:            true,
				PlanModifiers:       stable,
			},
			"source": schema.StringAttribute{
				MarkdownDescription: "ARN (of another region) or identifier of the source that the instance replicates, or last did.",
				Computed:            true,
			},
			"replica_lag_seconds": schema.Float64Attribute{
				MarkdownDescription: "CloudWatch's newest `ReplicaLag`, in seconds; null if it is unknown or older than five minutes.",
				Computed:            true,
			},
			"estimated_loss_seconds": schema.Float64Attribute{
				MarkdownDescription: "The loss estimated just before the promotion, in seconds; null if there was none or it was unknown.",
				Computed:            true,
			},
			"promoted_at": schema.StringAttribute{
				MarkdownDescription: "When an apply saw the promotion to be complete (RFC 3339); null if none did.",
				Computed:            true,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long to wait for a promotion on create. Default: `60m`.",
				Read: true, ReadDescription: "How long to look at the instance. Default: `2m`.",
				Update: true, UpdateDescription: "How long to wait for a promotion. Default: `60m`.",
			}),
		},
	}
}
