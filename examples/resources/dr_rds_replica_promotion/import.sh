# region/db_instance_identifier
terraform import 'dr_rds_replica_promotion.orders["us-west-2"]' us-west-2/orders-usw2
