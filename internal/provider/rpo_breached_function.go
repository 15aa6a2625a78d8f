// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

var _ function.Function = rpoBreachedFunction{}

func newRPOBreachedFunction() function.Function { return rpoBreachedFunction{} }

type rpoBreachedFunction struct{}

// Metadata implements function.Function.
func (rpoBreachedFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "rpo_breached"
}

// Definition implements function.Function.
func (rpoBreachedFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Whether a lag is more than the RPO allows.",
		MarkdownDescription: "Whether a lag is more than the recovery point objective allows; a lag of exactly the objective is not.\n\n" +
			"Unknown is not healthy: a lag that is null, or negative (RDS's `ReplicaLag` is -1 when nothing replicates), breaches " +
			"every objective.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name: "lag",
				MarkdownDescription: "How far behind the copy is: a duration such as `90s`, or a number of seconds, as in `lag_seconds` " +
					"of `dr_replication_status`. Null if unknown.",
				AllowNullValue: true,
				Validators:     []function.StringParameterValidator{isLag()},
			},
			function.StringParameter{
				Name:                "rpo",
				MarkdownDescription: "The objective, a duration such as `24h`. Null is an error.",
				Validators:          []function.StringParameterValidator{isObjective()},
			},
		},
		Return: function.BoolReturn{},
	}
}

// Run implements function.Function.
func (rpoBreachedFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var lag *string
	var rpo string
	if resp.Error = req.Arguments.Get(ctx, &lag, &rpo); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, rpoBreached(lag, rpo))
}

// rpoBreached takes what the parameters' validators let through.
func rpoBreached(lag *string, rpo string) bool {
	if lag == nil {
		return true
	}
	behind, err := parseLag(*lag)
	objective, errRPO := time.ParseDuration(rpo)
	return err != nil || errRPO != nil || behind < 0 || behind > objective
}

var secondsShape = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// parseLag reads a duration, or a number as seconds: Terraform passes numbers
// to a string parameter as their digits.
func parseLag(s string) (time.Duration, error) {
	if secondsShape.MatchString(s) {
		s += "s"
	}
	return time.ParseDuration(s)
}

func isLag() checkString {
	return checkString{
		description: "a duration, or a number of seconds",
		check: func(s string) error {
			if _, err := parseLag(s); err != nil {
				return fmt.Errorf(`%q is neither a duration nor a number of seconds; write it such as "90s", "5m" or 90`, s)
			}
			return nil
		},
	}
}

// isObjective accepts recovery objectives: those of more than a year are
// mistakes.
func isObjective() checkString { return isDuration(0, 366*24*time.Hour) }
