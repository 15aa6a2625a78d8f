# region/db_instance_identifier
terraform import 'dr_rds_network_fence.orders["us-east-1"]' us-east-1/orders
