// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/fence"
)

// ReplicaAssessment is what an EnsureReplica would do now, and why not.
type ReplicaAssessment struct {
	// Instance that holds the identifier; its Identifier is "" for none.
	Instance Instance
	Standing Standing
	Warnings []Warning
	// Refusals are *Error; with any, an EnsureReplica would change nothing.
	Refusals []error

	// input of the creation, where there is to be one.
	input *awsrds.CreateDBInstanceReadReplicaInput
	// retired is who held the identifier before, if that is known.
	retired *Retired
	// fence is the state of the old writer's, where there is to be one.
	fence string
}

// Err joins the refusals.
func (a ReplicaAssessment) Err() error { return errors.Join(a.Refusals...) }

func (a *ReplicaAssessment) warn(summary, detail string) {
	a.Warnings = append(a.Warnings, Warning{Summary: summary, Detail: detail})
}

// AssessReplica looks, and says what an EnsureReplica of the same spec would do.
// It changes nothing. The error is of the looks themselves.
func (s *Service) AssessReplica(ctx context.Context, spec ReplicaSpec) (ReplicaAssessment, error) {
	spec.Identifier = strings.ToLower(spec.Identifier)
	if err := spec.check(s.region); err != nil {
		return ReplicaAssessment{Refusals: []error{err}}, nil //nolint:nilerr // a refusal is part of the answer
	}
	v, err := s.look(ctx, spec)
	if err != nil {
		return ReplicaAssessment{Instance: v.holder}, err
	}
	return s.assessReplica(ctx, spec, v)
}

func (s *Service) assessReplica(ctx context.Context, spec ReplicaSpec, v view) (ReplicaAssessment, error) {
	a := ReplicaAssessment{Instance: v.holder, Standing: v.standing}
	var err error
	switch v.standing {
	case StandingForeign:
		a.Refusals = append(a.Refusals, s.foreign(v))
	case StandingReplica:
		s.compare(&a, spec)
	case StandingOldWriter:
		a.retired = &Retired{Instance: v.holder, From: v.holder.Identifier}
		err = s.gateRetirement(ctx, &a, spec)
		s.gateBuild(&a, spec, v.source)
	case StandingFree:
		if a.retired, err = s.lastRetired(ctx, spec.Identifier); err == nil {
			s.gateBuild(&a, spec, v.source)
		}
	}
	return a, err
}

func (s *Service) refuseReplica(a *ReplicaAssessment, kind Kind, attempted string, spec ReplicaSpec, field, reason, next string) {
	a.Refusals = append(a.Refusals, &Error{
		Kind: kind, Field: field, Attempted: attempted, ID: spec.Identifier, Region: s.region, Reason: reason, Next: next,
	})
}

// gateRetirement asks whether the old writer may be renamed.
func (s *Service) gateRetirement(ctx context.Context, a *ReplicaAssessment, spec ReplicaSpec) error {
	old := a.Instance
	if broken(old.Status) {
		s.refuseReplica(a, KindNotReady, "retire the old writer", spec, FieldIdentifier,
			fmt.Sprintf("Its status is %q: RDS renames no instance in it.", old.Status),
			"Start or mend it in RDS, or rename it yourself, then apply again.")
		return nil
	}
	at := time.Now()
	if began, err := time.Parse(time.RFC3339, old.Tags[RetiredAtTag]); err == nil {
		at = began
	}
	name := old.Tags[RetiredAsTag]
	if name == "" {
		name = retiredName(old.Identifier, at, 1)
	}
	unfenced, claim := s.unfenced(ctx, old, spec)
	switch {
	case len(spec.FenceGroups) > 0:
		f, err := s.AssessFence(ctx, spec.fenceSpec())
		if err != nil {
			return err
		}
		a.fence = f.Status.State
		a.Warnings, a.Refusals = append(a.Warnings, f.Warnings...), append(a.Refusals, f.Refusals...)
	case unfenced == "" && claim != "":
		a.warn(old.Identifier+": its write fence is taken at its word", claimed(claim))
	case unfenced == "":
	case spec.FencesUnknown:
		a.warn(old.Identifier+": the fence of this plan is applied first, and looked at again before the rename", unfenced)
	case spec.accepts(AcceptUnfencedSource):
		a.warn(old.Identifier+": old writer is not fenced and may still be writing",
			unfenced+" accept has unfenced_source. Whatever it acknowledges is in the retired instance alone.")
	default:
		s.refuseReplica(a, KindUnfencedSource, "retire the old writer", spec, FieldFences,
			"Whatever it acknowledges from now on is lost to the new writer. "+unfenced,
			`Give fence_security_group_ids, or the proof of another fence of it in fences; if its writers are stopped by other means, say so `+
				`with accept = ["unfenced_source"].`)
	}
	a.warn(fmt.Sprintf("%s: will be renamed to %s and kept", old.Identifier, name),
		fmt.Sprintf("It is the old writer, %s in %s (%s). The rename reboots it and gives it another endpoint; its deletion protection is on "+
			"afterwards. It is never deleted, and costs what it cost until a person deletes it: see data.dr_rds_retired_instances.",
			old.ARN, s.region, old.Settings.size()))
	if old.Settings.Pending {
		a.warn(old.Identifier+": modifications that wait for its maintenance window are applied by the rename",
			"RDS applies them together with any that is made at once. They change the retired instance alone.")
	}
	if len(old.Replicas) > 0 {
		a.warn(fmt.Sprintf("%s: has replicas that keep following it (%d)", old.Identifier, len(old.Replicas)),
			"They are "+strings.Join(old.Replicas, ", ")+", and have what the old writer has, not what the new one has.")
	}
	return nil
}

// unfenced says why the old writer does not count as fenced; "" if it does. claim
// is the proof that was believed without a look, or "".
func (s *Service) unfenced(ctx context.Context, old Instance, spec ReplicaSpec) (reason, claim string) {
	reason = "No fence of it is given."
	for _, p := range spec.Fences {
		mine := p.Subject == fence.Network(s.region, old.Identifier) ||
			old.Endpoint != "" && p.Subject == fence.PostgreSQL(old.Endpoint, int(old.Port))
		switch {
		case !mine:
		case p.Held() && p.Kind == fence.KindNetwork:
			f, err := s.fenceOf(ctx, old, FenceSpec{})
			if err != nil {
				reason = "Whether its fence holds could not be read: " + detailOf(err)
				continue
			}
			if f.State != FenceFenced {
				reason = fmt.Sprintf("Its fence says that it holds, and the instance does not bear it out: it is %s. %s", f.State, f.Drift)
				continue
			}
			return "", ""
		case p.Held():
			claim = p.String()
		default:
			reason = fmt.Sprintf("Its fence is %s: %q.", p.State, p.String())
		}
	}
	if claim != "" {
		return "", claim
	}
	return reason, ""
}

// gateBuild asks whether the replica can be built, and makes the input.
func (s *Service) gateBuild(a *ReplicaAssessment, spec ReplicaSpec, source Instance) {
	const attempted = "build the replica"
	switch {
	case source.IsReplica():
		s.refuseReplica(a, KindNoWriter, attempted, spec, FieldSource,
			fmt.Sprintf("Its source %s is a replica of %s itself.", source.ARN, source.Source), "Fail over to the source first; this is for afterwards.")
		return
	case broken(source.Status):
		s.refuseReplica(a, KindNoWriter, attempted, spec, FieldSource,
			fmt.Sprintf("The status of its source %s is %q, which does not mend itself.", source.ARN, source.Status), "Mend the source in RDS, then apply again.")
	case source.BackupRetention == 0:
		s.refuseReplica(a, KindBackup, attempted, spec, FieldSource,
			fmt.Sprintf("Its source %s keeps no automated backups, without which RDS makes no replica of it.", source.ARN),
			"Set the source's backup retention to at least 1 day (backup_retention_period of its promotion), then apply again.")
	}
	input, missing := buildInput(spec, source, a.retired)
	if len(missing) > 0 {
		s.refuseReplica(a, KindIncomplete, attempted, spec, missing[0],
			fmt.Sprintf("The old writer is not there to take them from, and RDS's own defaults (no deletion protection, one zone, the default "+
				"groups) are not to be taken silently: %s.", strings.Join(missing, ", ")),
			"Give a value for each.")
		return
	}
	a.input = input
	a.warn(fmt.Sprintf("%s: a replica of %s will be built in %s (%s)", spec.Identifier, spec.sourceID(), s.region, inputSize(input, source)),
		"It costs an instance of that size, its storage, and the transfer between the regions of all data once and of every change from then on. "+
			"Building takes as long as copying the data does.")
}

// size is what an instance is paid for by.
func (s Settings) size() string {
	zones := "Single-AZ"
	if s.MultiAZ {
		zones = "Multi-AZ"
	}
	return fmt.Sprintf("%s, %d GiB %s, %s", s.Class, s.AllocatedStorage, s.StorageType, zones)
}

func inputSize(in *awsrds.CreateDBInstanceReadReplicaInput, source Instance) string {
	return Settings{
		Class: aws.ToString(in.DBInstanceClass), AllocatedStorage: source.Settings.AllocatedStorage,
		StorageType: aws.ToString(in.StorageType), MultiAZ: aws.ToBool(in.MultiAZ),
	}.size()
}

// buildInput is the creation's input. Whatever RDS would choose by itself to the
// instance's harm is given, or the old writer's, or missing: the key, the
// security, subnet and parameter groups, the class, the zones, the deletion
// protection. The kind
// of storage, IAM authentication and the copying of tags are the old writer's,
// else the source's. It is never public unless the old writer was.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html
func buildInput(spec ReplicaSpec, source Instance, retired *Retired) (*awsrds.CreateDBInstanceReadReplicaInput, []string) {
	var (
		old     *Settings
		like    = source.Settings
		missing []string
	)
	if retired != nil {
		old, like = &retired.Instance.Settings, retired.Instance.Settings
	}
	text := func(field, given string, of func(*Settings) string) *string {
		if given == "" && old != nil {
			given = of(old)
		}
		if given == "" {
			missing = append(missing, field)
		}
		return &given
	}
	flag := func(field string, given *bool, of func(*Settings) bool) *bool {
		if given == nil && old != nil {
			given = aws.Bool(of(old))
		}
		if given == nil {
			missing = append(missing, field)
		}
		return given
	}
	or := func(given *bool, other bool) *bool {
		if given == nil {
			given = &other
		}
		return given
	}
	groups := spec.SecurityGroups
	if len(groups) == 0 && retired != nil {
		groups = openGroups(retired.Instance)
	}
	in := &awsrds.CreateDBInstanceReadReplicaInput{
		DBInstanceIdentifier: &spec.Identifier, SourceDBInstanceIdentifier: &spec.Source, SourceRegion: aws.String(spec.sourceRegion()),
		DBInstanceClass:                 text(FieldClass, spec.Class, func(s *Settings) string { return s.Class }),
		DBSubnetGroupName:               text(FieldSubnetGroup, spec.SubnetGroup, func(s *Settings) string { return s.SubnetGroup }),
		DBParameterGroupName:            text(FieldParameterGroup, spec.ParameterGroup, func(s *Settings) string { return s.ParameterGroup }),
		MultiAZ:                         flag(FieldMultiAZ, spec.MultiAZ, func(s *Settings) bool { return s.MultiAZ }),
		DeletionProtection:              flag(FieldProtection, spec.DeletionProtection, func(s *Settings) bool { return s.DeletionProtection }),
		EnableIAMDatabaseAuthentication: or(spec.IAMAuthentication, like.IAMAuthentication),
		CopyTagsToSnapshot:              or(spec.CopyTagsToSnapshot, like.CopyTags),
		PubliclyAccessible:              aws.Bool(old != nil && old.Public),
		VpcSecurityGroupIds:             groups,
		Tags:                            []types.Tag{{Key: aws.String(ReplicaOfTag), Value: &source.ResourceID}},
	}
	if len(groups) == 0 {
		missing = append(missing, FieldSecurityGroups)
	}
	if source.Settings.Encrypted {
		in.KmsKeyId = text(FieldKMSKey, spec.KMSKeyID, func(s *Settings) string { return s.KMSKeyID })
	}
	if in.StorageType = aws.String(like.StorageType); spec.StorageType != "" {
		in.StorageType = &spec.StorageType
	}
	if aws.ToString(in.StorageType) == like.StorageType && like.IOPS > 0 && like.StorageType != "gp2" {
		in.Iops = &like.IOPS
		if like.Throughput > 0 {
			in.StorageThroughput = &like.Throughput
		}
	}
	if like.MaxAllocatedStorage > 0 {
		in.MaxAllocatedStorage = &like.MaxAllocatedStorage
	}
	for key, value := range spec.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &value})
	}
	return in, missing
}

// openGroups are the groups that let an instance's clients in: a fenced one's
// are on record, and it is in others.
func openGroups(i Instance) []string {
	record, wrong := fenceRecordOf(i)
	switch {
	case wrong != "":
		return nil
	case record.phase != "":
		return record.original
	}
	return i.groupIDs()
}

// compare warns of what a replica that is there has, and should not have. It is
// not changed: somebody else may own it.
func (s *Service) compare(a *ReplicaAssessment, spec ReplicaSpec) {
	i, has := a.Instance, a.Instance.Settings
	var differences []string
	differs := func(field, want, have string) {
		if want != "" && have != "" && want != have {
			differences = append(differences, fmt.Sprintf("%s is %s, not %s", field, have, want))
		}
	}
	differs(FieldClass, spec.Class, has.Class)
	differs(FieldSubnetGroup, spec.SubnetGroup, has.SubnetGroup)
	differs(FieldParameterGroup, spec.ParameterGroup, has.ParameterGroup)
	if len(spec.SecurityGroups) > 0 && !sameSet(spec.SecurityGroups, i.groupIDs()) {
		differs(FieldSecurityGroups, listed(spec.SecurityGroups), listed(i.groupIDs()))
	}
	if strings.HasPrefix(spec.KMSKeyID, "arn:") && !strings.Contains(spec.KMSKeyID, ":alias/") {
		differs(FieldKMSKey, spec.KMSKeyID, has.KMSKeyID)
	}
	if spec.MultiAZ != nil {
		differs(FieldMultiAZ, fmt.Sprint(*spec.MultiAZ), fmt.Sprint(has.MultiAZ))
	}
	if len(differences) > 0 {
		a.warn(fmt.Sprintf("%s: is there, and differs in %d settings", i.Identifier, len(differences)),
			strings.Join(differences, "; ")+". The replica is taken as it is; these are for when one is built.")
	}
}
