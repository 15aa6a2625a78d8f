// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/flip"
)

// Each control plane that a move needs has a warning of its own, and a move that
// needs none has none.
func TestSwitchNamesWhatAMoveNeeds(t *testing.T) {
	t.Parallel()
	role := []awsclient.AssumeRole{{RoleARN: "arn:aws:iam::222222222222:role/dr-dns"}}
	for name, tc := range map[string]struct {
		config   awsclient.Config
		from     string
		prepared bool
		needs    []string
	}{
		"nothing":            {awsclient.Config{Region: "us-west-2", AssumeRole: role, FailedRegions: []string{"us-east-1"}}, "us-east-1", true, nil},
		"Route 53":           {awsclient.Config{Region: "us-west-2"}, "us-east-1", false, []string{"Route 53's control plane, in us-east-1"}},
		"the standby":        {awsclient.Config{Region: "us-east-1", FailedRegions: []string{"us-west-2"}}, "us-west-2", true, []string{"us-west-2, which is listed in failed_regions"}},
		"STS":                {awsclient.Config{Region: "us-east-1", AssumeRole: role}, "us-east-1", true, []string{"STS in us-east-1"}},
		"no role":            {awsclient.Config{Region: "us-east-1"}, "us-east-1", true, nil},
		"neither region's":   {awsclient.Config{Region: "us-west-2"}, "", true, nil},
		"all that there are": {awsclient.Config{Region: "us-east-1", AssumeRole: role, FailedRegions: []string{"us-west-2"}}, "us-east-1", false, []string{"Route 53", "us-west-2", "STS"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clients, err := awsclient.New(t.Context(), tc.config)
			if err != nil {
				t.Fatal(err)
			}
			r := &route53FailoverSwitchResource{}
			r.p = newProviderData(clients, time.Second)
			spec := flip.Spec{
				ZoneID: dnsZone, Name: "app.example.com", Type: "A", TTL: aws.Int64(30), Primary: "us-east-1", Standby: "us-west-2", Active: "us-west-2", Alarm: &flip.Alarm{},
			}
			var diags diag.Diagnostics
			r.warnOfMove(tc.from, spec, tc.prepared, &diags)
			if diags.HasError() || len(diags) != 1+len(tc.needs) {
				t.Fatalf("got %v", diags)
			}
			move := diags[0].Summary() + diags[0].Detail()
			if !strings.Contains(move, "app.example.com A: moves from") || !strings.Contains(move, "cloudwatch:PutMetricData of 1 in us-west-2") || !strings.Contains(move, "30 s") {
				t.Errorf("the move is told as %q", move)
			}
			for _, need := range tc.needs {
				if !slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return strings.HasPrefix(d.Summary(), "This plan needs "+need) }) {
					t.Errorf("nothing says that it needs %s: %v", need, diags)
				}
			}
		})
	}
}
