# The way home: in every region that is not active, each database has a replica
# of the member in the active one. The same databases as in region-failover, in
# a run of their own: building a replica takes hours, and a failover must not
# wait for it.

locals {
  replicas = merge([
    for name, database in var.databases : {
      for region, member in database.members : "${name}/${region}" => merge(member.replica, {
        region                   = region
        db_instance_identifier   = member.db_instance_identifier
        source                   = "arn:${var.partition}:rds:${var.active_region}:${var.account_id}:db:${database.members[var.active_region].db_instance_identifier}"
        fence_security_group_ids = lookup(database.fence, region, null)
      })
      if region != var.active_region
    }
  ]...)
}

# A replica that is there is adopted. An old writer is fenced off, renamed and
# kept, and the replica built in its place; nothing is ever deleted. Where a
# failover has not taken place the plan refuses, so that this is harmless when
# it is run too early.
resource "dr_rds_read_replica" "this" {
  for_each = local.replicas

  region                 = each.value.region
  db_instance_identifier = each.value.db_instance_identifier
  source                 = each.value.source

  kms_key_id              = each.value.kms_key_id
  db_subnet_group_name    = each.value.db_subnet_group_name
  db_parameter_group_name = each.value.db_parameter_group_name
  vpc_security_group_ids  = each.value.vpc_security_group_ids
  db_instance_class       = each.value.db_instance_class
  storage_type            = each.value.storage_type
  multi_az                = each.value.multi_az
  deletion_protection     = each.value.deletion_protection
  backup_retention_period = each.value.backup_retention_period
  tags                    = each.value.tags

  iam_database_authentication_enabled = each.value.iam_database_authentication_enabled
  copy_tags_to_snapshot               = each.value.copy_tags_to_snapshot

  fence_security_group_ids = each.value.fence_security_group_ids
  accept                   = length(var.accept) > 0 ? var.accept : null

  timeouts = {
    create = var.timeouts.replica
    update = var.timeouts.replica
  }
}
