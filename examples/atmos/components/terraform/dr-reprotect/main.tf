# In a repository of your own, pin a release instead of the relative path:
#
#   source = "git::https://github.com/drstate/terraform-provider-dr.git//modules/reprotect?ref=v0.1.0"
module "application" {
  source   = "../../../../../modules/reprotect"
  for_each = { for name, application in var.applications : name => application if length(application.databases) > 0 }

  regions       = var.regions
  active_region = coalesce(each.value.active_region, var.active_region)
  account_id    = var.account_id
  partition     = var.partition
  databases     = each.value.databases
  accept        = var.accept
  timeouts      = var.timeouts
}
