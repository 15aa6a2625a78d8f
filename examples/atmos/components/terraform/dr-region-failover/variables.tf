# Where the stack stands in stacks/deployments.
variable "tenant" {
  description = "Tenant, from the stack's path."
  type        = string
}

variable "account" {
  description = "Account, from the stack's path."
  type        = string
}

variable "environment" {
  description = "Environment, from the stack's path."
  type        = string
}

variable "dr_region" {
  description = "The region whose endpoints and STS the providers use: the one to recover to."
  type        = string
}

variable "workload_role_arn" {
  description = "Role in the workload's account; null uses the credentials as they are."
  type        = string
  default     = null
}

variable "dns_role_arn" {
  description = "Role in the account that owns the zones; null uses the credentials as they are."
  type        = string
  default     = null
}

variable "failed_regions" {
  description = "Regions known to be down: they are not called. Spares region_timeout, nothing else."
  type        = set(string)
  default     = []
}

variable "region_timeout" {
  description = "How long a region may stay silent before it counts as unreachable."
  type        = string
  default     = null
}

variable "poll_interval" {
  description = "Shortest time between two looks at what is being waited for."
  type        = string
  default     = null
}

# What follows is passed on to modules/region-failover, which describes and
# validates it.

variable "regions" {
  description = "Regions that the application can run in."
  type        = set(string)
}

variable "active_region" {
  description = "The region that serves. Moving it is the failover."
  type        = string
}

variable "databases" {
  description = "Databases by name, with a member per region."
  type        = any
  default     = {}
}

variable "records" {
  description = "Records that follow active_region."
  type        = any
  default     = {}
}

variable "verifications" {
  description = "Checks that the application answers from active_region."
  type        = any
  default     = {}
}

variable "mode" {
  description = "unplanned or planned."
  type        = string
  default     = "unplanned"
}

variable "max_estimated_loss" {
  description = "The most that an unplanned promotion may be estimated to lose, such as 300s."
  type        = string
  default     = null
}

variable "source_lost_at" {
  description = "When the old region was lost (RFC 3339)."
  type        = string
  default     = null
}

variable "accept" {
  description = "What this failover knowingly goes ahead with."
  type        = set(string)
  default     = []
}

variable "timeouts" {
  description = "How long a promotion and a DNS change may take."
  type        = any
  default     = {}
}
