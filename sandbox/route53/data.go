// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// recordSet is one resource record set. Its name is canonical. It is never
// changed once it is part of a zone's data.
type recordSet = types.ResourceRecordSet

// recordKey identifies a record set within a zone.
type recordKey struct {
	name string
	typ  types.RRType
	id   string
}

func keyOf(r *recordSet) recordKey {
	return recordKey{*r.Name, r.Type, aws.ToString(r.SetIdentifier)}
}

// zoneData is the record sets of a zone at one moment. A batch works on a
// clone; what has been published is never changed, so that the servers may
// answer from it without a lock.
type zoneData struct {
	byName map[string][]*recordSet

	once   sync.Once
	sorted []*recordSet
	// nodes are the names that exist: those with records and those above them.
	nodes map[string]bool
}

func newZoneData() *zoneData { return &zoneData{byName: map[string][]*recordSet{}} }

func (d *zoneData) clone() *zoneData { return &zoneData{byName: maps.Clone(d.byName)} }

func (d *zoneData) get(k recordKey) *recordSet {
	for _, r := range d.byName[k.name] {
		if keyOf(r) == k {
			return r
		}
	}
	return nil
}

// group returns the record sets of one name and type.
func (d *zoneData) group(name string, typ types.RRType) []*recordSet {
	var out []*recordSet
	for _, r := range d.byName[name] {
		if r.Type == typ {
			out = append(out, r)
		}
	}
	return out
}

// put adds a record set or replaces the one with its key.
func (d *zoneData) put(r *recordSet) {
	d.remove(keyOf(r))
	d.byName[*r.Name] = append(slices.Clip(d.byName[*r.Name]), r)
}

func (d *zoneData) remove(k recordKey) {
	old := d.byName[k.name]
	kept := make([]*recordSet, 0, len(old))
	for _, r := range old {
		if keyOf(r) != k {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		delete(d.byName, k.name)
		return
	}
	d.byName[k.name] = kept
}

func (d *zoneData) index() {
	d.once.Do(func() {
		type keyed struct {
			key string
			set *recordSet
		}
		var all []keyed
		d.nodes = map[string]bool{}
		for name, sets := range d.byName {
			k := sortKey(name)
			for _, r := range sets {
				all = append(all, keyed{k, r})
			}
			for n := name; n != "" && !d.nodes[n]; n = parent(n) {
				d.nodes[n] = true
			}
		}
		slices.SortFunc(all, func(a, b keyed) int {
			return cmp.Or(strings.Compare(a.key, b.key), compareWithinName(a.set, b.set))
		})
		d.sorted = make([]*recordSet, len(all))
		for i := range all {
			d.sorted[i] = all[i].set
		}
	})
}

func compareWithinName(a, b *recordSet) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type),
		cmp.Compare(aws.ToString(a.SetIdentifier), aws.ToString(b.SetIdentifier)))
}

// list returns all record sets in the API's order.
func (d *zoneData) list() []*recordSet {
	d.index()
	return d.sorted
}

// exists tells whether a name has records or lies above one that has.
func (d *zoneData) exists(name string) bool {
	d.index()
	return d.nodes[name]
}

// len is the number of record sets.
func (d *zoneData) len() int {
	n := 0
	for _, sets := range d.byName {
		n += len(sets)
	}
	return n
}
