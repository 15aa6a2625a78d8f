// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

func TestEnsure(t *testing.T) {
	t.Parallel()
	weighted := func(r Record, set string, weight int64) Record {
		r.SetIdentifier, r.Routing.Weight = set, &weight
		return r
	}
	foreign := east("app.example.com")
	foreign.Answer = Answer{Records: []string{"203.0.113.9"}}
	there := east("app.example.com")
	there.Answer = Answer{Records: []string{"192.0.2.2"}}
	slow := there
	slow.TTL = aws.Int64(300)

	for _, test := range []struct {
		name    string
		have    []Record
		request func(*Request)
		changes int
		err     string
	}{
		{name: "moves", have: []Record{east("app.example.com")}, changes: 1},
		{name: "creates", changes: 1},
		{name: "is there already", have: []Record{there}},
		{name: "adopts what is there already", have: []Record{there}, request: func(r *Request) { r.Owned = false }},
		{name: "adopts a declared answer and moves it", have: []Record{east("app.example.com")}, request: func(r *Request) { r.Owned = false }, changes: 1},
		{name: "adopts in another spelling", have: []Record{there}, request: func(r *Request) { r.Owned, r.Name = false, "APP.example.com." }},
		{name: "confirms what nobody saw arrive", have: []Record{there}, request: func(r *Request) { r.Unconfirmed = true }, changes: 1},
		{name: "mends the TTL", have: []Record{slow}, changes: 1},
		{name: "mends drift", have: []Record{foreign}, changes: 1},
		{name: "does not take over a stranger's answer", have: []Record{foreign}, request: func(r *Request) { r.Owned = false }, err: "already exists with 203.0.113.9; wanted 192.0.2.2 (us-west-2)"},
		{name: "takes it over when told to", have: []Record{foreign}, request: func(r *Request) { r.Owned, r.Overwrite = false, true }, changes: 1},
		{name: "no simple record beside a routed one", have: []Record{weighted(east("app.example.com"), "a", 1)}, request: func(r *Request) { r.Overwrite = true }, err: `set identifier "a"`},
		{name: "moves one of several", have: []Record{weighted(east("app.example.com"), "a", 1), weighted(east("app.example.com"), "b", 1)}, request: func(r *Request) { r.SetIdentifier, r.Routing.Weight = "b", aws.Int64(1) }, changes: 1},
		{name: "unknown zone", request: func(r *Request) { r.ZoneID = "Z0NOWHERE" }, err: "Z0NOWHERE does not exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				for _, r := range test.have {
					f.put(r)
				}
				r := app("app.example.com")
				if test.request != nil {
					test.request(&r)
				}
				status, err := New(f, time.Second).Ensure(t.Context(), r)
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, want %q", err, test.err)
				}
				if len(f.batches) != test.changes || f.sent != test.changes {
					t.Errorf("%d requests, %d took effect, want %d", f.sent, len(f.batches), test.changes)
				}
				if err != nil {
					return
				}
				have, err := New(f, time.Second).Find(t.Context(), r.Key)
				if err != nil || have.ActiveTarget(r.Targets, "") != "us-west-2" || !have.equal(r.Desired()) {
					t.Errorf("the record is %+v, %v", have, err)
				}
				if (status.ChangeID != "") != (test.changes > 0) {
					t.Errorf("change id %q after %d changes", status.ChangeID, test.changes)
				}
			})
		})
	}
}

// Each call of a move is lost before and after it takes effect, once, or for
// as long as the run lasts; whatever came of it, the next run finishes.
func TestAMoveConvergesWhateverIsLost(t *testing.T) {
	t.Parallel()
	unreachable := &awsclient.UnreachableError{Region: "aws-global", Budget: 3 * time.Second, Err: context.Canceled}
	for _, operation := range []string{"list", "change", "get"} {
		for _, after := range []bool{false, true} {
			for _, once := range []bool{true, false} {
				for _, cause := range []error{errReset, unreachable, coded(503, "ServiceUnavailable")} {
					name := fmt.Sprintf("%s after=%t once=%t %v", operation, after, once, cause)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							lose(t, operation, after, once, cause)
						})
					})
				}
			}
		}
	}
}

func lose(t *testing.T, operation string, after, once bool, cause error) {
	f := newFake()
	f.put(east("app.example.com"))
	hook := func(op string, n int) error {
		if op == operation && (n == 1 || !once) {
			return cause
		}
		return nil
	}
	if after {
		f.after = hook
	} else {
		f.before = hook
	}
	_, err := New(f, time.Second).Ensure(t.Context(), app("app.example.com"))
	if once && !awsclient.IsUnreachable(cause) {
		if err != nil {
			t.Fatalf("one lost answer: %v", err)
		}
	} else {
		stuck, ok := errors.AsType[*StuckError](err)
		if !ok || stuck.To != "us-west-2" || stuck.From != "us-east-1" {
			t.Fatalf("want a StuckError from us-east-1 to us-west-2, got %#v", err)
		}
		if stuck.Sent != (operation != "list") || (stuck.ChangeID != "") != (operation == "get") {
			t.Errorf("sent %t, change %q", stuck.Sent, stuck.ChangeID)
		}
	}

	f.before, f.after = nil, nil
	next := app("app.example.com")
	next.Unconfirmed = err != nil
	if _, err := New(f, time.Second).Ensure(t.Context(), next); err != nil {
		t.Fatalf("the next run: %v", err)
	}
	if got := f.values("app.example.com", "A"); len(got) != 1 || got[0] != "192.0.2.2" {
		t.Errorf("serves %v", got)
	}
	for id, at := range f.changes {
		if time.Now().Before(at) {
			t.Errorf("done before %s was INSYNC", id)
		}
	}
}

func TestATimeoutSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.propagation = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := New(f, time.Second).Ensure(ctx, app("app.example.com"))
		timeout, ok := errors.AsType[*TimeoutError](err)
		if !ok || timeout.ChangeID != "C1" || !strings.Contains(err.Error(), "change C1 was PENDING") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put(east("app.example.com"))
		f.put(east("other.example.com"))
		f.after = func(op string, n int) error {
			if op == "change" && n == 1 {
				return errReset
			}
			return nil
		}
		s := New(f, time.Second)
		key := app("app.example.com").Key
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatalf("with a lost answer: %v", err)
		}
		if _, err := s.Find(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("found after deletion: %v", err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("again: %v", err)
		}
		if f.values("other.example.com", "A") == nil {
			t.Error("the other record is gone")
		}
	})
}

func TestExpiredAndMissingCredentialsAreNotMistakenForDenial(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{coded(403, "ExpiredToken"), &awsclient.CredentialsError{Err: coded(403, "AccessDenied")}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.before = func(string, int) error { return cause }
			_, err := New(f, time.Second).Ensure(t.Context(), app("app.example.com"))
			if _, isDenied := errors.AsType[*DeniedError](err); isDenied || !errors.Is(err, cause) {
				t.Errorf("got %#v", err)
			}
			if f.list != 1 {
				t.Errorf("%d calls, want no repetition", f.list)
			}
		})
	}
}

// TestExpiredTokenTellsTheStory loses its credentials between the change and its
// confirmation.
func TestExpiredTokenTellsTheStory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put(east("app.example.com"))
		f.before = func(operation string, _ int) error {
			if operation == "get" {
				return apiError(http.StatusForbidden, &smithy.GenericAPIError{Code: "ExpiredToken", Message: "The security token included in the request is expired"})
			}
			return nil
		}
		_, err := New(f, time.Second).Ensure(t.Context(), app("app.example.com"))
		failed, ok := errors.AsType[*FailedError](err)
		if !ok || failed.ChangeID == "" {
			t.Fatalf("got %v", err)
		}
		for _, want := range []string{"route53:GetChange", "app.example.com", zone, "ExpiredToken", "had accepted the change", "Renew the credentials"} {
			if !strings.Contains(failed.Detail(), want) {
				t.Errorf("the detail does not say %q:\n%s", want, failed.Detail())
			}
		}
	})
}
