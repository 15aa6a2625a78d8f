# app.example.com follows the active region. The DNS account's provider moves it.
resource "dr_route53_failover_record" "app" {
  provider = dr.dns

  zone_id = "Z0123456789ABCDEFGHIJ"
  name    = "app.example.com"
  type    = "A"
  ttl     = 30

  targets = {
    us-east-1 = { records = ["192.0.2.10"] }
    us-west-2 = { records = ["198.51.100.10"] }
  }

  active = var.active_region
}

# The same with aliases of load balancers, which need no ttl.
resource "dr_route53_failover_record" "api" {
  provider = dr.dns

  zone_id = "Z0123456789ABCDEFGHIJ"
  name    = "api.example.com"
  type    = "A"

  targets = {
    us-east-1 = { alias = { name = "api-use1.us-east-1.elb.amazonaws.com", zone_id = "Z35SXDOTRQ7X7K" } }
    us-west-2 = { alias = { name = "api-usw2.us-west-2.elb.amazonaws.com", zone_id = "Z1H1FL5HABSF5" } }
  }

  active = var.active_region
}

variable "active_region" {
  type = string
}
