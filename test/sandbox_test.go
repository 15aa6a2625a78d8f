// SPDX-License-Identifier: MPL-2.0

package test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// needsPostgreSQL skips where there is no server to be found, so that a laptop
// without one can run the rest. CI should set DR_REQUIRE_POSTGRES.
func needsPostgreSQL(t *testing.T) {
	t.Helper()
	if os.Getenv("DR_REQUIRE_POSTGRES") != "" || os.Getenv("DR_POSTGRES") != "" {
		return
	}
	if _, err := exec.LookPath("postgres"); err == nil {
		return
	}
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) > 0 {
		return
	}
	t.Skip("SKIPPED: no PostgreSQL server on PATH or under /usr/lib/postgresql; set DR_REQUIRE_POSTGRES=1 to have one fetched")
}

// terraformBinary is $DR_TERRAFORM, or else terraform or tofu on PATH.
func terraformBinary(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("DR_TERRAFORM"), "terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("SKIPPED: neither terraform nor tofu is on PATH, and DR_TERRAFORM is not set")
	return ""
}

// sandboxOverride replaces, in the example, what is the sandbox's own: its
// security groups, where the application answers, and who answers for the zone.
// Terraform merges files that are called *_override.tf into the others.
func sandboxOverride(t *testing.T, aws *sandbox.Sandbox) string {
	t.Helper()
	var targets, urls strings.Builder
	port := ""
	for _, app := range aws.Applications() {
		u, err := url.Parse(app.HTTPS)
		if err != nil {
			t.Fatal(err)
		}
		port = u.Port()
		fmt.Fprintf(&targets, "        %s = { records = [%q] }\n", app.Region, u.Hostname())
		fmt.Fprintf(&urls, "        %s = %q\n", app.Region, app.HTTPS+"/health")
	}
	return fmt.Sprintf(`
module "orders" {
  databases = {
    orders = {
      members = {
        us-east-1 = { db_instance_identifier = "orders", backup_retention_period = 7 }
        us-west-2 = { db_instance_identifier = "orders-usw2", backup_retention_period = 7 }
      }
      fence = {
        us-east-1 = [%q]
        us-west-2 = [%q]
      }
    }
  }

  records = {
    app = {
      zone_id = "Z0EXAMPLE00000000001"
      name    = "app.example.com"
      type    = "A"
      ttl     = 5
      targets = {
%s      }
    }
  }

  verifications = {
    app = {
      url       = "https://app.example.com:%s/health"
      json_path = "region"
      target_urls = {
%s      }
      resolver           = %q
      ca_certificate_pem = file(%q)
      interval           = "500ms"
    }
  }
}
`, scenario.FenceGroup(scenario.PrimaryRegion), scenario.FenceGroup(scenario.StandbyRegion), targets.String(), port, urls.String(), aws.DNSAddr(), aws.CAFile())
}

// environment leads Terraform to the sandbox, and to the provider that `make
// build` built. Without this, a suite takes the provider from its registry.
func environment(t *testing.T, aws *sandbox.Sandbox) map[string]string {
	t.Helper()
	const version = "0.1.0"
	dir := t.TempDir()
	binary, err := os.ReadFile("../bin/terraform-provider-dr")
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal("bin/terraform-provider-dr is missing: run `make build` first, or `make test-terratest`")
	}
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		path := filepath.Join(dir, "mirror", host, "drstate", "dr", version, runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-dr_v"+version)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, binary, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "terraform.rc")
	write(t, config, fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(dir, "mirror")))
	env := map[string]string{"TF_CLI_CONFIG_FILE": config, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
	for _, entry := range aws.Env() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
