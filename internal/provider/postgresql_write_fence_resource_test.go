// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

func fenceIs(status string, fenced bool) []statecheck.StateCheck {
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue(writeFence, tfjsonpath.New("status"), knownvalue.StringExact(status)),
		statecheck.ExpectKnownValue(writeFence, tfjsonpath.New("fenced"), knownvalue.Bool(fenced)),
	}
}

func fencePlanned(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(writeFence, action)}}
}

func check(f func() error) resource.TestCheckFunc {
	return func(*terraform.State) error { return f() }
}

// proofIs reads the proof as a promotion would.
func (w *postgresWorld) proofIs(state string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(writeFence, "proof", func(line string) error {
		proof, err := fence.Parse(line)
		if err == nil && (proof.State != state || proof.Kind != fence.KindPostgreSQL || proof.Subject != fence.PostgreSQL(w.source.Endpoint, w.source.Port)) {
			err = fmt.Errorf("the proof is %q, want %s", line, state)
		}
		return err
	})
}

// From peacetime through a fence and back: the application's open session and
// any new one fail, a second plan is empty, drift shows and is mended.
func TestWriteFence(t *testing.T) {
	t.Parallel()
	w := newPostgresWorld(t)
	var open *pgx.Conn
	write := func() error {
		_, err := open.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS t (n int)")
		return err
	}
	fenced := w.fence(w.source, true, ordersApp)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            w.fence(w.source, false, ordersApp),
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionCreate),
				ConfigStateChecks: fenceIs("open", false),
				Check: resource.ComposeAggregateTestCheckFunc(
					w.proofIs("open"), check(w.loggedIn(w.source, true)),
					resource.TestCheckResourceAttr(writeFence, "original_logins.orders_app", "true"),
				),
			},
			{
				ResourceName: writeFence, ImportState: true, ImportStateVerify: true,
				ImportStateId: fmt.Sprintf("%s:5432/orders?roles=orders_app&hostaddr=%s&sslmode=require&secret_arn=%s",
					w.source.Endpoint, w.source.Host, masterSecret),
				ImportStateVerifyIgnore: []string{"sslmode", "ca_certificate_pem", "connect_timeout"},
			},
			{
				PreConfig: func() {
					var err error
					if open, err = w.session(w.source); err == nil {
						err = write()
					}
					if err != nil {
						t.Fatal(err)
					}
				},
				Config:            fenced,
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionUpdate),
				ConfigStateChecks: fenceIs("fenced", true),
				Check: resource.ComposeAggregateTestCheckFunc(w.proofIs("held"), check(w.loggedIn(w.source, false)), check(func() error {
					if err := write(); err == nil {
						return fmt.Errorf("a session that was open before the fence writes")
					}
					return nil
				})),
			},
			{
				Config:           fenced,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
			{ // Somebody lets the application in again: the plan shows it.
				PreConfig:         w.master("ALTER ROLE orders_app LOGIN"),
				Config:            fenced,
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionUpdate),
				ConfigStateChecks: fenceIs("fenced", true),
				Check:             check(w.loggedIn(w.source, false)),
			},
			{ // A fence half undone has to be finished in the other direction too.
				PreConfig:         w.master("ALTER ROLE orders_app LOGIN"),
				Config:            w.fence(w.source, false, ordersApp),
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionUpdate),
				ConfigStateChecks: fenceIs("open", false),
				Check:             resource.ComposeAggregateTestCheckFunc(w.proofIs("open"), check(w.loggedIn(w.source, true))),
			},
			{ // Destroying only forgets.
				Config:            fenced,
				ConfigStateChecks: fenceIs("fenced", true),
			},
		},
		CheckDestroy: check(w.loggedIn(w.source, false)),
	})
}

func TestWriteFenceRefusesInThePlan(t *testing.T) {
	t.Parallel()
	w := newPostgresWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.fence(w.source, true, `roles = ["orders_ap"]`), PlanOnly: true, ExpectError: regexp.MustCompile(`There is no role "orders_ap"`)},
			{Config: w.fence(w.source, true, `roles = ["rdsadmin"]`), PlanOnly: true, ExpectError: regexp.MustCompile(`is a superuser`)},
			{Config: w.fence(w.source, true, `roles = ["dradmin"]`), PlanOnly: true, ExpectError: regexp.MustCompile(`itself logs in as`)},
			{Config: w.fence(w.replica, true, ordersApp), PlanOnly: true, ExpectError: regexp.MustCompile(`is in recovery`)},
			{Config: w.fence(w.source, true, `roles = []`), PlanOnly: true, ExpectError: regexp.MustCompile(`at least 1`)},
			{Config: w.fence(w.source, true, ordersApp+"\niam_authentication = { username = \"x\", region = \"us-east-1\" }"),
				PlanOnly: true, ExpectError: regexp.MustCompile(`(?i)iam_authentication`)},
			{ // A refusal concerns the fence, not the observation.
				Config:            w.fence(w.replica, false, ordersApp),
				ConfigStateChecks: fenceIs("replica", false),
			},
		},
		CheckDestroy: check(w.loggedIn(w.source, true)),
	})
}

// What is not known at plan is looked at by the apply.
func TestWriteFenceOfAHostThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newPostgresWorld(t)
	config := strings.Replace(w.fence(w.source, true, ordersApp), fmt.Sprintf("= %q\n  hostaddr", w.source.Endpoint),
		"= terraform_data.host.output\n  hostaddr", 1) + fmt.Sprintf("resource \"terraform_data\" \"host\" {\n  input = %q\n}\n", w.source.Endpoint)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:            config,
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(writeFence, tfjsonpath.New("id"))}},
			ConfigStateChecks: fenceIs("fenced", true),
			Check:             resource.ComposeAggregateTestCheckFunc(w.proofIs("held"), check(w.loggedIn(w.source, false))),
		}},
	})
}

// An old writer in a region that is lost is fenced best-effort; when the region
// is back, the next plan shows the fence, and its apply makes it.
func TestWriteFenceOfALostRegion(t *testing.T) {
	t.Parallel()
	w := newPostgresWorld(t)
	bestEffort := w.fence(w.source, true, ordersApp+"\nrequired = false")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.fence(w.source, false, ordersApp)},
			{
				PreConfig:   func() { w.Engine().SetRegion(scenario.PrimaryRegion, engine.BlackHoled) },
				Config:      w.fence(w.source, true, ordersApp),
				ExpectError: regexp.MustCompile(`gave no\s+answer`),
			},
			{
				Config:            bestEffort,
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionUpdate),
				ConfigStateChecks: fenceIs("unreached", true),
				Check:             w.proofIs("unreached"),
			},
			{ // Still away: nothing to do, nothing forgotten.
				Config:           bestEffort,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
			{
				PreConfig:         func() { w.Engine().SetRegion(scenario.PrimaryRegion, engine.Up) },
				Config:            bestEffort,
				ConfigPlanChecks:  fencePlanned(plancheck.ResourceActionUpdate),
				ConfigStateChecks: fenceIs("fenced", true),
				Check:             resource.ComposeAggregateTestCheckFunc(w.proofIs("held"), check(w.loggedIn(w.source, false))),
			},
		},
	})
}

// A replica inherits the fence of its source. Declared for each member, one
// change of the goal lifts it once the replica is promoted.
func TestWriteFenceOfAPromotedReplica(t *testing.T) {
	t.Parallel()
	w := newPostgresWorld(t)
	member := func(fenced bool) string { return w.fence(w.replica, fenced, ordersApp+"\nallow_replica = true") }
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            member(true),
				ConfigStateChecks: fenceIs("replica", true),
			},
			{
				PreConfig: func() {
					w.fenceAndPromote()
					if err := w.loggedIn(w.replica, false)(); err != nil {
						t.Error(err)
					}
				},
				Config:            member(false),
				ConfigStateChecks: fenceIs("open", false),
				Check:             check(w.loggedIn(w.replica, true)),
			},
			{
				Config:           member(false),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
		},
		CheckDestroy: check(w.loggedIn(w.source, false)),
	})
}

// fenceAndPromote is what the other resources of a planned failover do.
func (w *postgresWorld) fenceAndPromote() {
	ctx := w.t.Context()
	clients, err := awsclient.New(ctx, awsclient.Config{
		Region: scenario.StandbyRegion, Endpoints: map[string]string{"rds": w.Endpoint(), "secretsmanager": w.Endpoint()}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.fenceSource(ctx, clients); err != nil {
		w.t.Fatal(err)
	}
	id := w.replica.Identifier
	if _, err := clients.RDS(scenario.StandbyRegion).PromoteReadReplica(ctx, &awsrds.PromoteReadReplicaInput{DBInstanceIdentifier: &id}); err != nil {
		w.t.Fatal(err)
	}
	w.awaitWriter(ctx, clients, id)
}
