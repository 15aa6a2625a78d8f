// SPDX-License-Identifier: MPL-2.0

// Package s3 is the sandbox's S3: enough for Terraform's s3 backend with its
// lock file, and for what a rehearsal keeps beside it. Objects are kept in
// memory by gofakes3; this package adds what that leaves out: regions, owners,
// and the bodies that newer SDKs send.
package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Service is the simulated S3.
type Service struct {
	objects http.Handler
	store   *s3mem.Backend

	mu      sync.Mutex
	buckets map[string]owner
	access  map[string]access
}

// owner says where and whose a bucket is.
type owner struct{ region, account string }

// New makes an S3 without buckets.
func New(*engine.Engine) *Service {
	store := s3mem.New()
	return &Service{
		store:   store,
		objects: gofakes3.New(store, gofakes3.WithTimeSkewLimit(0)).Server(),
		buckets: map[string]owner{},
		access:  map[string]access{},
	}
}

// AddBucket makes a bucket.
func (s *Service) AddBucket(region, account, name string) error {
	if err := s.store.CreateBucket(name); err != nil {
		return fmt.Errorf("making bucket %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = owner{region, account}
	return nil
}

// Object returns an object's content; false if there is none.
func (s *Service) Object(bucket, key string) ([]byte, bool) {
	o, err := s.store.GetObject(bucket, key, nil)
	if err != nil {
		return nil, false
	}
	defer o.Contents.Close() //nolint:errcheck // it is in memory
	body, err := io.ReadAll(o.Contents)
	return body, err == nil
}

// PutObject writes an object, as a client would.
func (s *Service) PutObject(bucket, key string, body []byte) error {
	_, err := s.store.PutObject(bucket, key, map[string]string{}, bytes.NewReader(body), int64(len(body)), nil)
	return err
}

// Definition is what the engine registers.
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name: "s3",
		// S3 is served as HTTP, not as operations over structs.
		Raw:         http.HandlerFunc(s.serve),
		OperationOf: operation,
	}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	call, ok := engine.CallOf(r.Context())
	if !ok {
		http.Error(w, "not behind the engine", http.StatusInternalServerError)
		return
	}
	bucket, key := split(r)
	if bucket != "" {
		call.Note("Bucket", bucket)
	}
	if key != "" {
		call.Note("Key", key)
	}
	op := operation(r)
	if op == "" {
		refuse(w, r, http.StatusNotImplemented, "NotImplemented", "The sandbox's S3 has no such operation.")
		return
	}
	s.mu.Lock()
	have, exists := s.buckets[bucket]
	s.mu.Unlock()
	switch {
	case op == "CreateBucket":
		s.create(w, r, call, bucket)
		return
	case exists && op == "GetBucketLocation" && have.account == call.Account:
		location(w, have.region)
		return
	case exists && have.region != call.Region:
		w.Header().Set("x-amz-bucket-region", have.region)
		refuse(w, r, http.StatusMovedPermanently, "PermanentRedirect",
			"The bucket you are attempting to access must be addressed using the specified endpoint: it is in "+have.region+", not "+call.Region+".")
		return
	case exists && have.account != call.Account:
		refuse(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	}
	if exists {
		w.Header().Set("x-amz-bucket-region", have.region)
	}
	switch acl := r.Header.Get("X-Amz-Acl"); {
	case acl != "" && acl != "private" && acl != "bucket-owner-full-control":
		refuse(w, r, http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
		return
	case onAccess(op) && !exists:
		refuse(w, r, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return
	case onAccess(op):
		s.serveAccess(w, r, op, bucket)
		return
	}
	if err := plain(r); err != nil {
		refuse(w, r, http.StatusBadRequest, "IncompleteBody", err.Error())
		return
	}
	s.objects.ServeHTTP(w, r)
	if op == "DeleteBucket" {
		if found, err := s.store.BucketExists(bucket); err == nil && !found {
			s.mu.Lock()
			delete(s.buckets, bucket)
			delete(s.access, bucket)
			s.mu.Unlock()
		}
	}
}

// create checks the location constraint.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (s *Service) create(w http.ResponseWriter, r *http.Request, call *engine.Call, bucket string) {
	var in struct {
		LocationConstraint string
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && len(body) > 0 {
		err = xml.Unmarshal(body, &in)
	}
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
		return
	}
	want := in.LocationConstraint
	if want == "" {
		want = "us-east-1"
	}
	if want != call.Region {
		refuse(w, r, http.StatusBadRequest, "IllegalLocationConstraintException", "The location constraint "+want+" is incompatible with the region "+call.Region+" that this request was sent to.")
		return
	}
	s.mu.Lock()
	have, exists := s.buckets[bucket]
	s.mu.Unlock()
	if exists {
		code := "BucketAlreadyExists"
		if have.account == call.Account {
			code = "BucketAlreadyOwnedByYou"
		}
		refuse(w, r, http.StatusConflict, code, "The bucket "+bucket+" exists already.")
		return
	}
	if err := gofakes3.ValidateBucketName(bucket); err != nil {
		refuse(w, r, http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
		return
	}
	if err := s.AddBucket(call.Region, call.Account, bucket); err != nil {
		refuse(w, r, http.StatusConflict, "OperationAborted", err.Error())
		return
	}
	w.Header().Set("Location", "/"+bucket)
}

func location(w http.ResponseWriter, region string) {
	if region == "us-east-1" {
		region = ""
	}
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, `%s<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</LocationConstraint>`, xml.Header, region) //nolint:errcheck // buffered
}

// refuse writes an error in S3's own shape.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	type document struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}
	body, err := xml.Marshal(document{Code: code, Message: message})
	if err == nil {
		w.Write(append([]byte(xml.Header), body...)) //nolint:errcheck // buffered
	}
}

func split(r *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

// plain undoes what is between the client's object and the request's body, and
// drops the headers that would be kept as the object's metadata.
func plain(r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body, err := unchunk(r.Body)
		if err != nil {
			return err
		}
		if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != "" && want != strconv.Itoa(len(body)) {
			return fmt.Errorf("the body has %d bytes where %s were announced", len(body), want)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if r.Header.Get("Content-Length") == "" {
		r.Header.Set("Content-Length", strconv.FormatInt(max(0, r.ContentLength), 10))
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		encoding = strings.Trim(strings.ReplaceAll(encoding, "aws-chunked", ""), ", ")
		r.Header.Del("Content-Encoding")
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
	}
	for _, name := range []string{
		"Authorization", "X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token",
		"X-Amz-Decoded-Content-Length", "X-Amz-Trailer", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Acl",
	} {
		r.Header.Del(name)
	}
	return nil
}
