// SPDX-License-Identifier: MPL-2.0

package sandboxtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// circle drives the scenario's two members and its applications.
type circle struct {
	t    *testing.T
	s    *sandbox.Sandbox
	apps map[string]string
	rows int
	// real databases replicate rows; state-only ones have none.
	real bool
}

func (c *circle) rds(region string) *rds.Client {
	return rds.New(rds.Options{
		Region: region, BaseEndpoint: aws.String(c.s.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", ""),
	})
}

func (c *circle) until(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// is waits until an instance is available, and a writer or not.
func (c *circle) is(region, id string, writer bool) {
	c.t.Helper()
	c.until(fmt.Sprintf("%s is available (as writer: %t)", id, writer), func() bool {
		db, err := c.s.RDS().Describe(engine.WorkloadAccount, region, id)
		return err == nil && aws.ToString(db.DBInstanceStatus) == "available" && (aws.ToString(db.ReadReplicaSourceDBInstanceIdentifier) == "") == writer
	})
}

// order writes a row through the application of a region, which has to find its
// database by name.
func (c *circle) order(region string) {
	c.t.Helper()
	c.rows++
	body := fmt.Sprintf(`{"id":"11111111-2222-4333-8444-%012d"}`, c.rows)
	c.until("the application of "+region+" takes a row", func() bool {
		status, _ := do(c.t, "POST", c.apps[region]+"/orders", body)
		return status == 201
	})
}

func (c *circle) counts(region string) {
	c.t.Helper()
	if !c.real {
		return
	}
	c.until(fmt.Sprintf("the application of %s reads %d rows", region, c.rows), func() bool {
		status, body := do(c.t, "GET", c.apps[region]+"/orders/count", "")
		return status == 200 && strings.Contains(body, fmt.Sprintf(`"count":%d`, c.rows))
	})
}

func (c *circle) promote(region, id string) {
	c.t.Helper()
	_, err := c.rds(region).PromoteReadReplica(c.t.Context(), &rds.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String(id), BackupRetentionPeriod: aws.Int32(7)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.is(region, id, true)
}

// reprotect retires an old writer and builds a replica of the new one under its
// name.
func (c *circle) reprotect(region, id, sourceRegion, source string) {
	c.t.Helper()
	_, err := c.rds(region).ModifyDBInstance(c.t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String(id), NewDBInstanceIdentifier: aws.String(id + "-retired-20260304"), ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.is(region, id+"-retired-20260304", true)
	if status, body := do(c.t, "GET", c.apps[region]+"/health", ""); status != 503 {
		c.t.Errorf("the application of %s is healthy without a database of its name: %d %s", region, status, body)
	}
	_, err = c.rds(region).CreateDBInstanceReadReplica(c.t.Context(), &rds.CreateDBInstanceReadReplicaInput{
		DBInstanceIdentifier: aws.String(id), SourceDBInstanceIdentifier: aws.String("arn:aws:rds:" + sourceRegion + ":" + engine.WorkloadAccount + ":db:" + source),
		DBSubnetGroupName: aws.String(scenario.SubnetGroup), DBParameterGroupName: aws.String(scenario.ParameterGroup),
		VpcSecurityGroupIds: []string{scenario.DatabaseGroup(region)}, DeletionProtection: aws.Bool(true),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("orders")}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.is(region, id, false)
}

// A region is lost and comes back, its old writer is retired and replaced, and the
// same again the other way: no row is lost, and each application finds its
// database by name throughout.
func TestTheWholeCircle(t *testing.T) {
	t.Parallel()
	for name, stateOnly := range map[string]bool{"state-only": true, "real": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: stateOnly, TimeScale: 600})
			walk(t, s, !stateOnly)
		})
	}
}

func walk(t *testing.T, s *sandbox.Sandbox, withRows bool) {
	t.Helper()
	c := &circle{t: t, s: s, apps: map[string]string{}, real: withRows}
	for _, a := range s.Applications() {
		c.apps[a.Region] = a.HTTP
	}
	c.order(scenario.PrimaryRegion)
	c.counts(scenario.StandbyRegion)

	s.Engine().SetRegion(scenario.PrimaryRegion, engine.Down)
	c.promote(scenario.StandbyRegion, scenario.ReplicaID)
	c.order(scenario.StandbyRegion)
	s.Engine().SetRegion(scenario.PrimaryRegion, engine.Up)
	c.reprotect(scenario.PrimaryRegion, scenario.PrimaryID, scenario.StandbyRegion, scenario.ReplicaID)
	c.counts(scenario.PrimaryRegion)
	c.order(scenario.StandbyRegion)
	c.counts(scenario.PrimaryRegion)

	c.promote(scenario.PrimaryRegion, scenario.PrimaryID)
	c.order(scenario.PrimaryRegion)
	c.reprotect(scenario.StandbyRegion, scenario.ReplicaID, scenario.PrimaryRegion, scenario.PrimaryID)
	c.counts(scenario.StandbyRegion)
	c.order(scenario.PrimaryRegion)
	c.counts(scenario.StandbyRegion)

	names := map[string]bool{}
	for _, d := range s.Databases() {
		names[d.Identifier] = true
		if !withRows {
			continue
		}
		if _, err := session(t, s, d, scenario.Role{User: d.User, Password: d.Password}, d.Endpoint); err != nil {
			t.Errorf("%s cannot be reached as it is shown: %v", d.Identifier, err)
		}
	}
	if len(names) != 4 || !names[scenario.PrimaryID+"-retired-20260304"] {
		t.Errorf("shown are %v", names)
	}
}
