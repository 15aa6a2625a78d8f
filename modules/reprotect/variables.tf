variable "regions" {
  description = "Regions that the application can run in, as in region-failover."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) >= 2
    error_message = "regions needs at least two regions, one that serves and one to build a replica in; write for example [\"us-east-1\", \"us-west-2\"]."
  }
}

variable "active_region" {
  description = "The region that serves, as in region-failover: move it there first. In every other region a replica is built."
  type        = string
  nullable    = false

  validation {
    condition     = contains(var.regions, var.active_region)
    error_message = "active_region is not among regions; write one of ${join(", ", var.regions)}, or add the region to regions."
  }
}

variable "account_id" {
  description = "Account of the databases, of which the sources' ARNs are made."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is no account; write its twelve digits, such as \"123456789012\"."
  }
}

variable "partition" {
  description = "Partition of the account: `aws`, `aws-cn` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = can(regex("^aws(-[a-z]+)*$", var.partition))
    error_message = "partition is no partition of AWS; write \"aws\", \"aws-cn\" or \"aws-us-gov\"."
  }
}

variable "databases" {
  description = <<-EOT
    The databases as in region-failover, which ignores what it does not need.

    - `members`: by region, the instance there. `replica` is what a replica that is built there has; what is omitted, the old writer's is taken, and if there is none, the plan says what is missing.
    - `fence`: by region, the ids of the security groups that an old writer there is in from before it is retired on: prepared, in the instance's VPC, without any ingress rule.
  EOT
  type = map(object({
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
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for database in var.databases : toset(keys(database.members)) == var.regions])
    error_message = "Each database needs exactly one member per region of regions (${join(", ", var.regions)}); write members = { \"us-east-1\" = { db_instance_identifier = \"…\" }, … } for ${join(", ", [for name, database in var.databases : name if toset(keys(database.members)) != var.regions])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for database in var.databases : keys(database.fence)]), var.regions)) == 0
    error_message = "A database's fence names a region that is not among regions; write keys out of ${join(", ", var.regions)}."
  }
}

variable "accept" {
  description = "What this run knowingly goes ahead with: `unfenced_source`, to retire old writers whose writers were stopped by other means than a fence. Remove it afterwards."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.accept, ["unfenced_source"])) == 0
    error_message = "accept holds an unknown name; the only one is \"unfenced_source\"."
  }
}

variable "timeouts" {
  description = "How long the retirement of an old writer and the building of its replica may take together (`replica`)."
  type = object({
    replica = optional(string, "4h")
  })
  default  = {}
  nullable = false
}
