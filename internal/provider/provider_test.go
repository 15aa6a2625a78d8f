// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// TestProviderConfiguration has mistakes that must show at plan, at the
// attribute, before AWS is called.
func TestProviderConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, promise string }{
		"region":                   {`region = "US West"`, `"US West" is not a region`},
		"region timeout":           {`region_timeout = "3"`, `"3" is not a duration`},
		"region timeout, too long": {`region_timeout = "1h"`, `is not between 100ms and 5m0s`},
		"poll interval":            {`poll_interval = "soon"`, `"soon" is not a duration`},
		"role":                     {`assume_role = [{ role_arn = "dr-dns" }]`, `"dr-dns" is not the ARN of a role`},
		"role, duration":           {`assume_role = [{ role_arn = "arn:aws:iam::222222222222:role/dr", duration = "1m" }]`, `is not between 15m0s and 12h0m0s`},
		"endpoint":                 {`endpoints = { rds = "localhost:4566" }`, `not a URL`},
		"endpoint, with a user":    {`endpoints = { rds = "http://me:planted@localhost:4566" }`, `must have neither user, query nor fragment`},
		"endpoint, service":        {`endpoints = { lambda = "http://localhost:4566" }`, `value must be one of`},
		"failed regions":           {`failed_regions = ["everything"]`, `neither a region such as us-west-2 nor aws-global`},
		"failed regions, own":      {`failed_regions = ["us-west-2"]`, `The provider's own region, us-west-2, is listed in failed_regions`},
		"profile":                  {`profile = "nobody"`, `nobody`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			region := "region = \"us-west-2\"\n"
			if name == "region" {
				region = ""
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config: "provider \"dr\" {\n" + region + test.config + "\n}\n" +
						"resource \"dr_rds_replica_promotion\" \"orders\" {\ndb_instance_identifier = \"orders\"\npromoted = false\n}\n",
					PlanOnly: true, ExpectError: words(test.promise),
				}},
			})
		})
	}
}

// TestUnknownProviderConfiguration plans without a look at AWS.
func TestUnknownProviderConfiguration(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: `
resource "terraform_data" "endpoint" {
  input = "` + w.Endpoint() + `"
}

provider "dr" {
  region        = "us-west-2"
  endpoints     = { rds = terraform_data.endpoint.output, cloudwatch = terraform_data.endpoint.output }
  poll_interval = "50ms"
}

resource "dr_rds_replica_promotion" "orders" {
  db_instance_identifier = "orders-usw2"
  promoted               = false
}
`,
		}},
	})
}

func TestSchemaIsAnsweredFast(t *testing.T) {
	t.Parallel()
	var server tfprotov6.ProviderServer
	best := time.Hour // of a few: the machine may be busy
	for range 5 {
		start := time.Now()
		var err error
		if server, err = providerserver.NewProtocol6WithError(New("test")())(); err != nil {
			t.Fatal(err)
		}
		resp, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
		if err != nil || len(resp.Diagnostics) > 0 {
			t.Fatal(err, resp.Diagnostics)
		}
		best = min(best, time.Since(start))
	}
	if best > 50*time.Millisecond {
		t.Errorf("the schema took %s", best)
	}
}
