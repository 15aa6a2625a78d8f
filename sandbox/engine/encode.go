// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"reflect"
	"slices"
	"time"
)

// The tree that answers are made of before a protocol writes it: object, list,
// mapping, string, bool, int64, float64, []byte, time.Time.
type (
	object []member
	member struct {
		name  string
		value any
	}
	list struct {
		item      string // the element name of the members in XML
		flattened bool
		items     []any
	}
	mapping []member
)

// encode makes the tree of an output. A list of the output itself is written
// even when it is empty; a nested one only when it is not nil.
func (n naming) encode(out any, skip map[string]string) object {
	v := reflect.ValueOf(out)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	return n.encodeStruct(v, true, skip)
}

func (n naming) encodeStruct(v reflect.Value, top bool, skip map[string]string) object {
	o := object{}
	for _, f := range fieldsOf(v.Type()) {
		if _, skipped := skip[f.name]; skipped {
			continue
		}
		value := v.Field(f.index)
		if value.Kind() == reflect.Slice && value.IsNil() && top && value.Type() != bytesType {
			value = reflect.MakeSlice(value.Type(), 0, 0)
		}
		if tree, ok := n.encodeValue(value, f.name); ok {
			o = append(o, member{n.wire(v.Type(), f.name), tree})
		}
	}
	return o
}

func (n naming) encodeValue(v reflect.Value, name string) (any, bool) {
	if v.Type() == timeType {
		t, ok := v.Interface().(time.Time)
		return t, ok
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, false
		}
		return n.encodeValue(v.Elem(), name)
	case reflect.Struct:
		return n.encodeStruct(v, false, nil), true
	case reflect.Slice:
		return n.encodeSlice(v, name)
	case reflect.Map:
		if v.IsNil() {
			return nil, false
		}
		m := mapping{}
		for _, key := range v.MapKeys() {
			if tree, ok := n.encodeValue(v.MapIndex(key), name); ok {
				m = append(m, member{key.String(), tree})
			}
		}
		slices.SortFunc(m, func(a, b member) int {
			if a.name < b.name {
				return -1
			}
			return 1
		})
		return m, true
	case reflect.String: // an enum that is not set is an empty string
		return v.String(), v.Len() > 0 || v.Type().Name() == "string"
	case reflect.Bool:
		return v.Bool(), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), true
	case reflect.Float32, reflect.Float64:
		return v.Float(), true
	default:
		return nil, false
	}
}

func (n naming) encodeSlice(v reflect.Value, name string) (any, bool) {
	if v.IsNil() {
		return nil, false
	}
	if v.Type() == bytesType {
		return v.Bytes(), true
	}
	l := list{item: n.item(name), flattened: n.flattened(name), items: make([]any, 0, v.Len())}
	for i := range v.Len() {
		if tree, ok := n.encodeValue(v.Index(i), name); ok {
			l.items = append(l.items, tree)
		}
	}
	return l, true
}
