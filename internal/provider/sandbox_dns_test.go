// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
)

// The tests run the provider in this process, so that what the SDK reads from
// the environment is set once for all of them: no profile and no instance's
// credentials may leak in from the machine.
func init() {
	nowhere := filepath.Join(os.TempDir(), "dr-no-such-file")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY": "not-checked", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "CHECKPOINT_DISABLE": "1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	if _, err := os.Stat(os.Getenv("TF_CLI_CONFIG_FILE")); err != nil {
		if err := os.Setenv("TF_CLI_CONFIG_FILE", os.DevNull); err != nil {
			panic(err)
		}
	}
}

// factories serve the provider from this process.
var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"dr": providerserver.NewProtocol6WithError(New("test")()),
}

const (
	dnsZone = "Z0EXAMPLE00000000001"
	eastIP  = "192.0.2.1"
	westIP  = "192.0.2.2"
)

// dnsWorld is a sandbox with the zone example.com.
type dnsWorld struct {
	*sandbox.Sandbox
	api *route53.Client
}

func newDNSWorld(t *testing.T) *dnsWorld {
	t.Helper()
	s := sandboxtest.Start(t, sandbox.Options{StateOnly: true, TimeScale: 200})
	if err := s.Route53().SeedZone(engine.WorkloadAccount, dnsZone, "example.com"); err != nil {
		t.Fatal(err)
	}
	clients, err := awsclient.New(t.Context(), awsclient.Config{Region: "us-west-2", Endpoints: map[string]string{"route53": s.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	return &dnsWorld{Sandbox: s, api: clients.Route53()}
}

// provider is the provider's configuration.
func (w *dnsWorld) provider() string {
	return fmt.Sprintf(`
provider "dr" {
  region         = "us-west-2"
  endpoints      = { route53 = %q, sts = %q }
  poll_interval  = "50ms"
  region_timeout = "1s"
}
`, w.Endpoint(), w.Endpoint())
}

// seed puts an A record into the zone.
func (w *dnsWorld) seed(t *testing.T, name string, addresses ...string) {
	t.Helper()
	if err := w.Route53().SeedA(dnsZone, name, 5, addresses...); err != nil {
		t.Fatal(err)
	}
}

// remove deletes app.example.com, as somebody else would.
func (w *dnsWorld) remove(t *testing.T) {
	t.Helper()
	for _, r := range w.Route53().Records(dnsZone) {
		if aws.ToString(r.Name) != "app.example.com." {
			continue
		}
		_, err := w.api.ChangeResourceRecordSets(context.Background(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: aws.String(dnsZone),
			ChangeBatch:  &types.ChangeBatch{Changes: []types.Change{{Action: types.ChangeActionDelete, ResourceRecordSet: &r}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// serves fails unless app.example.com has these values.
func (w *dnsWorld) serves(want ...string) error {
	var got []string
	for _, r := range w.Route53().Records(dnsZone) {
		if aws.ToString(r.Name) == "app.example.com." {
			for _, v := range r.ResourceRecords {
				got = append(got, aws.ToString(v.Value))
			}
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("app.example.com is %v, want %v", got, want)
	}
	return nil
}

// calls counts the calls of one operation since the last reset that succeeded.
func (w *dnsWorld) calls(operation string) (n int) {
	for _, c := range w.Engine().Calls() {
		if c.Operation == operation && (c.TookEffect || c.Outcome == engine.OutcomeOK) {
			n++
		}
	}
	return n
}

// app is the configuration of app.example.com.
func (w *dnsWorld) app(active, more string) string {
	return w.provider() + fmt.Sprintf(`
resource "dr_route53_failover_record" "app" {
  zone_id = %q
  name    = "app.example.com"
  type    = "A"
  ttl     = 5
  active  = %q
  targets = {
    us-east-1 = { records = [%q] }
    us-west-2 = { records = [%q] }
  }
  %s
}
`, dnsZone, active, eastIP, westIP, more)
}
