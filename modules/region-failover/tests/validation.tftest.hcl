# What the module refuses. Each run changes one input of a good configuration.

mock_provider "dr" {}

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
        us-east-1 = { db_instance_identifier = "orders" }
        us-west-2 = { db_instance_identifier = "orders-usw2" }
      }
    }
  }
}

run "one_region_is_no_failover" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    regions = ["us-east-1"]
  }

  expect_failures = [var.regions]
}

run "an_availability_zone_is_no_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    regions = ["us-east-1", "us-west-2", "us-west-2a"]
  }

  expect_failures = [var.regions]
}

run "the_active_region_is_one_of_them" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    active_region = "eu-west-1"
  }

  expect_failures = [var.active_region]
}

run "a_database_has_a_member_per_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = { members = { us-east-1 = { db_instance_identifier = "orders" } } }
    }
  }

  expect_failures = [var.databases]
}

run "an_instance_is_named_once" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
      }
      billing = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "billing-usw2" }
        }
      }
    }
  }

  expect_failures = [var.databases]
}

run "a_name_keeps_clear_of_the_slash" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      "orders/eu" = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
      }
    }
  }

  expect_failures = [var.databases]
}

run "retention_is_at_most_35_days" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2", backup_retention_period = 36 }
        }
      }
    }
  }

  expect_failures = [var.databases]
}

run "a_limit_is_a_duration" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    max_estimated_loss = "5 minutes"
  }

  expect_failures = [var.max_estimated_loss]
}

run "a_databases_own_limit_is_a_duration" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = {
        max_estimated_loss = "300"
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
      }
    }
  }

  expect_failures = [var.databases]
}

run "an_unplanned_failover_has_a_limit" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    max_estimated_loss = null
  }

  expect_failures = [var.max_estimated_loss]
}

run "the_loss_has_a_time" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    source_lost_at = "3 a.m."
  }

  expect_failures = [var.source_lost_at]
}

run "only_known_things_can_be_accepted" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    accept = ["everything"]
  }

  expect_failures = [var.accept]
}

run "a_mode_is_planned_or_not" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    mode = "forced"
  }

  expect_failures = [var.mode]
}

run "a_record_has_a_target_per_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    records = {
      app = { zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30, targets = { us-east-1 = { records = ["192.0.2.1"] } } }
    }
  }

  expect_failures = [var.records]
}

run "a_target_is_values_or_an_alias" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    records = {
      app = {
        zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = {}
        }
      }
    }
  }

  expect_failures = [var.records]
}

run "values_need_a_ttl" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    records = {
      app = {
        zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A"
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = { records = ["198.51.100.1"] }
        }
      }
    }
  }

  expect_failures = [var.records]
}

run "targets_differ" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    records = {
      app = {
        zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30
        targets = {
          us-east-1 = { records = ["192.0.2.1"] }
          us-west-2 = { records = ["192.0.2.1"] }
        }
      }
    }
  }

  expect_failures = [var.records]
}

run "a_url_is_absolute" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    verifications = { app = { url = "app.example.com/health" } }
  }

  # The host name is taken from the URL as well.
  expect_failures = [var.verifications]
}

run "an_entrance_is_in_a_known_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    verifications = { app = { url = "https://app.example.com/health", target_urls = { eu-west-1 = "https://eu.example.com/health" } } }
  }

  expect_failures = [var.verifications]
}

run "a_verification_tells_regions_apart" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    verifications = { app = { url = "https://app.example.com/health", region_markers = { us-east-1 = "ok", us-west-2 = "ok" } } }
  }

  expect_failures = [var.verifications]
}

run "no_marker_holds_another" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    verifications = { app = { url = "https://app.example.com/health", region_markers = { us-east-1 = "prod", us-west-2 = "prod-dr" } } }
  }

  expect_failures = [var.verifications]
}

run "the_trigger_is_the_modules_own" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    verifications = { app = { url = "https://app.example.com/health", triggers = { active_region = "us-east-1" } } }
  }

  expect_failures = [var.verifications]
}

run "a_fence_is_for_every_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
        fence = { us-east-1 = ["sg-0123456789abcdef0"] }
      }
    }
  }

  expect_failures = [var.databases]
}

run "a_fence_is_made_of_security_groups" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    databases = {
      orders = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
        fence = { us-east-1 = ["orders-fence"], us-west-2 = ["sg-0fedcba9876543210"] }
      }
    }
  }

  expect_failures = [var.databases]
}

run "a_switch_is_of_a_known_kind" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    switch = "dns"
  }

  expect_failures = [var.switch]
}

run "a_switch_needs_its_primary_region" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    switch = "health_check"

    records = {
      app = { zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30, targets = { us-east-1 = { records = ["192.0.2.1"] }, us-west-2 = { records = ["198.51.100.1"] } } }
    }
  }

  expect_failures = [var.primary_region]
}

run "a_trigger_is_of_a_health_check" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    records = {
      app = { zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30, trigger = { cloudwatch_alarm = {} }, targets = { us-east-1 = { records = ["192.0.2.1"] }, us-west-2 = { records = ["198.51.100.1"] } } }
    }
  }

  expect_failures = [var.switch]
}

run "a_switch_makes_its_own_routing_policy" {
  command = plan

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  variables {
    switch         = "health_check"
    primary_region = "us-east-1"

    records = {
      app = { zone_id = "Z0EXAMPLE00000000001", name = "app.example.com", type = "A", ttl = 30, health_check_id = "x", targets = { us-east-1 = { records = ["192.0.2.1"] }, us-west-2 = { records = ["198.51.100.1"] } } }
    }
  }

  expect_failures = [var.switch]
}
