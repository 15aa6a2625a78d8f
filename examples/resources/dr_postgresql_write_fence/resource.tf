variable "active_region" {
  type    = string
  default = "us-east-1"
}

# The member of the region that is left is fenced; the other one is a replica in
# peacetime, and is lifted of what it has inherited once it is promoted.
resource "dr_postgresql_write_fence" "orders" {
  for_each = {
    us-east-1 = "orders.abc123.us-east-1.rds.amazonaws.com"
    us-west-2 = "orders-usw2.abc123.us-west-2.rds.amazonaws.com"
  }

  host          = each.value
  database      = "orders"
  fenced        = var.active_region != each.key
  allow_replica = true

  # Members of these roles are fenced with them.
  roles  = ["orders_app"]
  except = ["orders_report"]

  # In the region that is recovered to: the other one may be lost.
  secret_arn         = "arn:aws:secretsmanager:us-west-2:123456789012:secret:orders-fence-AbCdEf"
  ca_certificate_pem = file("${path.module}/global-bundle.pem")

  # In an unplanned failover the old writer may be out of reach: the plan then
  # says that it may still be writing, and the apply goes on.
  required = false
}
