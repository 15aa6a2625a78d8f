// SPDX-License-Identifier: MPL-2.0

package sandboxtest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// The whole scenario, once without and once with real databases: a region is
// lost, the replica is promoted, and the standby's application takes rows.
func TestTwoRegion(t *testing.T) {
	t.Parallel()
	for name, stateOnly := range map[string]bool{"state-only": true, "real": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: stateOnly, TimeScale: 600})
			apps := map[string]string{}
			for _, a := range s.Applications() {
				apps[a.Region] = a.HTTP
			}
			id := "11111111-2222-4333-8444-555555555555"
			order(t, apps[scenario.PrimaryRegion], id)
			if status, _ := do(t, "GET", apps[scenario.StandbyRegion]+"/health", ""); status != 503 {
				t.Errorf("the standby's application is healthy (%d) on a replica", status)
			}

			s.Engine().SetRegion(scenario.PrimaryRegion, engine.Down)
			if status, _ := do(t, "GET", apps[scenario.PrimaryRegion]+"/health", ""); status != 0 {
				t.Errorf("the application of a lost region answers %d", status)
			}
			client := rds.New(rds.Options{
				Region: scenario.StandbyRegion, BaseEndpoint: aws.String(s.Endpoint()),
				Credentials: credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", ""),
			})
			if _, err := client.PromoteReadReplica(t.Context(), &rds.PromoteReadReplicaInput{DBInstanceIdentifier: aws.String(scenario.ReplicaID)}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for {
				status, body := do(t, "GET", apps[scenario.StandbyRegion]+"/health", "")
				if status == 200 && strings.Contains(body, `"region":"us-west-2"`) {
					break
				}
				if ctx.Err() != nil {
					t.Fatalf("the standby's application did not become healthy: %d %s", status, body)
				}
				time.Sleep(20 * time.Millisecond)
			}
			order(t, apps[scenario.StandbyRegion], "22222222-2222-4333-8444-555555555555")
		})
	}
}

// order writes a row. The application gives its database 2 s, which a busy
// machine may need more than once; a row that is sent again is the same row.
func order(t *testing.T, application, id string) {
	t.Helper()
	var status int
	var body string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, body = do(t, "POST", application+"/orders", `{"id":"`+id+`"}`); status == 201 {
			return
		}
	}
	t.Fatalf("the row %s was not taken within 20 s: %d %s", id, status, body)
}

func do(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}
