# The only provider blocks of the project. Both sign in by way of the stack's
# own region, never by way of the region that may be down.

provider "dr" {
  region         = var.region
  failed_regions = var.failed_regions
  region_timeout = var.region_timeout
  poll_interval  = var.poll_interval
  assume_role    = var.workload_role_arn == null ? null : [{ role_arn = var.workload_role_arn }]
}

provider "dr" {
  alias          = "dns"
  region         = var.region
  failed_regions = var.failed_regions
  region_timeout = var.region_timeout
  poll_interval  = var.poll_interval
  assume_role    = var.dns_role_arn == null ? null : [{ role_arn = var.dns_role_arn }]
}
