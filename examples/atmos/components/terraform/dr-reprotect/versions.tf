terraform {
  required_version = ">= 1.11"

  required_providers {
    dr = {
      source  = "drstate/dr"
      version = ">= 0.1"
    }
  }

  # The backend is written by Atmos (backend.tf.json) from the stack's region
  # mixin: S3 in the recovery region.
}
