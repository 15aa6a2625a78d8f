// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// secureTimeout bounds the wait for a server to take a new certificate.
const secureTimeout = 10 * time.Second

// Secure gives the server a certificate. From then on it speaks TLS to clients
// that ask for it, and goes on without to those that do not. It returns when new
// sessions get this certificate; a stopped server gets it at its start.
func (s *Server) Secure(ctx context.Context, certificate tls.Certificate) error {
	if len(certificate.Certificate) == 0 {
		return errors.New("postgres: an empty certificate")
	}
	if err := s.installCertificate(certificate); err != nil {
		return fmt.Errorf("giving %s a certificate: %w", s.dir, err)
	}
	if !s.Running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, secureTimeout)
	defer cancel()
	for {
		shown, err := s.shownCertificate(ctx)
		if err == nil && bytes.Equal(shown, certificate.Certificate[0]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not take its new certificate: %w", s.dir, errors.Join(err, ctx.Err()))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// installCertificate writes the files beside the data directory, so that a
// replica's base backup does not carry them along.
func (s *Server) installCertificate(certificate tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return err
	}
	var chain []byte
	for _, der := range certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, content := range map[string][]byte{
		s.certificateFile(): chain,
		s.keyFile():         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := errors.Join(os.WriteFile(path, content, 0o600), s.m.user.own(path)); err != nil {
			return err
		}
	}
	s.secured = true
	if err := s.configure(); err != nil || !s.runningLocked() {
		return err
	}
	return s.cmd.Process.Signal(syscall.SIGHUP)
}

func (s *Server) certificateFile() string { return filepath.Join(s.dir, "server.crt") }

func (s *Server) keyFile() string { return filepath.Join(s.dir, "server.key") }

// shownCertificate is what a new session is shown.
func (s *Server) shownCertificate(ctx context.Context) ([]byte, error) {
	var shown []byte
	config, err := s.config(adminRole, s.m.secret, "postgres")
	if err != nil {
		return nil, err
	}
	config.TLSConfig = &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it is looked at, not trusted
		VerifyConnection: func(state tls.ConnectionState) error {
			shown = state.PeerCertificates[0].Raw
			return nil
		},
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return shown, conn.Close(ctx)
}
