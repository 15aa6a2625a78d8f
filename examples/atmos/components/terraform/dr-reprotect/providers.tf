# Signs in by way of the stack's own region. Both regions have to answer: one is
# copied from, the other to.
provider "dr" {
  region         = var.region
  region_timeout = var.region_timeout
  poll_interval  = var.poll_interval
  assume_role    = var.workload_role_arn == null ? null : [{ role_arn = var.workload_role_arn }]
}
