// SPDX-License-Identifier: MPL-2.0

package secretsmanager_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/secretsmanager"
)

const (
	east    = "us-east-1"
	west    = "us-west-2"
	planted = "planted-and-not-to-be-seen"
)

type world struct {
	t       testing.TB
	e       *engine.Engine
	secrets *secretsmanager.Service
	url     string
}

func start(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, e: engine.New(engine.Options{})}
	w.secrets = secretsmanager.New(w.e)
	w.e.Register(w.secrets.Definition())
	server := httptest.NewServer(w.e.Handler())
	w.url = server.URL
	t.Cleanup(func() {
		_ = w.e.Close()
		server.Close()
	})
	return w
}

func (w *world) client(region, key string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, "any", ""),
	})
}

func (w *world) get(id string) (string, error) {
	out, err := w.client(west, engine.WorkloadAccessKey).GetSecretValue(w.t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(id)})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func refused(t testing.TB, err error, code string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code || refusal.ErrorMessage() == "" {
		t.Errorf("got %v, want %s", err, code)
	}
	if err != nil && strings.Contains(err.Error(), planted) {
		t.Errorf("an error repeats a secret: %v", err)
	}
}

func TestASecretIsFoundByNameAndARNInItsRegion(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.secrets.Seed(engine.WorkloadAccount, west, "orders-master", planted)
	arn := secretsmanager.ARN(engine.WorkloadAccount, west, "orders-master")
	for _, id := range []string{"orders-master", arn, arn[:len(arn)-7]} {
		if got, err := w.get(id); err != nil || got != planted {
			t.Errorf("%s: %q, %v", id, got, err)
		}
	}
	for _, id := range []string{"orders", secretsmanager.ARN(engine.WorkloadAccount, east, "orders-master"), arn[:len(arn)-1]} {
		_, err := w.get(id)
		refused(t, err, "ResourceNotFoundException")
	}
	_, err := w.client(west, engine.DNSAccessKey).GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(arn)})
	refused(t, err, "AccessDeniedException")
	calls := w.e.Calls()
	if len(calls) != 7 || calls[0].Params["SecretId"] != "orders-master" || calls[0].Mutating {
		t.Errorf("recorded: %+v", calls)
	}
	if text, err := json.Marshal(calls); err != nil || strings.Contains(string(text), planted) {
		t.Errorf("the record holds a secret: %v", err)
	}
}

func TestASecretFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	w := start(t)
	c := w.client(west, engine.WorkloadAccessKey)
	create := func(token, text string) (*sdk.CreateSecretOutput, error) {
		return c.CreateSecret(t.Context(), &sdk.CreateSecretInput{
			Name: aws.String("app/db"), ClientRequestToken: aws.String(token), SecretString: aws.String(text), Description: aws.String("the database"),
			Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("dr")}},
		})
	}
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	made, err := create(first, planted)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := create(first, planted); err != nil || *again.ARN != *made.ARN {
		t.Errorf("the same call again: %v, %+v", err, again)
	}
	_, err = create(second, planted)
	refused(t, err, "ResourceExistsException")
	put := func(token, text string, stages ...string) error {
		_, err := c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{
			SecretId: made.ARN, ClientRequestToken: aws.String(token), SecretString: aws.String(text), VersionStages: stages,
		})
		return err
	}
	if err := errors.Join(put(second, "new"), put(second, "new"), put(strings.Repeat("3", 32), "pending", "AWSPENDING")); err != nil {
		t.Fatal(err)
	}
	refused(t, put(second, planted), "ResourceExistsException")
	described, err := c.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String("app/db")})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(described.VersionIdsToStages); !strings.Contains(got, first+":[AWSPREVIOUS]") || !strings.Contains(got, second+":[AWSCURRENT]") ||
		*described.Description != "the database" || *described.Tags[0].Value != "dr" {
		t.Errorf("described as %+v", described)
	}
	for stage, want := range map[string]string{"AWSCURRENT": "new", "AWSPREVIOUS": planted, "AWSPENDING": "pending"} {
		out, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: made.ARN, VersionStage: aws.String(stage)})
		if err != nil || *out.SecretString != want {
			t.Errorf("%s: %v", stage, err)
		}
	}
	_, err = c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: made.ARN, VersionStage: aws.String("other")})
	refused(t, err, "ResourceNotFoundException")
	if err := func() error {
		_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("bytes"), SecretBinary: []byte{0, 1, 2}})
		return err
	}(); err != nil {
		t.Fatal(err)
	}
	if out, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("bytes")}); err != nil || string(out.SecretBinary) != "\x00\x01\x02" || out.SecretString != nil {
		t.Errorf("bytes: %v, %+v", err, out)
	}
	pages := sdk.NewListSecretsPaginator(c, &sdk.ListSecretsInput{MaxResults: aws.Int32(1)})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.SecretList {
			names = append(names, *x.Name)
		}
	}
	if fmt.Sprint(names) != "[app/db bytes]" {
		t.Errorf("listed: %v", names)
	}
	remove := func(in sdk.DeleteSecretInput) error {
		_, err := c.DeleteSecret(t.Context(), &in)
		return err
	}
	refused(t, remove(sdk.DeleteSecretInput{SecretId: made.ARN, RecoveryWindowInDays: aws.Int64(1)}), "InvalidParameterException")
	if err := remove(sdk.DeleteSecretInput{SecretId: made.ARN}); err != nil {
		t.Fatal(err)
	}
	_, err = w.get("app/db")
	refused(t, err, "InvalidRequestException")
	_, err = create(first, planted)
	refused(t, err, "InvalidRequestException")
	if err := remove(sdk.DeleteSecretInput{SecretId: made.ARN, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := create(second, planted); err != nil {
		t.Errorf("the name is not free again: %v", err)
	}
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("no aws command on PATH")
	}
	w := start(t)
	w.secrets.Seed(engine.WorkloadAccount, west, "orders-master", planted)
	for args, want := range map[string]string{
		"get-secret-value --secret-id orders-master --query SecretString": planted,
		"describe-secret --secret-id orders-master --query ARN":           secretsmanager.ARN(engine.WorkloadAccount, west, "orders-master"),
		"list-secrets --query SecretList[].Name":                          "orders-master",
		"create-secret --name new --secret-string x --query Name":         "new",
		"get-secret-value --secret-id nothing":                            "(ResourceNotFoundException)",
	} {
		cmd := exec.CommandContext(t.Context(), path, append([]string{"--endpoint-url", w.url, "--region", west, "--output", "text", "secretsmanager"}, strings.Fields(args)...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+engine.WorkloadAccessKey, "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=",
			"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("aws secretsmanager %s: %s, want %q", args, out, want)
		}
	}
}
