// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// attributeError is a domain error that lies at one attribute.
type attributeError interface {
	error
	// Attribute is the name of the attribute at fault, "" for none.
	Attribute() string
}

// detailedError is a domain error that is explained in full sentences: what was
// attempted on what, the cause, what was already done, the next step.
type detailedError interface {
	error
	Detail() string
}

// addError adds a domain error under a constant summary ("Unable to Promote
// Replica"), at the attribute that it names.
func addError(diags *diag.Diagnostics, summary string, err error) {
	if err == nil {
		return
	}
	// Errors that were joined are errors of their own.
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost
		for _, err := range joined.Unwrap() {
			addError(diags, summary, err)
		}
		return
	}
	detail := errorDetail(err)
	if at, ok := errors.AsType[attributeError](err); ok && at.Attribute() != "" {
		diags.AddAttributeError(path.Root(at.Attribute()), summary, detail)
		return
	}
	diags.AddError(summary, detail)
}

// errorDetail is the long text of an error.
func errorDetail(err error) string {
	if d, ok := errors.AsType[detailedError](err); ok {
		return d.Detail()
	}
	detail := awsclient.Explain(err)
	if advice := awsclient.Advice(err); advice != "" {
		detail += "\n\n" + advice
	}
	return detail
}
