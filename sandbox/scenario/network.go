// SPDX-License-Identifier: MPL-2.0

package scenario

import (
	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
)

// VPC is the id of a region's VPC, which holds the region's database.
func VPC(region string) string { return ec2.ID("vpc", TwoRegion, region) }

// Subnets are the ids of the two subnets of a region's VPC.
func Subnets(region string) []string {
	return []string{ec2.ID("subnet", TwoRegion, region, "a"), ec2.ID("subnet", TwoRegion, region, "b")}
}

// DatabaseGroup is the id of a region's security group orders-db: it lets the
// applications in.
func DatabaseGroup(region string) string { return ec2.ID("sg", TwoRegion, region, "orders-db") }

// FenceGroup is the id of a region's security group orders-fence: it lets nobody
// in.
func FenceGroup(region string) string { return ec2.ID("sg", TwoRegion, region, "orders-fence") }

// databasePort is PostgreSQL's own.
const databasePort = 5432

// placement of a region's database.
func placement(region string) rds.Placement {
	return rds.Placement{SubnetGroup: SubnetGroup, ParameterGroup: ParameterGroup, SecurityGroups: []string{DatabaseGroup(region)}}
}

func seedNetwork(w *World) error {
	for _, region := range []string{PrimaryRegion, StandbyRegion} {
		subnets := Subnets(region)
		err := w.EC2.SeedVPC(ec2.VPC{
			Account: engine.WorkloadAccount, Region: region, ID: VPC(region), CIDR: "10.0.0.0/16", Name: "orders",
			Subnets: []ec2.Subnet{{ID: subnets[0], CIDR: "10.0.0.0/24", Zone: "a"}, {ID: subnets[1], CIDR: "10.0.1.0/24", Zone: "b"}},
		})
		if err != nil {
			return err
		}
		for _, g := range []ec2.Group{
			{
				ID: DatabaseGroup(region), Name: "orders-db", Description: "Applications to the database",
				Ingress: []ec2.Ingress{{Port: databasePort, CIDR: "10.0.0.0/8"}},
			},
			{ID: FenceGroup(region), Name: "orders-fence", Description: "Nobody to the database"},
		} {
			g.Account, g.Region, g.VPC = engine.WorkloadAccount, region, VPC(region)
			if err := w.EC2.SeedGroup(g); err != nil {
				return err
			}
		}
		if err := w.RDS.SeedSubnetGroup(engine.WorkloadAccount, region, SubnetGroup, subnets...); err != nil {
			return err
		}
		w.RDS.SeedParameterGroup(engine.WorkloadAccount, region, ParameterGroup, "postgres")
	}
	return nil
}
