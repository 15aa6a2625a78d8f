// SPDX-License-Identifier: MPL-2.0

// Package sts is the sandbox's Security Token Service: who a caller is, and
// roles of one account assumed from another. It knows no policies; a role has a
// list of accounts that may assume it, and a denial can be asked for by a
// fault.
package sts

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Role can be assumed.
type Role struct {
	ARN string
	// TrustedAccounts may assume it.
	TrustedAccounts []string
	// ExternalID that the caller must give, if not empty.
	ExternalID string
	// MaxDuration of a session; 0 means an hour, as IAM sets it.
	MaxDuration time.Duration
}

// Service is the simulated STS.
type Service struct {
	e *engine.Engine

	mu    sync.Mutex
	roles map[string]Role
}

// New makes an STS without roles.
func New(e *engine.Engine) *Service { return &Service{e: e, roles: map[string]Role{}} }

// AddRole makes a role known, or replaces it.
func (s *Service) AddRole(r Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[r.ARN] = r
}

// Definition is what the engine registers.
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name:         "sts",
		Protocols:    []engine.Protocol{engine.Query},
		XMLNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: []engine.Operation{
			engine.Op("GetCallerIdentity", s.getCallerIdentity),
			engine.Op("GetSessionToken", s.getSessionToken),
			engine.Op("AssumeRole", s.assumeRole),
		},
	}
}

func (s *Service) getCallerIdentity(c *engine.Call, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.Principal, UserId: aws.String(c.UserID)}, nil
}

func (s *Service) getSessionToken(c *engine.Call, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	if strings.HasPrefix(c.AccessKeyID, "ASIA") {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	life, err := duration(in.DurationSeconds, 12*time.Hour, 36*time.Hour)
	if err != nil {
		return nil, err
	}
	return &sts.GetSessionTokenOutput{Credentials: s.session(engine.Identity{
		Account: c.Account, Principal: c.Principal, UserID: c.UserID,
	}, life)}, nil
}

var (
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *Service) assumeRole(c *engine.Call, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	arn, name := aws.ToString(in.RoleArn), aws.ToString(in.RoleSessionName)
	parts := roleARN.FindStringSubmatch(arn)
	if parts == nil {
		return nil, engine.Refuse("ValidationError", "%s is invalid", arn)
	}
	if !sessionName.MatchString(name) {
		return nil, engine.Refuse("ValidationError", "Value '%s' at 'roleSessionName' failed to satisfy constraint: 2 to 64 characters of A-Z, a-z, 0-9 and _+=,.@-", name)
	}
	life, err := duration(in.DurationSeconds, time.Hour, 12*time.Hour)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	role, known := s.roles[arn]
	s.mu.Unlock()
	// AWS tells a role that does not exist and one that does not trust the
	// caller apart for nobody.
	if !known || !slices.Contains(role.TrustedAccounts, c.Account) ||
		(role.ExternalID != "" && role.ExternalID != aws.ToString(in.ExternalId)) {
		return nil, denied("User: " + c.Principal + " is not authorized to perform: sts:AssumeRole on resource: " + arn)
	}
	longest := cmp.Or(role.MaxDuration, time.Hour)
	switch {
	case life > time.Hour && strings.HasPrefix(c.AccessKeyID, "ASIA"):
		return nil, engine.Refuse("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	case life > longest:
		return nil, engine.Refuse("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	account, assumed := parts[1], "arn:aws:sts::"+parts[1]+":assumed-role/"+parts[2]+"/"+name
	id := "AROA" + token(10)[:16] + ":" + name
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: &types.AssumedRoleUser{Arn: &assumed, AssumedRoleId: &id},
		Credentials:     s.session(engine.Identity{Account: account, Principal: assumed, UserID: id}, life),
	}, nil
}

func denied(message string) *engine.Error {
	return &engine.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: message}
}

// duration of a session: at least 15 minutes, in wall time, as the SDK's
// credential caches count it.
func duration(seconds *int32, standard, longest time.Duration) (time.Duration, error) {
	if seconds == nil {
		return standard, nil
	}
	d := time.Duration(*seconds) * time.Second
	if d < 15*time.Minute || d > longest {
		return 0, engine.Refuse("ValidationError", "Value '%d' at 'durationSeconds' failed to satisfy constraint: 900 to %d", *seconds, int(longest.Seconds()))
	}
	return d, nil
}

// session makes temporary credentials.
func (s *Service) session(who engine.Identity, life time.Duration) *types.Credentials {
	key := "ASIA" + token(10)[:16]
	who.SessionToken = token(60)
	who.Expires = s.e.Clock.Now().Add(life).Truncate(time.Second)
	s.e.AddKey(key, who)
	secret := make([]byte, 30)
	rand.Read(secret) //nolint:errcheck // crypto/rand never fails
	return &types.Credentials{
		AccessKeyId:     &key,
		SecretAccessKey: aws.String(base64.StdEncoding.EncodeToString(secret)),
		SessionToken:    &who.SessionToken,
		Expiration:      &who.Expires,
	}
}

func token(n int) string {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // crypto/rand never fails
	return base32.StdEncoding.EncodeToString(b)
}
