// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"net/http"
	"strings"
	"time"
)

// The standing accounts and their access keys. Any secret is accepted: the
// sandbox guards nothing, it tells callers apart.
const (
	WorkloadAccount   = "111111111111"
	DNSAccount        = "222222222222"
	WorkloadAccessKey = "AKIASANDBOXWORKLOAD1"
	DNSAccessKey      = "AKIASANDBOXDNS000001"
)

// Identity is who an access key belongs to.
type Identity struct {
	// Account of 12 digits, Principal's ARN and unique id.
	Account, Principal, UserID string
	// SessionToken that a temporary key must come with; empty for a long-lived
	// one, whose Expires is zero.
	SessionToken string
	Expires      time.Time
}

func standingKeys() map[string]Identity {
	user := func(account, name, id string) Identity {
		return Identity{Account: account, Principal: "arn:aws:iam::" + account + ":user/" + name, UserID: id}
	}
	return map[string]Identity{
		WorkloadAccessKey: user(WorkloadAccount, "dr-operator", "AIDASANDBOXWORKLOAD1"),
		DNSAccessKey:      user(DNSAccount, "dr-dns-operator", "AIDASANDBOXDNS000001"),
	}
}

// AddKey makes an access key known.
func (e *Engine) AddKey(accessKeyID string, who Identity) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keys[accessKeyID] = who
}

// ExpireSessions makes every temporary key known now an expired one.
func (e *Engine) ExpireSessions() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, who := range e.keys {
		if who.SessionToken != "" {
			who.Expires = time.Now().Add(-time.Second)
			e.keys[id] = who
		}
	}
}

func (e *Engine) identity(accessKeyID string) (Identity, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	who, ok := e.keys[accessKeyID]
	return who, ok
}

// scope is the SigV4 credential scope of a request with what else
// authentication looks at.
type scope struct {
	accessKeyID, date, region, service string
	token, timestamp                   string
	signature                          string
	presigned                          bool
	expires                            time.Duration
}

// parseScope finds the credential scope, in the header or in a presigned URL.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func parseScope(r *http.Request) (scope, bool) {
	var s scope
	credential := ""
	if h := r.Header.Get("Authorization"); h != "" {
		fields, ok := strings.CutPrefix(h, "AWS4-HMAC-SHA256 ")
		if !ok {
			return s, false
		}
		for part := range strings.SplitSeq(fields, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch key {
			case "Credential":
				credential = value
			case "Signature":
				s.signature = value
			}
		}
		s.token = r.Header.Get("X-Amz-Security-Token")
		s.timestamp = r.Header.Get("X-Amz-Date")
	} else if q := r.URL.Query(); q.Get("X-Amz-Credential") != "" {
		credential = q.Get("X-Amz-Credential")
		s.presigned = true
		s.signature = q.Get("X-Amz-Signature")
		s.token = q.Get("X-Amz-Security-Token")
		s.timestamp = q.Get("X-Amz-Date")
		s.expires, _ = time.ParseDuration(q.Get("X-Amz-Expires") + "s")
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" {
		return s, false
	}
	s.accessKeyID, s.date, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	return s, s.region != "" && s.service != ""
}

// clockSkew is how far a request's time stamp may be from the server's.
const clockSkew = 15 * time.Minute

// authenticate tells who signed. The signature itself is not verified, since
// any secret is accepted; what surrounds it must be well formed.
func (e *Engine) authenticate(s scope, p Protocol, now time.Time) (Identity, *Error) {
	denied := func(d denial, message string) *Error { return deny(d, s.service, p, message) }
	if s.signature == "" {
		return Identity{}, denied(incomplete, "The request carries no signature.")
	}
	at, err := time.Parse("20060102T150405Z", s.timestamp)
	if err != nil || !strings.HasPrefix(s.timestamp, s.date) {
		return Identity{}, denied(mismatched, "The date of the credential scope does not match the request's time stamp.")
	}
	allowed := clockSkew
	if s.presigned {
		allowed = max(allowed, s.expires)
	}
	if now.Sub(at) > allowed || at.Sub(now) > clockSkew {
		return Identity{}, denied(skewed, "Signature expired or not yet current: "+s.timestamp+" is not within 15 minutes of "+now.Format("20060102T150405Z")+".")
	}
	who, ok := e.identity(s.accessKeyID)
	if !ok || who.SessionToken != s.token {
		return Identity{}, denied(unknownKey, "The security token included in the request is invalid.")
	}
	if !who.Expires.IsZero() && now.After(who.Expires) {
		return Identity{}, denied(expired, "The security token included in the request is expired.")
	}
	return who, nil
}
