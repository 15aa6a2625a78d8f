// SPDX-License-Identifier: MPL-2.0

package cloudwatch

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Sizes of pages.
const (
	maxMetrics    = 500
	maxDatapoints = 100_800
)

const tokenPrefix = "skip:"

// writeToken makes a token that says how much was answered already.
func writeToken(skip int) *string {
	return aws.String(base64.URLEncoding.EncodeToString([]byte(tokenPrefix + strconv.Itoa(skip))))
}

func readToken(token *string) (int, error) {
	if aws.ToString(token) == "" {
		return 0, nil
	}
	raw, err := base64.URLEncoding.DecodeString(*token)
	if err == nil {
		var n int
		if n, err = strconv.Atoi(strings.TrimPrefix(string(raw), tokenPrefix)); err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, engine.Refuse("InvalidParameterValue", "The value of the parameter NextToken is invalid.")
}

// turn cuts an answer of GetMetricData down to one page of data points, which go
// from query to query in order. A query whose data the page does not finish says
// so.
func turn(out *cloudwatch.GetMetricDataOutput, most *int32, token *string) error {
	size := maxDatapoints
	if most != nil {
		if *most < 1 || *most > maxDatapoints {
			return engine.Refuse("InvalidParameterValue", "The parameter MaxDatapoints must be from 1 to %d.", maxDatapoints)
		}
		size = int(*most)
	}
	skip, err := readToken(token)
	if err != nil {
		return err
	}
	first, last, total := skip, skip+size, 0
	for i := range out.MetricDataResults {
		r := &out.MetricDataResults[i]
		n := len(r.Values)
		from, to := min(max(first-total, 0), n), min(max(last-total, 0), n)
		r.Values, r.Timestamps = r.Values[from:to], r.Timestamps[from:to]
		if to < n {
			r.StatusCode = types.StatusCodePartialData
		}
		total += n
	}
	if total > last {
		out.NextToken = writeToken(last)
	}
	return nil
}
