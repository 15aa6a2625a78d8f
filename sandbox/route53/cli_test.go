// SPDX-License-Identifier: MPL-2.0

package route53_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// The runbook's line runs unchanged, with the AWS CLI's --endpoint-url.
func TestRunbookWithAWSCLI(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("no AWS CLI on PATH")
	}
	if testing.Short() {
		t.Skip("the AWS CLI takes its time")
	}
	b := start(t, 1) // PENDING while the CLI runs
	b.seed(simple("app.example.com", "A", 5, "192.0.2.1"))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dr-dns-change.json"), []byte(`{"Comment": "to the DR region", "Changes": [
		{"Action": "UPSERT", "ResourceRecordSet": {"Name": "app.example.com", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.2"}]}},
		{"Action": "CREATE", "ResourceRecordSet": {"Name": "*.example.com", "Type": "A", "SetIdentifier": "a", "Weight": 0,
			"AliasTarget": {"HostedZoneId": "`+zoneID+`", "DNSName": "app.example.com", "EvaluateTargetHealth": true}}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", b.endpoint, "--output", "json", "route53"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+engine.DNSAccessKey, "AWS_SECRET_ACCESS_KEY=x", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2",
			"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	change := []string{"change-resource-record-sets", "--hosted-zone-id", zoneID, "--change-batch", "file://dr-dns-change.json"}
	out, err := run(change...)
	var answer struct {
		ChangeInfo struct{ ID, Status, Comment string }
	}
	if err != nil || json.Unmarshal([]byte(out), &answer) != nil || answer.ChangeInfo.Status != "PENDING" || answer.ChangeInfo.Comment != "to the DR region" {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := run(change...); err == nil || !strings.Contains(out, "InvalidChangeBatch") || !strings.Contains(out, "already exists") {
		t.Errorf("the batch again: %v: %s", err, out)
	}
	out, err = run("list-resource-record-sets", "--hosted-zone-id", zoneID, "--query", "ResourceRecordSets[?Type=='A']")
	if err != nil || !strings.Contains(out, `"\\052.example.com."`) || !strings.Contains(out, `"Weight": 0`) || !strings.Contains(out, "192.0.2.2") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err = run("get-change", "--id", answer.ChangeInfo.ID); err != nil || !strings.Contains(out, `"SubmittedAt"`) {
		t.Errorf("%v: %s", err, out)
	}
}
