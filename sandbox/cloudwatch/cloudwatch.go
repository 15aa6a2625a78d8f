// SPDX-License-Identifier: MPL-2.0

// Package cloudwatch is the sandbox's Amazon CloudWatch: a store of metrics per
// account and region, the calls that put, list and read them, and alarms on them.
// It evaluates no metric maths, takes no action of an alarm's, and refuses what
// it does not evaluate.
package cloudwatch

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Service is the simulated CloudWatch of all regions and accounts.
type Service struct {
	e *engine.Engine

	mu     sync.Mutex
	series map[string]*series // by key
	alarms map[string]*types.MetricAlarm
}

// series is one metric.
type series struct {
	account, region   string
	namespace, metric string
	dimensions        map[string]string
	points            []point // in order of time
}

type point struct {
	at    time.Time
	value float64
	unit  types.StandardUnit
}

// keep bounds a series; the oldest points go first.
const keep = 50_000

// New makes an empty store.
func New(e *engine.Engine) *Service {
	return &Service{e: e, series: map[string]*series{}, alarms: map[string]*types.MetricAlarm{}}
}

// Definition is what the engine registers.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name:         "monitoring",
		Protocols:    []engine.Protocol{engine.CBOR, engine.JSON10, engine.Query},
		XMLNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		ErrorShapes: map[string]string{
			"InvalidParameterValue":       "InvalidParameterValueException",
			"InvalidParameterCombination": "InvalidParameterCombinationException",
			"MissingParameter":            "MissingRequiredParameterException",
		},
		Operations: []engine.Operation{
			engine.Op("DeleteAlarms", s.deleteAlarms, engine.Mutating()),
			engine.Op("DescribeAlarms", s.describeAlarms),
			engine.Op("GetMetricData", s.getMetricData),
			engine.Op("GetMetricStatistics", s.getMetricStatistics),
			engine.Op("ListMetrics", s.listMetrics),
			engine.Op("PutMetricAlarm", s.putMetricAlarm, engine.Mutating()),
			engine.Op("PutMetricData", s.putMetricData, engine.Mutating()),
		},
	}
}

func key(account, region, namespace, metric string, dimensions map[string]string) string {
	var b strings.Builder
	b.WriteString(strings.Join([]string{account, region, namespace, metric}, "\x00"))
	for _, k := range slices.Sorted(maps.Keys(dimensions)) {
		b.WriteString("\x00" + k + "\x01" + dimensions[k])
	}
	return b.String()
}

// Put adds one datum. Units are compared, never converted; "" is None.
func (s *Service) Put(account, region, namespace, metric string, dimensions map[string]string, at time.Time, value float64, unit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(account, region, namespace, metric, dimensions)
	m := s.series[k]
	if m == nil {
		m = &series{account: account, region: region, namespace: namespace, metric: metric, dimensions: maps.Clone(dimensions)}
		s.series[k] = m
	}
	i, _ := slices.BinarySearchFunc(m.points, at, func(p point, t time.Time) int { return p.at.Compare(t) })
	m.points = slices.Insert(m.points, i, point{at.UTC(), value, cmp.Or(types.StandardUnit(unit), types.StandardUnitNone)})
	if len(m.points) > keep {
		m.points = slices.Delete(m.points, 0, len(m.points)-keep)
	}
}

func (s *Service) putMetricData(c *engine.Call, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) {
	namespace := aws.ToString(in.Namespace)
	if namespace == "" {
		return nil, engine.Refuse("MissingParameter", "The parameter Namespace is required.")
	}
	if strings.HasPrefix(namespace, "AWS/") {
		return nil, engine.Refuse("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
	}
	if len(in.MetricData) == 0 {
		return nil, engine.Refuse("MissingParameter", "The parameter MetricData is required.")
	}
	for _, d := range in.MetricData {
		if aws.ToString(d.MetricName) == "" {
			return nil, engine.Refuse("MissingParameter", "The parameter MetricData.member.N.MetricName is required.")
		}
		if d.Value == nil {
			return nil, engine.Refuse("InvalidParameterCombination", "The sandbox takes data with Value only, not statistic sets or value arrays.")
		}
	}
	for _, d := range in.MetricData {
		at := c.Time
		if d.Timestamp != nil {
			at = *d.Timestamp
		}
		s.Put(c.Account, c.Region, namespace, *d.MetricName, dimensions(d.Dimensions), at, *d.Value, string(d.Unit))
	}
	return &cloudwatch.PutMetricDataOutput{}, nil
}

// listMetrics answers in pages of 500 metrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
func (s *Service) listMetrics(c *engine.Call, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	skip, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cloudwatch.ListMetricsOutput{Metrics: []types.Metric{}}
	for _, k := range slices.Sorted(maps.Keys(s.series)) {
		m := s.series[k]
		if m.account != c.Account || m.region != c.Region ||
			in.Namespace != nil && m.namespace != *in.Namespace ||
			in.MetricName != nil && m.metric != *in.MetricName {
			continue
		}
		matches := true
		for _, f := range in.Dimensions {
			v, ok := m.dimensions[aws.ToString(f.Name)]
			matches = matches && ok && (f.Value == nil || v == *f.Value)
		}
		if !matches {
			continue
		}
		metric := types.Metric{Namespace: aws.String(m.namespace), MetricName: aws.String(m.metric)}
		for _, name := range slices.Sorted(maps.Keys(m.dimensions)) {
			metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(m.dimensions[name])})
		}
		out.Metrics = append(out.Metrics, metric)
	}
	out.Metrics = out.Metrics[min(skip, len(out.Metrics)):]
	if len(out.Metrics) > maxMetrics {
		out.Metrics, out.NextToken = out.Metrics[:maxMetrics], writeToken(skip+maxMetrics)
	}
	return out, nil
}

func dimensions(list []types.Dimension) map[string]string {
	m := map[string]string{}
	for _, d := range list {
		m[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	return m
}
