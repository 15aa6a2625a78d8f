// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/internal/fence"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// The modes of TLS, named as libpq names them. Those of libpq that fall back to
// no TLS by themselves do not exist here.
const (
	VerifyFull = "verify-full"
	VerifyCA   = "verify-ca"
	Require    = "require"
	Disable    = "disable"
)

// SSLModes lists them, the safest first.
var SSLModes = []string{VerifyFull, VerifyCA, Require, Disable}

// DefaultConnectTimeout bounds one attempt to connect.
const DefaultConnectTimeout = 5 * time.Second

// Target is a database and how to get there.
type Target struct {
	// Host is the server's name: what its certificate must hold.
	Host string
	// HostAddr is the address to connect to, if it is not Host's.
	HostAddr string
	Port     int
	Database string
	// SSLMode is VerifyFull unless given; CACertificatePEM replaces the
	// system's roots.
	SSLMode          string
	CACertificatePEM string
	// ConnectTimeout is DefaultConnectTimeout unless given.
	ConnectTimeout time.Duration
	Login          Login
}

// Subject is the server, as a fence's proof names it.
func (t Target) Subject() string { return fence.PostgreSQL(t.Host, t.Port) }

// String is the server and the database.
func (t Target) String() string { return t.Subject() + "/" + t.Database }

func (t Target) address() string {
	if t.HostAddr != "" {
		return net.JoinHostPort(t.HostAddr, strconv.Itoa(t.Port))
	}
	return t.Subject()
}

// tls makes the configuration of the mode; nil for no TLS.
func (t Target) tls() (*tls.Config, error) {
	config := &tls.Config{ServerName: t.Host, MinVersion: tls.VersionTLS12}
	if t.CACertificatePEM != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(t.CACertificatePEM)) {
			return nil, &Error{Kind: KindTLS, Field: FieldCA, Attempted: "connect to", Subject: t.String(),
				Reason: "ca_certificate_pem holds no certificate in PEM.", Next: "Give it the content of a PEM file, such as RDS's global-bundle.pem."}
		}
	}
	switch t.SSLMode {
	case "", VerifyFull:
	case VerifyCA:
		config.InsecureSkipVerify = true //nolint:gosec // the chain is verified below, the name is not, as asked for by name
		roots := config.RootCAs
		config.VerifyConnection = func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, c := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(c)
			}
			if _, err := state.PeerCertificates[0].Verify(options); err != nil {
				return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
			}
			return nil
		}
	case Require:
		config.InsecureSkipVerify = true //nolint:gosec // asked for by name
	case Disable:
		return nil, nil
	default:
		return nil, fmt.Errorf("%q is no sslmode: %s", t.SSLMode, strings.Join(SSLModes, ", "))
	}
	return config, nil
}

// connect opens a session. Credentials are resolved for it alone. A server that
// is starting, or has no room for a session, is asked again while patient and
// the context lasts.
func (s *Service) connect(ctx context.Context, t Target, patient bool) (*pgx.Conn, error) {
	if err := s.known(t); err != nil {
		return nil, unreachable(t, err)
	}
	for {
		config, err := s.config(ctx, t)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			return conn, nil
		}
		// 57P03: starting up or shutting down. 53300: too many connections.
		if patient && slices.Contains([]string{"57P03", "53300"}, sqlState(err)) && wait.Pause(ctx, s.options.PollInterval) == nil {
			continue
		}
		return nil, s.notConnected(ctx, t, time.Since(start), err)
	}
}

func (s *Service) config(ctx context.Context, t Target) (*pgx.ConnConfig, error) {
	config, err := t.base()
	if err == nil {
		config.TLSConfig, err = t.tls()
	}
	if err != nil {
		return nil, failed(ctx, t, "connect to", "", err)
	}
	config.Fallbacks = nil
	config.ConnectTimeout = t.ConnectTimeout
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = DefaultConnectTimeout
	}
	if t.HostAddr != "" {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{t.HostAddr}, nil }
	}
	// Names resolve to the server's own, whoever may create objects in public;
	// what is left behind by a killed run ends by itself.
	config.RuntimeParams = map[string]string{
		"application_name": "terraform-provider-dr", "search_path": "pg_catalog", "standard_conforming_strings": "on",
		"lock_timeout": "30s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s",
	}
	config.Tracer = s.options.tracer
	return config, s.logIn(ctx, t, config)
}

// base is the configuration of the place. pgx adds what the environment says of
// the user, as libpq does.
func (t Target) base() (*pgx.ConnConfig, error) {
	quote := func(v string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable target_session_attrs=any",
		quote(t.Host), t.Port, quote(t.Database)))
	if err != nil {
		// Its text may repeat what the environment holds.
		return nil, errors.New("the PG… variables of the environment cannot be read")
	}
	return config, nil
}

// known is how the server met an earlier attempt of this process, if it did not
// answer.
func (s *Service) known(t Target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.silent[t.address()]; ok {
		return e
	}
	return nil
}

func unreachable(t Target, err error) error {
	return &Error{
		Kind: KindUnreachable, Attempted: "connect to", Subject: t.String(), Err: err,
		Next: "Check that the server is up and that its port can be reached from here, then apply again; raise connect_timeout if it is only slow.",
	}
}

// notConnected explains why there is no session.
func (s *Service) notConnected(ctx context.Context, t Target, spent time.Duration, err error) error {
	e := &Error{Kind: KindRefused, Attempted: "connect to", Subject: t.String(), Err: err, Next: "Mend what the server says above, then apply again."}
	switch {
	case ctx.Err() != nil:
		return failed(ctx, t, "connect to", "", err)
	case untrusted(err):
		e.Kind, e.Field = KindTLS, FieldCA
		e.Next = "Give ca_certificate_pem the certificate that signed the server's. RDS's own are not among a system's roots: " +
			"https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem. host must be the name in the certificate."
	case silence(err):
		silent := &UnreachableError{Address: t.address(), Spent: spent, Err: err}
		s.mu.Lock()
		s.silent[t.address()] = silent
		s.mu.Unlock()
		return unreachable(t, silent)
	case sqlState(err) == "3D000":
		e.Field = FieldDatabase
	case sqlState(err) == "28P01" || sqlState(err) == "28000":
		e.Kind, e.Field = KindCredentials, t.Login.field()
		e.Next = "Correct the credentials; the role must have LOGIN, and rds_iam for iam_authentication."
	}
	return e
}
