// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// registration is a service with what the engine derives from its definition.
type registration struct {
	Service
	names      naming
	operations map[string]*Operation
	routes     []route
}

type route struct {
	method   string
	segments []string // "hostedzone", "{Id}", "{Key+}"
	op       *Operation
}

func newRegistration(s Service) (*registration, error) {
	r := &registration{
		Service:    s,
		names:      naming{lists: s.ListNames, fields: s.FieldNames, lower: s.LowerCamel, ec2: slices.Contains(s.Protocols, EC2Query)},
		operations: make(map[string]*Operation, len(s.Operations)),
	}
	if s.Name == "" {
		return nil, errors.New("it has no name")
	}
	if s.Raw == nil && len(s.Protocols) == 0 {
		return nil, errors.New("it has no protocol")
	}
	for i := range s.Operations {
		op := &s.Operations[i]
		if _, taken := r.operations[op.Name]; taken {
			return nil, fmt.Errorf("operation %s is there twice", op.Name)
		}
		if op.invoke == nil {
			return nil, fmt.Errorf("operation %s has no handler", op.Name)
		}
		r.operations[op.Name] = op
		if op.Path != "" {
			r.routes = append(r.routes, route{op.Method, segments(op.Path), op})
		}
	}
	// Literal segments win over labels.
	slices.SortStableFunc(r.routes, func(a, b route) int { return labels(a) - labels(b) })
	return r, nil
}

func segments(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}

func labels(r route) (n int) {
	for _, s := range r.segments {
		if strings.HasPrefix(s, "{") {
			n++
		}
	}
	return n
}

func (r *registration) speaks(p Protocol) bool { return slices.Contains(r.Protocols, p) }

// route finds the operation of a REST request and the values of its labels.
func (r *registration) route(method, escapedPath string) (*Operation, map[string]string) {
	have := segments(escapedPath)
	for _, candidate := range r.routes {
		if candidate.method != method {
			continue
		}
		if values, ok := match(candidate.segments, have); ok {
			return candidate.op, values
		}
	}
	return nil, nil
}

func match(want, have []string) (map[string]string, bool) {
	values := map[string]string{}
	for i, segment := range want {
		if i >= len(have) {
			return nil, false
		}
		label, isLabel := strings.CutPrefix(segment, "{")
		if !isLabel {
			if segment != have[i] {
				return nil, false
			}
			continue
		}
		label = strings.TrimSuffix(label, "}")
		text := have[i]
		if greedy, ok := strings.CutSuffix(label, "+"); ok && i == len(want)-1 {
			label, text, have = greedy, strings.Join(have[i:], "/"), have[:i+1]
		}
		value, err := url.PathUnescape(text)
		if err != nil || value == "" {
			return nil, false
		}
		values[label] = value
	}
	return values, len(want) == len(have)
}
