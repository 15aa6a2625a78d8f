output "active_region" {
  description = "The region that serves."
  value       = var.active_region
}

output "writer_endpoints" {
  description = "By application and database, the address of the instance in the active region."
  value       = { for name, application in module.application : name => application.writer_endpoints }
}

output "record_fqdns" {
  description = "By application and record, its fully qualified name."
  value       = { for name, application in module.application : name => application.record_fqdns }
}
