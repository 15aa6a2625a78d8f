// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// TestNetworkFenceWithARule has somebody let clients into the group of a fence
// that is held: it does not hold any more, and not by the rule's removal alone.
func TestNetworkFenceWithARule(t *testing.T) {
	t.Parallel()
	w := newRDSWorld(t)
	shut := scenario.FenceGroup(east)
	rule := []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}},
	}}
	clients, err := awsclient.New(t.Context(), awsclient.Config{Region: east, Endpoints: map[string]string{"ec2": w.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	client := clients.EC2(east)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: w.fence(true, "")},
			{
				PreConfig: w.with(func() error {
					_, err := client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &shut, IpPermissions: rule})
					w.Engine().ResetCalls()
					return err
				}),
				Config:      w.promotion(true, `mode = "planned"`+"\nfences = [dr_rds_network_fence.orders.proof]") + w.fenceOnly(true, ""),
				ExpectError: words(`has 1 ingress rules`),
			},
			{
				PreConfig: w.with(func() error {
					err := errors.Join(w.primary(shut, "swapping"), w.changed("AddTagsToResource"))
					if err == nil {
						_, err = client.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &shut, IpPermissions: rule})
					}
					w.Engine().ResetCalls()
					return err
				}),
				Config:            w.fence(true, ""),
				ConfigStateChecks: []statecheck.StateCheck{fenceHas("status", knownvalue.StringExact("fenced"))},
				Check: func(*terraform.State) error {
					return errors.Join(w.primary(shut, "held"), w.changed("AddTagsToResource", "RebootDBInstance", "AddTagsToResource"))
				},
			},
			{Config: w.fence(true, ""), ConfigPlanChecks: emptyPlan},
		},
	})
}
