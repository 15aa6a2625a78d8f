// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

func config(endpoint, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "any", ""),
	}
}

func TestTwoRegionWorld(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: true, TimeScale: 100})
	out, err := rds.NewFromConfig(config(s.Endpoint(), "us-west-2")).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(out.DBInstances) != 1 || *out.DBInstances[0].DBInstanceIdentifier != scenario.ReplicaID {
		t.Fatalf("%v: us-west-2 has %+v", err, out)
	}
	dns := config(s.Endpoint(), "us-west-2")
	dns.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(dns), scenario.DNSRoleARN)
	zone, err := route53.NewFromConfig(dns).GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: aws.String(scenario.ZoneID)})
	if err != nil || *zone.HostedZone.Name != scenario.ZoneName+"." {
		t.Errorf("%v: the zone is %+v", err, zone)
	}
	_, err = route53.NewFromConfig(config(s.Endpoint(), "us-west-2")).GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: aws.String(scenario.ZoneID)})
	if err == nil {
		t.Error("the workload account sees the zone of the DNS account")
	}
	addresses, err := s.Route53().Resolver().LookupHost(t.Context(), scenario.RecordName)
	if err != nil || len(addresses) != 1 || !strings.Contains(s.Applications()[0].HTTP, addresses[0]) {
		t.Errorf("%v: %s is %v, the applications are %v", err, scenario.RecordName, addresses, s.Applications())
	}
	if len(s.Databases()) != 2 || s.CAFile() == "" {
		t.Errorf("it has the databases %v and the CA file %q", s.Databases(), s.CAFile())
	}
}

func TestRegionEndpoints(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{StateOnly: true})
	east := s.RegionEndpoints()["us-east-1"]
	describe := func(region string) error {
		_, err := rds.NewFromConfig(config(east, region)).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
		return err
	}
	if err := describe("us-east-1"); err != nil {
		t.Error(err)
	}
	if err := describe("us-west-2"); err == nil || !strings.Contains(err.Error(), "scoped to a valid region") {
		t.Errorf("signed for another region: %v", err)
	}
	s.Engine().SetRegion("us-east-1", engine.Down)
	if err := describe("us-east-1"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("down: %v, want a reset", err)
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{StateOnly: true})
	get := func(change func(*http.Request)) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/_sandbox/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	var status sandbox.Status
	if err := json.NewDecoder(get(nil).Body).Decode(&status); err != nil || status.Endpoint != s.Endpoint() || len(status.States) != 3 {
		t.Errorf("%v: %+v", err, status)
	}
	if resp := get(func(r *http.Request) { r.Header.Set("Origin", "http://example.com") }); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a web page was answered %s", resp.Status)
	}
	if n := len(s.Engine().Calls()); n != 0 {
		t.Errorf("%d calls were recorded", n)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]sandbox.Options{
		"not a loopback address": {Listen: "0.0.0.0:0"},
		`no scenario "nonesuch"`: {Scenario: "nonesuch"},
		"must be at least 1":     {TimeScale: 0.5},
		"is not HOST:PORT":       {DNS: "5353"},
		os.DevNull:               {DataDir: os.DevNull},
	} {
		s, err := sandbox.Start(t.Context(), o)
		if err == nil {
			s.Close()
			t.Errorf("%+v: started", o)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestDataDirIsUsedByOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := sandbox.Start(t.Context(), sandbox.Options{StateOnly: true, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(first.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := sandbox.Start(t.Context(), sandbox.Options{StateOnly: true, DataDir: dir}); err == nil {
		second.Close()
		t.Error("a second sandbox took a data directory that is in use")
	}
	if after, err := os.ReadFile(first.CAFile()); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the first one's CA was replaced: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(first.CAFile()); err != nil {
		t.Errorf("a data directory that was asked for was removed: %v", err)
	}
}

func TestKilledSandboxesAreSweptUp(t *testing.T) {
	base := t.TempDir()
	t.Setenv("TMPDIR", base)
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"dr-sandbox-temporary-1", "dr-sandbox-mine"} {
		path := filepath.Join(base, name, "sandbox.lock")
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	var running []*sandbox.Sandbox
	for range 2 {
		s, err := sandbox.Start(t.Context(), sandbox.Options{StateOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		running = append(running, s)
		if err := os.Chtimes(filepath.Join(s.DataDir(), "sandbox.lock"), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(base, "dr-sandbox-temporary-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a killed sandbox's directory: %v", err)
	}
	for _, kept := range []string{filepath.Join(base, "dr-sandbox-mine"), running[0].DataDir()} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("what is in use, or was asked for, was removed: %v", err)
		}
	}
}

func TestCloseEndsHeldCalls(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{StateOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	fault := s.Engine().AddFault(engine.Fault{Kind: engine.FaultHold})
	s.Engine().SetRegion("us-east-1", engine.BlackHoled)
	ended := make(chan error, 2)
	for _, region := range []string{"us-east-1", "us-west-2"} {
		go func() {
			_, err := rds.NewFromConfig(config(s.Endpoint(), region)).DescribeDBInstances(context.Background(), &rds.DescribeDBInstancesInput{})
			ended <- err
		}()
	}
	<-fault.Held()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a held call was answered")
		}
	}
	if _, err := os.Stat(s.DataDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory: %v", err)
	}
}
