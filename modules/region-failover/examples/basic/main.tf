# One PostgreSQL database and one name, two regions, the zone in an account of
# its own. Moving active_region is the failover.

terraform {
  required_version = ">= 1.11"

  required_providers {
    dr = {
      source  = "drstate/dr"
      version = ">= 0.1"
    }
  }

  # In a real configuration: a backend in the recovery region, never in the
  # region that may fail.
}

variable "active_region" {
  description = "The region that serves."
  type        = string
  default     = "us-east-1"
}

# Both configurations live in the recovery region, so that neither needs the
# other one to sign in.
provider "dr" {
  region = "us-west-2"
}

provider "dr" {
  alias  = "dns"
  region = "us-west-2"

  assume_role = [{ role_arn = "arn:aws:iam::222222222222:role/dr-dns" }]
}

module "orders" {
  source = "../../" # elsewhere: "git::https://github.com/drstate/terraform-provider-dr.git//modules/region-failover?ref=v0.1.0"

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  regions            = ["us-east-1", "us-west-2"]
  active_region      = var.active_region
  max_estimated_loss = "300s"

  databases = {
    orders = {
      members = {
        us-east-1 = { db_instance_identifier = "orders", backup_retention_period = 7 }
        us-west-2 = { db_instance_identifier = "orders-usw2", backup_retention_period = 7 }
      }

      # Security groups that let nobody in, each in the VPC of its region's
      # instance: what the old writer is moved into.
      fence = {
        us-east-1 = ["sg-0123456789abcdef0"]
        us-west-2 = ["sg-0fedcba9876543210"]
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
        us-east-1 = { records = ["192.0.2.10"] }
        us-west-2 = { records = ["198.51.100.10"] }
      }
    }
  }

  verifications = {
    app = {
      url       = "https://app.example.com/health"
      json_path = "region"
      target_urls = {
        us-east-1 = "https://192.0.2.10/health"
        us-west-2 = "https://198.51.100.10/health"
      }
    }
  }
}

output "writer_endpoints" {
  description = "The databases' addresses in the region that serves."
  value       = module.orders.writer_endpoints
}
