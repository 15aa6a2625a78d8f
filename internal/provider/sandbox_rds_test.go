// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"testing"

	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

const (
	east      = scenario.PrimaryRegion
	west      = scenario.StandbyRegion
	replicaID = scenario.ReplicaID
	promotion = "dr_rds_replica_promotion.orders"
)

// rdsWorld is a sandbox with the database orders and its replica.
type rdsWorld struct {
	*sandbox.Sandbox
	t *testing.T
}

// newRDSWorld starts one in which a promotion takes a second or so.
func newRDSWorld(t *testing.T) *rdsWorld { return newSlowRDSWorld(t, 600) }

func newSlowRDSWorld(t *testing.T, scale float64) *rdsWorld {
	t.Helper()
	return &rdsWorld{t: t, Sandbox: sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: true, TimeScale: scale})}
}

// provider is the provider's configuration.
func (w *rdsWorld) provider(more string) string {
	return fmt.Sprintf(`
provider "dr" {
  region         = "us-west-2"
  endpoints      = { rds = %[1]q, ec2 = %[1]q, cloudwatch = %[1]q, sts = %[1]q }
  poll_interval  = "50ms"
  region_timeout = "1s"
  %[2]s
}
`, w.Endpoint(), more)
}

// promotion is the configuration of the replica's promotion.
func (w *rdsWorld) promotion(promoted bool, more string) string {
	return w.provider("") + fmt.Sprintf(`
resource "dr_rds_replica_promotion" "orders" {
  db_instance_identifier  = "orders-usw2"
  promoted                = %t
  backup_retention_period = 7
  %s
}
`, promoted, more)
}

// with lets a test go on where the harness takes a plain function.
func (w *rdsWorld) with(f func() error) func() {
	return func() {
		if err := f(); err != nil {
			w.t.Error(err)
		}
	}
}

// lose takes the source's region away.
func (w *rdsWorld) lose() { w.Engine().SetRegion(east, engine.Down) }

// mutations that were asked for since the last reset.
func (w *rdsWorld) mutations() (names []string) {
	for _, c := range w.Engine().Calls() {
		if c.Mutating && c.Service == "rds" {
			names = append(names, c.Operation)
		}
	}
	return names
}

// changed fails unless exactly these calls were made since the last reset.
func (w *rdsWorld) changed(want ...string) error {
	if got := w.mutations(); !slices.Equal(got, want) {
		return fmt.Errorf("changing calls: %q, want %q", got, want)
	}
	return nil
}

// promotedTimes fails unless the replica's promotion took effect so often.
func (w *rdsWorld) promotedTimes(want int) error {
	if got := w.RDS().PromotionCount(engine.WorkloadAccount, west, replicaID); got != want {
		return fmt.Errorf("%d promotions took effect, want %d", got, want)
	}
	return nil
}

// api is a client as somebody else would have it.
func (w *rdsWorld) api(region string) *awsrds.Client {
	clients, err := awsclient.New(context.Background(), awsclient.Config{Region: region, Endpoints: map[string]string{"rds": w.Endpoint()}})
	if err != nil {
		w.t.Fatal(err)
	}
	return clients.RDS(region)
}
