// SPDX-License-Identifier: MPL-2.0

package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

const (
	east = "us-east-1"
	west = "us-west-2"
)

// TestMain gives all tests one environment: nothing of the machine's own.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "planted-secret", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "",
	} {
		_ = os.Setenv(name, value) //nolint:usetesting // before any test
	}
	os.Exit(m.Run())
}

// server is an AWS that behaves as each region is told to.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	regions map[string]http.HandlerFunc
	calls   map[string]int
	forms   []string
}

func newServer(t *testing.T) *server {
	s := &server{regions: map[string]http.HandlerFunc{}, calls: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		// Credential=AKIA…/20260301/us-west-2/rds/aws4_request
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		region := scope[2]
		if scope[3] == "route53" {
			region = awsclient.GlobalRegion
		}
		s.mu.Lock()
		s.calls[region]++
		s.forms = append(s.forms, scope[3]+" "+region+" "+r.Form.Get("Action")+" "+r.Form.Get("RoleArn")+" "+scope[0])
		handle := s.regions[region]
		s.mu.Unlock()
		if handle == nil {
			handle = answer
		}
		handle(w, r)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *server) count(region string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[region]
}

func (s *server) set(region string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.regions[region] = h
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", "req-1")
	switch action := r.Form.Get("Action"); action {
	case "AssumeRole":
		role := r.Form.Get("RoleArn")
		key := "ASIA" + strings.ToUpper(role[strings.LastIndex(role, "/")+1:])
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case "":
		fmt.Fprint(w, `<ListHostedZonesResponse><HostedZones/><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></ListHostedZonesResponse>`)
	default:
		fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult/><ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></%[1]sResponse>`, action)
	}
}

func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>in so many words</Message></Error><RequestId>req-42</RequestId></ErrorResponse>`, code)
	}
}

// blackHole holds a call open until its client goes away.
func blackHole(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// halfAnswer sends headers and falls silent.
func halfAnswer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func clients(t *testing.T, s *server, change func(*awsclient.Config)) *awsclient.Clients {
	t.Helper()
	cfg := awsclient.Config{
		Region: west, RegionTimeout: 300 * time.Millisecond,
		Endpoints: map[string]string{"rds": s.URL, "sts": s.URL, "route53": s.URL, "cloudwatch": s.URL, "ec2": s.URL},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := awsclient.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func describe(ctx context.Context, c *awsclient.Clients, region string) error {
	_, err := c.RDS(region).DescribeDBInstances(ctx, &awsrds.DescribeDBInstancesInput{})
	return err
}

func TestSilentRegionCostsOneBudgetPerProcess(t *testing.T) {
	t.Parallel()
	for name, silence := range map[string]http.HandlerFunc{"black hole": blackHole, "reset": reset, "half an answer": halfAnswer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.set(east, silence)
			c := clients(t, s, nil)
			start := time.Now()
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					err := describe(t.Context(), c, east)
					e, ok := errors.AsType[*awsclient.UnreachableError](err)
					if !ok || e.Region != east || e.Budget != 300*time.Millisecond || !awsclient.IsUnreachable(err) {
						t.Errorf("got %v", err)
					}
				})
			}
			group.Wait()
			if took := time.Since(start); took < 250*time.Millisecond || took > 2*time.Second {
				t.Errorf("took %s", took)
			}
			before, again := s.count(east), time.Now()
			if err := describe(t.Context(), c, east); !awsclient.IsUnreachable(err) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(again); took > 100*time.Millisecond || s.count(east) != before {
				t.Errorf("with the budget spent, a call took %s and made %d requests", took, s.count(east)-before)
			}
			if err := describe(t.Context(), c, west); err != nil {
				t.Errorf("another region: %v", err)
			}
		})
	}
}

func TestFailedRegionIsNotCalled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, func(cfg *awsclient.Config) { cfg.FailedRegions = []string{east, awsclient.GlobalRegion} })
	err := describe(t.Context(), c, east)
	if e, ok := errors.AsType[*awsclient.UnreachableError](err); !ok || !e.Listed || !strings.Contains(awsclient.Advice(err), "failed_regions") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Route53().ListHostedZones(t.Context(), &route53.ListHostedZonesInput{}); !awsclient.IsUnreachable(err) {
		t.Errorf("got %v", err)
	}
	if s.count(east)+s.count(awsclient.GlobalRegion) != 0 {
		t.Error("a failed region was called")
	}
}

func TestAnyAnswerResetsTheBudget(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, func(cfg *awsclient.Config) { cfg.RegionTimeout = time.Second })
	s.set(east, func(w http.ResponseWriter, r *http.Request) {
		// One call is held for longer than the budget; others are answered.
		if r.Form.Get("DBInstanceIdentifier") == "slow" {
			time.Sleep(2 * time.Second)
		}
		answer(w, r)
	})
	slow := make(chan error)
	go func() {
		id := "slow"
		_, err := c.RDS(east).DescribeDBInstances(t.Context(), &awsrds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		slow <- err
	}()
	for {
		select {
		case err := <-slow:
			if err != nil {
				t.Errorf("the held call: %v", err)
			}
			return
		case <-time.After(100 * time.Millisecond):
			if err := describe(t.Context(), c, east); err != nil {
				t.Errorf("another call: %v", err)
			}
		}
	}
}

func TestThrottlingIsRetriedAndChargesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, nil)
	var n atomic.Int32
	s.set(west, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 5 { // with pauses of more than the budget in all
			refuse(http.StatusBadRequest, "Throttling")(w, r)
			return
		}
		answer(w, r)
	})
	if err := describe(t.Context(), c, west); err != nil {
		t.Errorf("got %v after %d calls", err, n.Load())
	}
}

func TestEssentialCallsOutliveTheBudget(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, nil)
	s.set(west, blackHole)
	if err := describe(t.Context(), c, west); !awsclient.IsUnreachable(err) {
		t.Fatalf("got %v", err)
	}
	time.AfterFunc(time.Second, func() { s.set(west, answer) })
	ctx := awsclient.WithAttemptTimeout(awsclient.Essential(t.Context()), 200*time.Millisecond)
	if err := describe(ctx, c, west); err != nil {
		t.Errorf("got %v", err)
	}
	if err := describe(t.Context(), c, west); err != nil {
		t.Errorf("the region has answered, yet: %v", err)
	}
	s.set(west, blackHole)
	ctx, cancel := context.WithTimeout(awsclient.Essential(t.Context()), 500*time.Millisecond)
	defer cancel()
	if err := describe(ctx, c, west); err == nil || awsclient.IsUnreachable(err) {
		t.Errorf("the context has ended, yet: %v", err)
	}
}

func TestCancelledCallIsNotTheRegionsFault(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.set(east, blackHole)
	c := clients(t, s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := describe(ctx, c, east); err == nil || awsclient.IsUnreachable(err) {
		t.Errorf("got %v", err)
	}
}

func TestRolesAreAssumedInOrderAtTheRegionalSTS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, func(cfg *awsclient.Config) {
		cfg.AssumeRole = []awsclient.AssumeRole{{RoleARN: "arn:aws:iam::111111111111:role/first"}, {RoleARN: "arn:aws:iam::222222222222:role/second"}}
	})
	if len(s.forms) != 0 {
		t.Errorf("configuring made calls: %q", s.forms)
	}
	s.set(east, blackHole)
	for range 2 {
		if err := describe(t.Context(), c, west); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Route53().ListHostedZones(t.Context(), &route53.ListHostedZonesInput{}); err != nil {
		t.Fatal(err)
	}
	key := func(s string) string { return strings.TrimPrefix(s, "AWS4-HMAC-SHA256 Credential=") }
	var got []string
	for _, f := range s.forms {
		fields := strings.Fields(f)
		got = append(got, strings.Join(fields[:len(fields)-2], " ")+" by "+key(fields[len(fields)-1]))
	}
	if len(s.forms) != 5 || !strings.HasPrefix(s.forms[0], "sts us-west-2 AssumeRole arn:aws:iam::111111111111:role/first") ||
		!strings.HasSuffix(s.forms[1], "Credential=ASIAFIRST") || !strings.HasSuffix(s.forms[2], "Credential=ASIASECOND") ||
		!strings.HasPrefix(s.forms[4], "route53 aws-global") {
		t.Errorf("got %q", got)
	}
}

func TestDeniedRoleIsACredentialsError(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := clients(t, s, func(cfg *awsclient.Config) {
		cfg.AssumeRole = []awsclient.AssumeRole{{RoleARN: "arn:aws:iam::111111111111:role/first"}}
	})
	s.set(west, refuse(http.StatusForbidden, "AccessDenied"))
	err := describe(t.Context(), c, west)
	if !awsclient.IsCredentials(err) || !awsclient.IsDenied(err) || awsclient.IsUnanswered(err) {
		t.Errorf("got %v", err)
	}
	if text := awsclient.Explain(err); !strings.Contains(text, "in so many words (request id req-42)") || !strings.Contains(text, "credentials") {
		t.Error(text)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	for code, test := range map[string]struct {
		status                                 int
		denied, expired, throttled, unanswered bool
	}{
		"AccessDenied":              {status: 403, denied: true},
		"InvalidClientTokenId":      {status: 403, denied: true},
		"InvalidSignatureException": {status: 400, denied: true},
		"ExpiredToken":              {status: 403, expired: true},
		"InvalidDBInstanceState":    {status: 400},
		"InternalFailure":           {status: 500, unanswered: true},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.set(west, refuse(test.status, code))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			// One attempt, as the promotion makes it.
			_, err := clients(t, s, nil).RDS(west).PromoteReadReplica(ctx, &awsrds.PromoteReadReplicaInput{DBInstanceIdentifier: &code},
				func(o *awsrds.Options) { o.Retryer = awsclient.RetryThrottlingOnly(o.Retryer) })
			got := fmt.Sprint(awsclient.IsDenied(err), awsclient.IsExpiredToken(err), awsclient.IsThrottled(err), awsclient.IsUnanswered(err))
			if want := fmt.Sprint(test.denied, test.expired, test.throttled, test.unanswered); got != want {
				t.Errorf("denied, expired, throttled, unanswered: got %s, want %s for %v", got, want, err)
			}
			if s.count(west) != 1 {
				t.Errorf("%d attempts", s.count(west))
			}
			if awsclient.Code(err) != code || awsclient.RequestID(err) != "req-42" || !strings.Contains(awsclient.Explain(err), code+": in so many words (request id req-42)") {
				t.Errorf("explained as %q", awsclient.Explain(err))
			}
			if _, ok := errors.AsType[*types.InvalidDBInstanceStateFault](err); ok != (code == "InvalidDBInstanceState") {
				t.Errorf("typed error: %v", ok)
			}
		})
	}
}

func TestEveryCallIsToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var told []string
	c := clients(t, s, func(cfg *awsclient.Config) {
		cfg.OnCall = func(_ context.Context, call awsclient.Call) { told = append(told, fmt.Sprintf("%+v", call)) }
	})
	if err := describe(t.Context(), c, west); err != nil {
		t.Fatal(err)
	}
	s.set(west, refuse(http.StatusForbidden, "AccessDenied"))
	_ = describe(t.Context(), c, west)
	if len(told) != 2 || !strings.Contains(told[0], "Service:RDS Operation:DescribeDBInstances Region:us-west-2 RequestID:req-1") || !strings.Contains(told[1], "req-42") {
		t.Errorf("told %q", told)
	}
	if strings.Contains(strings.Join(told, ""), "planted-secret") {
		t.Error("a secret was told")
	}
}

func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	if _, err := awsclient.New(t.Context(), awsclient.Config{}); !errors.Is(err, awsclient.ErrNoRegion) {
		t.Errorf("got %v", err)
	}
	if _, err := awsclient.New(t.Context(), awsclient.Config{Region: west, Profile: "nobody"}); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v", err)
	}
}

// TestFailingRegion has a region that answers with nothing but errors of its
// own: it costs one budget, and is told from a silent one.
func TestFailingRegion(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.set(east, refuse(http.StatusInternalServerError, "InternalFailure"))
	c := clients(t, s, nil)
	started := time.Now()
	err := describe(t.Context(), c, east)
	if !awsclient.IsUnreachable(err) || !awsclient.IsFailing(err) || !strings.Contains(err.Error(), "HTTP 500") {
		t.Errorf("got %v", err)
	}
	if spent := time.Since(started); spent > 5*time.Second {
		t.Errorf("it cost %s", spent)
	}
	calls := s.count(east)
	if err := describe(t.Context(), c, east); !awsclient.IsFailing(err) || s.count(east) != calls {
		t.Errorf("asked again: %v, %d calls after %d", err, s.count(east), calls)
	}
}
