// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/miekg/dns"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/route53"
)

func TestChangeIsServedWhenInSync(t *testing.T) {
	t.Parallel()
	b := start(t, 10) // 30 s take 3 s
	b.seed(simple("app.example.com", types.RRTypeA, 5, "192.0.2.1"))
	begun := time.Now()
	info, err := b.change(upsert(simple("app.example.com", types.RRTypeA, 5, "192.0.2.2")))
	if err != nil {
		t.Fatal(err)
	}
	if info.Status != types.ChangeStatusPending || !strings.HasPrefix(*info.Id, "/change/C") || info.SubmittedAt == nil {
		t.Errorf("change info: %s %s", info.Status, *info.Id)
	}
	listed, err := b.client.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zoneID), StartRecordName: aws.String("app.example.com"), StartRecordType: "A", MaxItems: aws.Int32(1),
	})
	if err != nil || *listed.ResourceRecordSets[0].ResourceRecords[0].Value != "192.0.2.2" {
		t.Errorf("the listing shows %v, %v instead of what is pending", listed, err)
	}
	if got := b.answers("app.example.com"); got != "192.0.2.1" {
		t.Errorf("while PENDING the answer is %s", got)
	}
	b.eventually("INSYNC", func() bool {
		// With and without the prefix.
		for _, id := range []string{*info.Id, strings.TrimPrefix(*info.Id, "/change/")} {
			out, err := b.client.GetChange(t.Context(), &sdk.GetChangeInput{Id: aws.String(id)})
			if err != nil {
				t.Fatal(err)
			}
			if out.ChangeInfo.Status != types.ChangeStatusInsync {
				return false
			}
		}
		return true
	})
	if took := b.engine.Clock.Simulated(time.Since(begun)); took < 29*time.Second || took > 90*time.Second {
		t.Errorf("INSYNC after %s of simulated time", took)
	}
	if got := b.answers("app.example.com"); got != "192.0.2.2" {
		t.Errorf("once INSYNC the answer is %s", got)
	}
	if n := b.service.EffectiveBatches(zoneID); n != 1 {
		t.Errorf("%d batches took effect", n)
	}
}

func TestPriorRequestNotComplete(t *testing.T) {
	t.Parallel()
	b := start(t, 1, route53.WithSubmissionWindow(2*time.Second))
	first := make(chan error, 1)
	go func() {
		_, err := b.change(create(simple("first.example.com", types.RRTypeA, 60, "192.0.2.1")))
		first <- err
	}()
	b.eventually("the first batch", func() bool { return b.service.EffectiveBatches(zoneID) == 1 })
	_, err := b.change(create(simple("second.example.com", types.RRTypeA, 60, "192.0.2.1")))
	if code(err) != "PriorRequestNotComplete" || status(err) != 400 {
		t.Errorf("a batch within the window: %v", err)
	}
	if err := <-first; err != nil {
		t.Errorf("the first batch: %v", err)
	}
	if n := b.service.EffectiveBatches(zoneID); n != 1 {
		t.Errorf("%d batches took effect", n)
	}
	if _, err := b.change(create(simple("later.example.com", types.RRTypeA, 60, "192.0.2.1"))); err != nil {
		t.Errorf("a batch after the window: %v", err)
	}
}

func TestHostedZones(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	ctx := t.Context()
	in := &sdk.CreateHostedZoneInput{
		Name: aws.String("ACME.example"), CallerReference: aws.String("once"),
		HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("orders & more")},
	}
	made, err := b.client.CreateHostedZone(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	id := *made.HostedZone.Id
	if !strings.HasPrefix(id, "/hostedzone/Z") || *made.HostedZone.Name != "acme.example." || len(made.DelegationSet.NameServers) != 4 ||
		made.ChangeInfo.Status != types.ChangeStatusPending || !strings.HasSuffix(aws.ToString(made.Location), id) {
		t.Errorf("made %+v, location %s", made.HostedZone, aws.ToString(made.Location))
	}
	if raw, ok := middleware.GetRequestIDMetadata(made.ResultMetadata); !ok || raw == "" {
		t.Error("no request id")
	}
	if _, err := b.client.CreateHostedZone(ctx, in); code(err) != "HostedZoneAlreadyExists" || status(err) != 409 {
		t.Errorf("the reference again: %v", err)
	}
	got, err := b.client.GetHostedZone(ctx, &sdk.GetHostedZoneInput{Id: aws.String(id)})
	if err != nil || *got.HostedZone.Config.Comment != "orders & more" || *got.HostedZone.ResourceRecordSetCount != 2 ||
		!slices.Equal(got.DelegationSet.NameServers, made.DelegationSet.NameServers) {
		t.Errorf("got %+v, %v", got, err)
	}
	b.eventually("the zone in sync", func() bool { return b.query("acme.example", dns.TypeSOA).Rcode == dns.RcodeSuccess })
	if ns := data(b.query("acme.example", dns.TypeNS)); len(strings.Fields(ns)) != 4 {
		t.Errorf("NS %s", ns)
	}

	list, err := b.client.ListHostedZones(ctx, &sdk.ListHostedZonesInput{MaxItems: aws.Int32(1)})
	if err != nil || len(list.HostedZones) != 1 || !list.IsTruncated || list.NextMarker == nil {
		t.Fatalf("first page %+v, %v", list, err)
	}
	list, err = b.client.ListHostedZones(ctx, &sdk.ListHostedZonesInput{Marker: list.NextMarker})
	if err != nil || len(list.HostedZones) != 1 || list.IsTruncated || *list.HostedZones[0].Id != id {
		t.Errorf("second page %+v, %v", list, err)
	}
	named, err := b.client.ListHostedZonesByName(ctx, &sdk.ListHostedZonesByNameInput{DNSName: aws.String("example.com"), MaxItems: aws.Int32(1)})
	if err != nil || len(named.HostedZones) != 1 || *named.HostedZones[0].Name != "example.com." || aws.ToString(named.NextDNSName) != "acme.example." {
		t.Errorf("by name %+v, %v", named, err)
	}

	for what, tc := range map[string]struct {
		call func() error
		code string
		http int
	}{
		"no such zone": {func() error {
			_, err := b.client.GetHostedZone(ctx, &sdk.GetHostedZoneInput{Id: aws.String("ZNONE")})
			return err
		}, "NoSuchHostedZone", 404},
		"change in no zone": {func() error {
			_, err := b.client.ChangeResourceRecordSets(ctx, &sdk.ChangeResourceRecordSetsInput{HostedZoneId: aws.String("ZNONE"), ChangeBatch: &types.ChangeBatch{
				Changes: []types.Change{create(simple("x.example.com", "A", 60, "192.0.2.1"))}}})
			return err
		}, "NoSuchHostedZone", 404},
		"another account's zone": {func() error {
			_, err := b.clientAs(engine.WorkloadAccessKey).GetHostedZone(ctx, &sdk.GetHostedZoneInput{Id: aws.String(zoneID)})
			return err
		}, "AccessDenied", 403},
		"change in another account's zone": {func() error {
			_, err := b.clientAs(engine.WorkloadAccessKey).ChangeResourceRecordSets(ctx, &sdk.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zoneID),
				ChangeBatch: &types.ChangeBatch{Changes: []types.Change{create(simple("x.example.com", "A", 60, "192.0.2.1"))}}})
			return err
		}, "AccessDenied", 403},
		"another account's change": {func() error {
			_, err := b.clientAs(engine.WorkloadAccessKey).GetChange(ctx, &sdk.GetChangeInput{Id: made.ChangeInfo.Id})
			return err
		}, "AccessDenied", 403},
		"no such change": {func() error {
			_, err := b.client.GetChange(ctx, &sdk.GetChangeInput{Id: aws.String("CNONE")})
			return err
		}, "NoSuchChange", 404},
		"a zone with records": {func() error {
			b.seed(simple("x.example.com", "A", 60, "192.0.2.1"))
			_, err := b.client.DeleteHostedZone(ctx, &sdk.DeleteHostedZoneInput{Id: aws.String(zoneID)})
			return err
		}, "HostedZoneNotEmpty", 400},
		"invalid domain name": {func() error {
			_, err := b.client.CreateHostedZone(ctx, &sdk.CreateHostedZoneInput{Name: aws.String("a..b"), CallerReference: aws.String("x")})
			return err
		}, "InvalidDomainName", 400},
		"private zone": {func() error {
			_, err := b.client.CreateHostedZone(ctx, &sdk.CreateHostedZoneInput{Name: aws.String("a.example"), CallerReference: aws.String("x"),
				VPC: &types.VPC{VPCId: aws.String("vpc-1"), VPCRegion: "us-east-1"}})
			return err
		}, "InvalidInput", 400},
		"type without name": {func() error {
			_, err := b.client.ListResourceRecordSets(ctx, &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), StartRecordType: "A"})
			return err
		}, "InvalidInput", 400},
		"identifier without type": {func() error {
			_, err := b.client.ListResourceRecordSets(ctx, &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), StartRecordName: aws.String("a"), StartRecordIdentifier: aws.String("x")})
			return err
		}, "InvalidInput", 400},
		"tags of an unknown type": {func() error {
			_, err := b.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: "bucket", ResourceId: aws.String(zoneID)})
			return err
		}, "InvalidInput", 400},
	} {
		if err := tc.call(); code(err) != tc.code || status(err) != tc.http {
			t.Errorf("%s: %v, want %s %d", what, err, tc.code, tc.http)
		}
	}
	if _, err := b.client.DeleteHostedZone(ctx, &sdk.DeleteHostedZoneInput{Id: aws.String(id)}); err != nil {
		t.Error(err)
	}
	if got := b.answers("acme.example"); got != "REFUSED" {
		t.Errorf("a deleted zone answers %s", got)
	}
}

func status(err error) int {
	var re *smithyhttp.ResponseError
	if asError(err, &re) {
		return re.HTTPStatusCode()
	}
	return 0
}

func TestTags(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	resource := func() (types.TagResourceType, *string) { return types.TagResourceTypeHostedzone, aws.String(zoneID) }
	kind, id := resource()
	change := func(add []types.Tag, remove ...string) {
		t.Helper()
		if _, err := b.client.ChangeTagsForResource(context.Background(), &sdk.ChangeTagsForResourceInput{
			ResourceType: kind, ResourceId: id, AddTags: add, RemoveTagKeys: remove,
		}); err != nil {
			t.Fatal(err)
		}
	}
	change([]types.Tag{{Key: aws.String("team"), Value: aws.String("acme")}, {Key: aws.String("stage"), Value: aws.String("prod")}})
	change(nil, "stage")
	out, err := b.client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: kind, ResourceId: id})
	if err != nil || len(out.ResourceTagSet.Tags) != 1 || *out.ResourceTagSet.Tags[0].Value != "acme" {
		t.Errorf("tags %+v, %v", out, err)
	}
}

// The order is that of the labels in reverse; names come back lower case, with
// escapes and a trailing dot; pages of any size add up.
func TestListing(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	a := types.RRTypeA
	b.seed(simple("b.example.com", a, 60, "192.0.2.1"), simple("a.b.example.com", a, 60, "192.0.2.1"), simple("B-1.example.com", a, 60, "192.0.2.1"),
		simple("*.example.com", a, 60, "192.0.2.1"), simple("example.com", types.RRTypeMx, 60, "10 mail.example.com"),
		simple(`a\052b.example.com`, types.RRTypeTxt, 60, `"x"`), simple("b.example.com", types.RRTypeTxt, 60, `"x"`),
		with(simple("w.example.com", a, 60, "192.0.2.1"), id("two"), weight(2)), with(simple("w.example.com", a, 60, "192.0.2.2"), id("one"), weight(0)))
	want := []string{
		"example.com. MX ", "example.com. NS ", "example.com. SOA ", `\052.example.com. A `, `a\052b.example.com. TXT `,
		"b-1.example.com. A ", "b.example.com. A ", "b.example.com. TXT ", "a.b.example.com. A ",
		"w.example.com. A one", "w.example.com. A two",
	}
	for _, size := range []int32{1, 2, 3, 300} {
		var got []string
		in := &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String("/hostedzone/" + zoneID), MaxItems: aws.Int32(size)}
		for {
			out, err := b.client.ListResourceRecordSets(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if *out.MaxItems != size {
				t.Errorf("MaxItems %d", *out.MaxItems)
			}
			for _, r := range out.ResourceRecordSets {
				got = append(got, fmt.Sprintf("%s %s %s", *r.Name, r.Type, aws.ToString(r.SetIdentifier)))
			}
			if !out.IsTruncated {
				break
			}
			in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d:\n%s\nwant\n%s", size, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for start, first := range map[string]string{"*.example.com": `\052.example.com.`, "b0.example.com": "w.example.com.", "B.EXAMPLE.com": "b.example.com."} {
		out, err := b.client.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), StartRecordName: aws.String(start)})
		if err != nil || *out.ResourceRecordSets[0].Name != first {
			t.Errorf("from %s: %s, %v", start, *out.ResourceRecordSets[0].Name, err)
		}
	}
	// A weight of zero is there, and not left out.
	out, err := b.client.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), StartRecordName: aws.String("w.example.com")})
	if err != nil || out.ResourceRecordSets[0].Weight == nil || *out.ResourceRecordSets[0].Weight != 0 {
		t.Errorf("weight zero: %+v, %v", out, err)
	}
}

func TestPageIsCapped(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	var changes []types.Change
	for i := range 400 {
		changes = append(changes, upsert(simple(fmt.Sprintf("n%03d.example.com", i), types.RRTypeA, 60, "192.0.2.1")))
	}
	if _, err := b.change(changes...); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID), MaxItems: aws.Int32(1000)})
	if err != nil || len(out.ResourceRecordSets) != 300 || !out.IsTruncated {
		t.Errorf("%d record sets, %v", len(out.ResourceRecordSets), err)
	}
}

// What AWS takes is taken: names with and without the dot, every type, routing
// policies, deletes that match in any order of values.
func TestAcceptedBatches(t *testing.T) {
	t.Parallel()
	b := start(t, 1000)
	accept := func(changes ...types.Change) {
		t.Helper()
		if _, err := b.change(changes...); err != nil {
			t.Errorf("%v: %s", err, messages(err))
		}
	}
	for typ, value := range map[types.RRType]string{
		types.RRTypeA: "192.0.2.1", types.RRTypeAaaa: "2001:db8::1", types.RRTypeTxt: `"a;b" "c\"d\052"`, types.RRTypeSpf: `"v=spf1 -all"`,
		types.RRTypeMx: "10 mail.example.com", types.RRTypeSrv: "1 2 443 app.example.com.", types.RRTypePtr: "app.example.com",
		types.RRTypeCaa: `0 issue "ca.example.net"`, types.RRTypeNaptr: `100 50 "u" "E2U+sip" "!^.*$!sip:a@example.com!" .`,
		types.RRTypeTlsa:  "3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		types.RRTypeSshfp: "1 1 0123456789abcdef0123456789abcdef01234567", types.RRTypeHttps: "1 . alpn=h2", types.RRTypeSvcb: "1 app.example.com.",
		types.RRTypeDs: "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
	} {
		accept(create(simple(strings.ToLower(string(typ))+".example.com.", typ, 60, value)))
	}
	accept(create(simple("a2.example.com", "A", 0, "192.0.2.1", "192.0.2.2")))
	accept(remove(simple("A2.example.com.", "A", 0, "192.0.2.2", "192.0.2.1")), create(simple("a2.example.com", types.RRTypeCname, 60, "a.example.com")))
	accept(remove(simple("a.example.com", "A", 60, "192.0.2.1")), create(simple("a.example.com", "A", 60, "192.0.2.3")))
	w := func(ttl int64, name string) *types.ResourceRecordSet {
		return with(simple("w.example.com", "A", ttl, "192.0.2.1"), id(name), weight(1))
	}
	accept(create(w(60, "a")), create(w(60, "b")))
	accept(upsert(w(5, "a")), upsert(w(5, "b"))) // the group's TTL, together
	accept(create(alias("example.com", "A", "/hostedzone/"+zoneID, "A.example.com.", true)))
	b.engine.Network.SetName("lb-1.us-west-2.elb.amazonaws.com", []byte{127, 0, 0, 9})
	accept(create(alias("lb.example.com", "A", "Z1H1FL5HABSF5", "dualstack.lb-1.us-west-2.elb.amazonaws.com", true)))
	for _, r := range b.service.Records(zoneID) {
		if r.Type == types.RRTypeNs {
			accept(upsert(simple("example.com", types.RRTypeNs, 300, *r.ResourceRecords[0].Value)))
		}
	}
	b.eventually("in sync", func() bool { return b.service.InSync(zoneID) })
	if got := data(b.query("txt.example.com", dns.TypeTXT)); got != `"a;b" "c\"d*"` {
		t.Errorf("TXT %s", got)
	}
	for name, want := range map[string]string{"lb.example.com": "127.0.0.9", "example.com": "192.0.2.3", "a2.example.com": "192.0.2.3 a.example.com."} {
		if got := b.answers(name); got != want {
			t.Errorf("%s answers %s, want %s", name, got, want)
		}
	}
}
