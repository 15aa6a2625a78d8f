# One application: the writers of the region that is left are fenced off, its
# databases are promoted, the target region is checked at its own entrance, the
# records move, the application is checked by name.
#
# The order comes from depends_on between resources, never from one on a module.
# Terraform orders whole resource blocks: no record of a run moves before every
# promotion of the run is done, also where a caller has used for_each on this
# module. What must not wait for, or fail with, anything else needs a run of its
# own.

locals {
  members = merge([
    for name, database in var.databases : {
      for region, member in database.members : "${name}/${region}" => {
        database                = name
        region                  = region
        db_instance_identifier  = member.db_instance_identifier
        backup_retention_period = member.backup_retention_period
        preferred_backup_window = member.preferred_backup_window
        max_estimated_loss      = database.max_estimated_loss != null ? database.max_estimated_loss : var.max_estimated_loss
      }
    }
  ]...)

  fences = merge([
    for name, database in var.databases : {
      for region, groups in database.fence : "${name}/${region}" => {
        region                   = region
        db_instance_identifier   = database.members[region].db_instance_identifier
        fence_security_group_ids = groups
      }
    }
  ]...)

  verifications = {
    for name, verification in var.verifications : name => merge(verification, {
      marker   = lookup(verification.region_markers, var.active_region, var.active_region)
      host     = regex("^https?://([^/]+)", verification.url)[0]
      triggers = merge(verification.triggers, { active_region = var.active_region })
    })
  }

  # Only what has an entrance of its own in the region that is to be active.
  target_verifications = {
    for name, verification in local.verifications : name => verification
    if contains(keys(verification.target_urls), var.active_region)
  }
}

# In every region that is not active nobody writes: a replica does not anyway,
# an old writer is fenced off. A fence refers to no promotion, so that a region
# that becomes active again is open before its member is promoted.
resource "dr_rds_network_fence" "this" {
  for_each = local.fences

  region                   = each.value.region
  db_instance_identifier   = each.value.db_instance_identifier
  fenced                   = each.value.region != var.active_region
  fence_security_group_ids = each.value.fence_security_group_ids
  allow_replica            = true

  # A region that is lost cannot be fenced, and must not hold up the recovery.
  required = var.mode == "planned"

  timeouts = {
    create = var.timeouts.fence
    update = var.timeouts.fence
  }
}

resource "dr_rds_replica_promotion" "this" {
  for_each = local.members

  region                  = each.value.region
  db_instance_identifier  = each.value.db_instance_identifier
  promoted                = each.value.region == var.active_region
  mode                    = var.mode
  max_estimated_loss      = each.value.max_estimated_loss
  backup_retention_period = each.value.backup_retention_period
  preferred_backup_window = each.value.preferred_backup_window

  # What is said about one failover says nothing about the other members.
  source_lost_at = each.value.region == var.active_region ? var.source_lost_at : null
  accept         = each.value.region == var.active_region && length(var.accept) > 0 ? var.accept : null

  # The proofs of the other members' fences; they order the fences before it.
  fences = each.value.region == var.active_region && length(var.databases[each.value.database].fence) > 0 ? [
    for region in keys(var.databases[each.value.database].fence) : dr_rds_network_fence.this["${each.value.database}/${region}"].proof
    if region != var.active_region
  ] : null

  timeouts = {
    create = var.timeouts.promotion
    update = var.timeouts.promotion
  }
}

resource "dr_http_verification" "target" {
  for_each = local.target_verifications

  url                   = each.value.target_urls[var.active_region]
  host_header           = each.value.host_header != null ? each.value.host_header : each.value.host
  server_name           = startswith(each.value.target_urls[var.active_region], "https:") ? (each.value.server_name != null ? each.value.server_name : split(":", each.value.host)[0]) : null
  expected_status       = each.value.expected_status
  body_contains         = each.value.json_path == null ? each.value.marker : null
  json_value            = each.value.json_path == null ? null : { path = each.value.json_path, value = each.value.marker }
  consecutive_successes = each.value.consecutive_successes
  interval              = each.value.interval
  request_timeout       = each.value.request_timeout
  headers               = each.value.headers
  ca_certificate_pem    = each.value.ca_certificate_pem
  resolver              = each.value.resolver
  triggers              = each.value.triggers

  timeouts = {
    create = each.value.timeout
    update = each.value.timeout
  }

  depends_on = [dr_rds_replica_promotion.this]
}

# A record moves by Route 53's API, or by a switch that needs none.
resource "dr_route53_failover_record" "this" {
  provider = dr.dns
  for_each = { for name, record in var.records : name => record if coalesce(record.switch, var.switch) == "record" }

  zone_id = each.value.zone_id
  name    = each.value.name
  type    = each.value.type
  ttl     = each.value.ttl
  targets = each.value.targets
  active  = var.active_region

  set_identifier                   = each.value.set_identifier
  weighted_routing_policy          = each.value.weighted_routing_policy
  latency_routing_policy           = each.value.latency_routing_policy
  failover_routing_policy          = each.value.failover_routing_policy
  geolocation_routing_policy       = each.value.geolocation_routing_policy
  multivalue_answer_routing_policy = each.value.multivalue_answer_routing_policy
  health_check_id                  = each.value.health_check_id

  allow_overwrite   = each.value.allow_overwrite
  delete_on_destroy = each.value.delete_on_destroy

  timeouts = {
    create = var.timeouts.record
    update = var.timeouts.record
  }

  depends_on = [dr_rds_replica_promotion.this, dr_http_verification.target]
}

resource "dr_route53_failover_switch" "this" {
  provider = dr.dns
  for_each = { for name, record in var.records : name => record if coalesce(record.switch, var.switch) == "health_check" }

  zone_id         = each.value.zone_id
  name            = each.value.name
  type            = each.value.type
  ttl             = each.value.ttl
  targets         = each.value.targets
  active          = var.active_region
  primary_region  = var.primary_region
  trigger         = each.value.trigger != null ? each.value.trigger : { cloudwatch_alarm = {} }
  resolver        = each.value.resolver
  allow_overwrite = each.value.allow_overwrite

  timeouts = {
    create = var.timeouts.record
    update = var.timeouts.record
  }

  depends_on = [dr_rds_replica_promotion.this, dr_http_verification.target]
}

resource "dr_http_verification" "application" {
  for_each = local.verifications

  url                   = each.value.url
  host_header           = each.value.host_header
  server_name           = each.value.server_name
  expected_status       = each.value.expected_status
  body_contains         = each.value.json_path == null ? each.value.marker : null
  json_value            = each.value.json_path == null ? null : { path = each.value.json_path, value = each.value.marker }
  consecutive_successes = each.value.consecutive_successes
  interval              = each.value.interval
  request_timeout       = each.value.request_timeout
  headers               = each.value.headers
  ca_certificate_pem    = each.value.ca_certificate_pem
  resolver              = each.value.resolver
  triggers              = each.value.triggers

  timeouts = {
    create = each.value.timeout
    update = each.value.timeout
  }

  depends_on = [dr_rds_replica_promotion.this, dr_route53_failover_record.this, dr_route53_failover_switch.this]
}
