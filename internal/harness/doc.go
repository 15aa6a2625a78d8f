// SPDX-License-Identifier: MPL-2.0

// Package harness drives the real Terraform (or OpenTofu) and the real provider
// as processes, and ends them by pid at a chosen moment. Unit tests and
// terraform-plugin-testing run the provider inside the test; what an operator's
// lost laptop or a reaped CI runner does to an apply can only be seen from
// outside.
//
// It knows Terraform's command line, its files and its processes. It knows
// neither the sandbox nor any resource: those are in its tests, and in
// tools/bench, which shares the driver.
package harness
