// SPDX-License-Identifier: MPL-2.0

// Package awsclient makes the AWS clients of one provider configuration: one
// per service and region, built when first asked for, with the credentials,
// endpoint overrides and retries of the configuration.
//
// Every region has a circuit breaker: the time that the process spends without
// any answer from it is charged to one budget, and when that is spent, calls to
// the region fail at once. Clients never use the global STS endpoint, and
// nothing here logs a credential.
package awsclient

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

// GlobalRegion is the region of services with one control plane for all
// regions (Route 53), as far as the circuit breaker is concerned.
const GlobalRegion = "aws-global"

// DefaultRegionTimeout is the budget of a region's circuit breaker.
const DefaultRegionTimeout = 3 * time.Second

// The time-outs of a single attempt at a call. Essential calls have nothing
// else but their context to end them.
const (
	attemptTimeout   = 10 * time.Second
	product          = "terraform-provider-dr"
	maxAttempts      = 12
	maxRetryDelay    = 5 * time.Second
	credentialWindow = time.Minute
)

// Config is the provider's configuration as far as AWS is concerned.
type Config struct {
	// Region of calls that name none, and of STS.
	Region string
	// Profile of the shared configuration files.
	Profile string
	// AssumeRole is a chain: each role is assumed with the credentials of the
	// one before it, the first one with those of the default chain.
	AssumeRole []AssumeRole
	// Endpoints by service: rds, route53, cloudwatch, ec2, s3, secretsmanager, sts.
	Endpoints map[string]string
	// FailedRegions are not called at all.
	FailedRegions []string
	// RegionTimeout is the budget of each region's circuit breaker;
	// DefaultRegionTimeout when zero.
	RegionTimeout time.Duration
	// Version of the provider, for the user agent ("terraform-provider-dr/1.2.3").
	Version string
	// OnCall, if set, is told of every finished call.
	OnCall func(context.Context, Call)
}

// AssumeRole is one link of a chain of roles.
type AssumeRole struct {
	RoleARN     string
	SessionName string
	ExternalID  string
	// Duration of the session, 0 for the SDK's 15 minutes.
	Duration time.Duration
}

// Call is what OnCall is told: no parameter and no credential.
type Call struct {
	Service, Operation, Region, RequestID string
	Duration                              time.Duration
	Err                                   error
}

// Clients are safe for concurrent use. Making them calls nothing.
type Clients struct {
	cfg  Config
	base aws.Config

	mu         sync.Mutex
	breakers   map[string]*breaker
	rds        map[string]*rds.Client
	cloudwatch map[string]*cloudwatch.Client
	ec2        map[string]*ec2.Client
	s3         map[string]*s3.Client
	secrets    map[string]*secretsmanager.Client
	route53    *route53.Client
}

// New reads the shared configuration files and the environment. It makes no
// call.
func New(ctx context.Context, cfg Config) (*Clients, error) {
	if cfg.RegionTimeout <= 0 {
		cfg.RegionTimeout = DefaultRegionTimeout
	}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient()),
		config.WithRetryer(newRetryer),
	}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	if cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(cfg.Profile))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if base.Region == "" {
		return nil, ErrNoRegion
	}
	cfg.Region = base.Region
	if cfg.Version != "" {
		base.APIOptions = append(base.APIOptions, awsmiddleware.AddUserAgentKeyValue(product, cfg.Version))
	}
	c := &Clients{
		cfg:        cfg,
		base:       base,
		breakers:   map[string]*breaker{},
		rds:        map[string]*rds.Client{},
		cloudwatch: map[string]*cloudwatch.Client{},
		ec2:        map[string]*ec2.Client{},
		s3:         map[string]*s3.Client{},
		secrets:    map[string]*secretsmanager.Client{},
	}
	for _, role := range cfg.AssumeRole {
		c.base.Credentials = c.assume(role)
	}
	return c, nil
}

// assume makes the credentials of a role, taken with those of c.base so far.
func (c *Clients) assume(role AssumeRole) aws.CredentialsProvider {
	client := sts.NewFromConfig(c.region(c.STSRegion()), func(o *sts.Options) {
		if url := c.cfg.Endpoints["sts"]; url != "" {
			o.BaseEndpoint = &url
		}
	})
	provider := stscreds.NewAssumeRoleProvider(client, role.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = role.SessionName
		if o.RoleSessionName == "" {
			o.RoleSessionName = product
		}
		if role.ExternalID != "" {
			o.ExternalID = &role.ExternalID
		}
		o.Duration = role.Duration
	})
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = credentialWindow
	})
}

// Region is the region of calls that name none.
func (c *Clients) Region() string { return c.cfg.Region }

// Listed says that a region is one of the failed ones.
func (c *Clients) Listed(region string) bool { return slices.Contains(c.cfg.FailedRegions, region) }

// AssumesRole says that credentials come from STS, in STSRegion.
func (c *Clients) AssumesRole() bool { return len(c.cfg.AssumeRole) > 0 }

// STSRegion is the region whose STS endpoint gives out the credentials.
func (c *Clients) STSRegion() string { return c.cfg.Region }

// RDS is the client of a region; the provider's when region is empty.
func (c *Clients) RDS(region string) *rds.Client {
	return regional(c, c.rds, "rds", region, func(cfg aws.Config, url *string) *rds.Client {
		return rds.NewFromConfig(cfg, func(o *rds.Options) { o.BaseEndpoint = cmp.Or(url, o.BaseEndpoint) })
	})
}

// CloudWatch is the client of a region; the provider's when region is empty.
func (c *Clients) CloudWatch(region string) *cloudwatch.Client {
	return regional(c, c.cloudwatch, "cloudwatch", region, func(cfg aws.Config, url *string) *cloudwatch.Client {
		return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { o.BaseEndpoint = cmp.Or(url, o.BaseEndpoint) })
	})
}

// EC2 is the client of a region; the provider's when region is empty.
func (c *Clients) EC2(region string) *ec2.Client {
	return regional(c, c.ec2, "ec2", region, func(cfg aws.Config, url *string) *ec2.Client {
		return ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.BaseEndpoint = cmp.Or(url, o.BaseEndpoint) })
	})
}

// S3 is the client of a region; the provider's when region is empty.
func (c *Clients) S3(region string) *s3.Client {
	return regional(c, c.s3, "s3", region, func(cfg aws.Config, url *string) *s3.Client {
		return s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint = cmp.Or(url, o.BaseEndpoint) })
	})
}

// SecretsManager is the client of a region; the provider's when region is empty.
func (c *Clients) SecretsManager(region string) *secretsmanager.Client {
	return regional(c, c.secrets, "secretsmanager", region, func(cfg aws.Config, url *string) *secretsmanager.Client {
		return secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.BaseEndpoint = cmp.Or(url, o.BaseEndpoint) })
	})
}

// regional is the one client of a service in a region; made when first asked
// for, with the URL that the configuration gives instead of AWS's own, or nil.
func regional[T any](c *Clients, made map[string]*T, service, region string, build func(aws.Config, *string) *T) *T {
	if region == "" {
		region = c.cfg.Region
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := made[region]
	if !ok {
		var endpoint *string
		if url := c.cfg.Endpoints[service]; url != "" {
			endpoint = &url
		}
		client = build(c.regionLocked(region), endpoint)
		made[region] = client
	}
	return client
}

// Credentials are those of the calls, for what is signed elsewhere.
func (c *Clients) Credentials() aws.CredentialsProvider { return c.base.Credentials }

// Route53 is the client of the global service.
func (c *Clients) Route53() *route53.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.route53 == nil {
		cfg := c.regionLocked(GlobalRegion)
		// The provider's region names the partition; the SDK signs for the
		// partition's global endpoint.
		cfg.Region = c.cfg.Region
		c.route53 = route53.NewFromConfig(cfg, func(o *route53.Options) {
			if url := c.cfg.Endpoints["route53"]; url != "" {
				o.BaseEndpoint = &url
			}
		})
	}
	return c.route53
}

func (c *Clients) region(name string) aws.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.regionLocked(name)
}

// regionLocked is the configuration of one region's clients. Each region has
// connections of its own, so that held ones block nothing else.
func (c *Clients) regionLocked(name string) aws.Config {
	b, ok := c.breakers[name]
	if !ok {
		b = newBreaker(name, c.cfg.RegionTimeout, slices.Contains(c.cfg.FailedRegions, name))
		c.breakers[name] = b
	}
	cfg := c.base.Copy()
	cfg.Region = name
	if client, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		cfg.HTTPClient = client.WithTransportOptions()
	}
	cfg.HTTPClient = &regionClient{inner: cfg.HTTPClient, timeout: attemptTimeout}
	guard := &guard{breaker: b, credentials: cfg.Credentials, onCall: c.cfg.OnCall}
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(guard, middleware.After)
	})
	return cfg
}

// newRetryer retries throttling adaptively. The number of attempts is high
// because it is the breaker, for a region that does not answer, and the
// context, for one that does, that end a call.
func newRetryer() aws.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) {
			o.MaxAttempts = maxAttempts
			o.MaxBackoff = maxRetryDelay
			o.Backoff = backoff{}
			o.RateLimiter = unlimited{}
		})
	})
}
