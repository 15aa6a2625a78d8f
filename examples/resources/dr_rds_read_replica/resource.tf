# After a failover from us-east-1 to us-west-2: orders in us-east-1 is the old
# writer. It is fenced, renamed to orders-retired-<date> and kept; a replica of
# the present writer is built under its name.
resource "dr_rds_read_replica" "orders" {
  region                 = "us-east-1"
  db_instance_identifier = "orders"
  source                 = "arn:aws:rds:us-west-2:123456789012:db:orders-usw2"

  # Without these they are the old writer's. Given, they also serve when it is
  # gone.
  kms_key_id              = "alias/orders"
  db_subnet_group_name    = "orders"
  db_parameter_group_name = "orders-postgres16"
  vpc_security_group_ids  = ["sg-0123456789abcdef0"]
  db_instance_class       = "db.r6g.large"
  multi_az                = true
  deletion_protection     = true

  # A group without any ingress rule, prepared in the old writer's VPC.
  fence_security_group_ids = ["sg-0fedcba9876543210"]

  tags = {
    team = "orders"
  }
}
