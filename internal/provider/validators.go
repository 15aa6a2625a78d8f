// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// checkString is a validator, of attributes and of the functions' parameters,
// made of one function that returns what is wrong.
type checkString struct {
	description string
	check       func(string) error
}

// Description implements validator.String.
func (v checkString) Description(context.Context) string { return v.description }

// MarkdownDescription implements validator.String.
func (v checkString) MarkdownDescription(context.Context) string { return v.description }

// ValidateString implements validator.String.
func (v checkString) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := v.check(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value",
			fmt.Sprintf("%s: %v.", req.Path, err))
	}
}

// ValidateParameterString implements function.StringParameterValidator.
func (v checkString) ValidateParameterString(_ context.Context, req function.StringParameterValidatorRequest, resp *function.StringParameterValidatorResponse) {
	if req.Value.IsNull() || req.Value.IsUnknown() {
		return
	}
	if err := v.check(req.Value.ValueString()); err != nil {
		resp.Error = function.NewArgumentFuncError(req.ArgumentPosition, err.Error())
	}
}

// isDuration accepts durations as Go writes them, from low to high.
func isDuration(low, high time.Duration) checkString {
	return checkString{
		description: fmt.Sprintf("a duration from %s to %s", low, high),
		check: func(s string) error {
			d, err := time.ParseDuration(s)
			switch {
			case err != nil:
				return fmt.Errorf(`%q is not a duration; write it such as "30s", "5m" or "1h30m"`, s)
			case d < low || d > high:
				return fmt.Errorf("%q is not between %s and %s", s, low, high)
			}
			return nil
		},
	}
}

// durationOr is a validated duration, or def when it is null.
func durationOr(v types.String, def time.Duration) time.Duration {
	if d, err := time.ParseDuration(v.ValueString()); err == nil {
		return d
	}
	return def
}

// isTimestamp accepts RFC 3339 date-times.
func isTimestamp() checkString {
	return checkString{
		description: "an RFC 3339 date and time",
		check: func(s string) error {
			if _, err := time.Parse(time.RFC3339, s); err != nil {
				return fmt.Errorf(`%q is not an RFC 3339 date and time such as "2026-03-01T02:47:00Z"`, s)
			}
			return nil
		},
	}
}

var (
	regionShape  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	roleARNShape = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)
	windowShape  = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)
)

// isRegion accepts what has the shape of a region: the regions that exist are
// for AWS to know.
func isRegion() validator.String {
	return checkString{
		description: "a region such as us-west-2",
		check: func(s string) error {
			if !regionShape.MatchString(s) {
				return fmt.Errorf("%q is not a region; write it such as us-west-2", s)
			}
			return nil
		},
	}
}

// isRegionOrGlobal accepts aws-global too, where Route 53 and IAM live.
func isRegionOrGlobal() validator.String {
	return checkString{
		description: "a region such as us-west-2, or " + awsclient.GlobalRegion,
		check: func(s string) error {
			if s != awsclient.GlobalRegion && !regionShape.MatchString(s) {
				return fmt.Errorf("%q is neither a region such as us-west-2 nor %s", s, awsclient.GlobalRegion)
			}
			return nil
		},
	}
}

func isRoleARN() validator.String {
	return checkString{
		description: "the ARN of an IAM role",
		check: func(s string) error {
			if !roleARNShape.MatchString(s) {
				return fmt.Errorf("%q is not the ARN of a role; write it such as arn:aws:iam::123456789012:role/dr", s)
			}
			return nil
		},
	}
}

func isURL() validator.String {
	return checkString{
		description: "an http or https URL",
		// The value is not repeated: it may hold a password.
		check: func(s string) error {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
				return errors.New("not a URL; write it such as https://rds.us-west-2.amazonaws.com")
			}
			if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				return errors.New("the URL must have neither user, query nor fragment")
			}
			return nil
		},
	}
}

// isFenceProof accepts what fences say of themselves.
func isFenceProof() validator.String {
	return checkString{
		description: "the attribute proof of a fence",
		check: func(s string) error {
			_, err := fence.Parse(s)
			return err
		},
	}
}

// isWindow accepts RDS's daily windows, in UTC.
func isWindow() validator.String {
	return checkString{
		description: "a daily window in UTC such as 03:00-03:30",
		check: func(s string) error {
			if !windowShape.MatchString(s) {
				return fmt.Errorf("%q is not a daily window; write it (UTC) such as 03:00-03:30", s)
			}
			return nil
		},
	}
}
