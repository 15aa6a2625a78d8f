// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// The stack of examples/atmos that the rehearsal applies, and the file that
// holds its one line.
const (
	stack     = "acme-sandbox-rehearsal"
	stackFile = "stacks/deployments/acme/sandbox/rehearsal.yaml"
)

// applicationURL is the application by its name, which DNS leads to a region.
func (r *rehearsal) applicationURL() string {
	for _, a := range r.sandbox.ready.Applications {
		if u, err := url.Parse(a.HTTP); err == nil {
			return "http://" + scenario.RecordName + ":" + u.Port()
		}
	}
	return ""
}

// environment is what the stack and its tools need to find the sandbox.
func (r *rehearsal) environment() []string {
	env := sandbox.Environment(r.sandbox.ready.Endpoint)
	env = append(env,
		"DR_SANDBOX_DNS="+r.sandbox.ready.DNS,
		"DR_SANDBOX_HEALTH_URL="+r.applicationURL()+"/health",
		"DR_SANDBOX_SWITCH="+r.by,
	)
	for _, a := range r.sandbox.ready.Applications {
		name := map[string]string{primary: "DR_SANDBOX_APP_USE1", standby: "DR_SANDBOX_APP_USW2"}[a.Region]
		if u, err := url.Parse(a.HTTP); err == nil && name != "" {
			env = append(env, fmt.Sprintf("%s=%s", name, u.Hostname()))
		}
	}
	// The tools of the rehearsal find terraform by their own means; PATH and
	// HOME are all they need beside.
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PATH=") || strings.HasPrefix(kv, "HOME=") {
			env = append(env, kv)
		}
	}
	return env
}
