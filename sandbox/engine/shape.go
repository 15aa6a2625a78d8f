// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// naming is how a service writes its fields and its lists' members.
type naming struct {
	lists, fields map[string]string
	lower         bool
	// ec2 is EC2's way: a request names a list by its members, and those are
	// "item" in answers.
	ec2 bool
}

// wire is the name on the wire of a Go field of a struct.
func (n naming) wire(t reflect.Type, field string) string {
	if w, ok := n.fields[t.Name()+"."+field]; ok {
		return w
	}
	if w, ok := n.fields[field]; ok {
		return w
	}
	if n.lower {
		r, size := utf8.DecodeRuneInString(field)
		return string(unicode.ToLower(r)) + field[size:]
	}
	return field
}

// flattened tells whether a list field has no element around its members.
func (n naming) flattened(field string) bool { return n.lists[field] == "-" }

// item is the element name of a list's members.
func (n naming) item(field string) string {
	if name := n.lists[field]; name != "" && name != "-" {
		return name
	}
	if n.ec2 {
		return "item"
	}
	return "member"
}

// field is one serialised field of an SDK struct.
type field struct {
	name  string
	index int
}

var shapes sync.Map // reflect.Type to []field

// fieldsOf lists the fields of an SDK struct that are data.
func fieldsOf(t reflect.Type) []field {
	if cached, ok := shapes.Load(t); ok {
		return cached.([]field) //nolint:forcetypeassert // only this function stores
	}
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && f.Name != "ResultMetadata" {
			list = append(list, field{f.Name, i})
		}
	}
	shapes.Store(t, list)
	return list
}

// fieldByWire finds the field of a struct for a name on the wire: the declared
// name first, then any case, then the singular with which EC2's requests name
// a list ("Filter.1" is of Filters).
func (n naming) fieldByWire(t reflect.Type, name string) (field, bool) {
	fields := fieldsOf(t)
	for _, f := range fields {
		if n.wire(t, f.name) == name {
			return f, true
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.name, name) || strings.EqualFold(n.wire(t, f.name), name) {
			return f, true
		}
	}
	for _, f := range fields {
		if n.ec2 && t.Field(f.index).Type.Kind() == reflect.Slice && strings.EqualFold(f.name, name+"s") {
			return f, true
		}
	}
	return field{}, false
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)
