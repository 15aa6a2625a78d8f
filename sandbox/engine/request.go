// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// maxBody is the size of the largest request that is read: above every limit
// of the services here but S3, which reads for itself.
const maxBody = 64 << 20

// request is one HTTP request as far as it was understood.
type request struct {
	http     *http.Request
	body     []byte
	protocol Protocol
	scope    scope
	// operation as named by the request; for REST it needs the routes.
	operation string
	form      url.Values
	labels    map[string]string
}

// readRequest reads the whole body, so that the server notices from then on
// when the client goes away, and finds protocol and operation.
func readRequest(r *http.Request) (*request, error) {
	req := &request{http: r}
	var err error
	if req.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") == "gzip" { // the SDK compresses PutMetricData
		if req.body, err = unzip(req.body); err != nil {
			return nil, err
		}
	}
	contentType := r.Header.Get("Content-Type")
	target := r.Header.Get("X-Amz-Target")
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		req.protocol = CBOR
		req.operation = lastSegment(r.URL.Path)
	case target != "":
		req.protocol = JSON11
		if strings.HasPrefix(contentType, "application/x-amz-json-1.0") {
			req.protocol = JSON10
		}
		req.operation = target[strings.LastIndexByte(target, '.')+1:]
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded") || r.URL.Query().Has("Action"):
		req.protocol = Query
		if req.form, err = url.ParseQuery(string(req.body)); err != nil {
			req.form = url.Values{}
		}
		for key, values := range r.URL.Query() {
			if !req.form.Has(key) {
				req.form[key] = values
			}
		}
		req.operation = req.form.Get("Action")
	case strings.Contains(contentType, "json"):
		req.protocol = RESTJSON
	default:
		req.protocol = RESTXML
	}
	return req, nil
}

func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// resolve finds the operation in a service's definition.
func (req *request) resolve(s *registration) (*Operation, *Error) {
	if req.protocol == RESTXML || req.protocol == RESTJSON {
		if s.speaks(RESTJSON) && !s.speaks(RESTXML) {
			req.protocol = RESTJSON // a request without a body names no type
		}
		if s.speaks(req.protocol) {
			op, labels := s.route(req.http.Method, req.http.URL.EscapedPath())
			if op == nil {
				return nil, NotFound("UnknownOperationException", "%s %s is no operation of %s that the sandbox has.", req.http.Method, req.http.URL.Path, s.Name)
			}
			req.operation, req.labels = op.Name, labels
			return op, nil
		}
	}
	op := s.operations[req.operation]
	switch {
	case op != nil && s.speaks(req.protocol):
		return op, nil
	case req.protocol == Query || req.protocol == EC2Query:
		return nil, Refuse("InvalidAction", "The action %s is not valid for this web service: the sandbox's %s has no such action.", req.operation, s.Name)
	default:
		return nil, NotFound("UnknownOperationException", "%q is no operation of %s that the sandbox has.", req.operation, s.Name)
	}
}

// input decodes the request into the operation's input struct.
func (req *request) input(s *registration, op *Operation) (any, *Error) {
	in := reflect.New(op.input)
	var tree map[string]any
	var err error
	switch req.protocol {
	case Query, EC2Query:
		tree = parseForm(req.form)
		delete(tree, "Action")
		delete(tree, "Version")
	case JSON10, JSON11, RESTJSON:
		tree, err = parseJSON(req.body)
	case CBOR:
		tree, err = parseCBOR(req.body)
	case RESTXML:
		tree, err = parseXML(req.body)
	}
	if err == nil {
		err = s.names.decode(in.Elem(), tree, "")
	}
	if err == nil {
		err = req.bind(s, op, in.Elem())
	}
	if err == nil {
		return in.Interface(), nil
	}
	var bad *malformed
	if !errors.As(err, &bad) {
		return nil, Refuse(malformedBody[req.protocol], "The request body could not be parsed: %v", err)
	}
	return nil, Refuse(malformedValue[req.protocol], "%s", bad.Error())
}

// The codes of requests that cannot be understood.
var (
	malformedBody = map[Protocol]string{
		Query: "MalformedQueryString", EC2Query: "MalformedQueryString", RESTXML: "MalformedXML", RESTJSON: "SerializationException",
		JSON10: "SerializationException", JSON11: "SerializationException", CBOR: "SerializationException",
	}
	malformedValue = map[Protocol]string{
		Query: "MalformedInput", EC2Query: "MalformedInput", RESTXML: "InvalidInput", RESTJSON: "SerializationException",
		JSON10: "SerializationException", JSON11: "SerializationException", CBOR: "SerializationException",
	}
)

// bind fills what REST protocols put into the path and the query string.
func (req *request) bind(s *registration, op *Operation, in reflect.Value) error {
	if req.protocol != RESTXML && req.protocol != RESTJSON {
		return nil
	}
	set := func(name string, value any) error {
		f, ok := s.names.fieldByWire(in.Type(), name)
		if !ok {
			return nil
		}
		return s.names.decode(in.Field(f.index), value, f.name)
	}
	for label, value := range req.labels {
		if err := set(label, value); err != nil {
			return err
		}
	}
	for key, values := range req.http.URL.Query() {
		name := key
		if bound, ok := op.QueryFields[key]; ok {
			name = bound
		}
		var value any = values[0]
		if f, ok := s.names.fieldByWire(in.Type(), name); ok && in.Field(f.index).Kind() == reflect.Slice {
			items := make([]any, len(values))
			for i, v := range values {
				items[i] = v
			}
			value = items
		}
		if err := set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func unzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxBody))
}
