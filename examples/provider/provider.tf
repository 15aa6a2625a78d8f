terraform {
  required_version = ">= 1.11"
  required_providers {
    dr = {
      source = "drstate/dr"
    }
  }
}

# The region that you recover to: nothing here needs the one that may fail.
provider "dr" {
  region = "us-west-2"
}

# Zones often belong to an account of their own.
provider "dr" {
  alias  = "dns"
  region = "us-west-2"

  assume_role = [{
    role_arn = "arn:aws:iam::222222222222:role/dr-dns"
  }]
}
