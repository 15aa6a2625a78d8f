// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsroute53 "github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// ErrNotFound says that none of the records exists.
var ErrNotFound = errors.New("no such records")

// Check says what Ensure would refuse about the records, without changing
// anything, and which region DNS answers with now, "" where that is not known.
func (s *Service) Check(ctx context.Context, r Request) (active string, err error) {
	have, err := s.o.Records.Sets(ctx, r.Key())
	if err != nil {
		return "", err
	}
	if _, _, err = r.plan(have, "any"); err == nil && len(have) > 0 {
		active, _, _ = s.look(ctx, r.Spec)
	}
	return active, err
}

// Find sees which region DNS answers with, where the Spec's active one is what
// was last known, and whether all that a failover depends on is in place. What cannot be asked is told as unread: neither Route
// 53's API nor the standby region need to answer. ErrNotFound says that the
// records are gone, a zone that does not exist is route53's error.
func (s *Service) Find(ctx context.Context, spec Spec, checkID string) (Status, error) {
	var (
		wg                      sync.WaitGroup
		status                  = Status{CheckID: checkID}
		dns, read, check, alarm error
		differs                 []string
		checkLack, alarmLack    string
		over, known, isHeld     bool
	)
	wg.Go(func() {
		var seen answers
		status.Active, seen, dns = s.look(ctx, spec)
		status.Seen, status.Answered = seen.status(true), dns == nil
	})
	wg.Go(func() {
		// What cannot be asked here cannot be asked below either.
		over, known, _ = s.trigger(spec).is(ctx)
	})
	wg.Go(func() { differs, isHeld, read = s.differing(ctx, spec, checkID) })
	wg.Go(func() { checkLack, check = s.checkLacking(ctx, spec, checkID) })
	wg.Go(func() { alarmLack, alarm = s.trigger(spec).lacking(ctx) })
	wg.Wait()
	if read != nil && !route53.IsControlPlane(read) {
		return status, read
	}
	if known && status.Active != "" && over != (status.Active == spec.Standby) {
		status.Active = "" // on its way
	}
	lost := awsclient.IsUnreachable(alarm)
	switch status.Held = isHeld && lost; {
	case isHeld && !lost:
		differs = append(differs, fmt.Sprintf("both records lead to %s, and %s answers again", spec.Primary, spec.Standby))
	case spec.Object != nil && lost && !isHeld && status.Active == spec.Primary && spec.Active != spec.Primary:
		alarmLack = fmt.Sprintf("the object s3://%s/%s may be there, which cannot be read while %s gives no answer: if it is, DNS goes back to %s by itself when that region returns",
			spec.Object.Bucket, spec.Object.Key, spec.Standby, spec.Standby)
	}
	status.Lacking = append(status.Lacking, differs...)
	for _, lack := range []string{checkLack, alarmLack} {
		if lack != "" {
			status.Lacking = append(status.Lacking, lack)
		}
	}
	unread := func(kind Kind, region, attempted string, err error) {
		if err != nil {
			status.Unread = append(status.Unread, failed(kind, spec, region, attempted, "", err))
		}
	}
	unread(KindDNS, "", "ask the name servers for", dns)
	if read != nil {
		status.Unread = append(status.Unread, read)
	} else {
		unread(KindCheck, "", "read the health check of", check)
	}
	unread(KindTrigger, spec.Standby, "read the trigger of", alarm)
	return status, nil
}

// differing says which records are not as they should be, and whether the name
// is held.
func (s *Service) differing(ctx context.Context, spec Spec, checkID string) (out []string, isHeld bool, err error) {
	have, err := s.o.Records.Sets(ctx, spec.Key())
	if err != nil {
		return nil, false, err
	}
	missing := 0
	for _, want := range spec.pair(checkID) {
		found := false
		for _, h := range have {
			if h.SetIdentifier == want.SetIdentifier {
				found = true
				switch {
				case h.Is(want):
				case spec.holds(h):
					isHeld = true
				default:
					out = append(out, fmt.Sprintf("the record %s is %s with other settings", want.Key, h.Answer))
				}
			}
		}
		if !found {
			missing++
			out = append(out, fmt.Sprintf("the record %s is gone", want.Key))
		}
	}
	if missing == 2 {
		return nil, false, ErrNotFound
	}
	return out, isHeld, nil
}

func (s *Service) checkLacking(ctx context.Context, spec Spec, id string) (string, error) {
	if id == "" {
		return "its health check is not known", nil
	}
	out, err := s.o.Checks.GetHealthCheck(ctx, &awsroute53.GetHealthCheckInput{HealthCheckId: aws.String(id)})
	switch {
	case awsclient.Code(err) == "NoSuchHealthCheck":
		return fmt.Sprintf("the health check %s is gone", id), nil
	case err != nil:
		return "", err
	case spec.checkDiffers(out.HealthCheck):
		return fmt.Sprintf("the health check %s has other settings", id), nil
	}
	return "", nil
}
