// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const appRecord = "dr_route53_failover_record.app"

// planned checks the action and the answer of a plan.
func planned(action plancheck.ResourceActionType, answer ...string) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(appRecord, action),
		plancheck.ExpectKnownValue(appRecord, tfjsonpath.New("fqdn"), knownvalue.StringExact("app.example.com")),
		plancheck.ExpectKnownValue(appRecord, tfjsonpath.New("answer"), exactly(answer)),
	}}
}

// settled checks the state after an apply.
func settled(active string, answer ...string) []statecheck.StateCheck {
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue(appRecord, tfjsonpath.New("active"), knownvalue.StringExact(active)),
		statecheck.ExpectKnownValue(appRecord, tfjsonpath.New("answer"), exactly(answer)),
		statecheck.ExpectKnownValue(appRecord, tfjsonpath.New("sync_status"), knownvalue.StringExact("INSYNC")),
		statecheck.ExpectKnownValue(appRecord, tfjsonpath.New("id"), knownvalue.StringExact(dnsZone+"_app.example.com_A")),
	}
}

func exactly(values []string) knownvalue.Check {
	var checks []knownvalue.Check
	for _, v := range values {
		checks = append(checks, knownvalue.StringExact(v))
	}
	return knownvalue.ListExact(checks)
}

// words matches an error text whatever way Terraform wraps its lines.
func words(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(strings.Fields(regexp.QuoteMeta(text)), `[\s│|]+`))
}

func TestRecordFollowsActive(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             func(*terraform.State) error { return w.serves(westIP) }, // destroy only forgets
		Steps: []resource.TestStep{
			{
				Config:            w.app("us-east-1", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionCreate, eastIP),
				ConfigStateChecks: settled("us-east-1", eastIP),
				Check:             func(*terraform.State) error { return w.serves(eastIP) },
			},
			{
				PreConfig:         func() { w.Engine().ResetCalls() },
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
				Check: func(*terraform.State) error {
					if n := w.calls("ChangeResourceRecordSets"); n != 1 {
						return fmt.Errorf("%d change batches, want 1", n)
					}
					return w.serves(westIP)
				},
			},
			{
				ResourceName:            appRecord,
				ImportState:             true,
				ImportStateId:           dnsZone + "_app.example.com_A",
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: []string{"active", "targets", "change_id", "timeouts"},
			},
		},
	})
}

func TestRecordIsAdoptedWithoutAChange(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	w.seed(t, "app.example.com", westIP)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionCreate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
				Check: func(*terraform.State) error {
					if n := w.calls("ChangeResourceRecordSets"); n != 0 {
						return fmt.Errorf("%d changes to a record that was as it should be", n)
					}
					return nil
				},
			},
			{ // it disappears, and comes back
				PreConfig:         func() { w.remove(t) },
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionCreate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
			},
			{ // drift is repaired
				PreConfig:         func() { w.seed(t, "app.example.com", "203.0.113.9") },
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
				Check:             func(*terraform.State) error { return w.serves(westIP) },
			},
			{ // what a killed apply may have sent is confirmed
				PreConfig: func() {
					w.seed(t, "app.example.com", eastIP)
					w.Engine().ResetCalls()
				},
				Config:            w.app("us-east-1", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, eastIP),
				ConfigStateChecks: settled("us-east-1", eastIP),
				Check: func(*terraform.State) error {
					if changes, looks := w.calls("ChangeResourceRecordSets"), w.calls("GetChange"); changes != 1 || looks == 0 {
						return fmt.Errorf("%d changes and %d looks at them: the answer was not confirmed", changes, looks)
					}
					return nil
				},
			},
			{ // another spelling is no other record
				Config:           strings.ReplaceAll(w.app("us-east-1", ""), `"app.example.com"`, `"App.example.com."`),
				ConfigPlanChecks: planned(plancheck.ResourceActionUpdate, eastIP),
			},
		},
	})
}

func TestRecordInImportIsMovedByTheNextApply(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	w.seed(t, "app.example.com", eastIP)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config: w.app("us-east-1", ""), ResourceName: appRecord, ImportState: true, ImportStatePersist: true,
				ImportStateId: dnsZone + "_app.example.com_A",
			},
			{
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
			},
		},
	})
}

func TestRecordRefusals(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	w.seed(t, "app.example.com", "203.0.113.9")
	change := func(from, to string) string { return strings.Replace(w.app("us-west-2", ""), from, to, 1) }
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.app("us-west-2", ""), ExpectError: words("set allow_overwrite = true")},
			{Config: w.app("us-west-2", ""), PlanOnly: true, ExpectError: words("already there, as 203.0.113.9")},
			{Config: change(dnsZone, "Z0NOWHERE"), ExpectError: words("Hosted zone Z0NOWHERE does not exist")},
			{Config: w.app("eu-west-1", ""), ExpectError: words(`"eu-west-1" is none of targets`)},
			{Config: change("ttl     = 5", ""), ExpectError: words("needs a ttl")},
			{Config: change(`"A"`, `"AX"`), ExpectError: words("value must be one of")},
			{Config: w.app("us-west-2", `set_identifier = "a"`), ExpectError: words("A simple record has no set_identifier")},
			{Config: w.app("us-west-2", `weighted_routing_policy = { weight = 1 }`), ExpectError: words("needs a set_identifier")},
			{
				Config: w.app("us-west-2", `set_identifier = "a"
					weighted_routing_policy = { weight = 1 }
					latency_routing_policy = { region = "us-west-2" }`),
				ExpectError: words("cannot be configured together"),
			},
			{Config: change(`records = ["192.0.2.2"]`, ""), ExpectError: words("needs either records or alias")},
			{Config: w.app("us-west-2", `timeouts = { create = "soon" }`), ExpectError: words("must be a string")},
			{Config: change(`"192.0.2.2"`, `"not an address"`), ExpectError: regexp.MustCompile(`203.0.113.9|Route 53 refused`)},
		},
		CheckDestroy: func(*terraform.State) error {
			if n := w.calls("ChangeResourceRecordSets"); n != 0 {
				return fmt.Errorf("%d changes although everything was refused", n)
			}
			return w.serves("203.0.113.9")
		},
	})
}

func TestRecordSaysWhatIsStuckAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.app("us-east-1", "")},
			{ // the control plane is silent: the plan keeps what is known, the apply says what is stuck
				PreConfig:   func() { w.Engine().SetRegion(engine.GlobalRegion, engine.BlackHoled) },
				Config:      w.app("us-west-2", ""),
				ExpectError: words("app.example.com A is stuck on its way from us-east-1 to us-west-2"),
			},
			{ // it answers again: the prior goal was kept, so that there is something to do
				PreConfig:         func() { w.Engine().SetRegion(engine.GlobalRegion, engine.Up) },
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
				Check:             func(*terraform.State) error { return w.serves(westIP) },
			},
		},
	})
}

func TestRecordMeetsDenialThrottlingAndTimeOut(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	var fault *engine.ActiveFault
	inject := func(f engine.Fault) func() {
		return func() {
			if fault != nil {
				fault.Remove()
			}
			f.Service = "route53"
			fault = w.Engine().AddFault(f)
		}
	}
	denied := &engine.Error{Code: "AccessDenied", Status: 403, Message: "not authorized"}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				PreConfig: inject(engine.Fault{Operation: "ListResourceRecordSets", Kind: engine.FaultError, Error: denied}),
				Config:    w.app("us-east-1", ""), ExpectError: words("Allow route53:ListResourceRecordSets"),
			},
			{
				PreConfig: inject(engine.Fault{Operation: "ChangeResourceRecordSets", Kind: engine.FaultError, Error: denied}),
				Config:    w.app("us-east-1", ""), ExpectError: words("Allow route53:ChangeResourceRecordSets"),
			},
			{ // throttled for a while: it only takes longer
				PreConfig: inject(engine.Fault{Kind: engine.FaultThrottle, Times: 5}),
				Config:    w.app("us-east-1", ""), ConfigStateChecks: settled("us-east-1", eastIP),
			},
			{ // never confirmed: the time-out names the change and what to raise
				PreConfig:   inject(engine.Fault{Operation: "GetChange", Kind: engine.FaultThrottle}),
				Config:      w.app("us-west-2", `timeouts = { update = "2s" }`),
				ExpectError: words("raise timeouts"),
			},
			{
				PreConfig:         func() { fault.Remove(); fault = nil },
				Config:            w.app("us-west-2", ""),
				ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, westIP),
				ConfigStateChecks: settled("us-west-2", westIP),
			},
			{ // a lost answer is asked for again
				PreConfig:         inject(engine.Fault{Operation: "ChangeResourceRecordSets", Kind: engine.FaultReset, When: engine.After, Times: 1}),
				Config:            w.app("us-east-1", ""),
				ConfigStateChecks: settled("us-east-1", eastIP),
			},
		},
	})
}

func TestRecordPlansWithUnknownInput(t *testing.T) {
	t.Parallel()
	w := newDNSWorld(t)
	config := w.provider() + fmt.Sprintf(`
resource "terraform_data" "known_later" {
  input = { zone = %[1]q, address = %[2]q, routing = { weight = 1 } }
}

resource "dr_route53_failover_record" "app" {
  zone_id                 = terraform_data.known_later.output.zone
  name                    = "app.example.com"
  type                    = "A"
  ttl                     = 5
  set_identifier          = "us"
  weighted_routing_policy = terraform_data.known_later.output.routing
  active                  = "us-west-2"
  targets                 = { us-west-2 = { records = [terraform_data.known_later.output.address] } }
  delete_on_destroy       = true
}
`, dnsZone, westIP)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             func(*terraform.State) error { return w.serves() }, // delete_on_destroy
		Steps: []resource.TestStep{{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(appRecord, tfjsonpath.New("fqdn"), knownvalue.StringExact("app.example.com")),
				plancheck.ExpectUnknownValue(appRecord, tfjsonpath.New("answer")),
			}},
			Check: func(*terraform.State) error { return w.serves(westIP) },
		}},
	})
}
