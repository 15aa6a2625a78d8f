variable "active_region" {
  type    = string
  default = "us-east-1"
}

# Thrown by one CloudWatch datum in us-west-2; nothing has to be public.
resource "dr_route53_failover_switch" "app" {
  zone_id        = "Z0123456789ABCDEFGHIJ"
  name           = "app.example.com"
  type           = "A"
  ttl            = 60
  primary_region = "us-east-1"
  active         = var.active_region
  targets = {
    us-east-1 = { records = ["192.0.2.1"] }
    us-west-2 = { records = ["192.0.2.2"] }
  }
  trigger = { cloudwatch_alarm = {} }
}

# Thrown by an S3 object in us-west-2: faster, and there to be seen, but anyone
# must be allowed to read it.
resource "dr_route53_failover_switch" "api" {
  zone_id        = "Z0123456789ABCDEFGHIJ"
  name           = "api.example.com"
  type           = "A"
  primary_region = "us-east-1"
  active         = var.active_region
  targets = {
    us-east-1 = { alias = { name = "api-use1.us-east-1.elb.amazonaws.com", zone_id = "Z35SXDOTRQ7X7K" } }
    us-west-2 = { alias = { name = "api-usw2.us-west-2.elb.amazonaws.com", zone_id = "Z1H1FL5HABSF5" } }
  }
  trigger = {
    s3_object = {
      bucket = "acme-dr-switch-usw2"
      key    = "switch/api.example.com"
    }
  }
}
