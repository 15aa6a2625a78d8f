// SPDX-License-Identifier: MPL-2.0

// Package route53 simulates Amazon Route 53: the control plane's API with its
// validation, changes that are PENDING before they are INSYNC, health checks
// that are really made, and a DNS server that answers the hosted zones from
// what is in sync.
//
// It refuses what it does not simulate (private zones, traffic policies,
// CIDR and geoproximity routing, ARC's routing controls) rather than accept it
// without effect.
package route53

import (
	"crypto/rand"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Defaults of the durations, in simulated time.
const (
	// DefaultPropagation is the time from a change to INSYNC.
	DefaultPropagation = 30 * time.Second
	// DefaultSubmissionWindow is how long a change batch keeps its zone busy;
	// another one that comes meanwhile gets PriorRequestNotComplete.
	DefaultSubmissionWindow = 200 * time.Millisecond
)

// Service is the simulated Route 53.
type Service struct {
	engine *engine.Engine
	now    func() time.Time

	propagation, submission time.Duration
	askerRegion             func(netip.Addr) string
	alarms                  Alarms
	objects                 Objects

	mu      sync.RWMutex
	zones   map[string]*zone // by id
	changes map[string]*change
	checks  map[string]*healthCheck
	retired map[string]bool // caller references of deleted health checks
	tags    map[tagKey]map[string]string
	servers []*DNSServer
	closed  bool
}

// Option changes how the service behaves.
type Option func(*Service)

// WithPropagation sets the simulated time from a change to INSYNC.
func WithPropagation(d time.Duration) Option { return func(s *Service) { s.propagation = d } }

// WithSubmissionWindow sets the simulated time for which a change batch keeps
// its zone busy.
func WithSubmissionWindow(d time.Duration) Option { return func(s *Service) { s.submission = d } }

// WithAskerRegion tells in which AWS region a resolver is, by its address or
// its EDNS client subnet; "" means not known. Latency and geolocation records
// are chosen by it; DefaultAskerRegion is used for a resolver not known.
func WithAskerRegion(f func(netip.Addr) string) Option { return func(s *Service) { s.askerRegion = f } }

// DefaultAskerRegion is where a resolver is taken to be of which nothing is
// known.
const DefaultAskerRegion = "us-east-1"

// New makes the service. Close it, for its DNS servers and health checkers.
func New(e *engine.Engine, opts ...Option) *Service {
	s := &Service{
		engine:      e,
		now:         e.Clock.Now,
		propagation: DefaultPropagation,
		submission:  DefaultSubmissionWindow,
		askerRegion: func(netip.Addr) string { return "" },
		zones:       map[string]*zone{},
		changes:     map[string]*change{},
		checks:      map[string]*healthCheck{},
		retired:     map[string]bool{},
		tags:        map[tagKey]map[string]string{},
	}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Close stops the DNS servers and the health checkers.
func (s *Service) Close() error {
	s.mu.Lock()
	servers := s.servers
	s.servers, s.closed = nil, true
	for _, c := range s.checks {
		c.stop()
	}
	s.mu.Unlock()
	for _, d := range servers {
		_ = d.Close()
	}
	return nil
}

// Definition is the service as the engine serves it.
func (s *Service) Definition() engine.Service {
	const v = "/2013-04-01"
	create := engine.Status(http.StatusCreated)
	location := engine.HeaderField("Location", "Location")
	marker, maxItems := engine.QueryField("marker", "Marker"), engine.QueryField("maxitems", "MaxItems")
	return engine.Service{
		Name:         "route53",
		Global:       true,
		Protocols:    []engine.Protocol{engine.RESTXML},
		XMLNamespace: "https://route53.amazonaws.com/doc/2013-04-01/",
		ListNames: map[string]string{
			"AddTags": "Tag", "Changes": "Change", "ChildHealthChecks": "ChildHealthCheck",
			"HealthCheckObservations": "HealthCheckObservation", "HealthChecks": "HealthCheck",
			"HostedZones": "HostedZone", "NameServers": "NameServer", "RecordData": "RecordDataEntry",
			"Regions": "Region", "RemoveTagKeys": "Key", "ResetElements": "ResettableElementName",
			"ResourceIds": "ResourceId", "ResourceRecordSets": "ResourceRecordSet", "ResourceRecords": "ResourceRecord",
			"ResourceTagSets": "ResourceTagSet", "Tags": "Tag", "VPCs": "VPC",
		},
		Operations: []engine.Operation{
			engine.Op("CreateHostedZone", s.createHostedZone, engine.HTTP("POST", v+"/hostedzone"), engine.Mutating(), create, location),
			engine.Op("GetHostedZone", s.getHostedZone, engine.HTTP("GET", v+"/hostedzone/{Id}")),
			engine.Op("DeleteHostedZone", s.deleteHostedZone, engine.HTTP("DELETE", v+"/hostedzone/{Id}"), engine.Mutating()),
			engine.Op("ListHostedZones", s.listHostedZones, engine.HTTP("GET", v+"/hostedzone"), marker, maxItems,
				engine.QueryField("delegationsetid", "DelegationSetId"), engine.QueryField("hostedzonetype", "HostedZoneType")),
			engine.Op("ListHostedZonesByName", s.listHostedZonesByName, engine.HTTP("GET", v+"/hostedzonesbyname"), maxItems,
				engine.QueryField("dnsname", "DNSName"), engine.QueryField("hostedzoneid", "HostedZoneId")),
			engine.Op("GetHostedZoneCount", s.getHostedZoneCount, engine.HTTP("GET", v+"/hostedzonecount")),
			engine.Op("ChangeResourceRecordSets", s.changeResourceRecordSets, engine.HTTP("POST", v+"/hostedzone/{HostedZoneId}/rrset/"), engine.Mutating()),
			engine.Op("ListResourceRecordSets", s.listResourceRecordSets, engine.HTTP("GET", v+"/hostedzone/{HostedZoneId}/rrset"), maxItems,
				engine.QueryField("name", "StartRecordName"), engine.QueryField("type", "StartRecordType"),
				engine.QueryField("identifier", "StartRecordIdentifier")),
			engine.Op("GetChange", s.getChange, engine.HTTP("GET", v+"/change/{Id}")),
			engine.Op("TestDNSAnswer", s.testDNSAnswer, engine.HTTP("GET", v+"/testdnsanswer"),
				engine.QueryField("hostedzoneid", "HostedZoneId"), engine.QueryField("recordname", "RecordName"),
				engine.QueryField("recordtype", "RecordType"), engine.QueryField("resolverip", "ResolverIP"),
				engine.QueryField("edns0clientsubnetip", "EDNS0ClientSubnetIP"),
				engine.QueryField("edns0clientsubnetmask", "EDNS0ClientSubnetMask")),
			engine.Op("ListTagsForResource", s.listTagsForResource, engine.HTTP("GET", v+"/tags/{ResourceType}/{ResourceId}")),
			engine.Op("ListTagsForResources", s.listTagsForResources, engine.HTTP("POST", v+"/tags/{ResourceType}")),
			engine.Op("ChangeTagsForResource", s.changeTagsForResource, engine.HTTP("POST", v+"/tags/{ResourceType}/{ResourceId}"), engine.Mutating()),
			engine.Op("CreateHealthCheck", s.createHealthCheck, engine.HTTP("POST", v+"/healthcheck"), engine.Mutating(), create, location),
			engine.Op("GetHealthCheck", s.getHealthCheck, engine.HTTP("GET", v+"/healthcheck/{HealthCheckId}")),
			engine.Op("ListHealthChecks", s.listHealthChecks, engine.HTTP("GET", v+"/healthcheck"), marker, maxItems),
			engine.Op("UpdateHealthCheck", s.updateHealthCheck, engine.HTTP("POST", v+"/healthcheck/{HealthCheckId}"), engine.Mutating()),
			engine.Op("DeleteHealthCheck", s.deleteHealthCheck, engine.HTTP("DELETE", v+"/healthcheck/{HealthCheckId}"), engine.Mutating()),
			engine.Op("GetHealthCheckStatus", s.getHealthCheckStatus, engine.HTTP("GET", v+"/healthcheck/{HealthCheckId}/status")),
			engine.Op("GetHealthCheckCount", s.getHealthCheckCount, engine.HTTP("GET", v+"/healthcheckcount")),
		},
	}
}

// trimID drops the path that the API puts before an id ("/hostedzone/Z…").
func trimID(id, kind string) string {
	return strings.TrimPrefix(strings.TrimPrefix(id, "/"), kind+"/")
}

// newID makes an id of n upper case letters and digits after a prefix.
func newID(prefix string, n int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err)
		}
		b[i] = alphabet[k.Int64()]
	}
	return prefix + string(b)
}

func invalidInput(format string, args ...any) *engine.Error {
	return engine.Refuse("InvalidInput", format, args...)
}

func accessDenied(c *engine.Call) *engine.Error {
	e := engine.Refuse("AccessDenied", "User: %s is not authorized to access this resource", c.Principal)
	e.Status = http.StatusForbidden
	return e
}
