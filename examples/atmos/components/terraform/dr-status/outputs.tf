output "active_region" {
  description = "The region that is declared to serve."
  value       = var.active_region
}

output "replication" {
  description = "By application, database and region, what the instance is and how far it is behind. Measured: differs at each look."
  value = {
    for key, status in data.dr_replication_status.this : key => {
      instance        = status.db_instance_identifier
      role            = status.role
      status          = status.status
      replication     = status.replication_state
      lag_seconds     = status.lag_seconds
      lag_age_seconds = status.lag_age_seconds
      known           = status.known
    }
  }
}

output "retired" {
  description = "By region and identifier, the old writers that are kept, and what that costs a month; null where prices are not given."
  value = {
    for region, retired in data.dr_rds_retired_instances.this : region => {
      for instance in retired.instances : instance.db_instance_identifier => {
        retired_from = instance.retired_from
        age_days     = instance.age_days
        status       = instance.status
        class        = instance.db_instance_class
        storage_gib  = instance.allocated_storage
        monthly_cost = instance.monthly_cost
      }
    }
  }
}
