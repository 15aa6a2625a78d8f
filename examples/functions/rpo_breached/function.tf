data "dr_replication_status" "orders" {
  db_instance_identifier = "orders-usw2"
  region                 = "us-west-2"
}

# A lag that nobody knows is null, and breaches the RPO too.
check "orders_rpo" {
  assert {
    condition     = !provider::dr::rpo_breached(data.dr_replication_status.orders.lag_seconds, "24h")
    error_message = "orders-usw2 is more than 24 hours behind, or nobody knows."
  }
}
