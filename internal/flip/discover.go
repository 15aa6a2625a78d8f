// SPDX-License-Identifier: MPL-2.0

package flip

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsroute53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

// Discover reads a switch from what Ensure once made of it: the pair of records
// and their health check. Active is not known by it.
func (s *Service) Discover(ctx context.Context, key route53.Key) (Spec, string, error) {
	spec := Spec{ZoneID: key.ZoneID, Name: key.Name, Type: key.Type, Targets: map[string]route53.Answer{}}
	have, err := s.o.Records.Sets(ctx, key)
	if err != nil {
		return spec, "", err
	}
	var checkID string
	for _, r := range have {
		switch r.Routing.Failover {
		case "PRIMARY":
			spec.Primary, checkID = r.SetIdentifier, r.HealthCheckID
		case "SECONDARY":
			spec.Standby = r.SetIdentifier
		}
		spec.Targets[r.SetIdentifier], spec.TTL = r.Answer, r.TTL
	}
	foreign := func(reason string) error {
		return &Error{Kind: KindCheck, Attempted: "import", Name: key.String(), Reason: reason,
			Next: "Import what dr_route53_failover_switch made, or let it adopt the record: declare the switch, and apply."}
	}
	if spec.Primary == "" || spec.Standby == "" || checkID == "" || len(have) != 2 {
		return spec, "", foreign(fmt.Sprintf("It is no pair of a primary with a health check and a secondary: there are %d record sets.", len(have)))
	}
	out, err := s.o.Checks.GetHealthCheck(ctx, &awsroute53.GetHealthCheckInput{HealthCheckId: aws.String(checkID)})
	if err != nil {
		return spec, "", failed(KindCheck, spec, "", "read the health check of", "", err)
	}
	config := out.HealthCheck.HealthCheckConfig
	host := aws.ToString(config.FullyQualifiedDomainName)
	switch {
	case config.Type == types.HealthCheckTypeCloudwatchMetric && config.AlarmIdentifier != nil:
		if spec.Alarm = (&Alarm{}); spec.AlarmName() != aws.ToString(config.AlarmIdentifier.Name) {
			spec.Alarm.Name = aws.ToString(config.AlarmIdentifier.Name)
		}
	case strings.HasSuffix(host, ".s3."+spec.Standby+".amazonaws.com"):
		spec.Object = &Object{
			Bucket: strings.TrimSuffix(host, ".s3."+spec.Standby+".amazonaws.com"), Key: strings.TrimPrefix(aws.ToString(config.ResourcePath), "/"),
		}
	default:
		return spec, "", foreign(fmt.Sprintf("The health check %s watches neither an alarm nor an S3 object in %s.", checkID, spec.Standby))
	}
	return spec, checkID, nil
}
