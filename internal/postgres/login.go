// SPDX-License-Identifier: MPL-2.0

package postgres

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// Login says where user and password come from: a secret, IAM, or, with
// neither, the environment (PGUSER, PGPASSWORD, PGPASSFILE).
type Login struct {
	// SecretARN is a secret in the JSON format that RDS uses: username and
	// password are read of it. Its region is the ARN's.
	SecretARN string
	IAM       *IAM
}

// IAM is authentication by a token that is signed here.
type IAM struct{ Username, Region string }

func (l Login) field() string {
	switch {
	case l.SecretARN != "":
		return FieldSecretARN
	case l.IAM != nil:
		return FieldIAM
	}
	return ""
}

// logIn puts user and password into the configuration of one connection.
func (s *Service) logIn(ctx context.Context, t Target, config *pgx.ConnConfig) error {
	refuse := func(reason, next string, err error) error {
		e := &Error{Kind: KindCredentials, Field: t.Login.field(), Attempted: "get the credentials for", Subject: t.String(), Reason: reason, Err: err, Next: next}
		if awsclient.IsUnreachable(err) {
			e.Kind = KindUnreachable
		}
		if advice := awsclient.Advice(err); advice != "" {
			e.Next = advice
		}
		return e
	}
	switch {
	case t.Login.SecretARN != "":
		parts := strings.Split(t.Login.SecretARN, ":")
		if len(parts) < 7 {
			return refuse("secret_arn is no ARN of a secret.", "Give the secret's ARN.", nil)
		}
		out, err := s.options.Secrets(parts[3]).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &t.Login.SecretARN})
		if err != nil {
			return refuse("The secret could not be read.", "Grant secretsmanager:GetSecretValue, and kms:Decrypt for a key of your own, then apply again.", err)
		}
		// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
		var secret struct{ Username, Password string }
		// The decoder's error may repeat parts of the secret.
		if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &secret) != nil || secret.Username == "" || secret.Password == "" {
			return refuse("The secret is not a JSON object with username and password.", "Store it in the format that RDS uses.", nil)
		}
		config.User, config.Password = secret.Username, secret.Password
	case t.Login.IAM != nil:
		if config.TLSConfig == nil {
			return refuse("A token is a password in clear text, and sslmode is disable.", "Use TLS with iam_authentication.", nil)
		}
		// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
		token, err := auth.BuildAuthToken(ctx, t.Subject(), t.Login.IAM.Region, t.Login.IAM.Username, s.options.Credentials)
		if err != nil {
			return refuse("The token could not be signed.", "", &awsclient.CredentialsError{Err: err})
		}
		config.User, config.Password = t.Login.IAM.Username, token
	case os.Getenv("PGUSER") == "":
		return refuse("Neither secret_arn nor iam_authentication is given, and the environment has no PGUSER.",
			"Give one of them, or PGUSER with PGPASSWORD or PGPASSFILE.", nil)
	}
	return nil
}
