// SPDX-License-Identifier: MPL-2.0

//go:build linux

package harness

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// The planted secrets. None looks like what a scanner would know.
var planted = map[string]string{
	"AWS_SECRET_ACCESS_KEY":    "pl4nted/secret+access/key/0123456789abcd",
	"AWS_SESSION_TOKEN":        "pl4nted+session/token/FwoGZXIvYXdzEA==",
	"assume_role.external_id":  "pl4nted-external-id",
	"headers_wo.Authorization": "pl4nted-bearer-token",
}

const secretRole = "arn:aws:iam::222222222222:role/dr-dns-guarded"

// secretConfiguration takes its secrets as a careful user would: from variables
// that Terraform keeps nowhere.
const secretConfiguration = `
terraform {
  required_providers {
    dr = { source = "drstate/dr" }
  }
}

variable "external_id" {
  type      = string
  ephemeral = true
}

variable "token" {
  type      = string
  ephemeral = true
}

variable "settings" { type = any }
variable "active_region" { type = string }

provider "dr" {
  region        = "us-west-2"
  poll_interval = "20ms"
}

provider "dr" {
  alias         = "dns"
  region        = "us-west-2"
  poll_interval = "20ms"
  assume_role = [{
    role_arn    = "` + secretRole + `"
    external_id = var.external_id
  }]
}

resource "dr_rds_replica_promotion" "orders" {
  db_instance_identifier = "orders-usw2"
  promoted               = var.active_region == "us-west-2"
  max_estimated_loss     = "300s"
}

resource "dr_route53_failover_record" "app" {
  provider = dr.dns
  zone_id  = "Z0EXAMPLE00000000001"
  name     = "app.example.com"
  type     = "A"
  ttl      = 5
  targets  = { for region, address in var.settings.addresses : region => { records = [address] } }
  active   = var.active_region

  depends_on = [dr_rds_replica_promotion.orders]
}

resource "dr_http_verification" "app" {
  url        = var.settings.url
  resolver   = var.settings.resolver
  headers_wo = { Authorization = "Bearer ${var.token}" }
  interval   = "100ms"
  json_value = { path = "region", value = var.active_region }
  triggers   = { active_region = var.active_region }

  depends_on = [dr_route53_failover_record.app]
}
`

// TestSecrets fails over at TRACE with secrets in the environment and in the
// provider's configuration, runs into a denial as well, and looks for them in
// everything that is left behind or was said.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const key = "ASIASANDBOXPLANTED01"
	r := newRig(t,
		"AWS_ACCESS_KEY_ID="+key,
		"AWS_SECRET_ACCESS_KEY="+planted["AWS_SECRET_ACCESS_KEY"],
		"AWS_SESSION_TOKEN="+planted["AWS_SESSION_TOKEN"],
		"TF_VAR_external_id="+planted["assume_role.external_id"],
		"TF_VAR_token="+planted["headers_wo.Authorization"],
		"TF_LOG=TRACE",
	)
	logs := filepath.Join(r.w.Dir, "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	r.w.Setenv("TF_LOG_PATH=" + filepath.Join(logs, "trace.log"))
	r.s.Engine().AddKey(key, engine.Identity{
		Account: engine.WorkloadAccount, Principal: "arn:aws:sts::111111111111:assumed-role/operator/planted",
		UserID: "AROASANDBOXPLANTED01:planted", SessionToken: planted["AWS_SESSION_TOKEN"],
	})
	r.s.STS().AddRole(sts.Role{
		ARN: secretRole, TrustedAccounts: []string{engine.WorkloadAccount}, ExternalID: planted["assume_role.external_id"],
	})
	if err := r.w.Write("main.tf", secretConfiguration); err != nil {
		t.Fatal(err)
	}

	var said strings.Builder
	run := func(want int, args ...string) {
		t.Helper()
		result := r.w.Run(t.Context(), append(args, "-no-color")...)
		said.WriteString(result.Output)
		if result.Code != want {
			t.Fatalf("terraform %v ended with %d, want %d:\n%s", args, result.Code, want, result.Output)
		}
	}
	r.activate("us-east-1")
	run(0, "apply", "-auto-approve")

	// An error that quotes the server, once for each provider configuration.
	denied := r.s.Engine().AddFault(engine.Fault{Kind: engine.FaultError, Region: engine.GlobalRegion, Error: &engine.Error{
		Code: "AccessDenied", Status: 403, Message: "User is not authorized to perform this action.",
	}})
	run(1, "plan")
	denied.Remove()
	if err := r.w.Write("wrong.auto.tfvars", `external_id = "`+planted["assume_role.external_id"]+`-wrong"`); err != nil {
		t.Fatal(err)
	}
	run(1, "plan")
	if err := os.Remove(filepath.Join(r.w.Dir, "wrong.auto.tfvars")); err != nil {
		t.Fatal(err)
	}

	r.lose(engine.Down)
	run(0, "plan", "-out=failover.tfplan")
	run(0, "show", "-json", "failover.tfplan")
	run(0, "apply", "failover.tfplan")
	run(0, "show", "-json")
	run(0, "plan", "-detailed-exitcode")
	r.promotedOnce()

	lookEverywhere(t, planted, r.w.Dir, said.String())
}

// lookEverywhere looks for secrets in what was said and in what is left in a
// workspace, a trace among it.
func lookEverywhere(t *testing.T, secrets map[string]string, dir, said string) {
	t.Helper()
	looked := lookFor(t, secrets, "what was said", []byte(said))
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		looked += lookFor(t, secrets, path, content)
		if filepath.Ext(path) == ".tfplan" {
			looked += lookInPlan(t, secrets, path, content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 1<<20 {
		t.Errorf("only %d bytes were looked at: there is no trace among them", looked)
	}
}

// lookInPlan looks into the archive that a plan file is.
func lookInPlan(t *testing.T, secrets map[string]string, path string, content []byte) int {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		inner, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		looked += lookFor(t, secrets, path+"/"+f.Name, inner)
	}
	return looked
}

// lookFor looks for the secrets as they are, encoded for a URL, and in base64
// at each alignment.
func lookFor(t *testing.T, secrets map[string]string, where string, content []byte) int {
	t.Helper()
	for name, secret := range secrets {
		forms := []string{secret, url.QueryEscape(secret)}
		for skip := range 3 {
			forms = append(forms, base64.RawStdEncoding.EncodeToString([]byte(secret)[skip:][:len(secret)/3*3-3]))
		}
		for _, form := range slices.Compact(forms) {
			if i := bytes.Index(content, []byte(form)); i >= 0 {
				t.Errorf("%s is in %s: …%q…", name, where, content[max(0, i-60):min(len(content), i+len(form)+20)])
				break
			}
		}
	}
	return len(content)
}
