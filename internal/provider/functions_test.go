// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// testFunctions has one output for each call that answers, and one step for
// each that is refused. There is no provider block: functions need none.
func testFunctions(t *testing.T, answers map[string]knownvalue.Check, refused map[string]string) {
	var config strings.Builder
	var steps []resource.TestStep
	var checks []statecheck.StateCheck
	for call, want := range answers {
		name := fmt.Sprintf("call_%d", len(checks))
		fmt.Fprintf(&config, "output %q {\n  value = provider::dr::%s\n}\n", name, call)
		checks = append(checks, statecheck.ExpectKnownOutputValue(name, want))
	}
	for call, promise := range refused {
		steps = append(steps, resource.TestStep{
			Config:   "output \"refused\" {\n  value = provider::dr::" + call + "\n}\n",
			PlanOnly: true, ExpectError: words(promise),
		})
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    append(steps, resource.TestStep{Config: config.String(), ConfigStateChecks: checks}),
	})
}

func TestARNRegion(t *testing.T) {
	t.Parallel()
	testFunctions(t, map[string]knownvalue.Check{
		`arn_region("arn:aws:rds:us-west-2:111111111111:db:orders")`:           text("us-west-2"),
		`arn_region("arn:aws-us-gov:kms:us-gov-west-1:111111111111:key/a:b")`:  text("us-gov-west-1"),
		`arn_region("arn:aws-eusc:rds:eusc-de-east-1:111111111111:db:orders")`: text("eusc-de-east-1"),
		`arn_region("arn:aws:elasticbeanstalk:us-east-1::platform/Go")`:        text("us-east-1"),
		`arn_region(["arn:aws:sns:eu-west-1:111111111111:dr"][0])`:             text("eu-west-1"),
	}, map[string]string{
		`arn_region("arn:aws:iam::111111111111:role/dr")`:               `"arn" parameter: "arn:aws:iam::111111111111:role/dr" names no region`,
		`arn_region("arn:aws:rds::111111111111:global-cluster:orders")`: `names no region`,
		`arn_region("arn:aws:rds:*:111111111111:db:orders")`:            `names "*", which is not a region such as us-west-2`,
		`arn_region("orders-usw2")`:                                     `"orders-usw2" is not an ARN; write it such as`,
		`arn_region("arn:aws::us-west-2:111111111111:db:orders")`:       `is not an ARN`,
		`arn_region("")`:   `"" is not an ARN`,
		`arn_region(null)`: `argument must not be null`,
	})
}

func TestRPOBreached(t *testing.T) {
	t.Parallel()
	yes, no := knownvalue.Bool(true), knownvalue.Bool(false)
	testFunctions(t, map[string]knownvalue.Check{
		`rpo_breached("5m", "24h")`:           no,
		`rpo_breached("24h", "24h")`:          no,
		`rpo_breached("24h0m1s", "24h")`:      yes,
		`rpo_breached(86400, "24h")`:          no,
		`rpo_breached(86400.5, "24h")`:        yes,
		`rpo_breached("300", "5m")`:           no,
		`rpo_breached(0, "0s")`:               no,
		`rpo_breached(1, "0s")`:               yes,
		`rpo_breached(null, "24h")`:           yes,
		`rpo_breached(-1, "24h")`:             yes,
		`rpo_breached("-1s", "24h")`:          yes,
		`rpo_breached(tonumber(null), "24h")`: yes,
	}, map[string]string{
		`rpo_breached("a bit", "24h")`:  `"lag" parameter: "a bit" is neither a duration nor a number of seconds`,
		`rpo_breached("", "24h")`:       `"" is neither a duration nor a number of seconds`,
		`rpo_breached("1h30", "24h")`:   `"1h30" is neither a duration nor a number of seconds`,
		`rpo_breached(1e12, "24h")`:     `"1000000000000" is neither a duration nor a number of seconds`,
		`rpo_breached("5m", "a day")`:   `"rpo" parameter: "a day" is not a duration`,
		`rpo_breached("5m", 24)`:        `"24" is not a duration; write it such as`,
		`rpo_breached("5m", "-24h")`:    `"-24h" is not between 0s and 8784h0m0s`,
		`rpo_breached(null, "forever")`: `"forever" is not a duration`,
		`rpo_breached("5m", null)`:      `argument must not be null`,
	})
}

func TestRTORemaining(t *testing.T) {
	t.Parallel()
	testFunctions(t, map[string]knownvalue.Check{
		`rto_remaining("2026-03-01T02:47:00Z", "4h", "2026-03-01T03:17:30Z")`:      text("3h29m30s"),
		`rto_remaining("2026-03-01T02:47:00Z", "4h", "2026-03-01T06:47:00Z")`:      text("0s"),
		`rto_remaining("2026-03-01T02:47:00Z", "4h", "2026-03-01T07:02:00Z")`:      text("-15m0s"),
		`rto_remaining("2026-03-01T03:47:00+01:00", "4h", "2026-03-01T02:47:00Z")`: text("4h0m0s"),
		`rto_remaining("2026-03-01T02:48:00Z", "4h", "2026-03-01T02:47:40Z")`:      text("4h0m0s"),
		`rto_remaining(null, "4h", "2026-03-01T02:47:00Z") == null`:                knownvalue.Bool(true),
		// Further apart than a duration reaches: no overflow turns the sign.
		`rto_remaining("0001-01-01T00:00:00Z", "8784h", "9999-01-01T00:00:00Z")`: text((8784*time.Hour - math.MaxInt64).String()),
	}, map[string]string{
		`rto_remaining("02:47", "4h", "2026-03-01T02:47:00Z")`:                `"started" parameter: "02:47" is not an RFC 3339 date and time`,
		`rto_remaining("2026-03-01T02:47:00Z", "4", "2026-03-01T02:47:00Z")`:  `"rto" parameter: "4" is not a duration`,
		`rto_remaining("2026-03-01T02:47:00Z", "4h", "now")`:                  `"now" parameter: "now" is not an RFC 3339 date and time`,
		`rto_remaining("2026-03-01T02:47:00Z", "4h", null)`:                   `argument must not be null`,
		`rto_remaining("2026-03-01T02:47:00Z", null, "2026-03-01T02:47:00Z")`: `argument must not be null`,
		`rto_remaining(null, "4h", "2026-03-01")`:                             `"2026-03-01" is not an RFC 3339 date and time`,
	})
}

// TestFunctionsOfTheUnknown are answered once the arguments are known, and not
// before: that a value is not known yet says nothing of its health.
func TestFunctionsOfTheUnknown(t *testing.T) {
	t.Parallel()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: `
resource "terraform_data" "lag" {
  input = "30h"
}

output "breached" {
  value = provider::dr::rpo_breached(terraform_data.lag.output, "24h")
}
`,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownOutputValue("breached")},
			},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownOutputValue("breached", knownvalue.Bool(true)),
			},
		}},
	})
}
