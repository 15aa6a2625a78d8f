// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// writer is the application's client: it writes one row after the other through
// the application's name, and keeps what was acknowledged and what failed.
type writer struct {
	url      string
	interval time.Duration
	client   *http.Client

	mu     sync.Mutex
	acked  []ack
	failed []time.Time
	last   string // the last failure, for the report
}

// ack is one row that the application said is committed.
type ack struct {
	id   string
	at   time.Time // when the acknowledgement came
	from string    // the region that gave it
}

// newWriter makes a client whose look-ups go through lookup (which keeps an
// answer for its TTL, as a resolver does) and which opens a connection per row,
// so that every row shows where the name leads at that moment.
func newWriter(url string, interval time.Duration, lookup func(ctx context.Context, host string) (string, error)) *writer {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	transport := &http.Transport{
		DisableKeepAlives:     true,
		ResponseHeaderTimeout: 2 * time.Second,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			ip, err := lookup(ctx, host)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort(ip, port))
		},
	}
	return &writer{url: url, interval: interval, client: &http.Client{Transport: transport, Timeout: 3 * time.Second}}
}

// run writes until ctx ends.
func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.write(ctx)
		}
	}
}

func (w *writer) write(ctx context.Context) {
	id := uuid.NewString()
	region, err := w.post(ctx, id)
	now := time.Now()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = append(w.failed, now)
		w.last = err.Error()
		return
	}
	w.acked = append(w.acked, ack{id, now, region})
}

func (w *writer) post(ctx context.Context, id string) (string, error) {
	body, err := json.Marshal(map[string]string{"id": id})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("HTTP %d: %s", resp.StatusCode, bytes.TrimSpace(answer))
	}
	var row struct {
		ID     string `json:"id"`
		Region string `json:"region"`
	}
	if err := json.Unmarshal(answer, &row); err != nil {
		return "", fmt.Errorf("answer %q: %w", answer, err)
	}
	if row.ID != id {
		return "", fmt.Errorf("row %s was acknowledged as %q", id, row.ID)
	}
	return row.Region, nil
}

// snapshot returns what happened so far.
func (w *writer) snapshot() (acked []ack, failed []time.Time, last string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]ack(nil), w.acked...), append([]time.Time(nil), w.failed...), w.last
}

// outage is the time without service as the client saw it: from the first row
// that failed after lost to the first that region acknowledged.
func outage(acked []ack, failed []time.Time, lost time.Time, region string) (first, good time.Time, ok bool) {
	for _, f := range failed {
		if f.After(lost) {
			first = f
			break
		}
	}
	for _, a := range acked {
		if a.from == region && a.at.After(lost) {
			good = a.at
			break
		}
	}
	return first, good, !first.IsZero() && !good.IsZero()
}
