// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// parseXML reads a document's root element into a tree: text is a string,
// elements are a map, repeated elements a list. The root's name is dropped.
func parseXML(body []byte) (map[string]any, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return map[string]any{}, nil
		}
		if err != nil {
			return nil, err
		}
		if _, ok := token.(xml.StartElement); !ok {
			continue
		}
		value, err := parseElement(d)
		if err != nil {
			return nil, err
		}
		if m, ok := value.(map[string]any); ok {
			return m, nil
		}
		return map[string]any{}, nil
	}
}

func parseElement(d *xml.Decoder) (any, error) {
	var text strings.Builder
	var children map[string]any
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if children != nil {
				return children, nil
			}
			return text.String(), nil
		case xml.StartElement:
			value, err := parseElement(d)
			if err != nil {
				return nil, err
			}
			if children == nil {
				children = map[string]any{}
			}
			name := t.Name.Local
			switch before := children[name].(type) {
			case nil:
				children[name] = value
			case []any:
				children[name] = append(before, value)
			default:
				children[name] = []any{before, value}
			}
		}
	}
}

// xmlWriter writes trees as elements.
type xmlWriter struct{ bytes.Buffer }

func newXMLWriter() *xmlWriter {
	w := &xmlWriter{}
	w.WriteString(xml.Header)
	return w
}

func (w *xmlWriter) open(name, namespace string) {
	w.WriteString("<" + name)
	if namespace != "" {
		w.WriteString(` xmlns="`)
		w.text(namespace)
		w.WriteString(`"`)
	}
	w.WriteString(">")
}

func (w *xmlWriter) close(name string) { w.WriteString("</" + name + ">") }

func (w *xmlWriter) text(s string) { xml.EscapeText(w, []byte(s)) } //nolint:errcheck // a Buffer never fails

func (w *xmlWriter) element(name string, value any) {
	if l, ok := value.(list); ok && l.flattened {
		for _, item := range l.items {
			w.element(name, item)
		}
		return
	}
	w.open(name, "")
	w.content(value)
	w.close(name)
}

func (w *xmlWriter) content(value any) {
	switch v := value.(type) {
	case object:
		for _, m := range v {
			w.element(m.name, m.value)
		}
	case list:
		for _, item := range v.items {
			w.element(v.item, item)
		}
	case mapping:
		for _, m := range v {
			w.element("entry", object{{"key", m.name}, {"value", m.value}})
		}
	case string:
		w.text(v)
	case bool:
		w.WriteString(strconv.FormatBool(v))
	case int64:
		w.WriteString(strconv.FormatInt(v, 10))
	case float64:
		w.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	case []byte:
		w.WriteString(base64.StdEncoding.EncodeToString(v))
	case time.Time:
		w.WriteString(v.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}
