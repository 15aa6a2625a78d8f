// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"
	"net/http"
)

type callKey struct{}

// CallOf returns the call that a Raw handler serves.
func CallOf(ctx context.Context) (*Call, bool) {
	c, ok := ctx.Value(callKey{}).(*Call)
	return c, ok
}

// buffered keeps a Raw handler's answer back, so that faults after the effect
// can keep it from the client.
type buffered struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(status int) {
	if !b.wrote {
		b.status, b.wrote = status, true
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	b.wrote = true
	return b.body.Write(p)
}

func (b *buffered) answer(requestID string) *answer {
	b.header.Set("x-amz-request-id", requestID)
	return &answer{status: b.status, header: b.header, body: b.body.Bytes()}
}

// codeOf finds the error code in an S3 error document.
func codeOf(b *buffered) string {
	tree, err := parseXML(b.body.Bytes())
	if code, ok := tree["Code"].(string); ok && err == nil {
		return code
	}
	return http.StatusText(b.status)
}
