// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/wait"
)

// restartPatience, in poll intervals: how long a reboot that may have been asked
// for is looked for before it is asked for (again).
const restartPatience = 30

// reboot ends the sessions that are open, once. resumed says that an earlier run
// may have asked for it.
func (f *fencing) reboot(ctx context.Context, i Instance, resumed bool) (Instance, error) {
	var (
		asked, rebooting = resumed, false
		since            = time.Now() // of the last time that it was asked for
		refusedAt        time.Time
	)
	for {
		var err error
		if i, err = f.await(ctx, i, func(i Instance) bool {
			rebooting = rebooting || i.Status == "rebooting"
			return ready(i.Status)
		}); err != nil {
			return i, err
		}
		if rebooting || asked && f.restarted(ctx) {
			f.done = ""
			return i, nil
		}
		if !asked || time.Since(since) >= restartPatience*f.options.PollInterval {
			f.log(ctx, f.id, "rebooting the instance to end its sessions", nil)
			_, err = f.client.RebootDBInstance(ctx, &awsrds.RebootDBInstanceInput{DBInstanceIdentifier: &f.id}, func(o *awsrds.Options) {
				o.Retryer = awsclient.RetryThrottlingOnly(o.Retryer)
			})
			if err == nil || awsclient.IsUnanswered(err) {
				asked, since = true, time.Now()
			}
			if err != nil {
				if err = f.outlive(err, &refusedAt); err != nil {
					return i, err
				}
			}
		}
		if err := wait.Pause(ctx, f.options.PollInterval); err != nil {
			return i, f.timedOut(err)
		}
		i = Instance{}
	}
}

// restarted looks for an event of a restart since the record's time.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
func (f *fencing) restarted(ctx context.Context) bool {
	const kept = 14 * 24 * time.Hour // by RDS
	from := f.record.at
	if oldest := time.Now().Add(-kept + time.Hour); from.Before(oldest) {
		from = oldest
	}
	in := &awsrds.DescribeEventsInput{
		SourceType: types.SourceTypeDbInstance, SourceIdentifier: &f.id, StartTime: &from, EventCategories: []string{"availability"},
	}
	for {
		page, err := f.client.DescribeEvents(ctx, in)
		if err != nil {
			f.log(ctx, f.id, "its events could not be read", map[string]any{"error": awsclient.Explain(err)})
			return false
		}
		for _, e := range page.Events {
			if aws.ToTime(e.Date).After(f.record.at) && strings.Contains(strings.ToLower(aws.ToString(e.Message)), "restarted") {
				return true
			}
		}
		if aws.ToString(page.Marker) == "" {
			return false
		}
		in.Marker = page.Marker
	}
}
