// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"maps"
	"slices"

	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
	"github.com/drstate/terraform-provider-dr/sandbox/s3"
	"github.com/drstate/terraform-provider-dr/sandbox/secretsmanager"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// Endpoint is the URL at which every service of every region answers.
func (s *Sandbox) Endpoint() string { return s.endpoint }

// DNSAddr is the HOST:PORT at which the hosted zones are answered.
func (s *Sandbox) DNSAddr() string { return s.dns }

// RegionEndpoints are the regions' own endpoints by region, GlobalRegion's
// among them: with the region, connections to them fail.
func (s *Sandbox) RegionEndpoints() map[string]string { return maps.Clone(s.regions) }

// Databases that descend from the scenario's, as they are now: an instance that
// was renamed or built since then is among them.
func (s *Sandbox) Databases() []Database {
	if s.world.Databases == nil {
		return []Database{}
	}
	return s.world.Databases()
}

// Applications of the scenario.
func (s *Sandbox) Applications() []Application { return slices.Clone(s.world.Applications) }

// CAFile is the PEM file of the CA that signs the certificates of databases and
// applications.
func (s *Sandbox) CAFile() string { return s.world.CAFile }

// DataDir keeps the real parts' files.
func (s *Sandbox) DataDir() string { return s.options.DataDir }

// Engine has the calls, the faults and the regions' states.
func (s *Sandbox) Engine() *engine.Engine { return s.engine }

// STS is the simulated Security Token Service.
func (s *Sandbox) STS() *sts.Service { return s.world.STS }

// S3 is the simulated S3.
func (s *Sandbox) S3() *s3.Service { return s.world.S3 }

// Route53 is the simulated Route 53.
func (s *Sandbox) Route53() *route53.Service { return s.world.Route53 }

// RDS is the simulated RDS.
func (s *Sandbox) RDS() *rds.Service { return s.world.RDS }

// CloudWatch is the simulated CloudWatch.
func (s *Sandbox) CloudWatch() *cloudwatch.Service { return s.world.CloudWatch }

// EC2 is the simulated EC2: the databases' network.
func (s *Sandbox) EC2() *ec2.Service { return s.world.EC2 }

// Secrets is the simulated Secrets Manager.
func (s *Sandbox) Secrets() *secretsmanager.Service { return s.world.Secrets }

// Env is what an AWS client needs in its environment to talk to the sandbox as
// the workload account, and nothing else.
func (s *Sandbox) Env() []string { return Environment(s.endpoint) }

// Misleading are the variables that could lead a client elsewhere than
// Environment says: a profile, and endpoints of single services.
func Misleading() []string {
	return []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_ROUTE_53",
		"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS",
	}
}

// Environment is Env for a sandbox that runs elsewhere on this machine. It
// empties what would make the SDK pass these keys or this endpoint over; see
// Misleading for what only a shell can unset.
func Environment(endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_ACCESS_KEY_ID=" + engine.WorkloadAccessKey,
		"AWS_SECRET_ACCESS_KEY=any-secret-is-accepted-here",
		"AWS_SESSION_TOKEN=",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false",
		"AWS_REGION=us-west-2",
		"AWS_DEFAULT_REGION=us-west-2",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_STS_REGIONAL_ENDPOINTS=regional",
	}
}
