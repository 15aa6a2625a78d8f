terraform {
  required_version = ">= 1.11"

  required_providers {
    dr = {
      source  = "drstate/dr"
      version = ">= 0.1"
    }
  }
}
