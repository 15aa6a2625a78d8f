# Only facts that a second plan finds unchanged: no lag, no age, no status.

output "active_region" {
  description = "The region that serves."
  value       = var.active_region
}

output "writer_endpoints" {
  description = "By database, the address of the instance in the active region."
  value = {
    for name, database in var.databases : name => dr_rds_replica_promotion.this["${name}/${var.active_region}"].endpoint
  }
}

output "writer_ports" {
  description = "By database, the port of the instance in the active region."
  value = {
    for name, database in var.databases : name => dr_rds_replica_promotion.this["${name}/${var.active_region}"].port
  }
}

output "writer_arns" {
  description = "By database, the ARN of the instance in the active region."
  value = {
    for name, database in var.databases : name => dr_rds_replica_promotion.this["${name}/${var.active_region}"].arn
  }
}

output "record_fqdns" {
  description = "By record, its fully qualified name."
  value       = { for name, record in merge(dr_route53_failover_record.this, dr_route53_failover_switch.this) : name => record.fqdn }
}
