# What the module declares for either region that serves. The provider is
# mocked: what an apply does to AWS is tested with the provider itself.

mock_provider "dr" {}

variables {
  regions       = ["us-east-1", "us-west-2"]
  active_region = "us-west-2"
  account_id    = "123456789012"

  databases = {
    orders = {
      members = {
        us-east-1 = {
          db_instance_identifier = "orders"
          replica                = { kms_key_id = "alias/orders", multi_az = true, tags = { team = "orders" } }
        }
        us-west-2 = { db_instance_identifier = "orders-usw2" }
      }
      fence = {
        us-east-1 = ["sg-0123456789abcdef0"]
        us-west-2 = ["sg-0fedcba9876543210"]
      }
    }
    billing = {
      members = {
        us-east-1 = { db_instance_identifier = "billing" }
        us-west-2 = { db_instance_identifier = "billing-usw2" }
      }
    }
  }
}

run "builds_in_the_region_that_was_left" {
  command = plan

  assert {
    condition     = toset(keys(dr_rds_read_replica.this)) == toset(["orders/us-east-1", "billing/us-east-1"])
    error_message = "there must be a replica of each database in us-east-1, and nothing in the region that serves"
  }

  assert {
    condition = (
      dr_rds_read_replica.this["orders/us-east-1"].source == "arn:aws:rds:us-west-2:123456789012:db:orders-usw2"
      && dr_rds_read_replica.this["billing/us-east-1"].source == "arn:aws:rds:us-west-2:123456789012:db:billing-usw2"
    )
    error_message = "each replica must follow its own database's member in the active region"
  }

  assert {
    condition = (
      dr_rds_read_replica.this["orders/us-east-1"].db_instance_identifier == "orders"
      && dr_rds_read_replica.this["orders/us-east-1"].region == "us-east-1"
      && dr_rds_read_replica.this["orders/us-east-1"].kms_key_id == "alias/orders"
      && dr_rds_read_replica.this["orders/us-east-1"].multi_az
      && dr_rds_read_replica.this["orders/us-east-1"].tags["team"] == "orders"
      && dr_rds_read_replica.this["orders/us-east-1"].deletion_protection == null
    )
    error_message = "the replica must have the stable name and what is given, and nothing that is not"
  }

  assert {
    condition = (
      dr_rds_read_replica.this["orders/us-east-1"].fence_security_group_ids == toset(["sg-0123456789abcdef0"])
      && dr_rds_read_replica.this["billing/us-east-1"].fence_security_group_ids == null
      && dr_rds_read_replica.this["orders/us-east-1"].accept == null
    )
    error_message = "the old writer must be fenced by its own region's groups, and nothing accepted that nobody has named"
  }
}

run "builds_the_other_way_round_once_home" {
  command = plan

  variables {
    active_region = "us-east-1"
    accept        = ["unfenced_source"]
    partition     = "aws-cn"
  }

  assert {
    condition = (
      toset(keys(dr_rds_read_replica.this)) == toset(["orders/us-west-2", "billing/us-west-2"])
      && dr_rds_read_replica.this["orders/us-west-2"].source == "arn:aws-cn:rds:us-east-1:123456789012:db:orders"
      && dr_rds_read_replica.this["orders/us-west-2"].db_instance_identifier == "orders-usw2"
      && dr_rds_read_replica.this["orders/us-west-2"].fence_security_group_ids == toset(["sg-0fedcba9876543210"])
      && dr_rds_read_replica.this["orders/us-west-2"].accept == toset(["unfenced_source"])
    )
    error_message = "the same databases must give the replica of us-east-1 in us-west-2"
  }
}

run "the_active_region_is_one_of_them" {
  command = plan

  variables {
    active_region = "eu-west-1"
  }

  expect_failures = [var.active_region]
}

run "one_region_has_no_way_home" {
  command = plan

  variables {
    regions = ["us-west-2"]
  }

  expect_failures = [var.regions]
}

run "an_account_has_twelve_digits" {
  command = plan

  variables {
    account_id = "arn:aws:iam::123456789012:root"
  }

  expect_failures = [var.account_id]
}

run "a_partition_is_one_of_aws" {
  command = plan

  variables {
    partition = "arn"
  }

  expect_failures = [var.partition]
}

run "each_region_has_a_member" {
  command = plan

  variables {
    databases = {
      orders = {
        members = { us-west-2 = { db_instance_identifier = "orders-usw2" } }
      }
    }
  }

  expect_failures = [var.databases]
}

run "a_fence_is_in_a_region_of_the_database" {
  command = plan

  variables {
    databases = {
      orders = {
        members = {
          us-east-1 = { db_instance_identifier = "orders" }
          us-west-2 = { db_instance_identifier = "orders-usw2" }
        }
        fence = { eu-west-1 = ["sg-0123456789abcdef0"] }
      }
    }
  }

  expect_failures = [var.databases]
}

run "nothing_else_can_be_accepted" {
  command = plan

  variables {
    accept = ["healthy_source"]
  }

  expect_failures = [var.accept]
}
