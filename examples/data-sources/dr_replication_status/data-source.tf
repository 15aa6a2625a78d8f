data "dr_replication_status" "orders" {
  db_instance_identifier = "orders-usw2"
  region                 = "us-west-2"
}

# A check warns in every plan and blocks none.
check "orders_replica" {
  assert {
    condition     = data.dr_replication_status.orders.known && try(data.dr_replication_status.orders.lag_seconds < 300, false)
    error_message = "orders-usw2 is more than five minutes behind, or nobody knows."
  }
}
