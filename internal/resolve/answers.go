// SPDX-License-Identifier: MPL-2.0

package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Said is what one server answers.
type Said struct {
	Server string   // HOST:PORT
	Values []string // addresses, or names with a trailing dot, sorted
	Err    error    // why there is no answer
}

// Kinds of records that Answers can ask for.
var Kinds = map[string]uint16{"A": dns.TypeA, "AAAA": dns.TypeAAAA, "CNAME": dns.TypeCNAME}

// perServer bounds the wait for one server's answer.
const perServer = 3 * time.Second

// Answers asks every server that is to be asked for a name, all at once: the
// zone's own name servers answer for themselves only. An error says that there
// is nobody to ask.
func (n *Resolver) Answers(ctx context.Context, host, kind string) ([]Said, error) {
	name := dns.Fqdn(host)
	servers, err := n.serversOf(ctx, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("finding the name servers of %s: %w", name, err)
	case len(servers) == 0:
		return nil, fmt.Errorf("no public zone holds %s: give a resolver", name)
	}
	said := make([]Said, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, perServer)
			defer cancel()
			said[i] = n.ask(ctx, server, name, kind)
		})
	}
	wg.Wait()
	return said, nil
}

// ask follows aliases that leave the server's own zones.
func (n *Resolver) ask(ctx context.Context, server, name, kind string) Said {
	values, alias, err := query(ctx, server, name, Kinds[kind], n.server != "")
	if err == nil && len(values) == 0 && alias != "" {
		var ip string
		if ip, _, err = New(n.server).Address(ctx, alias); err == nil {
			values = []string{ip}
		}
	}
	slices.Sort(values)
	return Said{Server: server, Values: values, Err: err}
}

// Values are what a name leads to, by whichever of its servers answers first.
func (n *Resolver) Values(ctx context.Context, host, kind string) ([]string, error) {
	said, err := n.Answers(ctx, host, kind)
	if err != nil {
		return nil, err
	}
	for _, s := range said {
		if s.Err == nil && len(s.Values) > 0 {
			return s.Values, nil
		}
		err = s.Err
	}
	if err == nil {
		err = errors.New("the answer is empty")
	}
	return nil, fmt.Errorf("%s has no %s record to be seen: %w", strings.TrimSuffix(host, "."), kind, err)
}
