// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/hashicorp/terraform-plugin-framework/function"
)

var _ function.Function = arnRegionFunction{}

func newARNRegionFunction() function.Function { return arnRegionFunction{} }

type arnRegionFunction struct{}

// Metadata implements function.Function.
func (arnRegionFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "arn_region"
}

// Definition implements function.Function.
func (arnRegionFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Region of an ARN.",
		MarkdownDescription: "Region that an ARN names, such as `us-west-2`.\n\n" +
			"An ARN without a region (IAM, Route 53, an S3 bucket, a global database) is an error, not an empty string: what it " +
			"names lives somewhere nevertheless, and an empty string would pass for *not in the lost region*. Where an ARN may " +
			"have none, or may be null, write `try(provider::dr::arn_region(…), null)`.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "arn", MarkdownDescription: "The ARN. Null is an error."},
		},
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (arnRegionFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var name string
	if resp.Error = req.Arguments.Get(ctx, &name); resp.Error != nil {
		return
	}
	region, err := arnRegion(name)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, region)
}

func arnRegion(name string) (string, error) {
	a, err := arn.Parse(name)
	switch {
	case err != nil || a.Partition == "" || a.Service == "" || a.Resource == "":
		return "", fmt.Errorf("%q is not an ARN; write it such as arn:aws:rds:us-west-2:123456789012:db:orders", name)
	case a.Region == "":
		return "", fmt.Errorf("%q names no region; where an ARN may have none, write try(provider::dr::arn_region(…), null)", name)
	case !regionShape.MatchString(a.Region):
		return "", fmt.Errorf("%q names %q, which is not a region such as us-west-2", name, a.Region)
	}
	return a.Region, nil
}
