// SPDX-License-Identifier: MPL-2.0

//go:build linux

package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// leadsTo is where the application's name leads now, "" if nowhere.
func (w *world) leadsTo(ctx context.Context) string {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.DNSAddr())
	}}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	addresses, err := resolver.LookupHost(ctx, scenario.RecordName)
	if err != nil || len(addresses) != 1 {
		return ""
	}
	return addresses[0]
}

// serves says whether the application in us-west-2 can write.
func (w *world) serves(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, app := range w.Applications() {
		if app.Region != west {
			continue
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, app.HTTP+"/health", nil)
		if err != nil {
			return false
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	return false
}
