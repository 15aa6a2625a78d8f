// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/postgres"
)

// database is the real part of an instance: a server, the proxy on an address of
// its own by which clients reach it, and for a replica the proxy through which it
// streams. Both fail with their regions.
type database struct {
	server *postgres.Server
	ip     net.IP
	proxy  engine.Proxy
	link   engine.Proxy
}

// makeDatabase makes the server of a new instance.
func (s *Service) makeDatabase(ctx context.Context, i *instance, spec postgres.Spec) error {
	if i.stateOnly {
		return nil
	}
	m, err := s.postgres(ctx)
	if err != nil {
		return err
	}
	server, err := m.Create(ctx, spec)
	if err != nil {
		return err
	}
	return s.expose(ctx, i, &database{server: server})
}

// makeReplica makes a server that streams from the source's.
func (s *Service) makeReplica(ctx context.Context, i *instance) error {
	if i.stateOnly {
		return nil
	}
	m, err := s.postgres(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	source := i.source
	s.mu.Unlock()
	if source == nil || source.real == nil {
		return wrongState("The source of %s was deleted.", i.id)
	}
	d := &database{}
	d.link, err = s.e.Network.Proxy("127.0.0.1:0", source.real.server.Addr, source.region, i.region)
	if err != nil {
		return err
	}
	d.server, err = m.CreateReplica(ctx, i.id, source.real.server, d.link.Addr().String())
	if err != nil {
		_ = d.link.Close()
		return err
	}
	return s.expose(ctx, i, d)
}

// secure gives a database the certificate of an instance's name.
func (s *Service) secure(ctx context.Context, i *instance, d *database, id string) error {
	if d == nil || s.opts.Certificates == nil {
		return nil
	}
	certificate, err := s.opts.Certificates([]string{hostOf(i.account, i.region, id)}, nil)
	if err != nil {
		return err
	}
	return d.server.Secure(ctx, certificate)
}

// expose gives a database its certificate, address, port and name.
func (s *Service) expose(ctx context.Context, i *instance, d *database) error {
	if err := s.secure(ctx, i, d, i.id); err != nil {
		return err
	}
	ip, err := s.e.Network.Address()
	if err != nil {
		return err
	}
	d.ip = ip
	s.mu.Lock()
	defer s.mu.Unlock()
	i.real = d
	return s.relisten(i, true)
}

// relisten registers an instance's name, and with a new port listens there. Call
// it with the lock.
func (s *Service) relisten(i *instance, port bool) error {
	d := i.real
	if d == nil {
		return nil
	}
	if port {
		if d.proxy != nil {
			_ = d.proxy.Close()
		}
		proxy, err := s.e.Network.Guarded(net.JoinHostPort(d.ip.String(), strconv.Itoa(int(i.port))), d.server.Addr, s.guard(i), i.region)
		if err != nil {
			return fmt.Errorf("instance %s: %w; is something listening on port %d of every address (0.0.0.0)? Stop it, have it listen on 127.0.0.1, "+
				"or start without databases to connect to: --state-only", i.id, err, i.port)
		}
		d.proxy = proxy
	}
	s.e.Network.SetName(hostOf(i.account, i.region, i.id), d.ip)
	return nil
}

func (s *Service) forgetName(i *instance) {
	if i.real != nil {
		s.e.Network.SetName(hostOf(i.account, i.region, i.id), nil)
	}
}

// closeNetwork ends an instance's proxies and its name.
func (s *Service) closeNetwork(i *instance) {
	s.forgetName(i)
	if i.real == nil {
		return
	}
	for _, p := range []engine.Proxy{i.real.proxy, i.real.link} {
		if p != nil {
			_ = p.Close()
		}
	}
}

// dropLink ends what is left of a replication: the replica's own proxy, and the
// slot with which its former source keeps log for it.
func (s *Service) dropLink(ctx context.Context, i, former *instance) {
	if i.real == nil || i.real.link == nil {
		return
	}
	_ = i.real.link.Close()
	if former == nil || former.real == nil {
		return
	}
	if err := former.real.server.DropSlot(ctx, i.real.server); err != nil && ctx.Err() == nil {
		s.e.Log.Debug("a replication slot was not dropped", "source", former.id, "error", err)
	}
}

func (i *instance) promoteDatabase(ctx context.Context) error {
	if i.real == nil {
		return nil
	}
	return i.real.server.Promote(ctx)
}

func (i *instance) stopDatabase(context.Context) error {
	if i.real == nil {
		return nil
	}
	return i.real.server.Stop()
}

func (i *instance) startDatabase(ctx context.Context) error {
	if i.real == nil {
		return nil
	}
	return i.real.server.Start(ctx)
}
