# A component that is planned and never applied: its plan prints what the
# replication is like now, as outputs that would change, and keeps no state.

locals {
  members = merge(flatten([
    for application, settings in var.applications : [
      for name, database in settings.databases : {
        for region, member in database.members : "${application}/${name}/${region}" => {
          region                 = region
          db_instance_identifier = member.db_instance_identifier
        }
      }
    ]
  ])...)
}

data "dr_replication_status" "this" {
  for_each = local.members

  region                 = each.value.region
  db_instance_identifier = each.value.db_instance_identifier
}

# Old writers that were retired and are kept until a person deletes them.
data "dr_rds_retired_instances" "this" {
  for_each = toset([for member in local.members : member.region])

  region                        = each.value
  instance_hourly_prices        = var.instance_hourly_prices
  storage_monthly_price_per_gib = var.storage_monthly_price_per_gib
}
