// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Outcomes of a call that ended without AWS's answer. Otherwise the outcome is
// "ok" or the error's code.
const (
	OutcomeOK        = "ok"
	OutcomePending   = "pending"   // still being handled
	OutcomeReset     = "reset"     // the connection was reset
	OutcomeHeld      = "held"      // still being held, or black-holed to the end
	OutcomeDropped   = "dropped"   // held, then dropped or given up by its client
	OutcomeThrottled = "throttled" // by a fault
)

// Record is one call that reached the sandbox, whatever became of it.
type Record struct {
	// N counts from 1 in the order of arrival.
	N         int       `json:"n"`
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	Region    string    `json:"region"`
	Account   string    `json:"account,omitempty"`
	Principal string    `json:"principal,omitempty"`
	RequestID string    `json:"request_id"`
	Mutating  bool      `json:"mutating"`
	Outcome   string    `json:"outcome"`
	// Status is the HTTP status sent, 0 if none was.
	Status   int           `json:"status"`
	Duration time.Duration `json:"duration_ns"`
	// TookEffect is true from the moment the handler has succeeded, whether or
	// not the client hears of it.
	TookEffect bool `json:"took_effect"`
	// Params are identifiers of the input; never a secret.
	Params map[string]string `json:"params,omitempty"`
}

type recorder struct {
	mu      sync.Mutex
	n       int
	entries []*entry
}

type entry struct {
	mu *sync.Mutex
	r  Record
}

func (rec *recorder) add(r Record) *entry {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.n++
	r.N = rec.n
	r.Outcome = OutcomePending
	en := &entry{mu: &rec.mu, r: r}
	rec.entries = append(rec.entries, en)
	return en
}

func (en *entry) update(f func(*Record)) {
	en.mu.Lock()
	defer en.mu.Unlock()
	f(&en.r)
}

func (en *entry) copy() Record {
	en.mu.Lock()
	defer en.mu.Unlock()
	r := en.r
	r.Params = maps.Clone(r.Params)
	return r
}

func (en *entry) note(key, value string) {
	en.update(func(r *Record) {
		if r.Params == nil {
			r.Params = map[string]string{}
		}
		r.Params[key] = value
	})
}

// Calls returns every call since the start or the last ResetCalls, in the order
// of arrival, those under way included.
func (e *Engine) Calls() []Record {
	rec := &e.records
	rec.mu.Lock()
	defer rec.mu.Unlock()
	calls := make([]Record, len(rec.entries))
	for i, en := range rec.entries {
		calls[i] = en.r
		calls[i].Params = maps.Clone(en.r.Params)
	}
	return calls
}

// ResetCalls forgets the calls so far. Numbers go on.
func (e *Engine) ResetCalls() {
	rec := &e.records
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.entries = nil
}

// identifiers picks the fields of an input that name something and cannot be
// secret.
func identifiers(in any) map[string]string {
	params := map[string]string{}
	v := reflect.Indirect(reflect.ValueOf(in))
	for _, f := range fieldsOf(v.Type()) {
		if !names(f.name) {
			continue
		}
		value := reflect.Indirect(v.Field(f.index))
		if value.IsValid() && value.Kind() == reflect.String && value.Len() > 0 {
			params[f.name] = value.String()
		}
	}
	return params
}

func names(field string) bool {
	for _, secret := range []string{"Password", "Secret", "Token", "Signed", "Credential"} {
		if strings.Contains(field, secret) {
			return false
		}
	}
	for _, suffix := range []string{"Identifier", "Id", "ID", "Arn", "ARN", "Name", "Region"} {
		if strings.HasSuffix(field, suffix) {
			return true
		}
	}
	return false
}
