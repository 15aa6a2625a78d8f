// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import "github.com/drstate/terraform-provider-dr/sandbox/scenario"

// configuration is modules/region-failover with everything that a measure varies
// as a variable. The provider's own settings are its defaults.
const configuration = `
terraform {
  required_providers {
    dr = { source = "drstate/dr" }
  }
}

variable "active_region" { type = string }
variable "settings" { type = any }

provider "dr" {
  region         = "us-west-2"
  failed_regions = var.settings.failed_regions
}

provider "dr" {
  alias          = "dns"
  region         = "us-west-2"
  failed_regions = var.settings.failed_regions
  assume_role    = [{ role_arn = "arn:aws:iam::222222222222:role/dr-dns" }]
}

module "bench" {
  source    = "./region-failover"
  providers = { dr = dr, dr.dns = dr.dns }

  regions            = ["us-east-1", "us-west-2"]
  active_region      = var.active_region
  max_estimated_loss = "1h"
  accept             = var.settings.accept
  databases          = var.settings.databases
  records            = var.settings.records
  verifications      = var.settings.verifications
}
`

// backend is where a DR stack's state belongs: in the recovery region. A local
// file would be written anew for each resource that an apply finishes.
const backend = `
terraform {
  backend "s3" {
    bucket         = "` + scenario.StateBucket + `"
    key            = "bench.tfstate"
    region         = "us-west-2"
    use_lockfile   = true
    use_path_style = true
  }
}
`

type (
	member struct {
		ID        string `json:"db_instance_identifier"`
		Retention int    `json:"backup_retention_period"`
	}
	database struct {
		Members map[string]member `json:"members"`
	}
	target struct {
		Records []string `json:"records"`
	}
	record struct {
		ZoneID  string            `json:"zone_id"`
		Name    string            `json:"name"`
		Type    string            `json:"type"`
		TTL     int               `json:"ttl"`
		Targets map[string]target `json:"targets"`
	}
	verification struct {
		URL       string `json:"url"`
		JSONPath  string `json:"json_path"`
		Resolver  string `json:"resolver"`
		Successes int    `json:"consecutive_successes"`
	}
	settings struct {
		Accept        []string                `json:"accept"`
		FailedRegions []string                `json:"failed_regions"`
		Databases     map[string]database     `json:"databases"`
		Records       map[string]record       `json:"records"`
		Verifications map[string]verification `json:"verifications"`
	}
)
