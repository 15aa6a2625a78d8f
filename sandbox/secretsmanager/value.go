// SPDX-License-Identifier: MPL-2.0

package secretsmanager

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// maxValue is the size of the largest secret.
const maxValue = 65536

// newValue checks a value, and never repeats it.
func newValue(text *string, binary []byte) (value, error) {
	switch {
	case text != nil && binary != nil:
		return value{}, invalid("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil && (*text == "" || len(*text) > maxValue), len(binary) > maxValue:
		return value{}, engine.Refuse("ValidationException", "A secret value must have from 1 to %d bytes.", maxValue)
	}
	return value{text, binary}, nil
}

func (v value) empty() bool { return v.text == nil && v.binary == nil }

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (s *Service) getValue(c *engine.Call, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.usable(c, in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := aws.ToString(in.VersionStage)
	var v *version
	if id := aws.ToString(in.VersionId); id != "" {
		v = x.version(id)
		if v == nil {
			return nil, engine.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
		}
		if stage != "" && !slices.Contains(v.stages, stage) {
			return nil, engine.Refuse("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
		}
	} else {
		if stage == "" {
			stage = current
		}
		if v = x.staged(stage); v == nil {
			return nil, engine.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
		}
	}
	x.accessed = s.e.Clock.Now()
	return &secretsmanager.GetSecretValueOutput{
		ARN: aws.String(x.arn), Name: aws.String(x.name), VersionId: aws.String(v.id), VersionStages: slices.Clone(v.stages),
		CreatedDate: aws.Time(v.created), SecretString: v.text, SecretBinary: v.binary,
	}, nil
}

// putValue adds a version. A call repeated with its token adds nothing.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func (s *Service) putValue(c *engine.Call, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	v, err := newValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if v.empty() {
		return nil, invalid("You must provide either SecretString or SecretBinary.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.usable(c, in.SecretId)
	if err != nil {
		return nil, err
	}
	id := aws.ToString(in.ClientRequestToken)
	if id == "" {
		id = engine.ID()
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	if old := x.version(id); old == nil {
		s.put(x, id, v, stages)
	} else if !old.same(v) {
		return nil, engine.Refuse("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, x.arn)
	}
	return &secretsmanager.PutSecretValueOutput{
		ARN: aws.String(x.arn), Name: aws.String(x.name), VersionId: aws.String(id), VersionStages: slices.Clone(x.version(id).stages),
	}, nil
}
