provider "dr" {
  region      = var.region
  assume_role = var.workload_role_arn == null ? null : [{ role_arn = var.workload_role_arn }]
}
