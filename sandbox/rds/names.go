// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// What RDS accepts, by the API reference of CreateDBInstance.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
var (
	identifierPattern = regexp.MustCompile(`^[a-zA-Z](?:-?[a-zA-Z0-9])*$`)
	classPattern      = regexp.MustCompile(`^db\.[a-z0-9-]+\.[a-z0-9-]+$`)
	versionPattern    = regexp.MustCompile(`^\d+(\.\d+){0,2}(-R\d+)?$`)
	userPattern       = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,62}$`)
	databasePattern   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`)
	subnetPattern     = regexp.MustCompile(`^[a-zA-Z0-9._ -]{1,255}$`)
	backupPattern     = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)
	upkeepPattern     = regexp.MustCompile(`^(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d$`)
	arnPattern        = regexp.MustCompile(`^arn:aws:rds:([a-z0-9-]+):(\d{12}):db:(.+)$`)
)

var reservedUsers = []string{"admin", "public", "rdsadmin", "rdsrepladmin", "rds_superuser", "rds_replication", "rds_password"}

func invalid(format string, args ...any) error {
	return engine.Refuse("InvalidParameterValue", format, args...)
}

func clash(format string, args ...any) error {
	return engine.Refuse("InvalidParameterCombination", format, args...)
}

func wrongState(format string, args ...any) error {
	return engine.Refuse("InvalidDBInstanceState", format, args...)
}

func notFound(id string) error {
	return engine.NotFound("DBInstanceNotFound", "DBInstance %s not found.", id)
}

// given returns a required parameter.
func given(v *string, name string) (string, error) {
	if v == nil || *v == "" {
		return "", engine.Refuse("MissingParameter", "The request must contain the parameter %s.", name)
	}
	return *v, nil
}

func checkIdentifier(id string) error {
	if len(id) > 63 || !identifierPattern.MatchString(id) {
		return invalid("The parameter DBInstanceIdentifier is not a valid identifier: up to 63 letters, digits and single hyphens, beginning with a letter and not ending with a hyphen.")
	}
	return nil
}

// checkPassword never repeats the password.
func checkPassword(dbEngine, password string) error {
	longest := 128
	if dbEngine != "postgres" {
		longest = 41
	}
	if len(password) < 8 || len(password) > longest {
		return invalid("The parameter MasterUserPassword is not a valid password: it must have from 8 to %d characters.", longest)
	}
	for _, r := range password {
		if r <= ' ' || r > '~' || strings.ContainsRune(`/@"`, r) {
			return invalid(`The parameter MasterUserPassword is not a valid password: only printable ASCII characters besides '/', '@', '"' and the blank may be used.`)
		}
	}
	return nil
}

func checkUser(name string) error {
	if !userPattern.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "pg_") {
		return invalid("The parameter MasterUsername is not a valid name.")
	}
	if slices.Contains(reservedUsers, strings.ToLower(name)) {
		return invalid("MasterUsername %s cannot be used as it is a reserved word used by the engine", name)
	}
	return nil
}

func checkRetention(days int32) error {
	if days < 0 || days > 35 {
		return invalid("Invalid backup retention period: %d. Must be between 0 and 35.", days)
	}
	return nil
}

// checkBackupWindow: a daily range in UTC of at least 30 minutes.
func checkBackupWindow(w string) error {
	m := backupPattern.FindStringSubmatch(w)
	if m == nil {
		return invalid("Invalid backup window %q: it must have the format hh24:mi-hh24:mi.", w)
	}
	minutes := func(h, m string) int { a, _ := strconv.Atoi(h); b, _ := strconv.Atoi(m); return a*60 + b }
	if (minutes(m[3], m[4])-minutes(m[1], m[2])+24*60)%(24*60) < 30 {
		return invalid("Invalid backup window %q: it must be at least 30 minutes long.", w)
	}
	return nil
}

func checkUpkeepWindow(w string) error {
	if !upkeepPattern.MatchString(strings.ToLower(w)) {
		return invalid("Invalid maintenance window %q: it must have the format ddd:hh24:mi-ddd:hh24:mi.", w)
	}
	return nil
}

func checkPort(p int32) error {
	if p < 1150 || p > 65535 {
		return invalid("Invalid database port: %d. Must be between 1150 and 65535.", p)
	}
	return nil
}

func arnOf(account, region, id string) string {
	return "arn:aws:rds:" + region + ":" + account + ":db:" + id
}

// hostOf is an endpoint's name. The middle label is the same for all instances
// of an account in a region, as in AWS.
func hostOf(account, region, id string) string {
	sum := sha256.Sum256([]byte(account + "/" + region))
	label := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:9]
	return id + ".c" + label + "." + region + ".rds.amazonaws.com"
}

// zoneOf is the hosted zone of a region's endpoints; the numbers are AWS's own
// where they are well known.
func zoneOf(region string) string {
	known := map[string]string{
		"us-east-1": "Z2R2ITUGPM61AM", "us-east-2": "Z2XHWR1WZ565X2",
		"us-west-1": "Z10WI91S59XXQN", "us-west-2": "Z1PVIF0B656C1W",
		"eu-west-1": "Z29XKXDKYMONMX", "eu-central-1": "Z1RLNUO7B9Q6NB",
	}
	if id, ok := known[region]; ok {
		return id
	}
	sum := sha256.Sum256([]byte(region))
	return "Z" + base32.StdEncoding.EncodeToString(sum[:])[:13]
}

// hexOf derives a stable hexadecimal id, for a key.
func hexOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "/")))
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, x := range sum[:17] {
		b.WriteByte(digits[x&15])
	}
	return b.String()
}

// major is the part of a version that parameter groups are named after.
func major(dbEngine, version string) string {
	parts := strings.Split(version, ".")
	if dbEngine == "postgres" || len(parts) < 2 {
		return parts[0]
	}
	return parts[0] + "." + parts[1]
}

// Durations of lifecycles as seen in AWS, roughly.
const (
	createTime  = 5 * time.Minute
	backupTime  = 90 * time.Second
	modifyTime  = 60 * time.Second
	rebootTime  = 60 * time.Second
	renameTime  = 60 * time.Second
	deleteTime  = 3 * time.Minute
	groupsTime  = 30 * time.Second // security groups: from the change of status to the change
	settleTime  = 15 * time.Second // a call accepted, the status not moved yet
	stopPoint   = 75 * time.Second // promotion: replication runs out
	promoteTime = 60 * time.Second // promotion: the server leaves recovery
	restartTime = 2 * time.Minute  // promotion: the reboot
)
