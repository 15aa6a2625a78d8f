// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// lag is the modelled lag of a state-only replica, and what tests set of any.
type lag struct {
	base   time.Duration
	since  time.Time // the source cannot be reached since; zero if it can
	silent bool
}

func (l *lag) lost(now time.Time) {
	if l.since.IsZero() {
		l.since = now
	}
}

// regionChanged keeps the time from which a region's replicas elsewhere hear
// nothing of it.
func (s *Service) regionChanged(region string, state engine.RegionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.e.Clock.Now()
	for _, i := range s.instances {
		switch {
		case i.source == nil || i.source.region != region || i.region == region:
		case state == engine.Up:
			i.lag.since = time.Time{}
		default:
			i.lag.lost(now)
		}
	}
}

// connected tells whether a replica hears its source. Call it with the lock.
func (s *Service) connected(i *instance) bool {
	return i.source != nil && i.source.status != "deleting" && i.lag.since.IsZero() &&
		s.e.RegionState(i.source.region) == engine.Up
}

// replicationInfo is the status of a replica's replication.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceStatusInfo.html
func (s *Service) replicationInfo(i *instance) types.DBInstanceStatusInfo {
	info := types.DBInstanceStatusInfo{
		StatusType: aws.String("read replication"), Normal: aws.Bool(true), Status: aws.String("replicating"),
	}
	switch {
	case i.replication != "":
		info.Status = aws.String(i.replication)
	case i.source == nil:
		info.Status, info.Normal = aws.String("terminated"), aws.Bool(false)
		info.Message = aws.String("The source DB instance was deleted.")
	case !s.connected(i):
		info.Status, info.Normal = aws.String("error"), aws.Bool(false)
		info.Message = aws.String("The source DB instance cannot be reached.")
	}
	return info
}

// publishLag publishes ReplicaLag in each replica's own region every 60
// simulated seconds. The values are wall time, as are their time stamps: a lag
// is compared with clocks. At high time scales the pace is bounded by what
// asking real servers costs.
func (s *Service) publishLag(ctx context.Context) {
	if s.opts.Metrics == nil {
		return
	}
	pace := max(s.e.Clock.Wall(time.Minute), 100*time.Millisecond)
	lastReal := time.Time{}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		servers := time.Since(lastReal) >= time.Second-pace/2
		if servers {
			lastReal = time.Now()
		}
		s.publishOnce(ctx, servers)
	}
}

// publishOnce publishes one datum for each replica that has one; real servers
// are asked only if so told.
func (s *Service) publishOnce(ctx context.Context, askServers bool) {
	s.mu.Lock()
	now := s.e.Clock.Now()
	var servers []*instance
	for _, i := range s.instances {
		switch {
		case !s.publishes(i):
		case i.real == nil:
			s.putLag(i.account, i.region, i.id, now, s.modelledLag(i, now))
		case askServers:
			servers = append(servers, i)
		}
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, i := range servers {
		wg.Go(func() { s.publishReal(ctx, i) })
	}
	wg.Wait()
}

// publishes tells whether there is a lag to tell of. Call it with the lock.
func (s *Service) publishes(i *instance) bool {
	return i.isReplica() && !i.lag.silent && i.db.InstanceCreateTime != nil &&
		i.status != "rebooting" && i.status != "deleting" &&
		i.replication != "replication stop point reached" && s.e.RegionState(i.region) == engine.Up
}

// modelledLag: PostgreSQL counts from the last transaction replayed, so the lag
// grows while the source is lost; MySQL and MariaDB say -1 when they do not
// replicate.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Monitoring.html
func (s *Service) modelledLag(i *instance, now time.Time) float64 {
	switch {
	case i.lag.base < 0:
		return -1
	case i.engine() != "postgres" && !s.connected(i):
		return -1
	case i.lag.since.IsZero():
		return i.lag.base.Seconds()
	}
	return (i.lag.base + now.Sub(i.lag.since)).Seconds()
}

func (s *Service) publishReal(ctx context.Context, i *instance) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := i.real.server.Replication(ctx)
	now := s.e.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !r.Standby || !r.Known || !s.publishes(i) {
		return
	}
	s.putLag(i.account, i.region, i.id, now, r.Lag.Seconds())
}

func (s *Service) putLag(account, region, id string, at time.Time, value float64) {
	s.opts.Metrics.Put(account, region, "AWS/RDS", "ReplicaLag",
		map[string]string{"DBInstanceIdentifier": id}, at, value, "Seconds")
}

// heartbeat has every real source commit something every five simulated minutes,
// as RDS does.
func (s *Service) heartbeat(ctx context.Context) {
	tick := time.NewTicker(max(s.e.Clock.Wall(5*time.Minute), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		var sources []*instance
		for _, i := range s.instances {
			if i.real != nil && !i.isReplica() && len(i.replicas) > 0 && i.status == "available" &&
				s.e.RegionState(i.region) == engine.Up {
				sources = append(sources, i)
			}
		}
		s.mu.Unlock()
		for _, i := range sources {
			beat, cancel := context.WithTimeout(ctx, 2*time.Second)
			if err := i.real.server.Heartbeat(beat); err != nil && ctx.Err() == nil {
				s.e.Log.Debug("no heartbeat", "instance", i.id, "error", err)
			}
			cancel()
		}
	}
}
