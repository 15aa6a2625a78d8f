// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const postgreSQLWriteFenceDescription = `
A fence around what writes to a PostgreSQL server: the roles of the applications cannot log in any more, and their sessions
are ended. Readers under other roles, replication and administration go on.

Create it in peacetime with ` + "`fenced = false`" + `: the server is only observed. Setting ` + "`fenced = true`" + `

1. takes LOGIN from ` + "`roles`" + `, and from the roles that are members of them and so write as them; in the same transaction it
   records what has to be put back, in the server itself: a role ` + "`dr_fence_login_<oid>`" + ` for each, without any privilege, whose
   comment holds the record;
2. terminates the sessions of these roles, in every database of the server, until none is left, seen twice.

Then ` + "`proof`" + ` says ` + "`held`" + `, with the time since when, for ` + "`fences`" + ` of [dr_rds_replica_promotion](rds_replica_promotion.md).
Superusers, the role that the fence logs in as, replication connections and the roles in ` + "`except`" + ` are never touched.
Setting ` + "`fenced = false`" + ` again puts back exactly what was recorded: a role that had no LOGIN gets none.

An apply that was interrupted at any point is run again and goes on from there. What others do to the roles meanwhile is named
in a warning; nothing of it is undone, except that an apply with ` + "`fenced = true`" + ` fences again. Destroying this resource only
forgets it: roles that are fenced stay so.

With ` + "`required = false`" + ` whatever keeps the fence from being made is a warning that the server **may still be writing**, and what
depends on the fence goes on. When the server can be reached again, the next plan shows the fence and the apply makes it first.

-> Roles are replicated: **a replica inherits the fence** of its source, and after its promotion the fence has to be lifted
there. Declare a fence for each member of a database, with ` + "`fenced = var.active_region != \"<its region>\"`" + ` and
` + "`allow_replica = true`" + `, and let the fence of the member that is promoted depend on its promotion: then one apply fences the
old writer, promotes the replica and lifts what it has inherited.

-> Where there is a [dr_rds_network_fence](rds_network_fence.md) too, let that depend on this one: nobody logs in through it.

The role that the fence logs in as needs no superuser. On RDS, the master user has what it takes up to PostgreSQL 15. From 16 on
a fence is lifted by the role that made it:

` + "```sql" + `
CREATE ROLE dr_fence LOGIN CREATEROLE PASSWORD '…';  -- or GRANT rds_iam TO dr_fence
GRANT pg_signal_backend TO dr_fence;
GRANT CONNECT ON DATABASE orders TO dr_fence;
-- from PostgreSQL 16 on, for each role to be fenced and its members:
GRANT orders_app TO dr_fence WITH ADMIN OPTION, INHERIT FALSE, SET FALSE;
` + "```" + `

The caller needs, for ` + "`secret_arn`" + ` the first statement and for ` + "`iam_authentication`" + ` the second; with the environment, none:

` + "```json" + `
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "secretsmanager:GetSecretValue",
      "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-fence-AbCdEf"
    },
    {
      "Effect": "Allow",
      "Action": "rds-db:connect",
      "Resource": "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABCDEFGHIJKLMNOPQRSTUVWXYZ/dr_fence"
    }
  ]
}
` + "```" + `

A secret that is encrypted with a key of your own needs ` + "`kms:Decrypt`" + ` too. The machine that applies must reach the server's port.
`

// methodLogin is the method that takes LOGIN.
const methodLogin = "login"

// Schema implements resource.Resource.
func (r *postgreSQLWriteFenceResource) Schema(ctx context.Context, _ resourceSchemaRequest, resp *resourceSchemaResponse) {
	name := []validator.Set{setvalidator.ValueStringsAre(stringvalidator.LengthBetween(1, 63))}
	resp.Schema = schema.Schema{
		MarkdownDescription: postgreSQLWriteFenceDescription,
		Attributes: postgreSQLAttributes(map[string]schema.Attribute{
			"fenced": schema.BoolAttribute{
				MarkdownDescription: "Whether the roles are to be kept out. `false` only observes, or puts back what is recorded.",
				Required:            true,
			},
			"roles": schema.SetAttribute{
				MarkdownDescription: "Names of the roles that write, as in `pg_roles`. Members of them are fenced with them. Roles that are taken " +
					"out while the fence holds get back what is recorded.",
				Required:    true,
				ElementType: types.StringType,
				Validators:  append(name, setvalidator.SizeAtLeast(1)),
			},
			"method": schema.StringAttribute{
				MarkdownDescription: "`login` (default): the roles lose LOGIN, on the whole server.",
				Optional:            true, Computed: true, Default: stringdefault.StaticString(methodLogin),
				Validators: []validator.String{stringvalidator.OneOf(methodLogin)},
			},
			"except": schema.SetAttribute{
				MarkdownDescription: "Names of roles to leave alone although they are members of `roles`. Has its effect when the fence is made.",
				Optional:            true,
				ElementType:         types.StringType,
				Validators:          name,
			},
			"required": schema.BoolAttribute{
				MarkdownDescription: "Whether the apply fails when the fence cannot be made. `false`: it warns that the server may still be " +
					"writing, and goes on. Default: `true`.",
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			},
			"allow_replica": schema.BoolAttribute{
				MarkdownDescription: "Whether `fenced = true` leaves a replica as it is, since it takes no writes: for a fence that is declared for " +
					"each member of a database. The default, `false`, refuses to fence a replica.",
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "`host:port`.",
				Computed:            true,
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"status": schema.StringAttribute{
				MarkdownDescription: "`open`, `fencing` (half done, or undone by others), `fenced`, `replica` (see `allow_replica`), `unreached` " +
					"(wanted, and could not be made) or `unknown`.",
				Computed: true,
			},
			"proof": schema.StringAttribute{
				MarkdownDescription: "What the fence says of itself, for `fences` of a promotion: `held postgresql host:port <time>`, " +
					"`open postgresql host:port` or `unreached postgresql host:port`.",
				Computed: true,
			},
			"fenced_since": schema.StringAttribute{
				MarkdownDescription: "Since when the fence holds (RFC 3339); null if it does not.",
				Computed:            true,
			},
			"original_logins": schema.MapAttribute{
				MarkdownDescription: "The roles that are or would be fenced, and whether they have LOGIN when they are not.",
				Computed:            true,
				ElementType:         types.BoolType,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long to wait for the fence on create. Default: `10m`; `2m` with `required = false`.",
				Read: true, ReadDescription: "How long to look at the server. Default: `2m`.",
				Update: true, UpdateDescription: "How long to wait for the fence, or for its lifting. Default: `10m`; `2m` with `required = false`.",
			}),
		}),
	}
}
