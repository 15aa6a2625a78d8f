// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// parseJSON reads a JSON object; an empty body is an empty one.
func parseJSON(body []byte) (map[string]any, error) {
	m := map[string]any{}
	if len(bytes.TrimSpace(body)) == 0 {
		return m, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := d.Decode(&m)
	return m, err
}

// writeJSON writes a tree; time stamps are seconds since the epoch.
func writeJSON(tree any) []byte {
	var b strings.Builder
	jsonValue(&b, tree)
	return []byte(b.String())
}

func jsonValue(b *strings.Builder, value any) {
	switch v := value.(type) {
	case object:
		jsonMembers(b, v)
	case mapping:
		jsonMembers(b, v)
	case list:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			jsonValue(b, item)
		}
		b.WriteByte(']')
	case time.Time:
		jsonValue(b, epoch(v))
	case float64:
		switch {
		case math.IsNaN(v):
			b.WriteString(`"NaN"`)
		case math.IsInf(v, 0):
			b.WriteString(`"Infinity"`)
		default:
			jsonPlain(b, v)
		}
	default: // strings, integers, booleans, and bytes as base64
		jsonPlain(b, v)
	}
}

func jsonPlain(b *strings.Builder, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("null")
	}
	b.Write(text)
}

func jsonMembers(b *strings.Builder, members []member) {
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		jsonPlain(b, m.name)
		b.WriteByte(':')
		jsonValue(b, m.value)
	}
	b.WriteByte('}')
}

// epoch is a time in seconds, with milliseconds as the fraction.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
