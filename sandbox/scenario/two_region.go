// SPDX-License-Identifier: MPL-2.0

package scenario

import (
	"context"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// The names of the scenario two-region.
const (
	TwoRegion     = "two-region"
	PrimaryRegion = "us-east-1"
	StandbyRegion = "us-west-2"
	PrimaryID     = "orders"
	ReplicaID     = "orders-usw2"
	ZoneName      = "example.com"
	ZoneID        = "Z0EXAMPLE00000000001"
	RecordName    = "app.example.com"
	RecordTTL     = 5
	DNSRoleARN    = "arn:aws:iam::222222222222:role/dr-dns"
	StateBucket   = "acme-dr-state-usw2"
)

func init() {
	register(Scenario{
		Name:    TwoRegion,
		Summary: "orders in us-east-1 with a replica in us-west-2, app.example.com, an application per region",
		Build:   twoRegion,
	})
}

func twoRegion(ctx context.Context, w *World) error {
	w.STS.AddRole(sts.Role{ARN: DNSRoleARN, TrustedAccounts: []string{engine.WorkloadAccount, engine.DNSAccount}})
	if err := w.S3.AddBucket(StandbyRegion, engine.WorkloadAccount, StateBucket); err != nil {
		return err
	}
	if err := w.Route53.SeedZone(engine.DNSAccount, ZoneID, ZoneName); err != nil {
		return err
	}
	return nil
}
