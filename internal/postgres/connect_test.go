// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/sandbox/app"
)

// connected opens and closes a session.
func (w *world) connected(target Target) error {
	conn, err := w.service(nil).connect(context.Background(), target, false)
	if err == nil {
		_ = conn.Close(context.Background())
	}
	return err
}

func TestTheCertificateIsVerifiedUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, err := app.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	own, other := string(shared.ca.PEM()), string(stranger.PEM())
	for _, c := range []struct {
		mode, host, ca string
		kind           Kind // "" for a session
	}{
		{"", serverName, own, ""},
		{VerifyFull, serverName, own, ""},
		{VerifyFull, serverName, other, KindTLS},
		{VerifyFull, serverName, "", KindTLS}, // the system's roots
		{VerifyFull, "other.test", own, KindTLS},
		{VerifyCA, "other.test", own, ""},
		{VerifyCA, serverName, other, KindTLS},
		{Require, "other.test", other, ""},
		{Disable, serverName, "", ""},
		{"prefer", serverName, own, KindRefused},
		{VerifyFull, serverName, "no PEM", KindTLS},
	} {
		target := w.target
		target.SSLMode, target.Host, target.CACertificatePEM = c.mode, c.host, c.ca
		err := w.connected(target)
		if c.kind == "" && err != nil || c.kind != "" && !IsKind(err, c.kind) {
			t.Errorf("%q with host %s: %v, want %q", c.mode, c.host, err, c.kind)
		}
		if IsUnreachable(err) {
			t.Errorf("%q with host %s counts as unreachable: %v", c.mode, c.host, err)
		}
	}
}

func TestCredentialsAreResolvedForEachSessionAndNeverShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		if err := w.connected(w.target); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(w.secrets.regions, []string{"eu-west-1", "eu-west-1"}) {
		t.Errorf("secrets were read in %v: want the ARN's region, once a session", w.secrets.regions)
	}
	for name, c := range map[string]struct {
		secret string
		err    error
		kind   Kind
	}{
		"not JSON":       {canary + "-secret", nil, KindCredentials},
		"no password":    {`{"username": "` + canary + `"}`, nil, KindCredentials},
		"wrong":          {`{"username": "dradmin", "password": "` + canary + `-wrong"}`, nil, KindCredentials},
		"denied":         {"", errors.New("AccessDenied"), KindCredentials},
		"region is down": {"", &awsclient.UnreachableError{Region: "eu-west-1"}, KindUnreachable},
	} {
		w.secrets.text, w.secrets.err = c.secret, c.err
		err := w.connected(w.target)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind != c.kind || e.Attribute() != FieldSecretARN {
			t.Errorf("%s: got %v (%T)", name, err, err)
			continue
		}
		if strings.Contains(e.Error()+e.Detail(), canary) {
			t.Errorf("%s: the error shows the secret: %s", name, e.Detail())
		}
	}
}

func TestTheEnvironmentIsTheLastResort(t *testing.T) {
	w := newWorld(t)
	w.target.Login = Login{}
	t.Setenv("PGUSER", "")
	if err := w.connected(w.target); !IsKind(err, KindCredentials) || !strings.Contains(err.Error(), "PGUSER") {
		t.Errorf("without a user: %v", err)
	}
	t.Setenv("PGUSER", "dradmin")
	t.Setenv("PGPASSWORD", canary)
	t.Setenv("PGSSLMODE", "disable")
	t.Setenv("PGHOST", "elsewhere.test")
	if err := w.connected(w.target); err != nil {
		t.Errorf("by the environment: %v", err)
	}
	w.target.CACertificatePEM = ""
	if err := w.connected(w.target); !IsKind(err, KindTLS) {
		t.Errorf("the environment switches the verification off: %v", err)
	}
}

// A server that does not answer costs one time-out in a process, and says so.
func TestASilentServerIsAskedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	target := w.target
	target.ConnectTimeout = 200 * time.Millisecond
	target.Port = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is TCP
	for range 2 {
		out, err := w.s.EnsureFence(t.Context(), FenceSpec{Target: target, Fenced: true, Required: true, Roles: []string{"app"}})
		if !IsUnreachable(err) || out.State != "" || !strings.Contains(err.Error(), "gave no answer") {
			t.Fatalf("got %+v, %v", out, err)
		}
	}
	if len(w.secrets.regions) != 1 {
		t.Errorf("%d attempts were made, want 1", len(w.secrets.regions))
	}
	// Best effort: the apply goes on, and nothing passes for a fence.
	for fenced, want := range map[bool]string{true: FenceUnreached, false: FenceUnknown} {
		out, err := w.s.EnsureFence(t.Context(), FenceSpec{Target: target, Fenced: fenced, Roles: []string{"app"}})
		if err != nil || out.State != want || len(out.Warnings) != 1 || out.Proof(target).Held() {
			t.Errorf("fenced=%t that is not required: %+v, %v", fenced, out, err)
		}
	}
	_ = l.Close()
	if err := w.connected(target); !IsUnreachable(err) {
		t.Errorf("a port that refuses: %v", err)
	}
}

// The token of IAM authentication is made for the endpoint, whatever address
// leads there, and goes nowhere but through TLS.
func TestIAMAuthenticationSignsATokenForTheEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := New(Options{Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", canary, "")})
	target := w.target
	target.Login = Login{IAM: &IAM{Username: "dr_fence", Region: "us-east-1"}}
	config, err := s.config(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse("https://" + config.Password)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Host != target.Subject() || config.User != "dr_fence" || q.Get("DBUser") != "dr_fence" || q.Get("Action") != "connect" ||
		!strings.Contains(q.Get("X-Amz-Credential"), "/us-east-1/rds-db/") || q.Get("X-Amz-Expires") != "900" {
		t.Errorf("user %q, token %s", config.User, u.Redacted())
	}
	target.SSLMode = Disable
	if _, err := s.config(t.Context(), target); !IsKind(err, KindCredentials) {
		t.Errorf("without TLS: %v", err)
	}
	target = w.target
	target.Login = Login{IAM: &IAM{Username: "dradmin", Region: "us-east-1"}}
	_, err = s.FindFence(t.Context(), FenceSpec{Target: target, Roles: []string{"app"}})
	if !IsKind(err, KindCredentials) || strings.Contains(err.(*Error).Detail(), "X-Amz-Signature") { //nolint:errorlint,forcetypeassert // IsKind
		t.Errorf("a token that the server does not take: %v", err)
	}
}

// A server that is starting, or full, is asked again by a run that changes
// something; a look does not wait.
func TestARunWaitsForAServerThatIsStarting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	tried := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tried <- struct{}{}
			backend := pgproto3.NewBackend(conn, conn)
			if _, err := backend.ReceiveStartupMessage(); err == nil {
				backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "57P03", Message: "the database system is starting up"})
				_ = backend.Flush()
			}
			_ = conn.Close()
		}
	}()
	target := w.target
	target.SSLMode, target.Port = Disable, l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is TCP
	spec := FenceSpec{Target: target, Fenced: true, Required: true, Roles: []string{"app"}}
	if _, err := w.s.FindFence(t.Context(), spec); !IsKind(err, KindRefused) || len(tried) != 1 {
		t.Errorf("a look made %d attempts: %v", len(tried), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = w.s.EnsureFence(ctx, spec)
	if len(tried) < 5 || err == nil {
		t.Errorf("a run made %d attempts: %v", len(tried)-1, err)
	}
	if text := fmt.Sprint(err); !strings.Contains(text, "starting up") {
		t.Errorf("the error does not say what the server said: %s", text)
	}
}
