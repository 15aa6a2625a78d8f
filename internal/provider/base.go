// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/flip"
	"github.com/drstate/terraform-provider-dr/internal/postgres"
	"github.com/drstate/terraform-provider-dr/internal/rds"
	"github.com/drstate/terraform-provider-dr/internal/resolve"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// providerData is what a configured provider gives its resources. It is shared
// by all of them, so that calls are coalesced across resources.
type providerData struct {
	Clients      *awsclient.Clients
	PollInterval time.Duration

	mu         sync.Mutex
	rds        map[string]*rds.Service
	route53    *route53.Service
	flip       *flip.Service
	postgresql *postgres.Service
}

func newProviderData(clients *awsclient.Clients, poll time.Duration) *providerData {
	return &providerData{Clients: clients, PollInterval: poll, rds: map[string]*rds.Service{}}
}

// RDS is the service of a region.
func (d *providerData) RDS(region string) *rds.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.rds[region]
	if !ok {
		s = rds.New(region, d.Clients.RDS(region), d.Clients.CloudWatch(region), rds.Options{
			PollInterval: d.PollInterval,
			Peer:         d.RDS,
			Groups:       d.Clients.EC2(region),
			Log:          logProgress,
		})
		d.rds[region] = s
	}
	return s
}

// Route53 is the service of the provider's account.
func (d *providerData) Route53() *route53.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.route53 == nil {
		d.route53 = route53.New(d.Clients.Route53(), d.PollInterval)
	}
	return d.route53
}

// Flip is the service of the switches in the provider's account.
func (d *providerData) Flip() *flip.Service {
	records := d.Route53()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flip == nil {
		d.flip = flip.New(flip.Options{
			Records: records,
			Checks:  d.Clients.Route53(),
			Metrics: func(region string) flip.Metrics { return d.Clients.CloudWatch(region) },
			Objects: func(region string) flip.Objects { return d.Clients.S3(region) },
			DNS:     func(server string) flip.DNS { return resolve.New(server) },
			Poll:    d.PollInterval,
		})
	}
	return d.flip
}

// PostgreSQL is the service of all servers.
func (d *providerData) PostgreSQL() *postgres.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.postgresql == nil {
		d.postgresql = postgres.New(postgres.Options{
			Secrets:      func(region string) postgres.Secrets { return d.Clients.SecretsManager(region) },
			Credentials:  d.Clients.Credentials(),
			PollInterval: d.PollInterval,
			Log:          logProgress,
		})
	}
	return d.postgresql
}

// logProgress writes what long work does to Terraform's log.
func logProgress(ctx context.Context, message string, fields map[string]any) {
	tflog.Info(ctx, message, fields)
}

// base holds the provider's data. It is nil while the provider's own
// configuration is unknown: see ready.
type base struct{ p *providerData }

// ready says whether AWS can be called; if it cannot, it adds the error. Plan
// modifiers ask b.p != nil instead, and stay quiet.
func (b *base) ready(diags *diag.Diagnostics) bool {
	if b.p != nil {
		return true
	}
	diags.AddError("Unable to Configure Provider",
		"The configuration of provider dr depends on values that are not known yet, so AWS cannot be asked.\n\n"+
			"Apply what those values come from first (terraform apply -target=…), then this.")
	return false
}

func (b *base) take(data any, diags *diag.Diagnostics) {
	switch data := data.(type) {
	case nil:
	case *providerData:
		b.p = data
	default:
		diags.AddError("Unable to Configure Provider", fmt.Sprintf("Unexpected provider data %T: this is a bug in the provider.", data))
	}
}

// resourceBase is embedded by every resource.
type resourceBase struct{ base }

// Configure implements resource.ResourceWithConfigure.
func (b *resourceBase) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	b.take(req.ProviderData, &resp.Diagnostics)
}

// dataSourceBase is embedded by every data source.
type dataSourceBase struct{ base }

// Configure implements datasource.DataSourceWithConfigure.
func (b *dataSourceBase) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	b.take(req.ProviderData, &resp.Diagnostics)
}

// logCall writes one line per AWS call to Terraform's log: never parameters.
func logCall(ctx context.Context, call awsclient.Call) {
	fields := map[string]any{
		"service":     call.Service,
		"operation":   call.Operation,
		"region":      call.Region,
		"request_id":  call.RequestID,
		"duration_ms": call.Duration.Milliseconds(),
	}
	if call.Err != nil {
		fields["error"] = awsclient.Explain(call.Err)
	}
	tflog.Debug(ctx, "AWS call", fields)
}

// lookContext bounds a look at what a resource stands for, by timeouts.read.
func lookContext(ctx context.Context, limits timeouts.Value, diags *diag.Diagnostics) (context.Context, context.CancelFunc) {
	limit, more := limits.Read(ctx, lookTimeout)
	diags.Append(more...)
	return context.WithTimeout(ctx, limit)
}
