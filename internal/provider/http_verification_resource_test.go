// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const verification = "dr_http_verification.app"

// endpoint is an application whose region can change.
type endpoint struct {
	*httptest.Server
	region     atomic.Value
	hits       atomic.Int32
	authorised atomic.Int32
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{}
	e.region.Store("us-east-1")
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.hits.Add(1)
		if r.Header.Get("Authorization") == "Bearer planted-secret" {
			e.authorised.Add(1)
		}
		_, _ = fmt.Fprintf(w, `{"region":%q,"writable":true}`, e.region.Load())
	}))
	t.Cleanup(e.Close)
	return e
}

// config verifies that a region serves the endpoint.
func (e *endpoint) config(region, more string) string {
	return fmt.Sprintf(`
provider "dr" {
  region = "us-west-2"
}

resource "dr_http_verification" "app" {
  url        = "%s/health"
  json_value = { path = "region", value = %[2]q }
  interval   = "50ms"
  triggers   = { active_region = %[2]q }
  timeouts   = { create = "3s", update = "3s" }
  %[3]s
}
`, e.URL, region, more)
}

func verifies(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(verification, action)}}
}

func TestVerificationRunsAgainWhenTriggered(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	address := strings.TrimPrefix(e.URL, "http://")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{ // a failure on create leaves nothing, and tells what was seen
				Config:      e.config("us-west-2", ""),
				ExpectError: words(`region is "us-east-1", want "us-west-2"`),
			},
			{
				PreConfig:        func() { e.hits.Store(0) },
				Config:           e.config("us-east-1", ""),
				ConfigPlanChecks: verifies(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(verification, tfjsonpath.New("attempts"), knownvalue.Int64Exact(3)),
					statecheck.ExpectKnownValue(verification, tfjsonpath.New("address"), knownvalue.StringExact(address)),
					statecheck.ExpectKnownValue(verification, tfjsonpath.New("verified_at"), knownvalue.NotNull()),
				},
				Check: func(*terraform.State) error {
					if n := e.hits.Load(); n != 3 {
						return fmt.Errorf("%d requests, want 3", n)
					}
					return nil
				},
			},
			{ // a failure on update keeps the prior trigger …
				Config:           e.config("us-west-2", ""),
				ConfigPlanChecks: verifies(plancheck.ResourceActionUpdate),
				ExpectError:      words(`Nothing was changed by this check`),
			},
			{ // … so that there is something to do
				PreConfig:        func() { e.region.Store("us-west-2") },
				Config:           e.config("us-west-2", ""),
				ConfigPlanChecks: verifies(plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(verification, tfjsonpath.New("triggers").AtMapKey("active_region"), knownvalue.StringExact("us-west-2")),
				},
			},
			{ // a secret header is sent, and kept nowhere
				Config: e.config("us-west-2", `
					headers_wo = { Authorization = "Bearer planted-secret" }
					headers    = { Accept = "application/json" }`),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(verification, tfjsonpath.New("headers_wo"), knownvalue.Null()),
				},
				Check: func(s *terraform.State) error {
					if e.authorised.Load() == 0 {
						return fmt.Errorf("headers_wo was not sent")
					}
					if strings.Contains(s.String(), "planted-secret") {
						return fmt.Errorf("the secret is in the state")
					}
					return nil
				},
			},
		},
	})
}

func TestVerificationIsImportedAndThenRun(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config: e.config("us-east-1", ""), ResourceName: verification, ImportState: true, ImportStatePersist: true,
				ImportStateId: e.URL + "/health",
			},
			{
				Config:           e.config("us-east-1", ""),
				ConfigPlanChecks: verifies(plancheck.ResourceActionUpdate),
			},
		},
	})
}

func TestVerificationRefusesBadInput(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	change := func(from, to string) string { return strings.Replace(e.config("us-east-1", ""), from, to, 1) }
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: change(`json_value =`, `# json_value =`), ExpectError: words("At least one of these attributes must be configured")},
			{Config: change(`path = "region"`, `path = "a..b"`), ExpectError: words("member names joined by single dots")},
			{Config: change(`"50ms"`, `"often"`), ExpectError: words(`"often" is not a duration`)},
			{Config: change(`http://`, `http://user:planted-secret@`), ExpectError: words("must not hold a user or a password")},
			{Config: e.config("us-east-1", `body_regex = "("`), ExpectError: words("missing closing )")},
			{Config: e.config("us-east-1", `resolver = "10.0.0.2"`), ExpectError: words(`"10.0.0.2" is not HOST:PORT`)},
			{Config: e.config("us-east-1", `expected_status = 1000`), ExpectError: words("must be between 100 and 599")},
			{Config: e.config("us-east-1", `method = "POST"`), ExpectError: words("value must be one of")},
			{Config: e.config("us-east-1", `ca_certificate_pem = "nonsense"`), ExpectError: words("holds no certificate in PEM")},
		},
		CheckDestroy: func(*terraform.State) error {
			if n := e.hits.Load(); n != 0 {
				return fmt.Errorf("%d requests although everything was refused", n)
			}
			return nil
		},
	})
}

func TestVerificationWithUnknownInput(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: strings.ReplaceAll(e.config("us-east-1", ""), `{ path = "region", value = "us-east-1" }`, "terraform_data.later.output") + `
resource "terraform_data" "later" {
  input = { path = "region", value = "us-east-1" }
}
`,
			ConfigPlanChecks: verifies(plancheck.ResourceActionCreate),
		}},
	})
}
