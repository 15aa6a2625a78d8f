terraform {
  required_version = ">= 1.11"

  required_providers {
    dr = {
      source  = "drstate/dr"
      version = ">= 0.1"

      # dr: the workload's account. dr.dns: the account that owns the zones. They
      # may be one and the same: pass the same configuration twice.
      configuration_aliases = [dr, dr.dns]
    }
  }
}
