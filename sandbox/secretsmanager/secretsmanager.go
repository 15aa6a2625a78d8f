// SPDX-License-Identifier: MPL-2.0

// Package secretsmanager is the sandbox's AWS Secrets Manager: secrets of a
// region and an account, found by name or by ARN, with versions and staging
// labels. Values are answered to whoever may call, and go nowhere else: neither
// into the record of calls nor into a log.
//
// Not simulated: replication to other regions, rotation, resource policies,
// restoring a secret that was deleted, KMS (a key is kept and shown).
package secretsmanager

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// Service is the simulated Secrets Manager of all regions and accounts.
type Service struct {
	e *engine.Engine

	mu      sync.Mutex // guards what follows
	secrets []*secret
}

type secret struct {
	account, region, name, arn string
	description, key           string
	tags                       []types.Tag
	created, changed, accessed time.Time
	// deletion is when the secret goes away for good; zero unless scheduled.
	deletion time.Time
	versions []*version // oldest first
}

type version struct {
	id      string
	stages  []string
	created time.Time
	value
}

// value is the secret itself: text, or bytes.
type value struct {
	text   *string
	binary []byte
}

func (v value) same(o value) bool {
	if (v.text == nil) != (o.text == nil) || (v.text != nil && *v.text != *o.text) {
		return false
	}
	return slices.Equal(v.binary, o.binary)
}

// The staging labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// New makes a Secrets Manager without secrets.
func New(e *engine.Engine) *Service { return &Service{e: e} }

// Definition is what the engine registers.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html
func (s *Service) Definition() engine.Service {
	return engine.Service{
		Name:      "secretsmanager",
		Protocols: []engine.Protocol{engine.JSON11},
		Operations: []engine.Operation{
			engine.Op("CreateSecret", s.createSecret, engine.Mutating()),
			engine.Op("DeleteSecret", s.deleteSecret, engine.Mutating()),
			engine.Op("DescribeSecret", s.describeSecret),
			engine.Op("GetSecretValue", s.getValue),
			engine.Op("ListSecrets", s.listSecrets),
			engine.Op("PutSecretValue", s.putValue, engine.Mutating()),
		},
	}
}

// ARN is the ARN of a secret that Seed makes: the name with six characters after
// it, as AWS's have.
func ARN(account, region, name string) string {
	sum := sha256.Sum256([]byte(account + "/" + region + "/" + name))
	return arnWith(account, region, name, base32.StdEncoding.EncodeToString(sum[:]))
}

func arnWith(account, region, name, suffix string) string {
	return "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + name + "-" + suffix[:6]
}

// Seed adds a secret to begin with.
func (s *Service) Seed(account, region, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &secret{account: account, region: region, name: name, arn: ARN(account, region, name), created: s.e.Clock.Now()}
	s.put(x, engine.ID(), value{text: &text}, []string{current})
	s.secrets = append(s.secrets, x)
}

var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@-]{1,512}$`)
	arnPattern  = regexp.MustCompile(`^arn:aws:secretsmanager:([a-z0-9-]+):(\d{12}):secret:(.+)$`)
	arnSuffix   = regexp.MustCompile(`-[a-zA-Z0-9]{6}$`)
)

func notFound() error {
	return engine.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func invalid(format string, args ...any) error {
	return engine.Refuse("InvalidParameterException", format, args...)
}

// find finds a secret by name, or by ARN with or without its last six characters.
// Call it with the lock.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func (s *Service) find(c *engine.Call, id *string) (*secret, error) {
	if id == nil || *id == "" {
		return nil, invalid("You must provide a SecretId.")
	}
	c.Note("SecretId", *id)
	s.expire()
	name := *id
	if m := arnPattern.FindStringSubmatch(name); m != nil {
		if m[1] == c.Region && m[2] != c.Account {
			return nil, engine.Refuse("AccessDeniedException", "User: %s is not authorized to perform: secretsmanager:%s on resource: %s because no resource-based policy allows it", c.Principal, c.Operation, name)
		}
	} else if strings.HasPrefix(name, "arn:") {
		return nil, invalid("Invalid ARN of a secret: %s", name)
	}
	for _, x := range s.secrets {
		if x.account == c.Account && x.region == c.Region && (x.name == name || x.arn == name || arnSuffix.ReplaceAllString(x.arn, "") == name) {
			return x, nil
		}
	}
	return nil, notFound()
}

// usable is find for operations that a secret which is scheduled for deletion
// refuses.
func (s *Service) usable(c *engine.Call, id *string) (*secret, error) {
	x, err := s.find(c, id)
	if err == nil && !x.deletion.IsZero() {
		return nil, engine.Refuse("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	}
	return x, err
}

// expire forgets secrets whose time is over.
func (s *Service) expire() {
	now := s.e.Clock.Now()
	s.secrets = slices.DeleteFunc(s.secrets, func(x *secret) bool { return !x.deletion.IsZero() && !now.Before(x.deletion) })
}

// put adds a version and gives it its labels, which no other version has then.
// The version that was current becomes the previous one.
func (s *Service) put(x *secret, id string, v value, stages []string) {
	now := s.e.Clock.Now()
	take := func(stage string) {
		for _, old := range x.versions {
			old.stages = slices.DeleteFunc(old.stages, func(l string) bool { return l == stage })
		}
	}
	if slices.Contains(stages, current) {
		if old := x.staged(current); old != nil {
			take(previous)
			old.stages = append(old.stages, previous)
		}
	}
	for _, stage := range stages {
		take(stage)
	}
	x.versions = append(x.versions, &version{id: id, stages: slices.Clone(stages), created: now, value: v})
	// Versions without a label are deprecated; Secrets Manager removes them.
	x.versions = slices.DeleteFunc(x.versions, func(v *version) bool { return len(v.stages) == 0 })
	x.changed = now
}

func (x *secret) staged(stage string) *version {
	for _, v := range x.versions {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

func (x *secret) version(id string) *version {
	for _, v := range x.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

// stages is what DescribeSecret and ListSecrets tell of the versions.
func (x *secret) stages() map[string][]string {
	m := map[string][]string{}
	for _, v := range x.versions {
		m[v.id] = slices.Clone(v.stages)
	}
	return m
}

// randomSuffix is what AWS puts behind a name in an ARN.
func randomSuffix() string { return rand.Text() }
