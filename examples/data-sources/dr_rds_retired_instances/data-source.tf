data "dr_rds_retired_instances" "us_east_1" {
  region = "us-east-1"

  # From your price list; without them the costs are null.
  instance_hourly_prices        = { "db.r6g.large" = 0.225 }
  storage_monthly_price_per_gib = 0.115
}

check "nothing_is_kept_for_ever" {
  assert {
    condition = alltrue([for i in data.dr_rds_retired_instances.us_east_1.instances : i.age_days < 30])
    error_message = join("\n", [
      for i in data.dr_rds_retired_instances.us_east_1.instances :
      "${i.db_instance_identifier} has been kept for ${i.age_days} days." if i.age_days >= 30
    ])
  }
}
