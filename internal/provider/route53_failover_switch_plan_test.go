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
		back     bool
	}{
		"nothing":            {config: awsclient.Config{Region: "us-west-2", AssumeRole: role, FailedRegions: []string{"us-east-1"}}, from: "us-east-1", prepared: true},
		"Route 53":           {config: awsclient.Config{Region: "us-west-2"}, from: "us-east-1", needs: []string{"Route 53's control plane, in us-east-1"}},
		"the standby":        {config: awsclient.Config{Region: "us-east-1", FailedRegions: []string{"us-west-2"}}, from: "us-west-2", prepared: true, needs: []string{"us-west-2, which is listed in failed_regions"}},
		"STS":                {config: awsclient.Config{Region: "us-east-1", AssumeRole: role}, from: "us-east-1", prepared: true, needs: []string{"STS in us-east-1"}},
		"no role":            {config: awsclient.Config{Region: "us-east-1"}, from: "us-east-1", prepared: true},
		"neither region's":   {config: awsclient.Config{Region: "us-west-2"}, from: "", prepared: true},
		"all that there are": {config: awsclient.Config{Region: "us-east-1", AssumeRole: role, FailedRegions: []string{"us-west-2"}}, from: "us-east-1", needs: []string{"Route 53", "us-west-2", "STS"}},
		"back": {config: awsclient.Config{Region: "us-east-1"}, from: "us-west-2", prepared: true, back: true,
			needs: []string{"us-west-2 or, in its place, Route 53's control plane"}},
		"back from a lost one": {config: awsclient.Config{Region: "us-east-1", FailedRegions: []string{"us-west-2"}}, from: "us-west-2", prepared: true, back: true,
			needs: []string{"Route 53's control plane"}},
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
			call := "cloudwatch:PutMetricData of 1 in us-west-2"
			if tc.back {
				spec.Active, call = spec.Primary, "cloudwatch:PutMetricData of 0 in us-west-2"
			}
			var diags diag.Diagnostics
			r.warnOfMove(tc.from, spec, tc.prepared, &diags)
			if diags.HasError() || len(diags) != 1+len(tc.needs) {
				t.Fatalf("got %v", diags)
			}
			move := diags[0].Summary() + diags[0].Detail()
			if !strings.Contains(move, "app.example.com A: moves from") || !strings.Contains(move, call) || !strings.Contains(move, "30 s") || !strings.Contains(move, "aws cloudwatch put-metric-data --region us-west-2 ") {
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
