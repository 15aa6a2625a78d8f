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
