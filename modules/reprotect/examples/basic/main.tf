# The application has failed over to us-west-2, and us-east-1 answers again.
# Applied, this fences and retires orders in us-east-1 and builds a replica of
# orders-usw2 in its place.

terraform {
  required_version = ">= 1.11"

  required_providers {
    dr = {
      source  = "drstate/dr"
      version = ">= 0.1"
    }
  }
}

# The region that serves: the one that is sure to be there.
provider "dr" {
  region = "us-west-2"
}

module "reprotect" {
  source = "../../" # elsewhere: "git::https://github.com/drstate/terraform-provider-dr.git//modules/reprotect?ref=v0.1.0"

  regions       = ["us-east-1", "us-west-2"]
  active_region = "us-west-2"
  account_id    = "123456789012"

  databases = {
    orders = {
      members = {
        us-east-1 = {
          db_instance_identifier = "orders"
          replica = {
            kms_key_id              = "alias/orders"
            db_subnet_group_name    = "orders"
            db_parameter_group_name = "orders-postgres16"
            vpc_security_group_ids  = ["sg-0123456789abcdef0"]
            db_instance_class       = "db.r6g.large"
            multi_az                = true
            deletion_protection     = true
          }
        }
        us-west-2 = { db_instance_identifier = "orders-usw2" }
      }
      fence = {
        us-east-1 = ["sg-0fedcba9876543210"]
        us-west-2 = ["sg-0fedcba9876543211"]
      }
    }
  }
}

output "retired_as" {
  description = "What the old writers are kept as."
  value       = module.reprotect.retired_as
}
