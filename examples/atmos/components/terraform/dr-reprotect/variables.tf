variable "region" {
  description = "The stack's own region: where the provider signs in, and where the state is."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "Regions that the applications can run in."
  type        = set(string)
  nullable    = false
}

variable "active_region" {
  description = "The region that serves, as the failover has left it."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account of the databases."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "Partition of the account."
  type        = string
  default     = "aws"
  nullable    = false
}

variable "applications" {
  description = "The applications of the failover component; only their databases are looked at."
  type = map(object({
    active_region = optional(string)

    databases = optional(map(object({
      members = map(object({
        db_instance_identifier = string

        replica = optional(object({
          kms_key_id                          = optional(string)
          db_subnet_group_name                = optional(string)
          db_parameter_group_name             = optional(string)
          vpc_security_group_ids              = optional(set(string))
          db_instance_class                   = optional(string)
          storage_type                        = optional(string)
          multi_az                            = optional(bool)
          deletion_protection                 = optional(bool)
          backup_retention_period             = optional(number)
          iam_database_authentication_enabled = optional(bool)
          copy_tags_to_snapshot               = optional(bool)
          tags                                = optional(map(string))
        }), {})
      }))
      fence = optional(map(set(string)), {})
    })), {})
  }))
  nullable = false
}

variable "accept" {
  description = "`unfenced_source` retires old writers whose writers were stopped by other means than a fence. Take it out again afterwards."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "workload_role_arn" {
  description = "Role in the account of the databases; null where the credentials are already of that account."
  type        = string
  default     = null
}

variable "region_timeout" {
  description = "How long a region may stay silent before it counts as unreachable."
  type        = string
  default     = "3s"
}

variable "poll_interval" {
  description = "Shortest time between two looks at what is being waited for."
  type        = string
  default     = "1s"
}

variable "timeouts" {
  description = "How long the retirement of an old writer and the building of its replica may take together."
  type = object({
    replica = optional(string, "4h")
  })
  default  = {}
  nullable = false
}
