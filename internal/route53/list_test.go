// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadsOfOneZoneShareListings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for i := range 1000 {
			f.put(east(fmt.Sprintf("app%03d.example.com", i)))
		}
		f.put(east("*.example.com"))
		s := New(f, time.Second)
		var wg sync.WaitGroup
		for i := range 400 {
			wg.Go(func() {
				name := fmt.Sprintf("app%03d.example.com", 2*i)
				if i%100 == 99 {
					name = fmt.Sprintf("app%03dx.example.com", i) // does not exist
				}
				r, err := s.Find(t.Context(), app(name).Key)
				if i%100 == 99 {
					if !errors.Is(err, ErrNotFound) {
						t.Errorf("%s: %v", name, err)
					}
				} else if err != nil || DisplayName(r.Name) != name {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
			})
		}
		wg.Go(func() {
			if r, err := s.Find(t.Context(), app("*.example.com").Key); err != nil || DisplayName(r.Name) != "*.example.com" {
				t.Errorf("the wildcard: %+v, %v", r, err)
			}
		})
		wg.Wait()
		if f.list > 6 {
			t.Errorf("%d listings for 401 look-ups over 4 pages", f.list)
		}
	})
}

func TestFarNamesAreJumpedTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.pageSize = 10
		for i := range 1000 {
			f.put(east(fmt.Sprintf("app%03d.example.com", i)))
		}
		s := New(f, time.Second)
		var wg sync.WaitGroup
		for _, name := range []string{"app005.example.com", "app500.example.com", "app995.example.com"} {
			wg.Go(func() {
				if _, err := s.Find(t.Context(), app(name).Key); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		if f.list != 3 {
			t.Errorf("%d listings, want 3 of 100 pages", f.list)
		}
	})
}

func TestANameWithMoreRecordsThanAPageIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.pageSize = 10
		for i := range 45 {
			r := east("app.example.com")
			r.SetIdentifier = fmt.Sprintf("set%02d", i)
			f.put(r)
		}
		key := app("app.example.com").Key
		key.SetIdentifier = "set44"
		if r, err := New(f, time.Second).Find(t.Context(), key); err != nil || r.SetIdentifier != "set44" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
