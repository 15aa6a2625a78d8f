// SPDX-License-Identifier: MPL-2.0

package rds

import (
	"context"
	"fmt"

	"github.com/drstate/terraform-provider-dr/internal/awsclient"
)

type sourceState int

const (
	sourceHealthy sourceState = iota
	sourceUnknown
	sourceBroken
	sourceUnreachable
	sourceGone
)

type sourceHealth struct {
	state      sourceState
	region, id string
	text       string // a clause
	err        error
	instance   Instance // if it could be read
}

// sourceHealth asks the source's region, within that region's budget.
func (s *Service) sourceHealth(ctx context.Context, i Instance) sourceHealth {
	id, region := i.SourceIdentifier(), i.SourceRegion()
	h := sourceHealth{id: id, region: region}
	if i.SourceIsCluster {
		h.state, h.text = sourceUnknown, fmt.Sprintf("%s in %s is a DB cluster, whose health is not examined", id, region)
		return h
	}
	source, err := s.peer(region).Find(ctx, id)
	h.instance = source
	switch {
	case err == nil && broken(source.Status):
		h.state, h.text = sourceBroken, fmt.Sprintf("%s in %s is %s", id, region, source.Status)
	case err == nil:
		h.state, h.text = sourceHealthy, fmt.Sprintf("%s in %s answers and is %s", id, region, source.Status)
	case IsKind(err, KindNotFound):
		h.state, h.text = sourceGone, fmt.Sprintf("%s does not exist in %s any more", id, region)
	case awsclient.IsUnreachable(err) && !awsclient.IsFailing(err):
		h.state, h.text = sourceUnreachable, awsclient.Explain(err)
	default:
		h.state, h.text, h.err = sourceUnknown, fmt.Sprintf("%s answers, but the state of %s could not be read", region, id), unwrapped(err)
	}
	return h
}
