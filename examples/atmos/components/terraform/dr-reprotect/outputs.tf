output "retired_as" {
  description = "By application, database and region, what old writers are kept as; null where there was none."
  value       = { for name, application in module.application : name => application.retired_as }
}
