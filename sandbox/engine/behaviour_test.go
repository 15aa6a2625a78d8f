// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	stsservice "github.com/drstate/terraform-provider-dr/sandbox/sts"
)

func promote(ctx context.Context, url, region string) error {
	_, err := rdsClient(url, region).PromoteReadReplica(ctx, &rds.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String("orders-usw2")})
	return err
}

func rdsServer(t *testing.T) (*engine.Engine, string) {
	t.Helper()
	var last atomic.Pointer[rds.DescribeDBInstancesInput]
	return server(t, database(&last))
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestPromoter is the client that the tests below kill; alone it does nothing.
func TestPromoter(t *testing.T) {
	t.Parallel()
	url := os.Getenv("ENGINE_TEST_ENDPOINT")
	if url == "" {
		t.Skip("only as a process of its own")
	}
	if err := promote(t.Context(), url, "us-west-2"); err != nil {
		t.Fatal(err)
	}
}

func TestHoldAndKill(t *testing.T) {
	t.Parallel()
	for _, when := range []engine.When{engine.Before, engine.After} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			e, url := rdsServer(t)
			fault := e.AddFault(engine.Fault{Service: "rds", Operation: "Promote*", Kind: engine.FaultHold, When: when, Times: 1})
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPromoter$")
			cmd.Env = append(os.Environ(), "ENGINE_TEST_ENDPOINT="+url)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			held := <-fault.Held()
			if held.Operation != "PromoteReadReplica" || held.Params["DBInstanceIdentifier"] != "orders-usw2" || held.TookEffect != (when == engine.After) {
				t.Errorf("held %+v", held)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			fault.Release()
			eventually(t, "the call ends", func() bool { return e.Calls()[0].Duration > 0 })
			if c := e.Calls()[0]; c.Outcome != engine.OutcomeDropped || c.TookEffect != (when == engine.After) || !c.Mutating {
				t.Errorf("recorded %+v", c)
			}
			if err := promote(t.Context(), url, "us-west-2"); err != nil {
				t.Errorf("the fault was to apply once: %v", err)
			}
		})
	}
}

func TestHoldReleaseDrop(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	fault := e.AddFault(engine.Fault{Kind: engine.FaultHold, Skip: 1})
	if err := promote(t.Context(), url, "us-west-2"); err != nil {
		t.Fatalf("the first call was to be skipped: %v", err)
	}
	result := make(chan error, 1)
	go func() { result <- promote(context.Background(), url, "us-west-2") }()
	<-fault.Held()
	if c := e.Calls()[1]; c.Outcome != engine.OutcomeHeld {
		t.Errorf("while held: %+v", c)
	}
	fault.Release()
	if err := <-result; err != nil {
		t.Errorf("released: %v", err)
	}
	go func() { result <- promote(context.Background(), url, "us-west-2") }()
	<-fault.Held()
	fault.Drop()
	if err := <-result; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("dropped: %v, want a reset", err)
	}
	if c := e.Calls()[2]; c.Outcome != engine.OutcomeDropped || c.TookEffect {
		t.Errorf("dropped: %+v", c)
	}
	fault.Remove()
	if err := promote(t.Context(), url, "us-west-2"); err != nil {
		t.Errorf("removed: %v", err)
	}
}

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	for _, step := range []struct {
		fault   engine.Fault
		code    string // "" is a reset
		outcome string
		effect  bool
	}{
		{engine.Fault{Kind: engine.FaultThrottle}, "Throttling", engine.OutcomeThrottled, false},
		{engine.Fault{Kind: engine.FaultError, Error: &engine.Error{Code: "AccessDenied", Status: 403, Message: "no"}}, "AccessDenied", "AccessDenied", false},
		{engine.Fault{Kind: engine.FaultError, When: engine.After}, "InternalFailure", "InternalFailure", true},
		{engine.Fault{Kind: engine.FaultReset}, "", engine.OutcomeReset, false},
		{engine.Fault{Kind: engine.FaultReset, When: engine.After}, "", engine.OutcomeReset, true},
	} {
		e.ResetCalls()
		fault := e.AddFault(step.fault)
		err := promote(t.Context(), url, "us-west-2")
		fault.Remove()
		if step.code == "" {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("%+v: got %v, want a reset", step.fault, err)
			}
		} else {
			wantCode(t, err, step.code)
		}
		if c := e.Calls()[0]; c.Outcome != step.outcome || c.TookEffect != step.effect {
			t.Errorf("%+v: recorded %+v", step.fault, c)
		}
	}
}

func TestARemovedFaultHoldsNothing(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	e.AddFault(engine.Fault{Kind: engine.FaultLatency, Latency: 200 * time.Millisecond})
	hold := e.AddFault(engine.Fault{Kind: engine.FaultHold})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- promote(ctx, url, "us-west-2") }()
	eventually(t, "the fault applies", func() bool { _, applied, _ := hold.Counts(); return applied == 1 })
	hold.Remove() // while the latency keeps the call from being held
	if err := <-result; err != nil {
		t.Errorf("a call that nobody can release is held: %v", err)
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, f := range []engine.Fault{
		{Kind: "flood"}, {Kind: engine.FaultLatency}, {Kind: engine.FaultHold, When: "during"},
		{Kind: engine.FaultThrottle, When: engine.After}, {Kind: engine.FaultHold, Skip: -1},
	} {
		if err := f.Validate(); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	var seen []string
	e.OnRegion(func(region string, s engine.RegionState) { seen = append(seen, region+" "+string(s)) })
	e.SetRegion("us-east-1", engine.Down)
	e.SetRegion("us-east-1", engine.Down)
	if err := promote(t.Context(), url, "us-east-1"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("down: %v, want a reset", err)
	}
	if err := promote(t.Context(), url, "us-west-2"); err != nil {
		t.Errorf("the other region: %v", err)
	}
	e.SetRegion("us-east-1", engine.BlackHoled)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := promote(ctx, url, "us-east-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("black-holed: %v, want silence", err)
	}
	e.SetRegion("us-east-1", engine.Up)
	if err := promote(t.Context(), url, "us-east-1"); err != nil {
		t.Errorf("up: %v", err)
	}
	if err := promote(t.Context(), url, "mars-north-1"); err == nil {
		t.Error("a region that does not exist answered")
	}
	if want := "[us-east-1 down us-east-1 blackholed us-east-1 up]"; fmt.Sprint(seen) != want {
		t.Errorf("told %v, want %s", seen, want)
	}
	for _, c := range e.Calls() {
		if c.TookEffect != (c.Outcome == engine.OutcomeOK) {
			t.Errorf("recorded %+v", c)
		}
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	roles := stsservice.New(e)
	role := "arn:aws:iam::222222222222:role/dr-dns"
	roles.AddRole(stsservice.Role{ARN: role, TrustedAccounts: []string{engine.WorkloadAccount}})
	e.Register(roles.Definition())
	client := sts.NewFromConfig(config(url, "us-west-2"))
	who, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != engine.WorkloadAccount {
		t.Fatalf("%v: %+v", err, who)
	}
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("failover")}
	out, err := client.AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	as := func(key, token string) error {
		c := config(url, "us-west-2")
		c.Credentials = credentials.NewStaticCredentialsProvider(key, "any", token)
		got, err := sts.NewFromConfig(c).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err == nil && (*got.Account != engine.DNSAccount || *got.Arn != "arn:aws:sts::222222222222:assumed-role/dr-dns/failover") {
			t.Errorf("the role's session is %s", *got.Arn)
		}
		return err
	}
	if err := as(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken); err != nil {
		t.Error(err)
	}
	wantCode(t, as(*out.Credentials.AccessKeyId, "forged"), "InvalidClientTokenId")
	wantCode(t, as("AKIANOBODY", ""), "InvalidClientTokenId")
	e.ExpireSessions()
	wantCode(t, as(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken), "ExpiredToken")
	in.RoleArn = aws.String("arn:aws:iam::222222222222:role/other")
	_, err = client.AssumeRole(t.Context(), in)
	wantCode(t, err, "AccessDenied")
	in.DurationSeconds = aws.Int32(60)
	_, err = client.AssumeRole(t.Context(), in)
	wantCode(t, err, "ValidationError")
}

func TestSessionsAreNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	roles := stsservice.New(e)
	short, long := "arn:aws:iam::111111111111:role/short", "arn:aws:iam::111111111111:role/long"
	roles.AddRole(stsservice.Role{ARN: short, TrustedAccounts: []string{engine.WorkloadAccount}})
	roles.AddRole(stsservice.Role{ARN: long, TrustedAccounts: []string{engine.WorkloadAccount}, MaxDuration: 4 * time.Hour})
	e.Register(roles.Definition())
	c := config(url, "us-west-2")
	assume := func(role string, hours int32) (*types.Credentials, error) {
		out, err := sts.NewFromConfig(c).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: &role, RoleSessionName: aws.String("failover"), DurationSeconds: aws.Int32(hours * 3600),
		})
		if err != nil {
			return nil, err
		}
		return out.Credentials, nil
	}
	_, err := assume(short, 2)
	wantCode(t, err, "ValidationError")
	_, err = assume(long, 5)
	wantCode(t, err, "ValidationError")
	session, err := assume(long, 4)
	if err != nil {
		t.Fatal(err)
	}
	c.Credentials = credentials.NewStaticCredentialsProvider(*session.AccessKeyId, "any", *session.SessionToken)
	if _, err := assume(long, 1); err != nil {
		t.Errorf("an hour by role chaining: %v", err)
	}
	_, err = assume(long, 2)
	wantCode(t, err, "ValidationError")
}

// TestDenials asks as each kind of service is asked; who is denied is told
// before anything else, so that the services need not exist.
func TestDenials(t *testing.T) {
	t.Parallel()
	e, url := rdsServer(t)
	e.Register(engine.Service{Name: "ec2", Protocols: []engine.Protocol{engine.EC2Query}})
	e.AddKey("ASIAEXPIRED", engine.Identity{Account: engine.WorkloadAccount, Expires: time.Now().Add(-time.Minute)})
	ask := func(service, key string, header ...string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("Action=DescribeDBInstances"))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		if key != "" {
			now := time.Now().UTC()
			r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/"+now.Format("20060102")+"/us-west-2/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		calls := e.Calls()
		return fmt.Sprint(resp.StatusCode, " ", calls[len(calls)-1].Outcome)
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	json11 := []string{"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "secretsmanager.ListSecrets"}
	restJSON := []string{"Content-Type", "application/json"}
	for _, tc := range []struct {
		service, key, want string
		header             []string
	}{
		{"rds", "AKIANOBODY", "403 InvalidClientTokenId", form},
		{"rds", "ASIAEXPIRED", "403 ExpiredToken", form},
		{"rds", "", "403 MissingAuthenticationToken", form},
		{"ec2", "AKIANOBODY", "401 AuthFailure", form},
		{"ec2", "ASIAEXPIRED", "400 RequestExpired", form},
		{"secretsmanager", "AKIANOBODY", "400 UnrecognizedClientException", json11},
		{"secretsmanager", "ASIAEXPIRED", "400 ExpiredTokenException", json11},
		{"secretsmanager", "", "400 MissingAuthenticationTokenException", json11},
		{"backup", "AKIANOBODY", "403 UnrecognizedClientException", restJSON},
		{"s3", "AKIANOBODY", "403 InvalidAccessKeyId", nil},
		{"s3", "ASIAEXPIRED", "400 ExpiredToken", nil},
		{"s3", "", "403 AccessDenied", nil},
	} {
		if got := ask(tc.service, tc.key, tc.header...); got != tc.want {
			t.Errorf("%s as %q: %s, want %s", tc.service, tc.key, got, tc.want)
		}
	}
}

// echo serves connections that answer what they are sent.
func echo(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestProxy(t *testing.T) {
	t.Parallel()
	e, _ := rdsServer(t)
	ip, err := e.Network.Address()
	if err != nil {
		t.Skipf("no loopback addresses here: %v", err)
	}
	target := echo(t)
	p, err := e.Network.Proxy(net.JoinHostPort(ip.String(), "0"), func() string { return target }, "us-east-1", "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	say := func(c net.Conn, wait time.Duration) error {
		_ = c.SetDeadline(time.Now().Add(wait))
		if _, err := c.Write([]byte("ping")); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 4))
		return err
	}
	open := dial()
	if err := say(open, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	e.SetRegion("us-west-2", engine.BlackHoled)
	for name, c := range map[string]net.Conn{"open": open, "new": dial()} {
		if err := say(c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("black-holed, %s: %v", name, err)
		}
	}
	e.SetRegion("us-west-2", engine.Up)
	if err := say(open, 5*time.Second); err != nil {
		t.Errorf("up again: %v", err)
	}
	e.SetRegion("us-east-1", engine.Down)
	for name, use := range map[string]func() error{
		"open": func() error { return say(open, 5*time.Second) },
		"new": func() error { // the reset may come while it still dials
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr().String())
			if err != nil {
				return err
			}
			defer c.Close()
			return say(c, 5*time.Second)
		},
	} {
		if err := use(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("down, %s: %v, want a reset", name, err)
		}
	}
	e.SetRegion("us-east-1", engine.Up)
	fresh := dial()
	if err := say(fresh, 5*time.Second); err != nil {
		t.Errorf("a new connection: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr().String()); err == nil {
		t.Error("a closed proxy listens")
	}
}

// BenchmarkCall is one call of the SDK through the engine, recorded.
func BenchmarkCall(b *testing.B) {
	var last atomic.Pointer[rds.DescribeDBInstancesInput]
	e := engine.New(engine.Options{})
	e.Register(database(&last))
	srv := httptest.NewServer(e.Handler())
	defer srv.Close()
	client := rdsClient(srv.URL, "us-west-2")
	for b.Loop() {
		if _, err := client.DescribeDBInstances(b.Context(), &rds.DescribeDBInstancesInput{}); err != nil {
			b.Fatal(err)
		}
	}
}
