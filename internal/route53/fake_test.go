// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const zone = "Z0EXAMPLE00000000001"

var errReset = errors.New("connection reset by peer")

// fake is Route 53 in memory, with its limits, in virtual time.
type fake struct {
	mu       sync.Mutex
	records  map[Key]types.ResourceRecordSet
	changes  map[string]time.Time // when it becomes INSYNC
	busy     int
	overlaps int
	pageSize int

	latency, propagation time.Duration

	batches          [][]types.Change // that took effect
	sent, gets, list int
	// before and after may fail a call before and after it takes effect.
	before, after func(operation string, n int) error
	// refuse names records that make a batch invalid, deny those that IAM
	// forbids; mute leaves the names out of the messages.
	refuse, deny map[string]bool
	mute         bool
}

func newFake() *fake {
	return &fake{
		records: map[Key]types.ResourceRecordSet{}, changes: map[string]time.Time{},
		latency: 100 * time.Millisecond, propagation: 20 * time.Second, pageSize: 300,
		refuse: map[string]bool{}, deny: map[string]bool{},
	}
}

func apiError(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}, RequestID: "11111111-2222"}
}

func coded(status int, code string) error {
	return apiError(status, &smithy.GenericAPIError{Code: code, Message: "the server's words"})
}

// begin counts the call and lets the hook fail it before it takes effect.
func (f *fake) begin(ctx context.Context, operation string, count *int) (int, error) {
	f.mu.Lock()
	*count++
	n := *count
	f.mu.Unlock()
	select {
	case <-time.After(f.latency):
	case <-ctx.Done():
		return n, ctx.Err()
	}
	if f.before != nil {
		return n, f.before(operation, n)
	}
	return n, nil
}

func (f *fake) end(operation string, n int) error {
	if f.after != nil {
		return f.after(operation, n)
	}
	return nil
}

func (f *fake) ChangeResourceRecordSets(ctx context.Context, in *route53.ChangeResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error) {
	f.mu.Lock()
	if f.busy++; f.busy > 1 {
		f.overlaps++
	}
	f.mu.Unlock()
	n, err := f.begin(ctx, "change", &f.sent)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if err != nil {
		return nil, err
	}
	if *in.HostedZoneId != zone {
		return nil, apiError(404, &types.NoSuchHostedZone{Message: aws.String("no zone " + *in.HostedZoneId)})
	}
	var bad []string
	records, characters := 0, 0
	for _, c := range in.ChangeBatch.Changes {
		name := aws.ToString(c.ResourceRecordSet.Name)
		_, exists := f.records[fromAPI(zone, *c.ResourceRecordSet).Key]
		if f.deny[name] {
			return nil, coded(403, "AccessDenied")
		}
		if f.refuse[name] || c.Action == types.ChangeActionDelete && !exists {
			bad = append(bad, fmt.Sprintf("Tried to change resource record set [name='%s', type='%s'] but may not", name, c.ResourceRecordSet.Type))
		}
		r, l := change{action: c.Action, set: *c.ResourceRecordSet}.size()
		records, characters = records+r, characters+l
	}
	if records > 1000 || characters > 32000 {
		bad = append(bad, "too much in one batch")
	}
	if len(bad) > 0 {
		if f.mute {
			bad = []string{"The request contains an invalid set of changes"}
		}
		return nil, apiError(400, &types.InvalidChangeBatch{Messages: bad})
	}
	for _, c := range in.ChangeBatch.Changes {
		key := fromAPI(zone, *c.ResourceRecordSet).Key
		if c.Action == types.ChangeActionDelete {
			delete(f.records, key)
		} else {
			f.records[key] = *c.ResourceRecordSet
		}
	}
	f.batches = append(f.batches, in.ChangeBatch.Changes)
	id := fmt.Sprintf("C%d", len(f.batches))
	f.changes[id] = time.Now().Add(f.propagation)
	if err := f.end("change", n); err != nil {
		return nil, err
	}
	return &route53.ChangeResourceRecordSetsOutput{ChangeInfo: &types.ChangeInfo{Id: aws.String("/change/" + id), Status: types.ChangeStatusPending}}, nil
}

func (f *fake) GetChange(ctx context.Context, in *route53.GetChangeInput, _ ...func(*route53.Options)) (*route53.GetChangeOutput, error) {
	n, err := f.begin(ctx, "get", &f.gets)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.changes[*in.Id]
	if !ok {
		return nil, apiError(404, &types.NoSuchChange{})
	}
	status := types.ChangeStatusPending
	if !time.Now().Before(at) {
		status = types.ChangeStatusInsync
	}
	if err := f.end("get", n); err != nil {
		return nil, err
	}
	return &route53.GetChangeOutput{ChangeInfo: &types.ChangeInfo{Id: in.Id, Status: status}}, nil
}

func (f *fake) ListResourceRecordSets(ctx context.Context, in *route53.ListResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	n, err := f.begin(ctx, "list", &f.list)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if *in.HostedZoneId != zone {
		return nil, apiError(404, &types.NoSuchHostedZone{Message: aws.String("no zone " + *in.HostedZoneId)})
	}
	position := func(name, recordType, set string) string { return order(name) + "\x00" + recordType + "\x00" + set }
	keys := make([]Key, 0, len(f.records))
	for k := range f.records {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return strings.Compare(position(a.Name, a.Type, a.SetIdentifier), position(b.Name, b.Type, b.SetIdentifier))
	})
	from := position(CanonicalName(aws.ToString(in.StartRecordName)), string(in.StartRecordType), aws.ToString(in.StartRecordIdentifier))
	out := &route53.ListResourceRecordSetsOutput{}
	for _, k := range keys {
		if position(k.Name, k.Type, k.SetIdentifier) < from {
			continue
		}
		if len(out.ResourceRecordSets) == f.pageSize {
			out.IsTruncated = true
			out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = aws.String(k.Name), types.RRType(k.Type), optional(k.SetIdentifier)
			break
		}
		out.ResourceRecordSets = append(out.ResourceRecordSets, f.records[k])
	}
	return out, f.end("list", n)
}

// put seeds a record.
func (f *fake) put(r Record) {
	r.ZoneID, r.Name = zone, CanonicalName(r.Name)
	f.records[r.Key] = toAPI(r)
}

// values are what a name serves.
func (f *fake) values(name, recordType string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	set, ok := f.records[Key{zone, CanonicalName(name), recordType, ""}]
	if !ok {
		return nil
	}
	return fromAPI(zone, set).Answer.Strings()
}

// app is a request for an A record that moves from us-east-1 to us-west-2.
func app(name string) Request {
	return Request{Owned: true, From: "us-east-1", Spec: Spec{
		Key: Key{ZoneID: zone, Name: name, Type: "A"}, TTL: aws.Int64(5), Active: "us-west-2",
		Targets: map[string]Answer{"us-east-1": {Records: []string{"192.0.2.1"}}, "us-west-2": {Records: []string{"192.0.2.2"}}},
	}}
}

// east is the record of app as it is before the move.
func east(name string) Record {
	return Record{Key: Key{zone, name, "A", ""}, TTL: aws.Int64(5), Answer: Answer{Records: []string{"192.0.2.1"}}}
}
