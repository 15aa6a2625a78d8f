// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// malformed is a value that does not fit its field.
type malformed struct{ path, problem string }

func (m *malformed) Error() string { return m.path + ": " + m.problem }

// decode puts what a protocol parsed into an SDK struct. The source is made of
// map[string]any, []any, string, bool, int64, float64, json.Number, []byte and
// time.Time; text protocols know only strings, so that the target's type says
// what they mean. Unknown names are ignored, as AWS ignores them.
func (n naming) decode(dst reflect.Value, src any, path string) error {
	if src == nil {
		return nil
	}
	switch {
	case dst.Type() == timeType:
		return decodeTime(dst, src, path)
	case dst.Type() == bytesType:
		return decodeBytes(dst, src, path)
	}
	switch dst.Kind() {
	case reflect.Pointer:
		target := reflect.New(dst.Type().Elem())
		if err := n.decode(target.Elem(), src, path); err != nil {
			return err
		}
		dst.Set(target)
		return nil
	case reflect.Struct:
		return n.decodeStruct(dst, src, path)
	case reflect.Slice:
		items := listItems(src, n.flattened(lastName(path)))
		list := reflect.MakeSlice(dst.Type(), len(items), len(items))
		for i, item := range items {
			if err := n.decode(list.Index(i), item, fmt.Sprintf("%s.%d", path, i+1)); err != nil {
				return err
			}
		}
		dst.Set(list)
		return nil
	case reflect.Map:
		return n.decodeMap(dst, src, path)
	default:
		return decodeScalar(dst, src, path)
	}
}

func (n naming) decodeStruct(dst reflect.Value, src any, path string) error {
	members, ok := src.(map[string]any)
	if !ok {
		if s, isText := src.(string); isText && strings.TrimSpace(s) == "" {
			return nil // an empty element
		}
		return &malformed{path, "expected a structure"}
	}
	for name, value := range members {
		f, ok := n.fieldByWire(dst.Type(), name)
		if !ok {
			continue
		}
		sub := f.name
		if path != "" {
			sub = path + "." + f.name
		}
		if err := n.decode(dst.Field(f.index), value, sub); err != nil {
			return err
		}
	}
	return nil
}

// decodeMap reads {"k": v}, and the query protocol's entry.N.key and .value.
func (n naming) decodeMap(dst reflect.Value, src any, path string) error {
	m := reflect.MakeMap(dst.Type())
	put := func(key string, value any) error {
		v := reflect.New(dst.Type().Elem()).Elem()
		if err := n.decode(v, value, path+"."+key); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(dst.Type().Key()), v)
		return nil
	}
	members, ok := src.(map[string]any)
	if !ok {
		return &malformed{path, "expected a map"}
	}
	entries := listItems(src, false)
	for _, entry := range entries {
		e, isEntry := entry.(map[string]any)
		key, hasKey := anyOf(e, "key", "Key", "Name", "name")
		if k, isText := key.(string); isEntry && hasKey && isText {
			value, _ := anyOf(e, "value", "Value")
			if err := put(k, value); err != nil {
				return err
			}
			continue
		}
		for key, value := range members {
			if err := put(key, value); err != nil {
				return err
			}
		}
		break
	}
	dst.Set(m)
	return nil
}

func anyOf(m map[string]any, names ...string) (any, bool) {
	for _, name := range names {
		if v, ok := m[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// listItems finds a list's members in whatever a protocol made of it: a list;
// {"1": a, "2": b} (query, flattened); {"Tag": {"1": a}} (query); {"Tag": [a,
// b]} or {"Tag": a} (XML); a single value (XML, flattened).
func listItems(src any, flattened bool) []any {
	switch v := src.(type) {
	case []any:
		return v
	case string:
		if strings.TrimSpace(v) == "" {
			return nil
		}
		return []any{v}
	case map[string]any:
		if items, ok := numbered(v); ok {
			return items
		}
		if len(v) != 1 || flattened {
			return []any{v}
		}
		for _, inner := range v {
			switch inner := inner.(type) {
			case []any:
				return inner
			case map[string]any:
				if items, ok := numbered(inner); ok {
					return items
				}
			}
			return []any{inner}
		}
	}
	return []any{src}
}

// numbered sorts {"1": a, "2": b} into a list.
func numbered(m map[string]any) ([]any, bool) {
	if len(m) == 0 {
		return nil, false
	}
	keys := make([]int, 0, len(m))
	for k := range m {
		i, err := strconv.Atoi(k)
		if err != nil {
			return nil, false
		}
		keys = append(keys, i)
	}
	slices.Sort(keys)
	items := make([]any, len(keys))
	for i, k := range keys {
		items[i] = m[strconv.Itoa(k)]
	}
	return items, true
}

func decodeScalar(dst reflect.Value, src any, path string) error {
	wrong := func(want string) error {
		return &malformed{path, fmt.Sprintf("%v is not %s", src, want)}
	}
	switch dst.Kind() {
	case reflect.String:
		s, ok := src.(string)
		if !ok {
			return wrong("a string")
		}
		dst.SetString(s)
	case reflect.Bool:
		switch v := src.(type) {
		case bool:
			dst.SetBool(v)
		case string:
			if v != "true" && v != "false" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
				return wrong("a boolean")
			}
			dst.SetBool(strings.EqualFold(v, "true"))
		default:
			return wrong("a boolean")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, ok := integer(src)
		if !ok || dst.OverflowInt(i) {
			return wrong("an integer")
		}
		dst.SetInt(i)
	case reflect.Float32, reflect.Float64:
		f, ok := float(src)
		if !ok {
			return wrong("a number")
		}
		dst.SetFloat(f)
	case reflect.Interface: // unions and documents: no service here has any
	default:
		return wrong("of a supported type")
	}
	return nil
}

func integer(src any) (int64, bool) {
	switch v := src.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v)
	case json.Number:
		return integer(string(v))
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return i, err == nil
	}
	return 0, false
}

func float(src any) (float64, bool) {
	switch v := src.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		return float(string(v))
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	}
	return 0, false
}

func decodeTime(dst reflect.Value, src any, path string) error {
	if t, ok := src.(time.Time); ok {
		dst.Set(reflect.ValueOf(t.UTC()))
		return nil
	}
	if s, ok := src.(string); ok {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z", time.RFC1123} {
			if t, err := time.Parse(layout, s); err == nil {
				dst.Set(reflect.ValueOf(t.UTC()))
				return nil
			}
		}
	}
	seconds, ok := float(src)
	if !ok {
		return &malformed{path, fmt.Sprintf("%v is not a time stamp", src)}
	}
	dst.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()))
	return nil
}

func decodeBytes(dst reflect.Value, src any, path string) error {
	switch v := src.(type) {
	case []byte:
		dst.SetBytes(v)
		return nil
	case string:
		b, err := base64.StdEncoding.DecodeString(v)
		if err == nil {
			dst.SetBytes(b)
			return nil
		}
	}
	return &malformed{path, "expected base64"}
}
