variable "regions" {
  description = "Regions that the application can run in, such as [\"us-east-1\", \"us-west-2\"]. Every database has a member in each of them, every record a target."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) >= 2
    error_message = "regions needs at least two regions, one to fail over from and one to go to; write for example [\"us-east-1\", \"us-west-2\"]."
  }

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2,}(-[a-z]+)+-[0-9]+$", region))])
    error_message = "regions holds a name that is no AWS region; write region names such as \"us-east-1\", without an availability zone's letter."
  }
}

variable "active_region" {
  description = "The region that serves. Moving it is the failover: its databases are promoted, then the records move to it."
  type        = string
  nullable    = false

  validation {
    condition     = contains(var.regions, var.active_region)
    error_message = "active_region is not among regions; write one of ${join(", ", var.regions)}, or add the region to regions."
  }
}

variable "databases" {
  description = <<-EOT
    The application's databases by a name of your choice; each has one RDS instance per region.

    - `members`: by region, the instance there. `backup_retention_period` (days) and `preferred_backup_window` are what the instance keeps when it is promoted; omitted, it keeps its own.
    - `max_estimated_loss`: this database's own limit, instead of the module's.
    - `fence`: by region, the ids of the security groups that the member there is in while it is fenced off from its writers: prepared, in the instance's VPC, without any ingress rule. `mode = "planned"` needs it (or `accept` with `unfenced_source`); in `unplanned` it is done as far as the lost region can be reached.
  EOT
  type = map(object({
    members = map(object({
      db_instance_identifier  = string
      backup_retention_period = optional(number)
      preferred_backup_window = optional(string)
    }))
    max_estimated_loss = optional(string)
    fence              = optional(map(set(string)), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.databases) : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", name))])
    error_message = "A name in databases holds something else than letters, digits, '_', '.' and '-'; write for example \"orders\"."
  }

  validation {
    condition     = alltrue([for database in var.databases : toset(keys(database.members)) == var.regions])
    error_message = "Each database needs exactly one member per region of regions (${join(", ", var.regions)}); write members = { \"us-east-1\" = { db_instance_identifier = \"…\" }, … } for ${join(", ", [for name, database in var.databases : name if toset(keys(database.members)) != var.regions])}."
  }

  validation {
    condition     = alltrue(flatten([for database in var.databases : [for member in database.members : member.backup_retention_period == null ? true : member.backup_retention_period >= 0 && member.backup_retention_period <= 35]]))
    error_message = "backup_retention_period is out of range; write a number of days from 0 to 35, or omit it to keep what the instance has."
  }

  validation {
    condition     = alltrue([for database in var.databases : database.max_estimated_loss == null ? true : can(regex("^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", database.max_estimated_loss))])
    error_message = "A database's max_estimated_loss is no duration; write for example \"300s\" or \"5m\"."
  }

  validation {
    condition     = alltrue([for database in var.databases : length(database.fence) == 0 || toset(keys(database.fence)) == toset(keys(database.members))])
    error_message = "A database's fence needs groups in each of its regions, since each is left one day; write fence = { \"us-east-1\" = [\"sg-…\"], … } for ${join(", ", [for name, database in var.databases : name if length(database.fence) > 0 && toset(keys(database.fence)) != toset(keys(database.members))])}."
  }

  validation {
    condition     = alltrue(flatten([for database in var.databases : [for groups in database.fence : length(groups) > 0 && alltrue([for id in groups : can(regex("^sg-[0-9a-f]{8,17}$", id))])]]))
    error_message = "A fence holds something else than ids of security groups, or none; write for example [\"sg-0123456789abcdef0\"]."
  }

  validation {
    condition = length(distinct(flatten([for database in var.databases : [for region, member in database.members : "${region}/${member.db_instance_identifier}"]]))) == length(flatten([for database in var.databases : [for region, member in database.members : region]]))

    error_message = "Two databases name the same instance in the same region; write each db_instance_identifier once."
  }
}

variable "records" {
  description = <<-EOT
    The DNS records that follow `active_region`, by a name of your choice.

    - `targets`: by region, what the record answers when that region is active: `records` (values) or `alias`.
    - `ttl`: seconds, for `records`; keep it short (30 or less), clients wait for it.
    - `set_identifier` with one routing policy: only for a record that already has one.
    - `allow_overwrite`: take over a record whose present values are none of the targets.
    - `delete_on_destroy`: false leaves the record in the zone when it is removed from here.
    - `switch`: `record` or `health_check`, where it is not the module's; `trigger` and `resolver` of a `health_check`, see `dr_route53_failover_switch`. Without a trigger it is an alarm.
  EOT
  type = map(object({
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
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for record in var.records : toset(keys(record.targets)) == var.regions])
    error_message = "Each record needs exactly one target per region of regions (${join(", ", var.regions)}); write targets = { \"us-east-1\" = { records = [\"…\"] }, … } for ${join(", ", [for name, record in var.records : name if toset(keys(record.targets)) != var.regions])}."
  }

  validation {
    condition     = alltrue(flatten([for record in var.records : [for target in record.targets : (target.records == null) != (target.alias == null)]]))
    error_message = "A target has both records and alias, or neither; write one of records = [\"192.0.2.1\"] and alias = { name = \"…\", zone_id = \"…\" }."
  }

  validation {
    condition     = alltrue([for record in var.records : anytrue([for target in record.targets : target.records != null]) ? record.ttl != null : true])
    error_message = "A record with values has no ttl; write ttl = 30 or less, since clients keep the failed region's address that long."
  }

  validation {
    condition     = alltrue([for record in var.records : length(distinct([for target in record.targets : jsonencode([target.records, target.alias])])) == length(record.targets)])
    error_message = "Two regions of one record have the same target, so that moving active_region would not move it; write a different target for each region."
  }
}

variable "switch" {
  description = "How records move: `record` changes them by Route 53's API, whose control plane is in us-east-1; `health_check` prepares them and moves them by one call to the standby region. A record may say otherwise."
  type        = string
  default     = "record"
  nullable    = false

  validation {
    condition     = contains(["record", "health_check"], var.switch) && alltrue([for record in var.records : contains(["record", "health_check"], coalesce(record.switch, "record"))])
    error_message = "switch is unknown; write \"record\" or \"health_check\", here and in records."
  }

  validation {
    condition     = alltrue([for record in var.records : coalesce(record.switch, var.switch) == "record" || record.set_identifier == null && record.health_check_id == null && !record.delete_on_destroy])
    error_message = "A record with switch = \"health_check\" has a routing policy, a health check and a lifetime of its own making; leave out set_identifier, health_check_id and delete_on_destroy."
  }

  validation {
    condition     = alltrue([for record in var.records : coalesce(record.switch, var.switch) == "health_check" || record.trigger == null])
    error_message = "trigger is for switch = \"health_check\"."
  }
}

variable "primary_region" {
  description = "With `switch = \"health_check\"`: the region that serves while the switch is quiet. It does not move with `active_region`."
  type        = string
  default     = null

  validation {
    condition = (
      alltrue([for record in var.records : coalesce(record.switch, var.switch) == "record"])
      || (var.primary_region == null ? false : contains(var.regions, var.primary_region)) && length(var.regions) == 2
    )
    error_message = "switch = \"health_check\" needs two regions, and primary_region to be the one that serves while the switch is quiet; write one of ${join(", ", var.regions)}."
  }
}

variable "verifications" {
  description = <<-EOT
    The checks that the application answers from `active_region`, by a name of your choice. They run when something is first applied and whenever `active_region` or `triggers` change.

    - `url`: asked after the records have moved, by name.
    - `target_urls`: by region, optionally, the region's own entrance, asked before the records move to it, with the host name of `url` (or `host_header`, `server_name`).
    - `json_path`: where the answer's JSON names the region that serves, such as `region`. Without it the answer must contain the region's marker.
    - `region_markers`: by region, what only that region's answer names or contains; default is the region's name.
    - `resolver`: `host:port`; default is the zone's authoritative servers.
    - `timeout`: how long it may take until all `consecutive_successes` are in.
  EOT
  type = map(object({
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
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for verification in var.verifications : alltrue([for url in concat([verification.url], values(verification.target_urls)) : can(regex("^https?://[^/]+", url))])])
    error_message = "A verification's url or target_urls is no absolute URL; write for example \"https://app.example.com/health\"."
  }

  validation {
    condition     = alltrue(flatten([for verification in var.verifications : [for region in concat(keys(verification.target_urls), keys(verification.region_markers)) : contains(var.regions, region)]]))
    error_message = "target_urls or region_markers names a region that is not among regions; write keys out of ${join(", ", var.regions)}."
  }

  validation {
    condition = alltrue([for verification in var.verifications : alltrue([
      for pair in setproduct(var.regions, var.regions) : pair[0] == pair[1] ? true : (
        verification.json_path == null ?
        !strcontains(lookup(verification.region_markers, pair[0], pair[0]), lookup(verification.region_markers, pair[1], pair[1])) :
        lookup(verification.region_markers, pair[0], pair[0]) != lookup(verification.region_markers, pair[1], pair[1])
      )
    ])])
    error_message = "Two regions of one verification have the same marker, or one holds the other and json_path is not set, so that it could not tell them apart; write region_markers that differ, such as \"prod-use1\" and \"prod-usw2\"."
  }

  validation {
    condition     = alltrue([for verification in var.verifications : !contains(keys(verification.triggers), "active_region")])
    error_message = "triggers holds active_region, which the module adds itself; write your own triggers under other names."
  }
}

variable "mode" {
  description = "`unplanned`: the old region is lost; promotions are bounded by `max_estimated_loss`. `planned`: the source is healthy and fenced; promotions wait until everything that it acknowledged has arrived."
  type        = string
  default     = "unplanned"
  nullable    = false

  validation {
    condition     = contains(["planned", "unplanned"], var.mode)
    error_message = "mode is unknown; write \"unplanned\" for a lost region or \"planned\" for a healthy one."
  }
}

variable "max_estimated_loss" {
  description = "The most that an unplanned promotion may be estimated to lose, as a duration such as `300s`: the recovery point objective. A database may set its own."
  type        = string
  default     = null

  validation {
    condition     = var.max_estimated_loss == null ? true : can(regex("^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", var.max_estimated_loss))
    error_message = "max_estimated_loss is no duration; write for example \"300s\" or \"5m\"."
  }

  validation {
    condition     = var.mode == "planned" || var.max_estimated_loss != null || alltrue([for database in var.databases : database.max_estimated_loss != null])
    error_message = "max_estimated_loss is not set and not every database sets its own; write max_estimated_loss = \"300s\" (your recovery point objective), or mode = \"planned\"."
  }
}

variable "source_lost_at" {
  description = "When the old region was lost, RFC 3339, such as `2025-11-23T03:12:00Z`. Omitted it is taken to be now, which makes the estimated loss grow with the outage. Remove it after the failover."
  type        = string
  default     = null

  validation {
    condition     = var.source_lost_at == null ? true : can(formatdate("YYYY", var.source_lost_at))
    error_message = "source_lost_at is no RFC 3339 time; write for example \"2025-11-23T03:12:00Z\"."
  }
}

variable "accept" {
  description = "What this failover knowingly goes ahead with, out of `healthy_source`, `unknown_loss`, `unfenced_source`, `standalone_writer`. It concerns the members in `active_region` alone. Remove it after the failover."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.accept, ["healthy_source", "unknown_loss", "unfenced_source", "standalone_writer"])) == 0
    error_message = "accept holds an unknown name; write names out of \"healthy_source\", \"unknown_loss\", \"unfenced_source\" and \"standalone_writer\"."
  }
}

variable "timeouts" {
  description = "How long a promotion (`promotion`), a DNS change (`record`) and a fence (`fence`; by default 30m when planned, 5m when not) may take."
  type = object({
    promotion = optional(string, "60m")
    fence     = optional(string)
    record    = optional(string, "10m")
  })
  default  = {}
  nullable = false
}
