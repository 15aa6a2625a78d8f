// SPDX-License-Identifier: MPL-2.0

package s3

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
)

// access is who else may read a bucket. Buckets come with public access
// blocked and ACLs disabled, as new ones do.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
type access struct {
	policy string // JSON; empty for none
	// open says that public access is not blocked.
	open bool
}

// one is a string, or a list of them.
type one []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *one) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*o = one{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

type statement struct {
	Effect    string
	Principal json.RawMessage
	Action    one
	Resource  one
	Condition json.RawMessage
}

// public are the resources that a policy lets anyone read. The sandbox reads
// of a policy what it needs for that, and refuses what could take it back.
func public(bucket, policy string) ([]string, error) {
	var document struct{ Statement []statement }
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, errors.New("policies must be valid JSON and the first byte must be '{'")
	}
	var out []string
	for _, st := range document.Statement {
		if st.Effect != "Allow" {
			return nil, fmt.Errorf("the sandbox evaluates no statement with effect %q", st.Effect)
		}
		for _, r := range st.Resource {
			if name, ok := strings.CutPrefix(r, "arn:aws:s3:::"); !ok || name != bucket && !strings.HasPrefix(name, bucket+"/") {
				return nil, errors.New("policy has invalid resource")
			}
		}
		who := strings.ReplaceAll(string(st.Principal), " ", "")
		anyone := slices.Contains([]string{`"*"`, `{"AWS":"*"}`, `{"AWS":["*"]}`}, who)
		reads := slices.ContainsFunc(st.Action, func(a string) bool { return a == "*" || a == "s3:*" || a == "s3:Get*" || a == "s3:GetObject" })
		if anyone && reads && st.Condition == nil {
			out = append(out, st.Resource...)
		}
	}
	return out, nil
}

// OpenBucket lets anyone read the objects whose keys begin with a prefix.
func (s *Service) OpenBucket(bucket, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[bucket] = access{open: true, policy: fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/%s*"}]}`, bucket, prefix)}
}

// Anonymous answers a GET that nobody signed, at the bucket's own host name in
// a region: the status and, with 200, the object. Who may not list a bucket is
// not told that an object is absent.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (s *Service) Anonymous(region, bucket, key string) (int, []byte) {
	s.mu.Lock()
	have, exists := s.buckets[bucket]
	who := s.access[bucket]
	s.mu.Unlock()
	switch {
	case !exists:
		return http.StatusNotFound, nil
	case have.region != region:
		return http.StatusMovedPermanently, nil
	case !who.open:
		return http.StatusForbidden, nil
	}
	resources, err := public(bucket, who.policy)
	matches := func(resource string) bool {
		pattern := strings.TrimPrefix(resource, "arn:aws:s3:::")
		prefix, wild := strings.CutSuffix(pattern, "*")
		name := path.Join(bucket, key)
		return pattern == name || wild && strings.HasPrefix(name, prefix)
	}
	if err != nil || !slices.ContainsFunc(resources, matches) {
		return http.StatusForbidden, nil
	}
	body, ok := s.Object(bucket, key)
	if !ok {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, body
}

// serveAccess serves the operations on a bucket's policy and public access.
func (s *Service) serveAccess(w http.ResponseWriter, r *http.Request, op, bucket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.access[bucket]
	switch op {
	case "PutBucketPolicy":
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var resources []string
			if resources, err = public(bucket, string(body)); err == nil && len(resources) > 0 && !who.open {
				refuse(w, r, http.StatusForbidden, "AccessDenied", "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.")
				return
			}
		}
		if err != nil {
			refuse(w, r, http.StatusBadRequest, "MalformedPolicy", err.Error())
			return
		}
		who.policy = string(body)
		w.WriteHeader(http.StatusNoContent)
	case "DeleteBucketPolicy":
		who.policy = ""
		w.WriteHeader(http.StatusNoContent)
	case "GetBucketPolicy", "GetBucketPolicyStatus":
		if who.policy == "" {
			refuse(w, r, http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist")
			return
		}
		if op == "GetBucketPolicy" {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, who.policy) //nolint:errcheck // buffered
			return
		}
		resources, err := public(bucket, who.policy)
		document(w, "PolicyStatus", "IsPublic", who.open && err == nil && len(resources) > 0)
	case "GetPublicAccessBlock":
		document(w, "PublicAccessBlockConfiguration", "BlockPublicPolicy", !who.open, "RestrictPublicBuckets", !who.open, "BlockPublicAcls", !who.open, "IgnorePublicAcls", !who.open)
	case "PutPublicAccessBlock":
		var in struct{ BlockPublicPolicy, RestrictPublicBuckets bool }
		if body, err := io.ReadAll(r.Body); err != nil || xml.Unmarshal(body, &in) != nil {
			refuse(w, r, http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
			return
		}
		who.open = !in.BlockPublicPolicy && !in.RestrictPublicBuckets
	case "DeletePublicAccessBlock":
		who.open = true
		w.WriteHeader(http.StatusNoContent)
	}
	s.access[bucket] = who
}

// document writes an XML document of flags.
func document(w http.ResponseWriter, root string, flags ...any) {
	w.Header().Set("Content-Type", "application/xml")
	var b strings.Builder
	for i := 0; i < len(flags); i += 2 {
		fmt.Fprintf(&b, "<%v>%v</%v>", flags[i], flags[i+1], flags[i])
	}
	fmt.Fprintf(w, `%s<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%s>`, xml.Header, root, b.String(), root) //nolint:errcheck // buffered
}
