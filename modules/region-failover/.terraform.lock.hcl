# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/drstate/dr" {
  version     = "0.1.0"
  constraints = ">= 0.1.0"
  hashes = [
    "h1:KvQKBCTtpdb1nQhGD48MCdVOH/4zVyn7MKYdLMkIpD0=",
  ]
}
