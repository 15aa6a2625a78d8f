# In a repository of your own, pin a release instead of the relative path:
#
#   source = "git::https://github.com/drstate/terraform-provider-dr.git//modules/region-failover?ref=v0.1.0"
#
# and keep a copy that needs no VCS (see the break-glass guide).
module "application" {
  source   = "../../../../../modules/region-failover"
  for_each = var.applications

  providers = {
    dr     = dr
    dr.dns = dr.dns
  }

  regions       = var.regions
  active_region = coalesce(each.value.active_region, var.active_region)
  databases     = each.value.databases
  records       = each.value.records
  verifications = each.value.verifications

  switch         = var.switch
  primary_region = var.primary_region

  mode               = coalesce(each.value.mode, var.mode)
  max_estimated_loss = each.value.max_estimated_loss
  source_lost_at     = var.source_lost_at
  timeouts           = var.timeouts

  # An exception ends with the move that it was made for: it names the region
  # that it is for, and is without effect once another one is active.
  accept = (
    var.exception != null
    && try(var.exception.towards, null) == coalesce(each.value.active_region, var.active_region)
    && (try(var.exception.applications, null) == null || contains(try(coalesce(var.exception.applications, []), []), each.key))
  ) ? var.exception.accept : []
}
