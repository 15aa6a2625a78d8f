// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

var _ function.Function = rtoRemainingFunction{}

func newRTORemainingFunction() function.Function { return rtoRemainingFunction{} }

type rtoRemainingFunction struct{}

// Metadata implements function.Function.
func (rtoRemainingFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "rto_remaining"
}

// Definition implements function.Function.
func (rtoRemainingFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "What is left of the RTO.",
		MarkdownDescription: "What is left of the recovery time objective, a duration such as `3h29m30s`; with a `-` before it, how long ago " +
			"the objective was missed.\n\n" +
			"The function reads no clock. `plantimestamp()` is the time of the plan, and known in it; `timestamp()` is only known " +
			"after apply. Made a root output, what is left makes every plan non-empty.\n\n" +
			"Where `started` is null no clock runs, and the result is null. A `now` before `started` (clocks differ, or the time " +
			"was rounded up) leaves the whole objective, never more.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "started",
				MarkdownDescription: "When the clock started (RFC 3339); null in peacetime.",
				AllowNullValue:      true,
				Validators:          []function.StringParameterValidator{isTimestamp()},
			},
			function.StringParameter{
				Name:                "rto",
				MarkdownDescription: "The objective, a duration such as `4h`. Null is an error.",
				Validators:          []function.StringParameterValidator{isObjective()},
			},
			function.StringParameter{
				Name:                "now",
				MarkdownDescription: "The time to reckon from (RFC 3339). Null is an error.",
				Validators:          []function.StringParameterValidator{isTimestamp()},
			},
		},
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (rtoRemainingFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var started *string
	var rto, now string
	if resp.Error = req.Arguments.Get(ctx, &started, &rto, &now); resp.Error != nil {
		return
	}
	var left *string
	if started != nil {
		var err error
		if left, err = rtoRemaining(*started, rto, now); err != nil {
			resp.Error = function.NewFuncError(err.Error())
			return
		}
	}
	resp.Error = resp.Result.Set(ctx, left)
}

func rtoRemaining(started, rto, now string) (*string, error) {
	from, err := time.Parse(time.RFC3339, started)
	if err != nil {
		return nil, err
	}
	to, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return nil, err
	}
	objective, err := time.ParseDuration(rto)
	if err != nil {
		return nil, err
	}
	left := (objective - max(0, to.Sub(from))).String()
	return &left, nil
}
