// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsrds "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

// fence puts the old writer out of everybody's reach.
func (r *building) fence(ctx context.Context) error {
	out, err := r.EnsureFence(ctx, r.spec.fenceSpec())
	r.out.Warnings = append(r.out.Warnings, out.Warnings...)
	if err == nil {
		r.changed = "The old writer is fenced; nothing else was changed."
	}
	return err
}

// retire tags the old writer and asks for its rename.
func (r *building) retire(ctx context.Context, old Instance) error {
	if !ready(old.Status) {
		// Back with its region, it may be starting; RDS renames what is available.
		return r.await(ctx, "wait for the old writer", func(i Instance, found bool) (bool, error) {
			return !found || i.ResourceID != old.ResourceID || ready(i.Status) || broken(i.Status), nil
		})
	}
	name, at, err := r.nameFor(ctx, old)
	if err != nil {
		return err
	}
	if old.Tags[RetiredAsTag] != name || old.Tags[RetiredFromTag] != old.Identifier {
		if err := r.tagRetirement(ctx, old, name, at); err != nil {
			return err
		}
	}
	if err := r.pauseBefore(ctx); err != nil {
		return err
	}
	r.log(ctx, old.Identifier, "renaming the old writer", map[string]any{"new_identifier": name, "resource_id": old.ResourceID})
	_, err = r.client.ModifyDBInstance(r.once(ctx), &awsrds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &old.Identifier, NewDBInstanceIdentifier: &name,
		DeletionProtection: aws.Bool(true), ApplyImmediately: aws.Bool(true),
	}, throttlingOnly)
	if err == nil {
		r.changed = fmt.Sprintf("The rename of the old writer to %s was accepted. The next apply goes on from there.", name)
		return r.awaitGone(ctx, old)
	}
	return r.answered(ctx, "rename the old writer", err)
}

// nameFor is the name that the old writer is to be retired under: the one on
// record, unless somebody else has taken it, else the first that is free.
func (r *building) nameFor(ctx context.Context, old Instance) (string, time.Time, error) {
	at, err := time.Parse(time.RFC3339, old.Tags[RetiredAtTag])
	if err != nil {
		at = time.Now().UTC().Truncate(time.Second)
	}
	// A record that the instance brought along from an earlier turn, or from
	// the one that it was restored from, is of another name.
	recorded := old.Tags[RetiredAsTag]
	if old.Tags[RetiredFromTag] != old.Identifier {
		recorded, at = "", time.Now().UTC().Truncate(time.Second)
	}
	for n := 0; ; n++ {
		name := recorded
		if n > 0 {
			name = retiredName(old.Identifier, at, n)
		}
		if name == "" {
			continue
		}
		_, err := r.Find(ctx, name)
		if IsKind(err, KindNotFound) {
			return name, at, nil
		}
		if err != nil {
			return "", at, err
		}
	}
}

func (r *building) tagRetirement(ctx context.Context, old Instance, name string, at time.Time) error {
	tags := map[string]string{RetiredAsTag: name, RetiredAtTag: at.Format(time.RFC3339), RetiredFromTag: old.Identifier}
	in := &awsrds.AddTagsToResourceInput{ResourceName: &old.ARN}
	for _, key := range []string{RetiredAsTag, RetiredAtTag, RetiredFromTag} {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	// Made again it changes nothing, so that a lost answer is asked for again.
	if _, err := r.client.AddTagsToResource(awsclient.Essential(ctx), in); err != nil {
		return r.refused(ctx, "tag the old writer", err)
	}
	r.changed = fmt.Sprintf("The old writer was tagged %s = %s; nothing else was changed.", RetiredAsTag, name)
	return nil
}

// awaitGone waits until the old writer has given the identifier up.
func (r *building) awaitGone(ctx context.Context, old Instance) error {
	err := r.await(ctx, "wait for the rename of the old writer", func(i Instance, found bool) (bool, error) {
		return !found || i.ResourceID != old.ResourceID, nil
	})
	if err == nil {
		r.progress()
		r.log(ctx, old.Identifier, "the old writer is renamed", nil)
		r.changed = "The old writer is renamed and kept. The next apply builds the replica."
	}
	return err
}
