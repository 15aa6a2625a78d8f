# The one input of a planned failover.
variable "active_region" {
  type    = string
  default = "us-east-1"
}

# A group per region that lets nobody in, in the VPC of the region's instance.
variable "fence_groups" {
  type = map(string)
  default = {
    us-east-1 = "sg-0123456789abcdef0"
    us-west-2 = "sg-0fedcba9876543210"
  }
}

locals {
  orders = {
    us-east-1 = "orders"
    us-west-2 = "orders-usw2"
  }
}

# Whichever region is not active has nobody writing. There is a replica in it for
# most of the time, which needs no fence.
resource "dr_rds_network_fence" "orders" {
  for_each = local.orders

  db_instance_identifier   = each.value
  region                   = each.key
  fence_security_group_ids = [var.fence_groups[each.key]]

  fenced        = each.key != var.active_region
  allow_replica = true
}

# Nothing is promoted before the fence of the old writer holds and everything
# that it had acknowledged by then is replayed.
resource "dr_rds_replica_promotion" "orders" {
  for_each = local.orders

  db_instance_identifier = each.value
  region                 = each.key
  promoted               = each.key == var.active_region
  mode                   = "planned"

  fences = [
    for region, fence in dr_rds_network_fence.orders : fence.proof
    if region != each.key
  ]
}
