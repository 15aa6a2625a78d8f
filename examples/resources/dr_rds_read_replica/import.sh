# region/db_instance_identifier
terraform import dr_rds_read_replica.orders us-east-1/orders
