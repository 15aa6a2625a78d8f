// SPDX-License-Identifier: MPL-2.0

// Package scenario holds the worlds that a sandbox can start with. A scenario
// is a function that seeds the services; adding one is a file with a call of
// register in its init.
package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/cloudwatch"
	"github.com/drstate/terraform-provider-dr/sandbox/ec2"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
	"github.com/drstate/terraform-provider-dr/sandbox/s3"
	"github.com/drstate/terraform-provider-dr/sandbox/secretsmanager"
	"github.com/drstate/terraform-provider-dr/sandbox/sts"
)

// World is what a scenario seeds, and what it tells about the result.
type World struct {
	Engine  *engine.Engine
	STS     *sts.Service
	S3      *s3.Service
	Route53 *route53.Service
	EC2     *ec2.Service
	Secrets *secretsmanager.Service
	// RDS publishes its metrics in CloudWatch.
	RDS        *rds.Service
	CloudWatch *cloudwatch.Service
	// StateOnly instances have no PostgreSQL server behind them.
	StateOnly bool

	// CA signs the certificates of databases and applications; CAFile holds
	// its own.
	CA     *app.CA
	CAFile string

	// Databases lists the instances that have the scenario's users, as they are
	// when it is called; nil if there are none.
	Databases func() []Database
	// Applications that the scenario made.
	Applications []Application
	// Closers are run in reverse when the sandbox stops.
	Closers []func() error
}

// Database is an instance that a client can connect to. Host and Port are what
// it connects to; in a state-only sandbox nothing listens there. Endpoint is the
// name in its certificate. User is the master, Application the role that the
// application writes as, which is neither.
type Database struct {
	Identifier  string `json:"identifier"`
	Region      string `json:"region"`
	Host        string `json:"host"`
	Endpoint    string `json:"endpoint"`
	Port        int    `json:"port"`
	Name        string `json:"name"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Application Role   `json:"application"`
}

// Role is who logs in to a database.
type Role struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Application is a region's instance of the application.
type Application struct {
	Region string `json:"region"`
	HTTP   string `json:"http"`
	HTTPS  string `json:"https"`
}

// Scenario seeds a world.
type Scenario struct {
	Name, Summary string
	Build         func(context.Context, *World) error
}

var known = map[string]Scenario{}

func register(s Scenario) { known[s.Name] = s }

// Names of the scenarios there are, sorted.
func Names() []string { return slices.Sorted(maps.Keys(known)) }

// Find returns the scenario of a name.
func Find(name string) (Scenario, error) {
	s, ok := known[name]
	if !ok {
		return Scenario{}, fmt.Errorf("there is no scenario %q; there is: %s", name, strings.Join(Names(), ", "))
	}
	return s, nil
}
