// SPDX-License-Identifier: MPL-2.0

// Package engine is the part of the sandbox that every simulated AWS service
// shares: the wire protocols, the routing by SigV4 credential scope, accounts,
// the record of calls, the clock, the network and the faults. It knows no
// service; a service is a value of type Service that is registered with it.
package engine

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"
)

// Protocol is one of AWS's wire protocols.
type Protocol int

// The protocols the engine speaks. A service may speak several: the engine
// tells them apart by the request's headers and body.
const (
	Query    Protocol = iota // awsQuery: form in, XML out
	RESTXML                  // restXml: path, query string, headers, XML
	RESTJSON                 // restJson1
	JSON10                   // awsJson1_0
	JSON11                   // awsJson1_1
	CBOR                     // rpcv2Cbor
	EC2Query                 // ec2Query: awsQuery's form in, XML of another shape out
)

// Service describes one AWS service. Its operations' inputs and outputs are the
// SDK's own structs (for instance *rds.PromoteReadReplicaInput): the engine
// decodes and encodes them by reflection.
type Service struct {
	// Name is the SigV4 signing name: "rds", "route53", "monitoring", "sts".
	Name string
	// Global services answer in the pseudo-region GlobalRegion, whatever
	// region the caller signed for.
	Global bool
	// Protocols that the service answers.
	Protocols []Protocol
	// XMLNamespace of its XML answers.
	XMLNamespace string
	// ListNames gives the element name of a list's members in XML, by the Go
	// name of the list field ("DBInstances": "DBInstance"); "member" unless
	// named. "-" means flattened.
	ListNames map[string]string
	// FieldNames gives the wire name of a field by its Go name, or by its
	// struct's and its own ("SecurityGroup.Description"), where the two differ.
	FieldNames map[string]string
	// LowerCamel services write their JSON members, or EC2's elements, with a
	// small first letter.
	LowerCamel bool
	// ErrorShapes gives the shape that CBOR names in "__type" by the error's
	// code, where the two differ ("InvalidParameterValue":
	// "InvalidParameterValueException").
	ErrorShapes map[string]string
	// Operations by name.
	Operations []Operation
	// Raw, if set, serves every request of the service itself, behind the
	// engine's routing, recording and faults (S3). OperationOf names the
	// operation of such a request for the record.
	Raw         http.Handler
	OperationOf func(*http.Request) string
}

// Operation is one operation of a service. Make it with Op.
type Operation struct {
	Name string
	// Method and Path route REST protocols: "/2013-04-01/hostedzone/{Id}/rrset".
	// A {label} fills the input's field of that name.
	Method, Path string
	// QueryFields binds query string keys to the input's fields ("maxitems":
	// "MaxItems"). HeaderFields binds the output's fields to response headers.
	QueryFields, HeaderFields map[string]string
	// Status of a successful REST answer, 200 unless set.
	Status int
	// Mutating operations are marked in the record.
	Mutating bool

	input  reflect.Type // the SDK's input struct
	invoke func(*Call, any) (any, error)
}

// OpOption changes an Operation.
type OpOption func(*Operation)

// Op makes an Operation of a typed handler. I and O are the SDK's input and
// output structs. The handler validates its input and returns *Error for a
// refusal; any other error is answered as InternalFailure.
func Op[I, O any](name string, handle func(*Call, *I) (*O, error), options ...OpOption) Operation {
	op := Operation{
		Name:  name,
		input: reflect.TypeFor[I](),
		invoke: func(c *Call, in any) (any, error) {
			typed, ok := in.(*I)
			if !ok {
				return nil, fmt.Errorf("%s was called with a %T", name, in)
			}
			out, err := handle(c, typed)
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
	for _, o := range options {
		o(&op)
	}
	return op
}

// Mutating marks an operation that changes something.
func Mutating() OpOption { return func(o *Operation) { o.Mutating = true } }

// HTTP sets the method and path of an operation of a REST protocol.
func HTTP(method, path string) OpOption {
	return func(o *Operation) { o.Method, o.Path = method, path }
}

// QueryField binds a query string key to a field of the input.
func QueryField(key, field string) OpOption {
	return func(o *Operation) {
		if o.QueryFields == nil {
			o.QueryFields = map[string]string{}
		}
		o.QueryFields[key] = field
	}
}

// HeaderField binds a field of the output to a response header.
func HeaderField(header, field string) OpOption {
	return func(o *Operation) {
		if o.HeaderFields == nil {
			o.HeaderFields = map[string]string{}
		}
		o.HeaderFields[header] = field
	}
}

// Status sets the HTTP status of a successful answer.
func Status(code int) OpOption { return func(o *Operation) { o.Status = code } }

// Call is one request, as a handler sees it.
type Call struct {
	// Context ends when the client goes away or the sandbox stops.
	Context context.Context
	Engine  *Engine
	// Service (signing name), Operation, Region (GlobalRegion for a global
	// service) and RequestID as in the answer.
	Service, Operation, Region, RequestID string
	// Account is the caller's 12 digit account, Principal its ARN, UserID its
	// unique id, AccessKeyID the key that it signed with.
	Account, Principal, UserID, AccessKeyID string
	// Time the call arrived.
	Time time.Time

	record *entry
}

// Note adds an identifier to the call's record, beside those of the input's
// own fields. No secrets.
func (c *Call) Note(key, value string) {
	if c.record != nil {
		c.record.note(key, value)
	}
}

// GlobalRegion is the pseudo-region of services that have one control plane
// for all regions (Route 53, IAM).
const GlobalRegion = "aws-global"
