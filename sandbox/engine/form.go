// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"net/url"
	"strings"
)

// parseForm turns the dotted keys of the query protocol into a tree:
// "Tags.Tag.1.Key" becomes {"Tags": {"Tag": {"1": {"Key": …}}}}.
func parseForm(form url.Values) map[string]any {
	root := map[string]any{}
	for key, values := range form {
		if len(values) == 0 {
			continue
		}
		node := root
		parts := strings.Split(key, ".")
		for _, part := range parts[:len(parts)-1] {
			next, ok := node[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				node[part] = next
			}
			node = next
		}
		last := parts[len(parts)-1]
		if _, taken := node[last].(map[string]any); !taken {
			node[last] = values[0]
		}
	}
	return root
}
