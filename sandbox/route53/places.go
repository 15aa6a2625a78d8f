// SPDX-License-Identifier: MPL-2.0

package route53

import "math"

// place is where a region lies, roughly: enough to tell which of two is nearer.
type place struct {
	latitude, longitude             float64
	continent, country, subdivision string
}

// distance is the great-circle distance in kilometres; a place that is not
// known is far from everything.
func (p place) distance(q place) float64 {
	if p == (place{}) || q == (place{}) {
		return math.MaxFloat64
	}
	const radius, degree = 6371, math.Pi / 180
	dLat, dLon := (q.latitude-p.latitude)*degree, (q.longitude-p.longitude)*degree
	a := math.Pow(math.Sin(dLat/2), 2) + math.Cos(p.latitude*degree)*math.Cos(q.latitude*degree)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(a)))
}

// places of the regions.
var places = map[string]place{
	"af-south-1":     {-33.9, 18.4, "AF", "ZA", ""},
	"ap-east-1":      {22.3, 114.2, "AS", "HK", ""},
	"ap-northeast-1": {35.7, 139.7, "AS", "JP", ""},
	"ap-northeast-2": {37.6, 127.0, "AS", "KR", ""},
	"ap-northeast-3": {34.7, 135.5, "AS", "JP", ""},
	"ap-south-1":     {19.1, 72.9, "AS", "IN", ""},
	"ap-south-2":     {17.4, 78.5, "AS", "IN", ""},
	"ap-southeast-1": {1.4, 103.8, "AS", "SG", ""},
	"ap-southeast-2": {-33.9, 151.2, "OC", "AU", ""},
	"ap-southeast-3": {-6.2, 106.8, "AS", "ID", ""},
	"ap-southeast-4": {-37.8, 145.0, "OC", "AU", ""},
	"ca-central-1":   {45.5, -73.6, "NA", "CA", ""},
	"ca-west-1":      {51.0, -114.1, "NA", "CA", ""},
	"eu-central-1":   {50.1, 8.7, "EU", "DE", ""},
	"eu-central-2":   {47.4, 8.5, "EU", "CH", ""},
	"eu-north-1":     {59.3, 18.1, "EU", "SE", ""},
	"eu-south-1":     {45.5, 9.2, "EU", "IT", ""},
	"eu-south-2":     {41.6, -0.9, "EU", "ES", ""},
	"eu-west-1":      {53.3, -6.3, "EU", "IE", ""},
	"eu-west-2":      {51.5, -0.1, "EU", "GB", ""},
	"eu-west-3":      {48.9, 2.4, "EU", "FR", ""},
	"il-central-1":   {32.1, 34.8, "AS", "IL", ""},
	"me-central-1":   {25.2, 55.3, "AS", "AE", ""},
	"me-south-1":     {26.1, 50.6, "AS", "BH", ""},
	"mx-central-1":   {20.6, -100.4, "NA", "MX", ""},
	"sa-east-1":      {-23.6, -46.6, "SA", "BR", ""},
	"us-east-1":      {38.9, -77.4, "NA", "US", "VA"},
	"us-east-2":      {40.1, -83.0, "NA", "US", "OH"},
	"us-west-1":      {37.4, -122.1, "NA", "US", "CA"},
	"us-west-2":      {45.8, -119.7, "NA", "US", "OR"},
}
