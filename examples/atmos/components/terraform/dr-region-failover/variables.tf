variable "region" {
  description = "The stack's own region: where the providers sign in, and where the state is."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "Regions that the applications can run in."
  type        = set(string)
  nullable    = false
}

variable "active_region" {
  description = "The region that serves. Moving it is the failover."
  type        = string
  nullable    = false
}

variable "applications" {
  description = "What goes over together, by name: databases, records and verifications as the module region-failover describes them, the most that may be lost, and a mode of its own if it needs one. `active_region` takes an application aside: it stays, or goes, where the others do not."
  type = map(object({
    active_region      = optional(string)
    mode               = optional(string)
    max_estimated_loss = optional(string)

    databases = optional(map(object({
      members = map(object({
        db_instance_identifier  = string
        backup_retention_period = optional(number)
        preferred_backup_window = optional(string)
      }))
      max_estimated_loss = optional(string)
      fence              = optional(map(set(string)), {})
    })), {})

    records = optional(map(object({
      zone_id = string
      name    = string
      type    = string
      ttl     = optional(number)
      targets = map(object({
        records = optional(set(string))
        alias = optional(object({
          name                   = string
          zone_id                = string
          evaluate_target_health = optional(bool, false)
        }))
      }))

      set_identifier                   = optional(string)
      weighted_routing_policy          = optional(object({ weight = number }))
      latency_routing_policy           = optional(object({ region = string }))
      failover_routing_policy          = optional(object({ type = string }))
      geolocation_routing_policy       = optional(object({ continent = optional(string), country = optional(string), subdivision = optional(string) }))
      multivalue_answer_routing_policy = optional(bool)
      health_check_id                  = optional(string)

      allow_overwrite   = optional(bool, false)
      delete_on_destroy = optional(bool, false)

      switch   = optional(string)
      resolver = optional(string)
      trigger = optional(object({
        cloudwatch_alarm = optional(object({ alarm_name = optional(string) }))
        s3_object        = optional(object({ bucket = string, key = string }))
      }))
    })), {})

    verifications = optional(map(object({
      url                   = string
      target_urls           = optional(map(string), {})
      json_path             = optional(string)
      region_markers        = optional(map(string), {})
      expected_status       = optional(number, 200)
      consecutive_successes = optional(number, 3)
      interval              = optional(string, "2s")
      request_timeout       = optional(string, "5s")
      timeout               = optional(string, "10m")
      headers               = optional(map(string))
      host_header           = optional(string)
      server_name           = optional(string)
      ca_certificate_pem    = optional(string)
      resolver              = optional(string)
      triggers              = optional(map(string), {})
    })), {})
  }))
  nullable = false
}

variable "switch" {
  description = "How records move: `record` by Route 53's API, `health_check` by one call to the standby region, which needs no control plane."
  type        = string
  default     = "record"
  nullable    = false
}

variable "primary_region" {
  description = "With `switch: health_check`: the region that serves while the switch is quiet. It does not move with `active_region`."
  type        = string
  default     = null
}

variable "mode" {
  description = "`unplanned` for a lost region, `planned` for a healthy one."
  type        = string
  default     = "unplanned"
  nullable    = false
}

variable "source_lost_at" {
  description = "When the old region was lost, RFC 3339. Narrows the estimated loss."
  type        = string
  default     = null
}

variable "exception" {
  description = "What one failover knowingly goes ahead with: `accept` (names as in the module region-failover), `towards` which region, why (`reason`), and for which `applications` (default: all)."
  type = object({
    accept       = set(string)
    towards      = string
    reason       = string
    applications = optional(set(string))
  })
  default = null

  validation {
    condition     = var.exception == null ? true : contains(var.regions, var.exception.towards)
    error_message = "exception.towards is not among regions; write the region that the failover goes to, one of ${join(", ", var.regions)}."
  }

  validation {
    condition     = var.exception == null ? true : length(trimspace(var.exception.reason)) >= 10
    error_message = "exception.reason says too little; write the incident and why this is right, such as \"INC-1234: the region's API answers, its network does not\"."
  }

  validation {
    condition     = try(var.exception.applications, null) == null ? true : length(setsubtract(var.exception.applications, keys(var.applications))) == 0
    error_message = "exception.applications names an application that does not exist; write names out of ${join(", ", keys(var.applications))}."
  }
}

variable "dns_role_arn" {
  description = "Role in the account of the hosted zones; null where the zones are in this account."
  type        = string
  default     = null
}

variable "workload_role_arn" {
  description = "Role in the account of the databases; null where the credentials are already of that account."
  type        = string
  default     = null
}

variable "failed_regions" {
  description = "Regions that you know to be down: they are not called, and count as lost. Spares the wait of `region_timeout`: a region that does not answer is found out. Take it out after the incident."
  type        = set(string)
  default     = []
  nullable    = false
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
  description = "How long a promotion, a DNS change and a fence may take."
  type = object({
    promotion = optional(string, "60m")
    fence     = optional(string)
    record    = optional(string, "10m")
  })
  default  = {}
  nullable = false
}
