// SPDX-License-Identifier: MPL-2.0

package scenario

import (
	"encoding/json"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/rds"
	"github.com/drstate/terraform-provider-dr/sandbox/secretsmanager"
)

const masterSecret = "orders-master" //nolint:gosec // a name

// MasterSecret is the ARN of a region's secret that holds the master user's
// password, and where the region's database is.
func MasterSecret(region string) string {
	return secretsmanager.ARN(engine.WorkloadAccount, region, masterSecret)
}

// secretOf is a secret as RDS's rotation keeps it.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
func secretOf(d rds.Database, password string) string {
	text, err := json.Marshal(map[string]any{
		"engine": "postgres", "host": d.Host, "port": d.Port, "username": d.User, "password": password,
		"dbname": d.Name, "dbInstanceIdentifier": d.Identifier,
	})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return string(text)
}
