# Runs at create, and again whenever the active region moves.
resource "dr_http_verification" "app" {
  url = "https://app.example.com/health"

  # Something that only the target region serves.
  json_value = {
    path  = "region"
    value = var.active_region
  }

  consecutive_successes = 3
  interval              = "2s"

  triggers = {
    active_region = var.active_region
  }

  timeouts = {
    update = "5m"
  }
}

variable "active_region" {
  type = string
}
