// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Every refusal of a change batch, with its code and what its message names;
// nothing of the batch is done.
func TestChangeBatchRefusals(t *testing.T) {
	t.Parallel()
	const (
		a, cname, txt = types.RRTypeA, types.RRTypeCname, types.RRTypeTxt
		batch, input  = "InvalidChangeBatch", "InvalidInput"
	)
	good := create(simple("good.example.com", a, 60, "192.0.2.9"))
	many := func(n int, action func(*types.ResourceRecordSet) types.Change, value string) []types.Change {
		var out []types.Change
		for i := range n {
			out = append(out, action(simple(fmt.Sprintf("n%d.example.com", i), txt, 60, value)))
		}
		return out
	}
	ofPolicy := func(name string, f ...func(*types.ResourceRecordSet)) *types.ResourceRecordSet {
		return with(simple(name, a, 60, "192.0.2.1"), f...)
	}
	multi := func(r *types.ResourceRecordSet) { r.MultiValueAnswer = aws.Bool(true) }
	geo := func(continent, country, sub string) func(*types.ResourceRecordSet) {
		return func(r *types.ResourceRecordSet) {
			opt := func(s string) *string {
				if s == "" {
					return nil
				}
				return &s
			}
			r.GeoLocation = &types.GeoLocation{ContinentCode: opt(continent), CountryCode: opt(country), SubdivisionCode: opt(sub)}
		}
	}
	for name, tc := range map[string]struct {
		changes    []types.Change
		code, word string
	}{
		"create of an existing one":    {[]types.Change{create(simple("app.example.com", a, 60, "192.0.2.7"))}, batch, "already exists"},
		"delete of none":               {[]types.Change{remove(simple("none.example.com", a, 60, "192.0.2.1"))}, batch, "not found"},
		"delete with another value":    {[]types.Change{remove(simple("app.example.com", a, 5, "192.0.2.2"))}, batch, "do not match"},
		"delete with another TTL":      {[]types.Change{remove(simple("app.example.com", a, 6, "192.0.2.1"))}, batch, "do not match"},
		"delete with one value more":   {[]types.Change{remove(simple("app.example.com", a, 5, "192.0.2.1", "192.0.2.2"))}, batch, "do not match"},
		"delete with another weight":   {[]types.Change{remove(ofPolicy("w.example.com", id("a"), weight(2)))}, batch, "do not match"},
		"delete of another identifier": {[]types.Change{remove(ofPolicy("w.example.com", id("z"), weight(1)))}, batch, "not found"},
		"outside the zone":             {[]types.Change{create(simple("app.example.org", a, 60, "192.0.2.1"))}, batch, "not within the zone"},
		"suffix that is no label":      {[]types.Change{create(simple("notexample.com", a, 60, "192.0.2.1"))}, batch, "not within the zone"},
		"label too long":               {[]types.Change{create(simple(strings.Repeat("x", 64)+".example.com", a, 60, "192.0.2.1"))}, batch, "63"},
		"empty label":                  {[]types.Change{create(simple("a..example.com", a, 60, "192.0.2.1"))}, batch, "empty"},
		"bad escape":                   {[]types.Change{create(simple(`\09x.example.com`, a, 60, "192.0.2.1"))}, batch, "escape"},
		"same set twice":               {[]types.Change{upsert(simple("x.example.com", a, 60, "192.0.2.1")), upsert(simple("x.example.com", a, 60, "192.0.2.2"))}, batch, "more than once"},
		"delete twice":                 {[]types.Change{remove(simple("app.example.com", a, 5, "192.0.2.1")), remove(simple("app.example.com", a, 5, "192.0.2.1"))}, batch, "more than once"},
		"CNAME at the apex":            {[]types.Change{create(simple("example.com", cname, 60, "x.example.org"))}, batch, "apex"},
		"CNAME beside A":               {[]types.Change{create(simple("app.example.com", cname, 60, "x.example.org"))}, batch, "conflicting"},
		"A beside CNAME":               {[]types.Change{create(simple("www.example.com", a, 60, "192.0.2.1"))}, batch, "conflicting"},
		"CNAME with two values":        {[]types.Change{create(simple("c.example.com", cname, 60, "x.example.org", "y.example.org"))}, batch, "has one"},
		"not an IPv4 address":          {[]types.Change{create(simple("x.example.com", a, 60, "192.0.2.256"))}, batch, "IPv4"},
		"IPv6 in an A":                 {[]types.Change{create(simple("x.example.com", a, 60, "2001:db8::1"))}, batch, "IPv4"},
		"IPv4 in an AAAA":              {[]types.Change{create(simple("x.example.com", types.RRTypeAaaa, 60, "192.0.2.1"))}, batch, "IPv6"},
		"TXT without quotation marks":  {[]types.Change{create(simple("x.example.com", txt, 60, "plain"))}, batch, "quotation"},
		"TXT string too long":          {[]types.Change{create(simple("x.example.com", txt, 60, `"`+strings.Repeat("x", 256)+`"`))}, batch, "255"},
		"TXT not closed":               {[]types.Change{create(simple("x.example.com", txt, 60, `"open`))}, batch, "closed"},
		"MX without preference":        {[]types.Change{create(simple("x.example.com", types.RRTypeMx, 60, "mail.example.com"))}, batch, "fields"},
		"SRV port too large":           {[]types.Change{create(simple("x.example.com", types.RRTypeSrv, 60, "1 1 70000 x.example.com"))}, batch, "65535"},
		"CAA with an unknown tag":      {[]types.Change{create(simple("x.example.com", types.RRTypeCaa, 60, `0 nope "ca.example.net"`))}, batch, "issue"},
		"DS that is none":              {[]types.Change{create(simple("x.example.com", types.RRTypeDs, 60, "nonsense"))}, batch, "DS"},
		"a comment in a value":         {[]types.Change{create(simple("x.example.com", types.RRTypeSshfp, 60, "1 1 ; comment"))}, batch, "not allowed"},
		"duplicate value":              {[]types.Change{create(simple("x.example.com", a, 60, "192.0.2.1", "192.0.2.1"))}, batch, "Duplicate"},
		"second SOA":                   {[]types.Change{create(simple("x.example.com", types.RRTypeSoa, 60, "ns.example.com. h.example.com. 1 2 3 4 5"))}, batch, "apex"},
		"NS wildcard":                  {[]types.Change{create(simple("*.example.com", types.RRTypeNs, 60, "ns.example.org"))}, batch, "wildcard"},
		"SOA deleted":                  {[]types.Change{remove(apex(t, types.RRTypeSoa))}, batch, "SOA"},
		"NS of the zone deleted":       {[]types.Change{remove(apex(t, types.RRTypeNs))}, batch, "NS"},
		"routed beside simple":         {[]types.Change{create(ofPolicy("app.example.com", id("x"), weight(1)))}, batch, "simple"},
		"simple beside routed":         {[]types.Change{create(simple("w.example.com", a, 60, "192.0.2.1"))}, batch, "weighted"},
		"latency beside weighted":      {[]types.Change{create(ofPolicy("w.example.com", id("x"), region("us-east-1")))}, batch, "weighted"},
		"weighted TTLs differ":         {[]types.Change{create(with(simple("w.example.com", a, 61, "192.0.2.1"), id("x"), weight(1)))}, batch, "same TTL"},
		"latency region twice":         {[]types.Change{create(ofPolicy("l.example.com", id("x"), region("us-east-1")))}, batch, "us-east-1"},
		"two secondaries":              {[]types.Change{create(ofPolicy("f.example.com", id("x"), failover("SECONDARY")))}, batch, "SECONDARY"},
		"primary without a check":      {[]types.Change{create(ofPolicy("p.example.com", id("x"), failover("PRIMARY")))}, batch, "health check"},
		"same location twice":          {[]types.Change{create(ofPolicy("g.example.com", id("x"), geo("", "US", ""))), create(ofPolicy("g.example.com", id("y"), geo("", "US", "")))}, batch, "location"},
		"NS with a policy":             {[]types.Change{create(with(simple("x.example.com", types.RRTypeNs, 60, "ns.example.org"), id("x"), weight(1)))}, batch, "policy"},
		"multivalue CNAME":             {[]types.Change{create(with(simple("x.example.com", cname, 60, "x.example.org"), id("x"), multi))}, batch, "CNAME"},
		"multivalue alias":             {[]types.Change{create(with(alias("x.example.com", a, zoneID, "app.example.com", false), id("x"), multi))}, batch, "alias"},
		"alias to nothing":             {[]types.Change{create(alias("x.example.com", a, zoneID, "none.example.com", false))}, batch, "not found"},
		"alias of another type":        {[]types.Change{create(alias("x.example.com", types.RRTypeAaaa, zoneID, "app.example.com", false))}, batch, "not found"},
		"alias to itself":              {[]types.Change{upsert(alias("app.example.com", a, zoneID, "app.example.com", false))}, batch, "itself"},
		"alias outside its zone":       {[]types.Change{create(alias("x.example.com", a, zoneID, "app.example.org", false))}, batch, "within the target zone"},
		"alias to an unknown resource": {[]types.Change{create(alias("x.example.com", a, "Z35SXDOTRQ7X7K", "none.us-east-1.elb.amazonaws.com", true))}, batch, "not found"},
		"alias to a database":          {[]types.Change{create(alias("x.example.com", a, "Z35SXDOTRQ7X7K", "orders.abc.us-east-1.rds.amazonaws.com", false))}, batch, "RDS"},
		"alias to a distribution":      {[]types.Change{create(alias("x.example.com", a, "Z2FDTNDATAQYW2", "d1.cloudfront.net", true))}, batch, "EvaluateTargetHealth"},
		"alias of type NS":             {[]types.Change{create(alias("x.example.com", types.RRTypeNs, zoneID, "example.com", false))}, batch, "NS"},
		"alias before its target": {[]types.Change{
			create(alias("x.example.com", a, zoneID, "y.example.com", false)), create(simple("y.example.com", a, 60, "192.0.2.1")),
		}, batch, "not found"},
		"1001 records":               {many(1001, create, `"x"`), batch, "1000 records"},
		"501 upserts":                {many(501, upsert, `"x"`), batch, "1000 records"},
		"32001 characters":           {many(127, create, `"`+strings.Repeat("x", 250)+`"`), batch, "32000 characters"},
		"16001 characters upserted":  {many(64, upsert, `"`+strings.Repeat("x", 250)+`"`), batch, "32000 characters"},
		"no change":                  {[]types.Change{}, input, "no changes"},
		"unknown action":             {[]types.Change{do("REPLACE", simple("x.example.com", a, 60, "192.0.2.1"))}, input, "CREATE"},
		"unknown type":               {[]types.Change{create(simple("x.example.com", "AXFR", 60, "192.0.2.1"))}, input, "Type"},
		"no TTL":                     {[]types.Change{create(&types.ResourceRecordSet{Name: aws.String("x.example.com"), Type: a, ResourceRecords: []types.ResourceRecord{{Value: aws.String("192.0.2.1")}}})}, input, "TTL"},
		"no values":                  {[]types.Change{create(simple("x.example.com", a, 60))}, input, "ResourceRecords"},
		"neither values nor alias":   {[]types.Change{create(&types.ResourceRecordSet{Name: aws.String("x.example.com"), Type: a})}, input, "none"},
		"negative TTL":               {[]types.Change{create(simple("x.example.com", a, -1, "192.0.2.1"))}, input, "TTL"},
		"TTL too large":              {[]types.Change{create(simple("x.example.com", a, 2147483648, "192.0.2.1"))}, input, "TTL"},
		"alias with TTL":             {[]types.Change{create(with(alias("x.example.com", a, zoneID, "app.example.com", false), func(r *types.ResourceRecordSet) { r.TTL = aws.Int64(60) }))}, input, "AliasTarget"},
		"policy without identifier":  {[]types.Change{create(ofPolicy("x.example.com", weight(1)))}, input, "SetIdentifier"},
		"identifier without policy":  {[]types.Change{create(ofPolicy("x.example.com", id("x")))}, input, "none"},
		"two policies":               {[]types.Change{create(ofPolicy("x.example.com", id("x"), weight(1), region("us-east-1")))}, input, "2"},
		"weight 256":                 {[]types.Change{create(ofPolicy("x.example.com", id("x"), weight(256)))}, input, "Weight"},
		"weight -1":                  {[]types.Change{create(ofPolicy("x.example.com", id("x"), weight(-1)))}, input, "Weight"},
		"unknown region":             {[]types.Change{create(ofPolicy("x.example.com", id("x"), region("us-moon-1")))}, input, "Region"},
		"unknown failover":           {[]types.Change{create(ofPolicy("x.example.com", id("x"), failover("TERTIARY")))}, input, "PRIMARY"},
		"location of two kinds":      {[]types.Change{create(ofPolicy("x.example.com", id("x"), geo("EU", "US", "")))}, input, "geolocation"},
		"unknown continent":          {[]types.Change{create(ofPolicy("x.example.com", id("x"), geo("XX", "", "")))}, input, "Continent"},
		"subdivision of Germany":     {[]types.Change{create(ofPolicy("x.example.com", id("x"), geo("", "DE", "BY")))}, input, "Subdivision"},
		"a check that is not there":  {[]types.Change{create(ofPolicy("x.example.com", id("x"), weight(1), check("6f6f3a3e-0000-4000-8000-000000000000")))}, "NoSuchHealthCheck", "6f6f3a3e"},
		"one bad change among good":  {[]types.Change{good, create(simple("app.example.com", a, 60, "192.0.2.7"))}, batch, "already exists"},
		"all reasons are told":       {[]types.Change{create(simple("app.example.org", a, 60, "192.0.2.7")), create(simple("x.example.com", a, 60, "bad"))}, batch, "IPv4"},
		"upsert that is no routed":   {[]types.Change{upsert(simple("l.example.com", a, 60, "192.0.2.7"))}, batch, "latency"},
		"name too long":              {[]types.Change{create(simple(strings.Repeat("abcdefgh.", 30)+"example.com", a, 60, "192.0.2.1"))}, batch, "255"},
		"TXT line break":             {[]types.Change{create(simple("x.example.com", txt, 60, "\"a\nb\""))}, batch, "line break"},
		"value over 4000 characters": {[]types.Change{create(simple("x.example.com", txt, 60, strings.Repeat(`"`+strings.Repeat("x", 200)+`" `, 20)+`"x"`))}, batch, "4000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, 1000)
			b.seed(simple("app.example.com", a, 5, "192.0.2.1"), simple("www.example.com", cname, 60, "app.example.com"),
				ofPolicy("w.example.com", id("a"), weight(1)), ofPolicy("l.example.com", id("a"), region("us-east-1")),
				ofPolicy("f.example.com", id("a"), failover("SECONDARY")))
			before := b.service.Records(zoneID)
			_, err := b.change(tc.changes...)
			if code(err) != tc.code || !strings.Contains(messages(err), tc.word) {
				t.Fatalf("got %q %q, want %q naming %q", code(err), messages(err), tc.code, tc.word)
			}
			if b.service.EffectiveBatches(zoneID) != 0 || len(b.service.Records(zoneID)) != len(before) {
				t.Error("a refused batch took effect")
			}
		})
	}
}

// apex is what the zone has for a type at its apex.
func apex(t *testing.T, typ types.RRType) *types.ResourceRecordSet {
	t.Helper()
	b := start(t, 1000)
	for _, r := range b.service.Records(zoneID) {
		if r.Type == typ {
			return &r
		}
	}
	t.Fatal("the zone has no", typ)
	return nil
}
