// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/drstate/terraform-provider-dr/internal/rds"
)

// followersKey is where private state keeps the replicas of a writer, as they
// were while it was the one that is wanted. As long as it still has them all,
// none was promoted, and a failover that was reverted can take it up again.
const followersKey = "followers"

type followers struct {
	ResourceID string   `json:"resource_id"`
	Replicas   []string `json:"replicas"`
}

type (
	privateReader interface {
		GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	}
	privateWriter interface {
		SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
	}
)

// keepFollowers of a writer that is wanted.
func keepFollowers(ctx context.Context, private privateWriter, i rds.Instance) diag.Diagnostics {
	value, err := json.Marshal(followers{i.ResourceID, i.Replicas})
	if err != nil {
		var diags diag.Diagnostics
		diags.AddError("Unable to Keep Private State", err.Error())
		return diags
	}
	return private.SetKey(ctx, followersKey, value)
}

// recall adds to a spec which replicas the instance had. What cannot be read
// proves nothing.
func recall(ctx context.Context, private privateReader, spec *rds.Spec) {
	value, diags := private.GetKey(ctx, followersKey)
	var kept followers
	if diags.HasError() || json.Unmarshal(value, &kept) != nil {
		return
	}
	spec.FormerResourceID, spec.FormerReplicas = kept.ResourceID, kept.Replicas
}
