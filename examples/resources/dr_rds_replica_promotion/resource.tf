# The one input of a failover.
variable "active_region" {
  type    = string
  default = "us-east-1"
}

# orders lives in us-east-1 and has a replica in us-west-2. Both are declared,
# since both are promoted in the course of going away and coming home.
resource "dr_rds_replica_promotion" "orders" {
  for_each = {
    us-east-1 = "orders"
    us-west-2 = "orders-usw2"
  }

  db_instance_identifier = each.value
  region                 = each.key
  promoted               = var.active_region == each.key

  # The loss that was agreed to: without it an unplanned promotion is refused.
  max_estimated_loss = "300s"

  # What the promotion sets; RDS itself would make it one day.
  backup_retention_period = 7
  preferred_backup_window = "03:00-03:30"

  timeouts = {
    update = "45m"
  }
}

# Known through a promotion, so that what depends on it plans concretely.
output "endpoint" {
  value = dr_rds_replica_promotion.orders[var.active_region].endpoint
}
