// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"reflect"
	"strconv"
	"time"
)

// answer is a complete response, kept back until faults let it go.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newAnswer(status int, contentType, requestID string, body []byte) *answer {
	h := http.Header{}
	h.Set("x-amzn-RequestId", requestID)
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return &answer{status: status, header: h, body: body}
}

func (a *answer) send(w http.ResponseWriter) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	if a.header.Get("Content-Length") == "" && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	w.Write(a.body) //nolint:errcheck // the client may be gone
}

const (
	cborType   = "application/cbor"
	xmlType    = "text/xml"
	json10Type = "application/x-amz-json-1.0"
	json11Type = "application/x-amz-json-1.1"
	jsonType   = "application/json"
)

// success writes an output in the request's protocol.
func success(s *registration, op *Operation, protocol Protocol, requestID string, out any) *answer {
	status := http.StatusOK
	rest := protocol == RESTXML || protocol == RESTJSON
	var skip map[string]string
	if rest {
		if op.Status != 0 {
			status = op.Status
		}
		skip = make(map[string]string, len(op.HeaderFields))
		for header, field := range op.HeaderFields {
			skip[field] = header
		}
	}
	tree := s.names.encode(out, skip)
	var a *answer
	switch protocol {
	case Query:
		w := newXMLWriter()
		w.open(op.Name+"Response", s.XMLNamespace)
		w.element(op.Name+"Result", tree)
		w.element("ResponseMetadata", object{{"RequestId", requestID}})
		w.close(op.Name + "Response")
		a = newAnswer(status, xmlType, requestID, w.Bytes())
	case EC2Query:
		w := newXMLWriter()
		w.open(op.Name+"Response", s.XMLNamespace)
		w.element("requestId", requestID)
		w.content(tree)
		w.close(op.Name + "Response")
		a = newAnswer(status, xmlType, requestID, w.Bytes())
	case RESTXML:
		w := newXMLWriter()
		w.open(op.Name+"Response", s.XMLNamespace)
		w.content(tree)
		w.close(op.Name + "Response")
		a = newAnswer(status, xmlType, requestID, w.Bytes())
	case CBOR:
		a = newAnswer(status, cborType, requestID, writeCBOR(tree))
		a.header.Set("Smithy-Protocol", "rpc-v2-cbor")
	case JSON10:
		a = newAnswer(status, json10Type, requestID, writeJSON(tree))
		a.header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(a.body)), 10))
	case JSON11:
		a = newAnswer(status, json11Type, requestID, writeJSON(tree))
	case RESTJSON:
		a = newAnswer(status, jsonType, requestID, writeJSON(tree))
	}
	v := reflect.Indirect(reflect.ValueOf(out))
	for field, header := range skip {
		if text, ok := headerText(v.FieldByName(field)); ok {
			a.header.Set(header, text)
		}
	}
	return a
}

func headerText(v reflect.Value) (string, bool) {
	if !v.IsValid() || (v.Kind() == reflect.Pointer && v.IsNil()) {
		return "", false
	}
	v = reflect.Indirect(v)
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(http.TimeFormat), true
	}
	return fmt.Sprint(v.Interface()), true
}

// failure writes a refusal in the request's protocol.
func failure(s *registration, protocol Protocol, requestID string, e *Error) *answer {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	namespace := ""
	if s != nil {
		namespace = s.XMLNamespace
	}
	kind := "Sender"
	if status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	tree := object{{"message", e.Message}}
	switch protocol {
	case CBOR:
		shape := e.Code
		if s != nil && s.ErrorShapes[e.Code] != "" {
			shape = s.ErrorShapes[e.Code]
		}
		a := newAnswer(status, cborType, requestID, writeCBOR(append(object{{"__type", shape}}, tree...)))
		a.header.Set("Smithy-Protocol", "rpc-v2-cbor")
		a.header.Set("X-Amzn-Query-Error", e.Code+";"+kind)
		return a
	case JSON10, JSON11:
		contentType := json11Type
		if protocol == JSON10 {
			contentType = json10Type
		}
		a := newAnswer(status, contentType, requestID, writeJSON(append(object{{"__type", e.Code}}, tree...)))
		if protocol == JSON10 {
			a.header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(a.body)), 10))
		}
		return a
	case RESTJSON:
		a := newAnswer(status, jsonType, requestID, writeJSON(tree))
		a.header.Set("X-Amzn-ErrorType", e.Code)
		return a
	}
	w := newXMLWriter()
	switch {
	case s != nil && s.Raw != nil: // S3's shape
		w.element("Error", object{{"Code", e.Code}, {"Message", e.Message}, {"RequestId", requestID}, {"HostId", requestID}})
	case protocol == EC2Query:
		w.open("Response", "")
		w.element("Errors", object{{"Error", object{{"Code", e.Code}, {"Message", e.Message}}}})
		w.element("RequestID", requestID)
		w.close("Response")
	case len(e.Messages) > 0: // Route 53's shape for a refused change batch
		w.open(e.Code, namespace)
		messages := list{item: "Message"}
		for _, m := range e.Messages {
			messages.items = append(messages.items, m)
		}
		w.element("Messages", messages)
		w.element("RequestId", requestID)
		w.close(e.Code)
	default:
		w.open("ErrorResponse", namespace)
		w.element("Error", object{{"Type", kind}, {"Code", e.Code}, {"Message", e.Message}})
		w.element("RequestId", requestID)
		w.close("ErrorResponse")
	}
	return newAnswer(status, xmlType, requestID, w.Bytes())
}
