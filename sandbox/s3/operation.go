// SPDX-License-Identifier: MPL-2.0

package s3

import (
	"net/http"
	"strings"
)

// subresources are the query keys that make another operation of a method and
// path. "" refuses: gofakes3 would take the request for a plainer one.
var subresources = map[string]map[string]string{
	"location":          {"GET": "GetBucketLocation"},
	"versioning":        {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"},
	"versions":          {"GET": "ListObjectVersions"},
	"delete":            {"POST": "DeleteObjects"},
	"policy":            {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"},
	"policyStatus":      {"GET": "GetBucketPolicyStatus"},
	"publicAccessBlock": {"GET": "GetPublicAccessBlock", "PUT": "PutPublicAccessBlock", "DELETE": "DeletePublicAccessBlock"},
	"uploads":           {"GET": "ListMultipartUploads", "POST": "CreateMultipartUpload"},
	"uploadId":          {"GET": "ListParts", "PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"},
}

// absent are the subresources that the sandbox does not have.
var absent = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "encryption", "inventory", "legal-hold", "lifecycle",
	"logging", "metrics", "notification", "object-lock", "ownershipControls",
	"replication", "requestPayment", "restore", "retention", "select", "tagging", "torrent", "website",
}

// operation names a request; empty if the sandbox has no such operation.
func operation(r *http.Request) string {
	q := r.URL.Query()
	for key, byMethod := range subresources {
		if q.Has(key) {
			return byMethod[r.Method]
		}
	}
	for _, key := range absent {
		if q.Has(key) {
			return ""
		}
	}
	bucket, key := split(r)
	switch {
	case bucket == "":
		return map[string]string{"GET": "ListBuckets"}[r.Method]
	case key == "":
		if r.Method == http.MethodGet && q.Get("list-type") != "2" {
			return "ListObjects"
		}
		return map[string]string{"GET": "ListObjectsV2", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}[r.Method]
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	}
	return map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[r.Method]
}

// onAccess says that an operation is about who may read a bucket.
func onAccess(op string) bool {
	return strings.HasSuffix(op, "BucketPolicy") || strings.HasSuffix(op, "BucketPolicyStatus") || strings.HasSuffix(op, "PublicAccessBlock")
}
