// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/sandbox/app"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

const (
	serverName = "orders.test"
	secretARN  = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:orders-AbCdEf"
	// canary is the password of every role: it must show up nowhere.
	canary = "canary-correct-horse"
)

// shared is one server for all tests: their roles have names of their own.
var shared struct {
	server *postgres.Server
	err    error
	ca     *app.CA
	roles  atomic.Int32
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		ctx := context.Background()
		dir, err := os.MkdirTemp("", "dr-fence-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		manager, err := postgres.Open(ctx, postgres.Options{DataDir: dir})
		if err != nil {
			shared.err = err
			return m.Run()
		}
		defer func() { _ = manager.Close() }()
		shared.server, err = manager.Create(ctx, postgres.Spec{Name: "orders", User: "dradmin", Password: canary, Database: "orders"})
		if err != nil {
			panic(err)
		}
		if shared.ca, err = app.NewCA(); err != nil {
			panic(err)
		}
		certificate, err := shared.ca.Issue([]string{serverName}, nil)
		if err != nil {
			panic(err)
		}
		if err := shared.server.Secure(ctx, certificate); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// world is the shared server and a service that logs in as dradmin by a secret.
type world struct {
	t       *testing.T
	s       *Service
	target  Target
	secrets *fakeSecrets
}

type fakeSecrets struct {
	text    string
	err     error
	mu      sync.Mutex
	regions []string
}

func (f *fakeSecrets) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if aws.ToString(in.SecretId) != secretARN {
		return nil, fmt.Errorf("no secret %s", aws.ToString(in.SecretId))
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &f.text}, f.err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if shared.server == nil {
		t.Skipf("no PostgreSQL on this machine: %v", shared.err)
	}
	host, port, err := net.SplitHostPort(shared.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t:       t,
		secrets: &fakeSecrets{text: `{"username": "dradmin", "password": "` + canary + `"}`},
		target: Target{
			Host: serverName, HostAddr: host, Port: number, Database: "orders",
			CACertificatePEM: string(shared.ca.PEM()), Login: Login{SecretARN: secretARN},
		},
	}
	w.s = w.service(nil)
	return w
}

// service is one as a process of its own would have it.
func (w *world) service(tracer pgx.QueryTracer) *Service {
	return New(Options{
		Secrets: func(region string) Secrets {
			w.secrets.mu.Lock()
			defer w.secrets.mu.Unlock()
			w.secrets.regions = append(w.secrets.regions, region)
			return w.secrets
		},
		PollInterval: 20 * time.Millisecond, tracer: tracer,
	})
}

// role makes a role with a name of its own, as dradmin, and drops it at the end.
func (w *world) role(attributes string) string {
	w.t.Helper()
	name := fmt.Sprintf(`app "%d"`, shared.roles.Add(1)) // a name that must be quoted
	w.sql("CREATE ROLE " + ident(name) + " " + attributes + " PASSWORD " + literal(canary))
	w.t.Cleanup(func() {
		w.super("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = " + literal(name))
		w.super("DROP OWNED BY "+ident(name), "DROP ROLE "+ident(name))
	})
	return name
}

// sql runs statements as dradmin.
func (w *world) sql(statements ...string) {
	w.t.Helper()
	if err := shared.server.Exec(context.Background(), postgres.Login{User: "dradmin", Password: canary, Database: "orders"}, statements...); err != nil {
		w.t.Errorf("%v: %s", err, statements)
	}
}

// super runs statements as the server's superuser.
func (w *world) super(statements ...string) {
	w.t.Helper()
	if err := shared.server.Superuser(context.Background(), "orders", statements...); err != nil {
		w.t.Errorf("%v: %s", err, statements)
	}
}

// session opens one, as an application does: with neither provider nor TLS.
func (w *world) session(user string) (*pgx.Conn, error) {
	w.t.Helper()
	config, err := pgx.ParseConfig("sslmode=disable dbname=orders connect_timeout=5")
	if err != nil {
		w.t.Fatal(err)
	}
	config.Host, config.Port, config.User, config.Password = w.target.HostAddr, uint16(w.target.Port), user, canary
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err == nil {
		w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func (w *world) open(user string) *pgx.Conn {
	w.t.Helper()
	conn, err := w.session(user)
	if err != nil {
		w.t.Fatalf("%s cannot log in: %v", user, err)
	}
	return conn
}

// table makes one that a role may write to.
func (w *world) table(owner string) string {
	w.t.Helper()
	table := ident("orders of " + owner)
	w.super("GRANT CREATE ON SCHEMA public TO "+ident(owner), "CREATE TABLE public."+table+" (n int)",
		"ALTER TABLE public."+table+" OWNER TO "+ident(owner))
	return "public." + table
}

func (w *world) spec(fenced bool, roles ...string) FenceSpec {
	return FenceSpec{Target: w.target, Fenced: fenced, Roles: roles, Required: true}
}

// ensure makes a fence as wanted and fails the test if it is not.
func (w *world) ensure(spec FenceSpec) FenceStatus {
	w.t.Helper()
	out, err := w.s.EnsureFence(w.t.Context(), spec)
	want := FenceOpen
	if spec.Fenced {
		want = FenceHeld
	}
	if err != nil || out.State != want {
		w.t.Fatalf("the fence is %q, want %q: %v", out.State, want, err)
	}
	return out
}

// canLogIn asks the catalogue and the door.
func (w *world) canLogIn(role string) bool {
	w.t.Helper()
	conn, err := w.session(role)
	if err == nil {
		_ = conn.Close(context.Background())
	}
	return err == nil
}

// markers are the records that are left of roles.
func (w *world) markers(roles ...string) int {
	w.t.Helper()
	conn := w.open("dradmin")
	defer func() { _ = conn.Close(context.Background()) }()
	f, err := look(w.t.Context(), conn, w.spec(false, roles...))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(f.ours(w.spec(false, roles...)))
}

func warned(out FenceStatus, text string) bool {
	for _, warning := range out.Warnings {
		if strings.Contains(warning.Summary+warning.Detail, text) {
			return true
		}
	}
	return false
}
