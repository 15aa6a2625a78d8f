// SPDX-License-Identifier: MPL-2.0

package engine

import "net/http"

// denial is why a caller is not let in, whatever the service calls it.
type denial int

const (
	unsigned denial = iota
	incomplete
	mismatched // the signature does not fit the request
	skewed     // the time stamp is too far from now
	unknownKey
	expired
)

// named is what a kind of service calls a denial.
type named struct {
	code   string
	status int
}

// denials are the codes of the query protocol (and of Route 53's REST), by
// protocol and service the others. Where AWS documents no other, the first
// list's serves.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var (
	denials = map[denial]named{
		unsigned:   {"MissingAuthenticationToken", http.StatusForbidden},
		incomplete: {"IncompleteSignature", http.StatusForbidden},
		mismatched: {"SignatureDoesNotMatch", http.StatusForbidden},
		skewed:     {"SignatureDoesNotMatch", http.StatusForbidden},
		unknownKey: {"InvalidClientTokenId", http.StatusForbidden},
		expired:    {"ExpiredToken", http.StatusForbidden},
	}
	jsonDenials = map[denial]named{
		unsigned:   {"MissingAuthenticationTokenException", http.StatusBadRequest},
		incomplete: {"IncompleteSignatureException", http.StatusBadRequest},
		mismatched: {"InvalidSignatureException", http.StatusBadRequest},
		skewed:     {"InvalidSignatureException", http.StatusBadRequest},
		unknownKey: {"UnrecognizedClientException", http.StatusBadRequest},
		expired:    {"ExpiredTokenException", http.StatusBadRequest},
	}
	s3Denials = map[denial]named{
		unsigned:   {"AccessDenied", http.StatusForbidden},
		skewed:     {"RequestTimeTooSkewed", http.StatusForbidden},
		unknownKey: {"InvalidAccessKeyId", http.StatusForbidden},
		expired:    {"ExpiredToken", http.StatusBadRequest},
	}
	ec2Denials = map[denial]named{
		mismatched: {"AuthFailure", http.StatusUnauthorized},
		skewed:     {"RequestExpired", http.StatusBadRequest},
		unknownKey: {"AuthFailure", http.StatusUnauthorized},
		expired:    {"RequestExpired", http.StatusBadRequest},
	}
)

// deny names a denial as the service does in the protocol that it was asked in.
func deny(d denial, service string, p Protocol, message string) *Error {
	list := denials
	switch {
	case service == "s3":
		list = s3Denials
	case p == EC2Query:
		list = ec2Denials
	case p == JSON10, p == JSON11, p == CBOR, p == RESTJSON:
		list = jsonDenials
	}
	n, ok := list[d]
	if !ok {
		n = denials[d]
	}
	if p == RESTJSON { // its codes are the other JSON protocols', its statuses are HTTP's
		n.status = http.StatusForbidden
	}
	return &Error{Code: n.code, Status: n.status, Message: message}
}
