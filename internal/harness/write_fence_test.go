// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// fenceConfiguration has a fence for each way to log in.
const fenceConfiguration = `
terraform {
  required_providers {
    dr = { source = "drstate/dr" }
  }
}

variable "fenced" { type = bool }
variable "database" { type = any }

provider "dr" {
  region    = "us-west-2"
  endpoints = { secretsmanager = var.database.secrets }
}

resource "dr_postgresql_write_fence" "by_environment" {
  host               = var.database.host
  hostaddr           = var.database.hostaddr
  database           = "orders"
  ca_certificate_pem = var.database.ca
  roles              = ["orders_app"]
  fenced             = var.fenced
}

resource "dr_postgresql_write_fence" "by_secret" {
  host               = var.database.host
  hostaddr           = var.database.hostaddr
  database           = "orders"
  ca_certificate_pem = var.database.ca
  secret_arn         = "arn:aws:secretsmanager:us-west-2:111111111111:secret:orders-AbCdEf"
  roles              = ["orders_app"]
  fenced             = var.fenced
}

resource "dr_postgresql_write_fence" "by_token" {
  host               = var.database.host
  hostaddr           = var.database.hostaddr
  database           = "orders"
  ca_certificate_pem = var.database.ca
  iam_authentication = { username = "dradmin", region = "us-east-1" }
  roles              = ["orders_app"]
  fenced             = true
  required           = false
}
`

// TestWriteFenceSecrets fences at TRACE with passwords in the environment and in
// a secret, and with a token that the server refuses, and looks for them in
// everything that is left behind or was said.
func TestWriteFenceSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t, "TF_LOG=TRACE")
	s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, TimeScale: timeScale})
	d := s.Databases()[0]
	secrets := map[string]string{
		"PGPASSWORD":                   d.Password,
		"a wrong PGPASSWORD":           "pl4nted-wrong-password",
		"secret":                       "pl4nted-secret's-password",
		"the application's":            d.Application.Password,
		"the signature of IAM's token": "X-Amz-Signature=",
	}
	login := postgres.Login{User: d.User, Password: d.Password, Database: d.Name}
	if err := s.RDS().Server(engine.WorkloadAccount, d.Region, d.Identifier).Exec(t.Context(), login,
		"CREATE ROLE dr_fence LOGIN CREATEROLE PASSWORD '"+strings.ReplaceAll(secrets["secret"], "'", "''")+"'",
		"GRANT pg_signal_backend TO dr_fence"); err != nil {
		t.Fatal(err)
	}
	manager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		secret, _ := json.Marshal(map[string]string{"username": "dr_fence", "password": secrets["secret"]})
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": string(secret)})
	}))
	t.Cleanup(manager.Close)
	ca, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	logs := filepath.Join(r.w.Dir, "logs")
	variables, err := json.Marshal(map[string]any{"database": map[string]string{
		"host": d.Endpoint, "hostaddr": d.Host, "ca": string(ca), "secrets": manager.URL,
	}})
	if err == nil {
		err = os.Mkdir(logs, 0o755)
	}
	for name, content := range map[string]string{"main.tf": fenceConfiguration, "terraform.tfvars.json": string(variables)} {
		if err == nil {
			err = r.w.Write(name, content)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r.w.Setenv("TF_LOG_PATH="+filepath.Join(logs, "trace.log"), "PGUSER=dradmin", "PGPASSWORD="+d.Password)

	var said strings.Builder
	run := func(want int, args ...string) string {
		t.Helper()
		result := r.w.Run(t.Context(), append(args, "-no-color")...)
		said.WriteString(result.Output)
		if result.Code != want {
			t.Fatalf("terraform %v ended with %d, want %d:\n%s", args, result.Code, want, result.Output)
		}
		return result.Output
	}
	run(0, "apply", "-auto-approve", "-var=fenced=false")
	run(0, "plan", "-out=fence.tfplan", "-var=fenced=true")
	run(0, "show", "-json", "fence.tfplan")
	run(0, "apply", "fence.tfplan")
	run(0, "show", "-json")
	run(0, "plan", "-detailed-exitcode", "-var=fenced=true")
	for name, want := range map[string]string{"by_environment": "held", "by_secret": "held", "by_token": "unreached"} {
		attributes, err := r.w.Attributes("dr_postgresql_write_fence", name)
		if proof := fmt.Sprint(attributes["proof"]); err != nil || !strings.HasPrefix(proof, want+" ") {
			t.Errorf("%s: the proof is %s, want %s: %v", name, proof, want, err)
		}
	}
	r.w.Setenv("PGPASSWORD=" + secrets["a wrong PGPASSWORD"])
	if output := run(1, "apply", "-auto-approve", "-var=fenced=false"); !strings.Contains(output, "password authentication failed") {
		t.Errorf("the server's words are missing:\n%s", output)
	}
	lookEverywhere(t, secrets, r.w.Dir, said.String())
}
