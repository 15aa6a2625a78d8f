// SPDX-License-Identifier: MPL-2.0

package story_test

import (
	"testing"

	"github.com/drstate/terraform-provider-dr/internal/story"
)

func TestStory(t *testing.T) {
	t.Parallel()
	whole := story.Story{
		Attempted: "promote the replica orders-usw2 in us-west-2", Reason: "RDS refused.", Cause: "InvalidDBInstanceState: it is busy (request id r-1)",
		Done: "The replica was tagged.", Next: "Apply again.",
	}
	for name, test := range map[string]struct {
		story        story.Story
		line, detail string
	}{
		"whole": {
			whole, "cannot promote the replica orders-usw2 in us-west-2: RDS refused: InvalidDBInstanceState: it is busy (request id r-1)",
			"Tried to promote the replica orders-usw2 in us-west-2.\nRDS refused.\nCause: InvalidDBInstanceState: it is busy (request id r-1)\n" +
				"The replica was tagged.\n\nNext: Apply again.",
		},
		"short": {story.Story{Attempted: "read orders"}, "cannot read orders", "Tried to read orders.\nNothing was changed."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.story.Line(); got != test.line {
				t.Errorf("line: %q", got)
			}
			if got := test.story.Detail(); got != test.detail {
				t.Errorf("detail: %q", got)
			}
		})
	}
}
