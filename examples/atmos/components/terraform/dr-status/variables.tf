variable "region" {
  description = "The stack's own region."
  type        = string
  nullable    = false
}

variable "active_region" {
  description = "The region that serves."
  type        = string
  nullable    = false
}

variable "applications" {
  description = "The applications of the failover component; only their databases are looked at."
  type = map(object({
    databases = optional(map(object({
      members = map(object({ db_instance_identifier = string }))
    })), {})
  }))
  nullable = false
}

variable "workload_role_arn" {
  description = "Role in the account of the databases; null where the credentials are already of that account."
  type        = string
  default     = null
}

variable "poll_interval" {
  description = "Taken so that stacks may set it for all components; nothing here waits."
  type        = string
  default     = null
}

variable "instance_hourly_prices" {
  description = "Hourly price of a running Single-AZ instance, by class, for the cost of what is kept."
  type        = map(number)
  default     = null
}

variable "storage_monthly_price_per_gib" {
  description = "Monthly price of a GiB of Single-AZ storage, in the same currency."
  type        = number
  default     = null
}
