#!/usr/bin/env bash
# The runbook of scenario 1 as a careful person types it: the AWS CLI with its
# waiters, stopping at the first failure. Measured beside the provider by
# tools/bench, which sets the variables.
set -euo pipefail
workload() { AWS_ACCESS_KEY_ID=$WORKLOAD_KEY aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
dns() { AWS_ACCESS_KEY_ID=$DNS_KEY aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }

# 3. Promote the secondary region's database, and wait until it is available.
workload rds promote-read-replica --db-instance-identifier orders-usw2 --region us-west-2 >/dev/null
workload rds wait db-instance-available --db-instance-identifier orders-usw2 --region us-west-2

# 4. Point DNS at the DR region, and wait until Route 53's servers know.
change=$(dns route53 change-resource-record-sets --hosted-zone-id "$ZONE_ID" \
  --change-batch file://dr-dns-change.json --query ChangeInfo.Id --output text)
dns route53 wait resource-record-sets-changed --id "$change"

# 7. Verify that the application works.
curl --silent --show-error --fail --max-time 5 --resolve "$APP_HOST:$APP_PORT:$STANDBY_ADDRESS" "http://$APP_HOST:$APP_PORT/health"
