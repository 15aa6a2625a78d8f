// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

// The time-outs of Route 53's health checkers; scaled as the cadence is, but
// never so far that a busy machine fails them.
const (
	connectTimeout    = 4 * time.Second
	tcpConnectTimeout = 10 * time.Second
	answerTimeout     = 2 * time.Second
	leastTimeout      = 2 * time.Second
	searchedBytes     = 5120
)

func endpointCheck(t types.HealthCheckType) bool {
	switch t {
	case types.HealthCheckTypeHttp, types.HealthCheckTypeHttps, types.HealthCheckTypeHttpStrMatch,
		types.HealthCheckTypeHttpsStrMatch, types.HealthCheckTypeTcp:
		return true
	}
	return false
}

// watch probes a health check's endpoint until it is stopped. The caller holds
// the lock.
func (s *Service) watch(h *healthCheck) {
	h.stop()
	h.cancel = nil
	if aws.ToBool(h.config.Disabled) || s.closed {
		return
	}
	config := h.config
	metric := config.Type == types.HealthCheckTypeCloudwatchMetric
	if !metric && !endpointCheck(config.Type) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	if metric {
		go s.watchAlarm(ctx, h, config, h.alarm)
		return
	}
	interval := s.engine.Clock.Wall(time.Duration(*config.RequestInterval) * time.Second)
	go func() {
		tick := time.NewTicker(max(interval, time.Millisecond))
		defer tick.Stop()
		for {
			status, err := s.probe(ctx, config)
			if ctx.Err() != nil {
				return
			}
			o := observation{at: s.now(), ok: err == nil, status: "Success: " + status}
			if err != nil {
				o.status = "Failure: " + err.Error()
			}
			h.observe(o, int(*config.FailureThreshold))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (s *Service) timeout(d time.Duration) time.Duration {
	return max(s.engine.Clock.Wall(d), min(d, leastTimeout))
}

// probe makes one check, as one of Route 53's checkers would.
func (s *Service) probe(ctx context.Context, config types.HealthCheckConfig) (string, error) {
	if is, status, err := s.probeObject(config); is {
		return status, err
	}
	ip, err := s.target(config)
	if err != nil {
		return "", err
	}
	address := net.JoinHostPort(ip.String(), strconv.Itoa(int(*config.Port)))
	if config.Type == types.HealthCheckTypeTcp {
		conn, err := (&net.Dialer{Timeout: s.timeout(tcpConnectTimeout)}).DialContext(ctx, "tcp", address)
		if err != nil {
			return "", fmt.Errorf("the connection was not established: %w", err)
		}
		return "the connection was established", conn.Close()
	}
	return s.probeHTTP(ctx, config, address)
}

func (s *Service) probeHTTP(ctx context.Context, config types.HealthCheckConfig, address string) (string, error) {
	scheme, standard := "http", int32(80)
	if config.Type == types.HealthCheckTypeHttps || config.Type == types.HealthCheckTypeHttpsStrMatch {
		scheme, standard = "https", 443
	}
	host := aws.ToString(config.FullyQualifiedDomainName)
	if host == "" {
		host = aws.ToString(config.IPAddress)
	}
	serverName := ""
	if aws.ToBool(config.EnableSNI) && net.ParseIP(host) == nil {
		serverName = strings.TrimSuffix(host, ".")
	}
	if *config.Port != standard {
		host = net.JoinHostPort(host, strconv.Itoa(int(*config.Port)))
	}
	path := aws.ToString(config.ResourcePath)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	target, err := url.Parse(scheme + "://" + address + path)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: s.timeout(connectTimeout)}).DialContext,
		TLSHandshakeTimeout:   s.timeout(connectTimeout),
		ResponseHeaderTimeout: s.timeout(answerTimeout),
		DisableKeepAlives:     true,
		// Route 53 does not validate certificates either.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: serverName}, //nolint:gosec
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, s.timeout(connectTimeout)+2*s.timeout(answerTimeout))
	defer cancel()
	req := &http.Request{Method: http.MethodGet, URL: target, Host: host, Header: http.Header{
		"User-Agent": {"Amazon-Route53-Health-Check-Service"},
	}}
	resp, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("the endpoint did not answer: %w", err)
	}
	defer resp.Body.Close()
	return judge(resp.StatusCode, config, func() ([]byte, error) {
		return io.ReadAll(io.LimitReader(resp.Body, searchedBytes))
	})
}

// target finds the address to probe. The sandbox reaches its own loopback
// addresses only, which stand for the public ones of AWS.
func (s *Service) target(config types.HealthCheckConfig) (netip.Addr, error) {
	var ip netip.Addr
	if a := aws.ToString(config.IPAddress); a != "" {
		ip, _ = netip.ParseAddr(a)
	} else {
		name, err := canonicalName(aws.ToString(config.FullyQualifiedDomainName))
		if err != nil {
			return ip, errors.New("DNS resolution failed: " + err.Error())
		}
		answer := s.resolve(name, dns.TypeA, asker{})
		for _, rr := range answer.Answer {
			if a, ok := rr.(*dns.A); ok {
				ip, _ = netip.AddrFromSlice(a.A.To4())
				break
			}
		}
		if !ip.IsValid() {
			return ip, errors.New("DNS resolution failed: no A record for " + name)
		}
	}
	if !ip.IsLoopback() {
		return ip, fmt.Errorf("%s is not an address of the sandbox", ip)
	}
	return ip, nil
}
