# host:port/database?roles=role,role, and secret_arn, hostaddr or sslmode where they are needed to log in
terraform import 'dr_postgresql_write_fence.orders["us-east-1"]' 'orders.abc123.us-east-1.rds.amazonaws.com:5432/orders?roles=orders_app&secret_arn=arn:aws:secretsmanager:us-west-2:123456789012:secret:orders-fence-AbCdEf'
