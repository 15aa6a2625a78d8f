// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"fmt"
	"net/http"
)

// Error is a refusal in AWS's words: the code, HTTP status and message that the
// service documents.
type Error struct {
	Code    string `json:"code"`
	Status  int    `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	// Messages is Route 53's list of reasons in an InvalidChangeBatch.
	Messages []string `json:"messages,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Refuse makes a client error (400) with a code and a formatted message.
func Refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// NotFound makes a client error (404).
func NotFound(code, format string, args ...any) *Error {
	return &Error{Code: code, Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...)}
}
