# Only facts that a second plan finds unchanged: no lag, no status.

output "replica_arns" {
  description = "By database and region (\"orders/us-east-1\"), the ARN of the replica."
  value       = { for name, replica in dr_rds_read_replica.this : name => replica.arn }
}

output "retired_as" {
  description = "By database and region, the identifier under which the old writer is kept; null where there was none."
  value       = { for name, replica in dr_rds_read_replica.this : name => replica.retired_as }
}
