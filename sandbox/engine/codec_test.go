// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

var created = time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.UTC)

// database answers as RDS would, and keeps the last input.
func database(last *atomic.Pointer[rds.DescribeDBInstancesInput]) engine.Service {
	return engine.Service{
		Name:         "rds",
		Protocols:    []engine.Protocol{engine.Query},
		XMLNamespace: "http://rds.amazonaws.com/doc/2014-10-31/",
		ListNames: map[string]string{
			"DBInstances": "DBInstance", "StatusInfos": "DBInstanceStatusInfo", "TagList": "Tag",
			"ReadReplicaDBInstanceIdentifiers": "ReadReplicaDBInstanceIdentifier",
		},
		Operations: []engine.Operation{
			engine.Op("DescribeDBInstances", func(_ *engine.Call, in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
				last.Store(in)
				if aws.ToString(in.DBInstanceIdentifier) == "nothing" {
					return nil, engine.NotFound("DBInstanceNotFound", "DBInstance %s not found.", *in.DBInstanceIdentifier)
				}
				return &rds.DescribeDBInstancesOutput{Marker: aws.String("a<&>b"), DBInstances: []rdstypes.DBInstance{{
					DBInstanceIdentifier:             aws.String("orders"),
					InstanceCreateTime:               &created,
					BackupRetentionPeriod:            aws.Int32(7),
					MultiAZ:                          aws.Bool(true),
					Endpoint:                         &rdstypes.Endpoint{Address: aws.String("orders.example"), Port: aws.Int32(5432)},
					ReadReplicaDBInstanceIdentifiers: []string{"orders-usw2", "orders-euw1"},
					StatusInfos:                      []rdstypes.DBInstanceStatusInfo{{Normal: aws.Bool(true), Status: aws.String("replicating")}},
					TagList:                          []rdstypes.Tag{{Key: aws.String("team"), Value: aws.String("acme")}},
					ReplicaMode:                      rdstypes.ReplicaModeMounted,
				}}}, nil
			}),
			engine.Op("PromoteReadReplica", func(c *engine.Call, in *rds.PromoteReadReplicaInput) (*rds.PromoteReadReplicaOutput, error) {
				return &rds.PromoteReadReplicaOutput{DBInstance: &rdstypes.DBInstance{
					DBInstanceIdentifier: in.DBInstanceIdentifier, BackupRetentionPeriod: in.BackupRetentionPeriod,
					AvailabilityZone: aws.String(c.Region + "a"),
				}}, nil
			}, engine.Mutating()),
		},
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	var last atomic.Pointer[rds.DescribeDBInstancesInput]
	_, url := server(t, database(&last))
	filters := []rdstypes.Filter{
		{Name: aws.String("db-instance-id"), Values: []string{"orders", "orders-usw2"}},
		{Name: aws.String("engine"), Values: []string{"postgres"}},
	}
	out, err := rdsClient(url, "us-west-2").DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{
		Filters: filters, MaxRecords: aws.Int32(20),
	})
	if err != nil {
		t.Fatal(err)
	}
	in := last.Load()
	if len(in.Filters) != 2 || !slices.Equal(in.Filters[0].Values, filters[0].Values) || *in.Filters[1].Name != "engine" || *in.MaxRecords != 20 {
		t.Errorf("the handler saw %+v", in)
	}
	i := out.DBInstances[0]
	if *out.Marker != "a<&>b" || !i.InstanceCreateTime.Equal(created) || *i.BackupRetentionPeriod != 7 || !*i.MultiAZ ||
		*i.Endpoint.Port != 5432 || len(i.ReadReplicaDBInstanceIdentifiers) != 2 || *i.StatusInfos[0].Status != "replicating" ||
		*i.TagList[0].Value != "acme" || i.ReplicaMode != rdstypes.ReplicaModeMounted || i.ReadReplicaSourceDBInstanceIdentifier != nil {
		t.Errorf("the client saw %+v", i)
	}
}

func TestQueryErrors(t *testing.T) {
	t.Parallel()
	var last atomic.Pointer[rds.DescribeDBInstancesInput]
	_, url := server(t, database(&last))
	client := rdsClient(url, "us-west-2")
	_, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("nothing")})
	var missing *rdstypes.DBInstanceNotFoundFault
	if !errors.As(err, &missing) || missing.ErrorMessage() != "DBInstance nothing not found." {
		t.Errorf("got %v", err)
	}
	_, err = client.RebootDBInstance(t.Context(), &rds.RebootDBInstanceInput{DBInstanceIdentifier: aws.String("orders")})
	wantCode(t, err, "InvalidAction")
	_, err = route53Client(url).GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: aws.String("Z1")})
	wantCode(t, err, "UnknownOperationException")
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want the code %s", err, code)
	}
}

// names answers as Route 53 would.
func names(last *atomic.Pointer[route53.ChangeResourceRecordSetsInput]) engine.Service {
	return engine.Service{
		Name:         "route53",
		Global:       true,
		Protocols:    []engine.Protocol{engine.RESTXML},
		XMLNamespace: "https://route53.amazonaws.com/doc/2013-04-01/",
		ListNames: map[string]string{
			"ResourceRecordSets": "ResourceRecordSet", "ResourceRecords": "ResourceRecord", "NameServers": "NameServer",
		},
		Operations: []engine.Operation{
			engine.Op("ChangeResourceRecordSets", func(_ *engine.Call, in *route53.ChangeResourceRecordSetsInput) (*route53.ChangeResourceRecordSetsOutput, error) {
				last.Store(in)
				if len(in.ChangeBatch.Changes) == 0 {
					return nil, &engine.Error{Code: "InvalidChangeBatch", Status: 400, Messages: []string{"nothing <to> do", "twice"}}
				}
				return &route53.ChangeResourceRecordSetsOutput{ChangeInfo: &r53types.ChangeInfo{
					Id: aws.String("/change/C1"), Status: r53types.ChangeStatusPending, SubmittedAt: &created,
				}}, nil
			}, engine.HTTP(http.MethodPost, "/2013-04-01/hostedzone/{HostedZoneId}/rrset"), engine.Mutating()),
			engine.Op("ListResourceRecordSets", func(_ *engine.Call, in *route53.ListResourceRecordSetsInput) (*route53.ListResourceRecordSetsOutput, error) {
				return &route53.ListResourceRecordSetsOutput{
					IsTruncated: false, MaxItems: in.MaxItems, NextRecordName: in.StartRecordName, NextRecordType: in.StartRecordType,
					ResourceRecordSets: []r53types.ResourceRecordSet{{
						Name: aws.String(`\052.example.com.`), Type: r53types.RRTypeA, TTL: aws.Int64(5),
						ResourceRecords: []r53types.ResourceRecord{{Value: aws.String("192.0.2.1")}, {Value: aws.String("192.0.2.2")}},
					}},
				}, nil
			}, engine.HTTP(http.MethodGet, "/2013-04-01/hostedzone/{HostedZoneId}/rrset"),
				engine.QueryField("name", "StartRecordName"), engine.QueryField("type", "StartRecordType")),
			engine.Op("CreateHostedZone", func(_ *engine.Call, in *route53.CreateHostedZoneInput) (*route53.CreateHostedZoneOutput, error) {
				return &route53.CreateHostedZoneOutput{
					Location:      aws.String("https://route53.amazonaws.com/2013-04-01/hostedzone/Z1"),
					HostedZone:    &r53types.HostedZone{Id: aws.String("/hostedzone/Z1"), Name: in.Name, CallerReference: in.CallerReference},
					DelegationSet: &r53types.DelegationSet{NameServers: []string{"ns-1.example", "ns-2.example"}},
					ChangeInfo:    &r53types.ChangeInfo{Id: aws.String("/change/C2"), Status: r53types.ChangeStatusPending, SubmittedAt: &created},
				}, nil
			}, engine.HTTP(http.MethodPost, "/2013-04-01/hostedzone"), engine.HeaderField("Location", "Location"), engine.Status(201), engine.Mutating()),
		},
	}
}

func TestRESTXML(t *testing.T) {
	t.Parallel()
	var last atomic.Pointer[route53.ChangeResourceRecordSetsInput]
	_, url := server(t, names(&last))
	client := route53Client(url)
	change := r53types.Change{Action: r53types.ChangeActionUpsert, ResourceRecordSet: &r53types.ResourceRecordSet{
		Name: aws.String("app.example.com"), Type: r53types.RRTypeA, TTL: aws.Int64(5),
		ResourceRecords: []r53types.ResourceRecord{{Value: aws.String("192.0.2.7")}},
	}}
	batch := &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String("/hostedzone/Z1"), ChangeBatch: &r53types.ChangeBatch{Changes: []r53types.Change{change}}}
	out, err := client.ChangeResourceRecordSets(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	in := last.Load()
	if *in.HostedZoneId != "Z1" || len(in.ChangeBatch.Changes) != 1 || in.ChangeBatch.Changes[0].Action != r53types.ChangeActionUpsert ||
		*in.ChangeBatch.Changes[0].ResourceRecordSet.TTL != 5 || *in.ChangeBatch.Changes[0].ResourceRecordSet.ResourceRecords[0].Value != "192.0.2.7" {
		t.Errorf("the handler saw %+v", in)
	}
	if out.ChangeInfo.Status != r53types.ChangeStatusPending || !out.ChangeInfo.SubmittedAt.Equal(created) {
		t.Errorf("the client saw %+v", out.ChangeInfo)
	}
	batch.ChangeBatch.Changes = append(batch.ChangeBatch.Changes, change, change)
	if _, err = client.ChangeResourceRecordSets(t.Context(), batch); err != nil || len(last.Load().ChangeBatch.Changes) != 3 {
		t.Errorf("%v: the handler saw %+v", err, last.Load().ChangeBatch)
	}
	batch.ChangeBatch.Changes = []r53types.Change{}
	_, err = client.ChangeResourceRecordSets(t.Context(), batch)
	var refused *r53types.InvalidChangeBatch
	if !errors.As(err, &refused) || !slices.Equal(refused.Messages, []string{"nothing <to> do", "twice"}) {
		t.Errorf("got %#v", err)
	}
	records, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String("Z1"), StartRecordName: aws.String("a.example.com."), StartRecordType: r53types.RRTypeCname, MaxItems: aws.Int32(9),
	})
	if err != nil || *records.NextRecordName != "a.example.com." || records.NextRecordType != r53types.RRTypeCname || *records.MaxItems != 9 ||
		len(records.ResourceRecordSets[0].ResourceRecords) != 2 {
		t.Errorf("%v: the client saw %+v", err, records)
	}
	zone, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String("example.com"), CallerReference: aws.String("x")})
	if err != nil || !strings.HasSuffix(*zone.Location, "/Z1") || len(zone.DelegationSet.NameServers) != 2 {
		t.Errorf("%v: the client saw %+v", err, zone)
	}
}

// metrics answers as CloudWatch would.
func metrics(last *atomic.Pointer[cloudwatch.GetMetricDataInput]) engine.Service {
	return engine.Service{
		Name:         "monitoring",
		Protocols:    []engine.Protocol{engine.CBOR, engine.Query, engine.JSON10},
		XMLNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		ErrorShapes:  map[string]string{"InvalidParameterValue": "InvalidParameterValueException"},
		Operations: []engine.Operation{
			engine.Op("GetMetricData", func(_ *engine.Call, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
				last.Store(in)
				if len(in.MetricDataQueries) == 0 {
					return nil, engine.Refuse("InvalidParameterValue", "no query")
				}
				return &cloudwatch.GetMetricDataOutput{MetricDataResults: []cwtypes.MetricDataResult{{
					Id: in.MetricDataQueries[0].Id, StatusCode: cwtypes.StatusCodeComplete,
					Timestamps: []time.Time{created}, Values: []float64{-1, 0.5}[:1],
				}}}, nil
			}),
		},
	}
}

func query() *cloudwatch.GetMetricDataInput {
	return &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(created.Add(-time.Hour)), EndTime: &created,
		MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("lag"), MetricStat: &cwtypes.MetricStat{
			Period: aws.Int32(60), Stat: aws.String("Maximum"),
			Metric: &cwtypes.Metric{
				Namespace: aws.String("AWS/RDS"), MetricName: aws.String("ReplicaLag"),
				Dimensions: []cwtypes.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: aws.String("orders-usw2")}},
			},
		}}},
	}
}

func TestCBOR(t *testing.T) {
	t.Parallel()
	var last atomic.Pointer[cloudwatch.GetMetricDataInput]
	_, url := server(t, metrics(&last))
	out, err := cloudwatchClient(url).GetMetricData(t.Context(), query())
	if err != nil {
		t.Fatal(err)
	}
	in := last.Load()
	if stat := in.MetricDataQueries[0].MetricStat; *stat.Period != 60 || *stat.Metric.Dimensions[0].Value != "orders-usw2" || !in.EndTime.Equal(created) {
		t.Errorf("the handler saw %+v", in)
	}
	if r := out.MetricDataResults[0]; *r.Id != "lag" || r.Values[0] != -1 || !r.Timestamps[0].Equal(created) || r.StatusCode != cwtypes.StatusCodeComplete {
		t.Errorf("the client saw %+v", r)
	}
	_, err = cloudwatchClient(url).GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &created, EndTime: &created, MetricDataQueries: []cwtypes.MetricDataQuery{},
	})
	var invalid *cwtypes.InvalidParameterValueException
	if !errors.As(err, &invalid) || invalid.ErrorMessage() != "no query" {
		t.Errorf("got %#v", err)
	}
}

func TestBotocore(t *testing.T) {
	t.Parallel()
	var db atomic.Pointer[rds.DescribeDBInstancesInput]
	var zone atomic.Pointer[route53.ChangeResourceRecordSetsInput]
	var data atomic.Pointer[cloudwatch.GetMetricDataInput]
	_, url := server(t, database(&db), names(&zone), metrics(&data))
	// Each start of the command costs a second or more: one call a protocol.
	for _, step := range []struct{ args, want string }{
		{"rds describe-db-instances --no-paginate --filters Name=engine,Values=postgres,mysql --query DBInstances[0].[Endpoint.Port,TagList[0].Value,StatusInfos[0].Normal]", `[5432,"acme",true]`},
		{`route53 change-resource-record-sets --hosted-zone-id Z1 --change-batch {"Changes":[{"Action":"UPSERT","ResourceRecordSet":{"Name":"app.example.com","Type":"A","TTL":5,"ResourceRecords":[{"Value":"192.0.2.7"}]}}]} --query ChangeInfo.[Id,Status]`, `["/change/C1","PENDING"]`},
		{`cloudwatch get-metric-data --start-time 2026-03-04T04:00:00Z --end-time 2026-03-04T05:00:00Z --metric-data-queries [{"Id":"lag","MetricStat":{"Metric":{"Namespace":"AWS/RDS","MetricName":"ReplicaLag"},"Period":60,"Stat":"Maximum"}}] --query MetricDataResults[0].[Id,Values[0]]`, `["lag",-1.0]`},
	} {
		out, err := awsCLI(t, url, strings.Fields(step.args)...)
		if err != nil {
			t.Errorf("aws %s: %v\n%s", step.args, err, out)
			continue
		}
		var got, want any
		if json.Unmarshal([]byte(out), &got) != nil || json.Unmarshal([]byte(step.want), &want) != nil {
			t.Errorf("aws %s printed %s", step.args, out)
			continue
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("aws %s printed %s, want %s", step.args, a, b)
		}
	}
	if f := db.Load().Filters; len(f) != 1 || !slices.Equal(f[0].Values, []string{"postgres", "mysql"}) {
		t.Errorf("the handler saw the filters %+v", f)
	}
	args := "rds describe-db-instances --db-instance-identifier nothing"
	want := "An error occurred (DBInstanceNotFound) when calling the DescribeDBInstances operation: DBInstance nothing not found."
	if out, err := awsCLI(t, url, strings.Fields(args)...); err == nil || !strings.Contains(out, want) {
		t.Errorf("aws %s printed %s", args, out)
	}
}
