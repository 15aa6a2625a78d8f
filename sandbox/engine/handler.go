// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Handler serves every region and service on one endpoint.
func (e *Engine) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, "") })
}

// RegionHandler serves one region's own endpoint; requests signed for another
// region are refused there, as AWS does.
func (e *Engine) RegionHandler(region string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, region) })
}

// exchange is one request on its way through the engine.
type exchange struct {
	e       *Engine
	w       http.ResponseWriter
	ctx     context.Context // ends when the client goes away or the engine stops
	req     *request
	service *registration // nil if unknown
	region  *region
	record  *entry
	id      string
	started time.Time
}

func (e *Engine) serve(w http.ResponseWriter, r *http.Request, only string) {
	s, signed := parseScope(r)
	req, err := readRequest(r)
	if err != nil {
		reset(w)
		return
	}
	req.scope = s
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	x := &exchange{e: e, w: w, ctx: ctx, req: req, id: ID(), started: e.Clock.Now()}
	if !signed {
		// Without a scope nobody knows service and region; what is recorded
		// shows that a caller without credentials was here.
		x.record = e.records.add(Record{Time: x.started, Operation: req.operation, RequestID: x.id})
		x.unsigned()
		return
	}
	x.service = e.service(s.service)
	if x.service != nil && req.protocol == Query && x.service.speaks(EC2Query) {
		req.protocol = EC2Query // only the service tells the two apart
	}
	name := s.region
	if x.service != nil && x.service.Global {
		name = GlobalRegion
	}
	x.record = e.records.add(Record{
		Time: x.started, Service: s.service, Operation: req.operation, Region: name, RequestID: x.id,
	})
	x.region = e.region(name)
	if x.region == nil { // a region that does not exist has no address
		x.end(OutcomeReset)
		return
	}
	a, outcome := x.handle(only)
	x.finish(a, outcome)
}

// unsigned refuses a call without credentials. A REST request that is not JSON
// is for S3 or Route 53, and S3's answer tells less.
func (x *exchange) unsigned() {
	service, message := "", "Request is missing Authentication Token"
	if x.req.protocol == RESTXML && !strings.HasPrefix(x.req.http.URL.Path, "/2013-04-01/") {
		service, message = "s3", "Access Denied"
	}
	missing := deny(unsigned, service, x.req.protocol, message)
	a := failure(x.e.service(service), x.req.protocol, x.id, missing)
	x.record.update(func(r *Record) {
		r.Service, r.Outcome, r.Status, r.Duration = service, missing.Code, a.status, time.Since(x.started)
	})
	a.send(x.w)
}

// handle does everything but sending. A nil answer ends the connection.
func (x *exchange) handle(only string) (*answer, string) {
	if outcome := x.passRegion(); outcome != "" {
		return nil, outcome
	}
	var op *Operation
	var unknown *Error
	switch {
	case x.service == nil:
		unknown = NotFound("UnknownOperationException", "The sandbox has no service %q.", x.req.scope.service)
	case x.service.Raw != nil:
		x.raw()
	default:
		if op, unknown = x.req.resolve(x.service); op != nil {
			x.record.update(func(r *Record) { r.Operation, r.Mutating = op.Name, op.Mutating })
		}
	}
	if only != "" && only != x.region.name {
		return x.refuse(deny(mismatched, x.req.scope.service, x.req.protocol, "Credential should be scoped to a valid region: this is the endpoint of "+only+"."))
	}
	who, denied := x.e.authenticate(x.req.scope, x.req.protocol, x.started)
	if denied != nil {
		return x.refuse(denied)
	}
	x.record.update(func(r *Record) { r.Account, r.Principal = who.Account, who.Principal })
	if unknown != nil {
		return x.refuse(unknown)
	}
	var in any
	if op != nil {
		var bad *Error
		if in, bad = x.req.input(x.service, op); bad != nil {
			return x.refuse(bad)
		}
		x.record.update(func(r *Record) { r.Params = identifiers(in) })
	}
	if a, outcome := x.faults(Before); outcome != "" {
		return a, outcome
	}
	if outcome := x.passRegion(); outcome != "" { // it may have gone while a fault held the call
		return nil, outcome
	}
	call := &Call{
		Context: x.ctx, Engine: x.e, Service: x.req.scope.service, Operation: x.req.operation,
		Region: x.region.name, RequestID: x.id, Account: who.Account, Principal: who.Principal,
		UserID: who.UserID, AccessKeyID: x.req.scope.accessKeyID, Time: x.started, record: x.record,
	}
	a, outcome := x.invoke(call, op, in)
	if instead, late := x.faults(After); late != "" {
		return instead, late
	}
	return a, outcome
}

// passRegion holds or ends a call to a region that is not up.
func (x *exchange) passRegion() string {
	for {
		state, changed := x.region.look()
		switch state {
		case Up:
			return ""
		case Down:
			return OutcomeReset
		}
		x.record.update(func(r *Record) { r.Outcome = OutcomeHeld })
		select {
		case <-x.ctx.Done():
			return OutcomeHeld
		case <-changed: // what the black hole swallowed never arrives
			return OutcomeReset
		}
	}
}

func (x *exchange) refuse(e *Error) (*answer, string) {
	return failure(x.service, x.req.protocol, x.id, e), e.Code
}

// raw names the operation of a service that serves HTTP itself.
func (x *exchange) raw() {
	name := x.req.http.Method
	if x.service.OperationOf != nil {
		name = x.service.OperationOf(x.req.http)
	}
	method := x.req.http.Method
	x.req.operation, x.req.protocol = name, RESTXML
	x.record.update(func(r *Record) {
		r.Operation, r.Mutating = name, method != http.MethodGet && method != http.MethodHead
		r.Params = map[string]string{"Path": x.req.http.URL.Path}
	})
}

func (x *exchange) invoke(call *Call, op *Operation, in any) (*answer, string) {
	if op == nil {
		w := &buffered{header: http.Header{}, status: http.StatusOK}
		r := x.req.http.WithContext(context.WithValue(x.req.http.Context(), callKey{}, call))
		r.Body = io.NopCloser(bytes.NewReader(x.req.body))
		x.service.Raw.ServeHTTP(w, r)
		if w.status >= http.StatusMultipleChoices {
			return w.answer(x.id), codeOf(w)
		}
		x.record.update(func(r *Record) { r.TookEffect = r.Mutating })
		return w.answer(x.id), OutcomeOK
	}
	out, err := op.invoke(call, in)
	if err != nil {
		var refused *Error
		if !errors.As(err, &refused) {
			x.e.Log.Error("sandbox failed a call", "operation", op.Name, "error", err)
			refused = &Error{Code: "InternalFailure", Status: http.StatusInternalServerError, Message: err.Error()}
		}
		return x.refuse(refused)
	}
	x.record.update(func(r *Record) { r.TookEffect = op.Mutating })
	return success(x.service, op, x.req.protocol, x.id, out), OutcomeOK
}

// faults applies the faults at one side of the effect. An outcome ends the
// call.
func (x *exchange) faults(when When) (*answer, string) {
	r := x.record.copy()
	for _, f := range x.e.faults.applying(&r, when) {
		switch f.Kind {
		case FaultLatency:
			pause(x.ctx, f.Latency)
		case FaultError:
			return x.refuse(f.Error)
		case FaultThrottle:
			a, _ := x.refuse(throttling(r.Service, x.req.protocol))
			return a, OutcomeThrottled
		case FaultReset:
			return nil, OutcomeReset
		case FaultHold:
			x.record.update(func(r *Record) { r.Outcome = OutcomeHeld })
			if !f.hold(x.ctx, x.record.copy()) {
				return nil, OutcomeDropped
			}
			x.record.update(func(r *Record) { r.Outcome = OutcomePending })
		}
	}
	if when == Before && x.ctx.Err() != nil { // the client left during a latency
		return nil, OutcomeDropped
	}
	return nil, ""
}

// throttling is how a service says that it is asked too often.
func throttling(service string, p Protocol) *Error {
	switch {
	case service == "ec2":
		return &Error{Code: "RequestLimitExceeded", Status: http.StatusServiceUnavailable, Message: "Request limit exceeded."}
	case service == "s3":
		return &Error{Code: "SlowDown", Status: http.StatusServiceUnavailable, Message: "Please reduce your request rate."}
	case p == RESTJSON:
		return &Error{Code: "ThrottlingException", Status: http.StatusTooManyRequests, Message: "Rate exceeded"}
	case p == Query, p == RESTXML, service == "monitoring":
		return Refuse("Throttling", "Rate exceeded")
	}
	return Refuse("ThrottlingException", "Rate exceeded")
}

// longAnswer does not fit into one read of Go's HTTP client. AWS's SDK for Go
// closes the body of its request when an answer begins; if that answer comes before
// the client has seen its own body's end, as only a server on the same machine can
// manage, the client ends the connection and loses the rest of a long answer.
const longAnswer = 4 << 10

// finish sends the answer, unless the region went away meanwhile.
func (x *exchange) finish(a *answer, outcome string) {
	if a != nil {
		if late := x.passRegion(); late != "" {
			a, outcome = nil, late
		}
	}
	if a == nil {
		x.end(outcome)
		return
	}
	if len(a.body) > longAnswer {
		pause(x.ctx, 3*time.Millisecond)
	}
	x.record.update(func(r *Record) {
		r.Outcome, r.Status, r.Duration = outcome, a.status, time.Since(x.started)
	})
	a.send(x.w)
}

func (x *exchange) end(outcome string) {
	x.record.update(func(r *Record) { r.Outcome, r.Duration = outcome, time.Since(x.started) })
	reset(x.w)
}

// reset ends a connection as a dead host's network does: with a RST.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it is closed next
	}
	conn.Close() //nolint:errcheck // nothing is left to lose
}
