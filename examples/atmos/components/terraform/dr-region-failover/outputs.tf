output "active_region" {
  description = "The region that serves."
  value       = module.region_failover.active_region
}

output "writer_endpoints" {
  description = "By database, the address of the writer."
  value       = module.region_failover.writer_endpoints
}

output "record_fqdns" {
  description = "By record, its full name."
  value       = module.region_failover.record_fqdns
}
