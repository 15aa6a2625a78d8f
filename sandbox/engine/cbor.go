// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"fmt"
	"math"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// epochTag marks a CBOR number as seconds since the epoch.
const epochTag = 1

// parseCBOR reads a CBOR map; an empty body is an empty one.
func parseCBOR(body []byte) (map[string]any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return nil, err
	}
	if m, ok := fromCBOR(value).(map[string]any); ok {
		return m, nil
	}
	return nil, fmt.Errorf("the body is not a CBOR map")
}

func fromCBOR(value cbor.Value) any {
	switch v := value.(type) {
	case cbor.Uint:
		if uint64(v) > math.MaxInt64 {
			return float64(v)
		}
		return int64(v)
	case cbor.NegInt:
		return -int64(v)
	case cbor.Slice:
		return []byte(v)
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case cbor.Float32:
		return float64(v)
	case cbor.Float64:
		return float64(v)
	case cbor.List:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = fromCBOR(item)
		}
		return items
	case cbor.Map:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = fromCBOR(item)
		}
		return m
	case *cbor.Tag:
		return fromCBOR(v.Value)
	}
	return nil
}

// writeCBOR writes a tree.
func writeCBOR(tree any) []byte { return cbor.Encode(toCBOR(tree)) }

func toCBOR(value any) cbor.Value {
	switch v := value.(type) {
	case object:
		return cborMembers(v)
	case mapping:
		return cborMembers(v)
	case list:
		items := make(cbor.List, len(v.items))
		for i, item := range v.items {
			items[i] = toCBOR(item)
		}
		return items
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case int64:
		if v < 0 {
			return cbor.NegInt(-v)
		}
		return cbor.Uint(v)
	case float64:
		return cbor.Float64(v)
	case []byte:
		return cbor.Slice(v)
	case time.Time:
		return &cbor.Tag{ID: epochTag, Value: cbor.Float64(epoch(v))}
	}
	return &cbor.Nil{}
}

func cborMembers(members []member) cbor.Map {
	m := make(cbor.Map, len(members))
	for _, item := range members {
		m[item.name] = toCBOR(item.value)
	}
	return m
}
