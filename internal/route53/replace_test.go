// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// A simple record becomes a pair in one batch: never is there a moment without
// an answer.
func TestReplaceIsOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put(east("app.example.com"))
		s := New(f, 0)
		key := Key{ZoneID: zone, Name: "app.example.com", Type: "A"}
		sets, err := s.Sets(t.Context(), key)
		if err != nil || len(sets) != 1 || sets[0].SetIdentifier != "" {
			t.Fatalf("found %+v, %v", sets, err)
		}
		pair := []Record{east("app.example.com"), east("app.example.com")}
		pair[0].SetIdentifier, pair[0].Routing.Failover = "a", "PRIMARY"
		pair[1].SetIdentifier, pair[1].Routing.Failover = "b", "SECONDARY"
		if err := s.Replace(t.Context(), key, sets, pair); err != nil {
			t.Fatal(err)
		}
		if len(f.batches) != 1 || len(f.batches[0]) != 3 || f.batches[0][0].Action != types.ChangeActionDelete {
			t.Errorf("sent %+v, want one batch of three that begins by making room", f.batches)
		}
		if sets, err := s.Sets(t.Context(), key); err != nil || len(sets) != 2 {
			t.Errorf("found %+v, %v", sets, err)
		}
		// What is to be removed is gone: all of it is refused, none done.
		before := len(f.batches)
		simple := east("app.example.com")
		err = s.Replace(t.Context(), key, []Record{simple}, pair)
		if _, refused := errors.AsType[*RefusedError](err); !refused || len(f.batches) != before {
			t.Errorf("removing what is not there: %v", err)
		}
		if err := s.Replace(t.Context(), key, nil, nil); err != nil || len(f.batches) != before {
			t.Errorf("nothing to do: %v", err)
		}
	})
}
