# What moving active_region plans, both ways. The providers are mocked: no AWS,
# no sandbox. What an apply does to AWS is tested with the provider itself.

mock_provider "dr" {
  # Of all instances alike: OpenTofu overrides no single one.
  override_resource {
    target = dr_rds_network_fence.this
    values = { proof = "held network us-east-1/orders 2026-11-25T03:01:40Z" }
  }
}

mock_provider "dr" {
  alias = "dns"
}

variables {
  regions            = ["us-east-1", "us-west-2"]
  active_region      = "us-east-1"
  max_estimated_loss = "300s"

  databases = {
    orders = {
      members = {
        us-east-1 = { db_instance_identifier = "orders", backup_retention_period = 7 }
        us-west-2 = { db_instance_identifier = "orders-usw2", backup_retention_period = 7 }
      }
      fence = {
        us-east-1 = ["sg-0123456789abcdef0"]
        us-west-2 = ["sg-0fedcba9876543210"]
      }
    }
    billing = {
      max_estimated_loss = "60s"
      members = {
        us-east-1 = { db_instance_identifier = "billing" }
        us-west-2 = { db_instance_identifier = "billing-usw2", preferred_backup_window = "03:00-04:00" }
      }
    }
  }

  records = {
    app = {
      zone_id = "Z0EXAMPLE00000000001"
      name    = "app.example.com"
      type    = "A"
      ttl     = 30
      targets = {
        us-east-1 = { records = ["192.0.2.1"] }
        us-west-2 = { records = ["198.51.100.1"] }
      }
    }
    www = {
      zone_id         = "Z0EXAMPLE00000000001"
      name            = "www.example.com"
      type            = "A"
      set_identifier  = "active"
      health_check_id = "00000000-0000-0000-0000-000000000001"

      weighted_routing_policy = { weight = 100 }

      targets = {
        us-east-1 = { alias = { name = "east.elb.example.com", zone_id = "Z35SXDOTRQ7X7K" } }
        us-west-2 = { alias = { name = "west.elb.example.com", zone_id = "Z1H1FL5HABSF5" } }
      }
    }
  }

  verifications = {
    app = {
      url       = "https://app.example.com:8443/health"
      json_path = "region"
      target_urls = {
        us-west-2 = "https://west.example.com:8443/health"
      }
    }
    page = {
      url            = "http://www.example.com/"
      triggers       = { release = "42" }
      region_markers = { us-west-2 = "served by Oregon" }
    }
  }
}

run "steady_state" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  assert {
    condition = {
      for key, member in dr_rds_replica_promotion.this : key => [member.region, member.db_instance_identifier, member.promoted, member.max_estimated_loss]
      } == {
      "billing/us-east-1" = ["us-east-1", "billing", true, "60s"]
      "billing/us-west-2" = ["us-west-2", "billing-usw2", false, "60s"]
      "orders/us-east-1"  = ["us-east-1", "orders", true, "300s"]
      "orders/us-west-2"  = ["us-west-2", "orders-usw2", false, "300s"]
    }
    error_message = "Each member is declared once, and only those of us-east-1 are promoted."
  }

  assert {
    condition = {
      for key, fence in dr_rds_network_fence.this : key => [fence.region, fence.db_instance_identifier, fence.fenced, fence.required, fence.allow_replica]
      } == {
      "orders/us-east-1" = ["us-east-1", "orders", false, false, true]
      "orders/us-west-2" = ["us-west-2", "orders-usw2", true, false, true]
    }
    error_message = "Each member of a database with fences has one, and the writer is open."
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-west-2"].fences == null && dr_rds_replica_promotion.this["billing/us-east-1"].fences == null
    error_message = "Only a writer that is wanted has proofs, where there are fences."
  }

  assert {
    condition     = alltrue([for record in dr_route53_failover_record.this : record.active == "us-east-1"])
    error_message = "Every record answers for us-east-1."
  }

  assert {
    condition     = length(dr_http_verification.target) == 0
    error_message = "No verification has an entrance of its own in us-east-1."
  }

  assert {
    condition     = alltrue([for verification in dr_http_verification.application : verification.triggers["active_region"] == "us-east-1"])
    error_message = "Every verification runs again when active_region moves."
  }

  assert {
    condition     = dr_http_verification.application["page"].body_contains == "us-east-1"
    error_message = "Without a marker the region's name tells the regions apart."
  }

  assert {
    condition     = output.active_region == "us-east-1"
    error_message = "The active region is an output."
  }
}

run "failed_over" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    active_region  = "us-west-2"
    source_lost_at = "2025-11-23T03:12:00Z"
    accept         = ["unknown_loss"]
  }

  assert {
    condition = {
      for key, member in dr_rds_replica_promotion.this : key => member.promoted
      } == {
      "billing/us-east-1" = false
      "billing/us-west-2" = true
      "orders/us-east-1"  = false
      "orders/us-west-2"  = true
    }
    error_message = "Only the members of us-west-2 are promoted."
  }

  assert {
    condition     = dr_rds_network_fence.this["orders/us-east-1"].fenced && !dr_rds_network_fence.this["orders/us-east-1"].required && !dr_rds_network_fence.this["orders/us-west-2"].fenced
    error_message = "The region that is left is fenced off as far as it can be reached, and the one that is active is open."
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-west-2"].accept == toset(["unknown_loss"]) && dr_rds_replica_promotion.this["orders/us-west-2"].source_lost_at == "2025-11-23T03:12:00Z"
    error_message = "The members that are promoted know when the source was lost, and what was accepted."
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-east-1"].accept == null && dr_rds_replica_promotion.this["orders/us-east-1"].source_lost_at == null
    error_message = "Nothing is accepted for members that are not promoted."
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-west-2"].backup_retention_period == 7 && dr_rds_replica_promotion.this["billing/us-west-2"].preferred_backup_window == "03:00-04:00"
    error_message = "Backups are kept as declared."
  }

  assert {
    condition     = alltrue([for record in dr_route53_failover_record.this : record.active == "us-west-2"])
    error_message = "Every record answers for us-west-2."
  }

  assert {
    condition     = dr_route53_failover_record.this["app"].targets["us-west-2"].records == toset(["198.51.100.1"]) && dr_route53_failover_record.this["app"].ttl == 30
    error_message = "A record's values come from its targets."
  }

  assert {
    condition     = dr_route53_failover_record.this["www"].targets["us-west-2"].alias.name == "west.elb.example.com" && dr_route53_failover_record.this["www"].weighted_routing_policy.weight == 100
    error_message = "An alias and its routing policy are passed on."
  }

  assert {
    condition     = dr_http_verification.target["app"].url == "https://west.example.com:8443/health" && dr_http_verification.target["app"].host_header == "app.example.com:8443" && dr_http_verification.target["app"].server_name == "app.example.com"
    error_message = "The region's own entrance is asked for the application by its public name."
  }

  assert {
    condition     = dr_http_verification.application["app"].json_value.path == "region" && dr_http_verification.application["app"].json_value.value == "us-west-2" && dr_http_verification.application["app"].body_contains == null
    error_message = "A verification matches what only us-west-2 serves."
  }

  assert {
    condition     = dr_http_verification.application["page"].body_contains == "served by Oregon" && dr_http_verification.application["page"].json_value == null
    error_message = "A region's marker is what its answer must contain."
  }

  assert {
    condition     = dr_http_verification.application["page"].triggers == tomap({ active_region = "us-west-2", release = "42" })
    error_message = "active_region joins the triggers that were given."
  }
}

run "settled_after_a_failover" {
  command = apply

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    active_region = "us-west-2"
  }

  assert {
    condition     = keys(output.writer_endpoints) == ["billing", "orders"] && output.writer_endpoints["orders"] == dr_rds_replica_promotion.this["orders/us-west-2"].endpoint
    error_message = "The writer's address is that of the member in the active region."
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-west-2"].fences == toset([dr_rds_network_fence.this["orders/us-east-1"].proof])
    error_message = "The promotion is given the proof of the other member's fence, and no other."
  }
}

run "failing_back_is_the_same_change_the_other_way" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    mode = "planned"
  }

  assert {
    condition     = dr_rds_replica_promotion.this["orders/us-east-1"].promoted && !dr_rds_replica_promotion.this["orders/us-west-2"].promoted && dr_rds_replica_promotion.this["orders/us-east-1"].mode == "planned"
    error_message = "Only the members of us-east-1 are promoted again."
  }

  assert {
    condition     = dr_rds_network_fence.this["orders/us-west-2"].fenced && dr_rds_network_fence.this["orders/us-west-2"].required && !dr_rds_network_fence.this["orders/us-east-1"].fenced
    error_message = "A planned move needs the fence of the region that is left, and lifts the other one's."
  }
}

run "nothing_but_records" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    mode          = "planned"
    databases     = {}
    verifications = {}
  }

  assert {
    condition     = length(dr_rds_replica_promotion.this) == 0 && length(dr_route53_failover_record.this) == 2
    error_message = "An application without databases moves its records alone."
  }
}

run "without_a_control_plane" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    active_region  = "us-west-2"
    primary_region = "us-east-1"
    switch         = "health_check"

    records = {
      app = {
        zone_id  = "Z0EXAMPLE00000000001"
        name     = "app.example.com"
        type     = "A"
        ttl      = 30
        resolver = "127.0.0.1:53"
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = { records = ["198.51.100.1"] }
        }
      }
      api = {
        zone_id = "Z0EXAMPLE00000000001"
        name    = "api.example.com"
        type    = "A"
        ttl     = 30
        trigger = { s3_object = { bucket = "acme-switch", key = "switch/api" } }
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = { records = ["198.51.100.1"] }
        }
      }
      old = {
        zone_id = "Z0EXAMPLE00000000001"
        name    = "old.example.com"
        type    = "A"
        ttl     = 30
        switch  = "record"
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = { records = ["198.51.100.1"] }
        }
      }
    }
  }

  assert {
    condition     = keys(dr_route53_failover_record.this) == ["old"] && keys(dr_route53_failover_switch.this) == ["api", "app"]
    error_message = "A record that says otherwise than the module moves as it says."
  }

  assert {
    condition     = alltrue([for switch in dr_route53_failover_switch.this : switch.active == "us-west-2" && switch.primary_region == "us-east-1"])
    error_message = "The switch moves with active_region, its primary region does not."
  }

  assert {
    condition     = dr_route53_failover_switch.this["app"].trigger.cloudwatch_alarm != null && dr_route53_failover_switch.this["app"].trigger.s3_object == null
    error_message = "Without a trigger it is an alarm."
  }

  assert {
    condition     = dr_route53_failover_switch.this["api"].trigger.s3_object.key == "switch/api"
    error_message = "The object that is named is the trigger."
  }
}
