// SPDX-License-Identifier: MPL-2.0

package secretsmanager

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// createSecret makes a secret, with or without a value. A call repeated with its
// token and value is answered as the first was.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
func (s *Service) createSecret(c *engine.Call, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	name := aws.ToString(in.Name)
	switch {
	case !namePattern.MatchString(name):
		return nil, engine.Refuse("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case len(in.AddReplicaRegions) > 0:
		return nil, invalid("AddReplicaRegions is not simulated by this sandbox.")
	}
	v, err := newValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	id := aws.ToString(in.ClientRequestToken)
	if id == "" {
		id = engine.ID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	for _, x := range s.secrets {
		if x.account != c.Account || x.region != c.Region || x.name != name {
			continue
		}
		if !x.deletion.IsZero() {
			return nil, engine.Refuse("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
		}
		if old := x.version(id); old != nil && old.same(v) {
			return &secretsmanager.CreateSecretOutput{ARN: aws.String(x.arn), Name: aws.String(x.name), VersionId: aws.String(id)}, nil
		}
		return nil, engine.Refuse("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
	}
	x := &secret{
		account: c.Account, region: c.Region, name: name, arn: arnWith(c.Account, c.Region, name, randomSuffix()),
		description: aws.ToString(in.Description), key: aws.ToString(in.KmsKeyId), tags: in.Tags, created: s.e.Clock.Now(), changed: s.e.Clock.Now(),
	}
	out := &secretsmanager.CreateSecretOutput{ARN: aws.String(x.arn), Name: aws.String(x.name)}
	if !v.empty() {
		s.put(x, id, v, []string{current})
		out.VersionId = aws.String(id)
	}
	s.secrets = append(s.secrets, x)
	return out, nil
}

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
func (s *Service) describeSecret(c *engine.Call, in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(c, in.SecretId)
	if err != nil {
		return nil, err
	}
	e := x.entry()
	return &secretsmanager.DescribeSecretOutput{
		ARN: e.ARN, Name: e.Name, Description: e.Description, KmsKeyId: e.KmsKeyId, CreatedDate: e.CreatedDate, LastChangedDate: e.LastChangedDate,
		LastAccessedDate: e.LastAccessedDate, DeletedDate: e.DeletedDate, Tags: e.Tags, VersionIdsToStages: e.SecretVersionsToStages,
	}, nil
}

func (x *secret) entry() types.SecretListEntry {
	e := types.SecretListEntry{
		ARN: aws.String(x.arn), Name: aws.String(x.name), CreatedDate: aws.Time(x.created), LastChangedDate: aws.Time(x.changed),
		Tags: slices.Clone(x.tags), SecretVersionsToStages: x.stages(),
	}
	if x.description != "" {
		e.Description = aws.String(x.description)
	}
	if x.key != "" {
		e.KmsKeyId = aws.String(x.key)
	}
	if !x.accessed.IsZero() {
		e.LastAccessedDate = aws.Time(x.accessed.Truncate(24 * time.Hour)) // the day only
	}
	if !x.deletion.IsZero() {
		e.DeletedDate = aws.Time(x.deletion)
	}
	return e
}

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
func (s *Service) listSecrets(c *engine.Call, in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	size := 100
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > 100 {
			return nil, engine.Refuse("ValidationException", "Value '%d' at 'maxResults' failed to satisfy constraint: from 1 to 100.", *in.MaxResults)
		}
		size = int(*in.MaxResults)
	}
	after := ""
	if t := aws.ToString(in.NextToken); t != "" {
		raw, err := base64.URLEncoding.DecodeString(t)
		rest, ok := strings.CutPrefix(string(raw), "after:")
		if err != nil || !ok {
			return nil, engine.Refuse("InvalidNextTokenException", "The NextToken value is invalid.")
		}
		after = rest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	var found []*secret
	for _, x := range s.secrets {
		if x.account == c.Account && x.region == c.Region && x.name > after && x.fits(in.Filters) && (x.deletion.IsZero() || aws.ToBool(in.IncludePlannedDeletion)) {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *secret) int { return cmp.Compare(a.name, b.name) })
	out := &secretsmanager.ListSecretsOutput{}
	if len(found) > size {
		found = found[:size]
		out.NextToken = aws.String(base64.URLEncoding.EncodeToString([]byte("after:" + found[size-1].name)))
	}
	for _, x := range found {
		out.SecretList = append(out.SecretList, x.entry())
	}
	return out, nil
}

// fits tells whether a secret passes every filter; a filter passes if what it
// looks at begins with any of its values, and does not where a value begins with
// an exclamation mark.
func (x *secret) fits(filters []types.Filter) bool {
	for _, f := range filters {
		var have []string
		add := func(key types.FilterNameStringType, values ...string) {
			if f.Key == key || f.Key == types.FilterNameStringTypeAll {
				have = append(have, values...)
			}
		}
		add(types.FilterNameStringTypeName, x.name)
		add(types.FilterNameStringTypeDescription, x.description)
		for _, t := range x.tags {
			add(types.FilterNameStringTypeTagKey, aws.ToString(t.Key))
			add(types.FilterNameStringTypeTagValue, aws.ToString(t.Value))
		}
		ok := slices.ContainsFunc(f.Values, func(v string) bool {
			want, not := strings.CutPrefix(v, "!")
			return not != slices.ContainsFunc(have, func(h string) bool { return h != "" && strings.HasPrefix(h, want) })
		})
		if !ok {
			return false
		}
	}
	return true
}

// deleteSecret schedules a deletion, or makes it at once when told to.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
func (s *Service) deleteSecret(c *engine.Call, in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	force := aws.ToBool(in.ForceDeleteWithoutRecovery)
	days := int64(30)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	switch {
	case force && in.RecoveryWindowInDays != nil:
		return nil, invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days < 7 || days > 30:
		return nil, invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(c, in.SecretId)
	if err != nil {
		return nil, err
	}
	now := s.e.Clock.Now()
	out := &secretsmanager.DeleteSecretOutput{ARN: aws.String(x.arn), Name: aws.String(x.name), DeletionDate: aws.Time(now)}
	switch {
	case force:
		s.secrets = slices.DeleteFunc(s.secrets, func(o *secret) bool { return o == x })
	case !x.deletion.IsZero():
		return nil, engine.Refuse("InvalidRequestException", "You can't perform this operation on the secret because it was already scheduled for deletion.")
	default:
		x.deletion = now.AddDate(0, 0, int(days))
		out.DeletionDate = aws.Time(x.deletion)
	}
	return out, nil
}
