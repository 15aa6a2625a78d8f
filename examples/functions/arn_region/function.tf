variable "replica_kms_key_arn" {
  type = string

  # A replica whose key is in the region that may be lost is lost with it.
  validation {
    condition     = try(provider::dr::arn_region(var.replica_kms_key_arn), null) == "us-west-2"
    error_message = "The key must be in us-west-2, where the replica is."
  }
}
