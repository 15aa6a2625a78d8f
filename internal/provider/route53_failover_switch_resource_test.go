// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/resolve"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

const appSwitch = "dr_route53_failover_switch.app"

// The two triggers.
const (
	alarmTrigger  = `{ cloudwatch_alarm = {} }`
	objectTrigger = `{ s3_object = { bucket = "acme-switch", key = "switch/app" } }`
)

// newSwitchWorld is a sandbox with the zone, a simple record that serves east,
// and a bucket in us-west-2 that anyone may read.
func newSwitchWorld(t *testing.T) *dnsWorld {
	t.Helper()
	w := newDNSWorld(t)
	w.seed(t, "app.example.com", eastIP)
	for name, region := range map[string]string{"acme-switch": "us-west-2", "acme-private": "us-west-2"} {
		if err := w.S3().AddBucket(region, engine.WorkloadAccount, name); err != nil {
			t.Fatal(err)
		}
	}
	w.S3().OpenBucket("acme-switch", "switch/")
	return w
}

func (w *dnsWorld) switched(active, trigger string) string {
	u := w.Endpoint()
	return fmt.Sprintf(`
provider "dr" {
  region         = "us-west-2"
  endpoints      = { route53 = %q, sts = %q, cloudwatch = %q, s3 = %q }
  poll_interval  = "50ms"
  region_timeout = "1s"
}

resource "dr_route53_failover_switch" "app" {
  zone_id        = %q
  name           = "app.example.com"
  type           = "A"
  ttl            = 5
  primary_region = "us-east-1"
  active         = %q
  targets = {
    us-east-1 = { records = [%q] }
    us-west-2 = { records = [%q] }
  }
  trigger  = %s
  resolver = %q
  timeouts = { create = "1m", update = "1m" }
}
`, u, u, u, u, dnsZone, active, eastIP, westIP, trigger, w.DNSAddr())
}

// answers fails unless DNS leads app.example.com to one address.
func (w *dnsWorld) answers(t *testing.T, want string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		got, err := resolve.New(w.DNSAddr()).Values(t.Context(), "app.example.com", "A")
		if err != nil || !slices.Equal(got, []string{want}) {
			return fmt.Errorf("app.example.com is %v, %w, want %s", got, err, want)
		}
		return nil
	}
}

// mutated are the calls that changed something since the last reset.
func (w *dnsWorld) mutated() (out []string) {
	for _, c := range w.Engine().Calls() {
		if c.TookEffect {
			out = append(out, c.Operation+" in "+c.Region)
		}
	}
	return out
}

func (w *dnsWorld) changedOnly(want ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if got := w.mutated(); !slices.Equal(got, want) {
			return fmt.Errorf("changed by %v, want %v", got, want)
		}
		return nil
	}
}

func switchState(active, status string) []statecheck.StateCheck {
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue(appSwitch, tfjsonpath.New("active"), knownvalue.StringExact(active)),
		statecheck.ExpectKnownValue(appSwitch, tfjsonpath.New("status"), knownvalue.StringExact(status)),
		statecheck.ExpectKnownValue(appSwitch, tfjsonpath.New("id"), knownvalue.StringExact(dnsZone+"_app.example.com_A")),
		statecheck.ExpectKnownValue(appSwitch, tfjsonpath.New("health_check_id"), knownvalue.NotNull()),
	}
}

func switchPlan(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(appSwitch, action)}}
}

// The life of a switch through Terraform: prepared, thrown while Route 53's API
// is gone and us-east-1 swallows packets, imported, and thrown back.
func TestSwitch(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]string{"alarm": alarmTrigger, "object": objectTrigger} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over, back := "PutMetricData in us-west-2", "PutMetricData in us-west-2"
			if trigger == objectTrigger {
				over, back = "PutObject in us-west-2", "DeleteObject in us-west-2"
			}
			w := newSwitchWorld(t)
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				CheckDestroy:             w.answers(t, eastIP), // destroy only forgets
				Steps: []resource.TestStep{
					{
						Config:            w.switched("us-east-1", trigger),
						ConfigPlanChecks:  switchPlan(plancheck.ResourceActionCreate),
						ConfigStateChecks: switchState("us-east-1", "ready"),
						Check:             w.answers(t, eastIP),
					},
					{
						PreConfig: func() {
							w.Engine().SetRegion(engine.GlobalRegion, engine.Down)
							w.Engine().SetRegion("us-east-1", engine.BlackHoled)
							w.Engine().ResetCalls()
						},
						Config: w.switched("us-west-2", trigger),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
							plancheck.ExpectResourceAction(appSwitch, plancheck.ResourceActionUpdate),
							plancheck.ExpectKnownValue(appSwitch, tfjsonpath.New("health_check_id"), knownvalue.NotNull()),
						}},
						ConfigStateChecks: switchState("us-west-2", "ready"),
						Check:             resource.ComposeTestCheckFunc(w.answers(t, westIP), w.changedOnly(over)),
					},
					{
						PreConfig: func() {
							w.Engine().SetRegion(engine.GlobalRegion, engine.Up)
							w.Engine().SetRegion("us-east-1", engine.Up)
						},
						ResourceName: appSwitch, ImportState: true, ImportStateId: dnsZone + "_app.example.com_A",
						ImportStateVerify: true, ImportStateVerifyIgnore: []string{"resolver", "active", "status", "timeouts"},
					},
					{
						PreConfig:         func() { w.Engine().ResetCalls() },
						Config:            w.switched("us-east-1", trigger),
						ConfigStateChecks: switchState("us-east-1", "ready"),
						Check:             resource.ComposeTestCheckFunc(w.answers(t, eastIP), w.changedOnly(back)),
					},
				},
			})
		})
	}
}

// What others change is seen and mended.
func TestSwitchDrift(t *testing.T) {
	t.Parallel()
	w := newSwitchWorld(t)
	metrics, err := awsclient.New(t.Context(), awsclient.Config{Region: "us-west-2", Endpoints: map[string]string{"cloudwatch": w.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	mended := func(harm func()) resource.TestStep {
		return resource.TestStep{
			PreConfig:         harm,
			Config:            w.switched("us-east-1", alarmTrigger),
			ConfigPlanChecks:  switchPlan(plancheck.ResourceActionUpdate),
			ConfigStateChecks: switchState("us-east-1", "ready"),
			Check:             w.answers(t, eastIP),
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.switched("us-east-1", alarmTrigger)},
			mended(func() {
				_, err := metrics.CloudWatch("").DeleteAlarms(t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"dr-switch-" + dnsZone + "-app.example.com-A"}})
				if err != nil {
					t.Error(err)
				}
			}),
			mended(func() {
				out, err := w.api.ListHealthChecks(t.Context(), &route53.ListHealthChecksInput{})
				if err != nil || len(out.HealthChecks) != 1 {
					t.Errorf("%+v, %v", out, err)
					return
				}
				if _, err := w.api.DeleteHealthCheck(t.Context(), &route53.DeleteHealthCheckInput{HealthCheckId: out.HealthChecks[0].Id}); err != nil {
					t.Error(err)
				}
			}),
			{ // the records disappear, and come back
				PreConfig:         func() { w.remove(t) },
				Config:            w.switched("us-east-1", alarmTrigger),
				ConfigPlanChecks:  switchPlan(plancheck.ResourceActionCreate),
				ConfigStateChecks: switchState("us-east-1", "ready"),
				Check:             w.answers(t, eastIP),
			},
			{ // then a failover works
				Config: w.switched("us-west-2", alarmTrigger),
				Check:  w.answers(t, westIP),
			},
		},
	})
}

// With both regions down the error says so, and the next apply goes on.
func TestSwitchWithBothRegionsDown(t *testing.T) {
	t.Parallel()
	w := newSwitchWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.switched("us-east-1", objectTrigger)},
			{
				PreConfig: func() {
					for _, region := range []string{"us-east-1", "us-west-2", engine.GlobalRegion} {
						w.Engine().SetRegion(region, engine.Down)
					}
				},
				Config:      w.switched("us-west-2", objectTrigger),
				ExpectError: words("us-west-2 gives no answer. DNS goes on answering as it did."),
			},
			{
				PreConfig:         func() { w.Engine().SetRegion("us-west-2", engine.Up) },
				Config:            w.switched("us-west-2", objectTrigger),
				ConfigPlanChecks:  switchPlan(plancheck.ResourceActionUpdate),
				ConfigStateChecks: switchState("us-west-2", "ready"),
				Check:             w.answers(t, westIP),
			},
		},
	})
}

func TestSwitchRefusals(t *testing.T) {
	t.Parallel()
	w := newSwitchWorld(t)
	good := w.switched("us-east-1", alarmTrigger)
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	for name, tc := range map[string]struct{ config, want string }{
		"zone":           {with(dnsZone, "Z0NONE"), "Hosted zone Z0NONE does not exist"},
		"bucket":         {w.switched("us-east-1", strings.ReplaceAll(objectTrigger, "acme-switch", "acme-none")), "NoSuchBucket"},
		"private bucket": {w.switched("us-east-1", strings.ReplaceAll(objectTrigger, "acme-switch", "acme-private")), "NoSuchBucketPolicy"},
		"another record": {with(eastIP, "203.0.113.9"), "is already there, as 192.0.2.1"},
		"no trigger":     {with("{ cloudwatch_alarm = {} }", "{}"), "No attribute specified when one (and only one) of"},
		"active":         {with(`active         = "us-east-1"`, `active = "eu-west-1"`), `"eu-west-1" is none of targets`},
		"primary":        {with(`primary_region = "us-east-1"`, `primary_region = "eu-west-1"`), "A switch has two targets"},
		"same targets":   {with(eastIP, westIP), "Both targets are the same"},
		"no ttl":         {with("ttl            = 5", ""), "A target with records needs a ttl"},
		"health":         {with(fmt.Sprintf("{ records = [%q] }", eastIP), `{ alias = { name = "x.example.com", zone_id = "Z1", evaluate_target_health = true } }`), "The switch alone decides"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: tc.config, ExpectError: words(tc.want)}},
			})
		})
	}
	t.Cleanup(func() {
		for _, r := range w.Route53().Records(dnsZone) {
			if aws.ToString(r.Name) == "app.example.com." && r.SetIdentifier != nil {
				t.Errorf("a refusal left %+v", r)
			}
		}
	})
}
