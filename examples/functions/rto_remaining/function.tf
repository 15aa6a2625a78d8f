variable "incident_started" {
  description = "When the incident was declared, such as 2026-03-01T02:47:00Z; null in peacetime."
  type        = string
  default     = null
}

locals {
  rto_remaining = provider::dr::rto_remaining(var.incident_started, "4h", plantimestamp())
}

check "rto" {
  assert {
    condition     = !startswith(coalesce(local.rto_remaining, "none"), "-")
    error_message = "The RTO of 4 hours was missed ${trimprefix(coalesce(local.rto_remaining, "-"), "-")} ago."
  }
}
