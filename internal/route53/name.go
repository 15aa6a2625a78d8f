// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"slices"
	"strings"
)

// CanonicalName writes a domain name as ListResourceRecordSets does: lower
// case, with a trailing dot, every character other than a-z, 0-9, hyphen and
// underscore as a three-digit octal code.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
func CanonicalName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c, escaped := name[i], false
		if c == '\\' {
			c, i = unescape(name, i)
			escaped = true
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && !escaped:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return strings.TrimSuffix(b.String(), ".") + "."
}

// unescape reads the escape that begins at s[i] and returns its character and
// the index of its last byte.
func unescape(s string, i int) (byte, int) {
	if i+3 < len(s) {
		n := 0
		for _, d := range []byte(s[i+1 : i+4]) {
			if d < '0' || d > '7' {
				n = -1
				break
			}
			n = n*8 + int(d-'0')
		}
		if n >= 0 && n < 256 {
			return byte(n), i + 3
		}
	}
	if i+1 < len(s) {
		return s[i+1], i + 1
	}
	return s[i], i
}

// DisplayName writes a domain name for people: without the trailing dot, and
// with the wildcard as an asterisk.
func DisplayName(name string) string {
	return strings.ReplaceAll(strings.TrimSuffix(CanonicalName(name), "."), `\052`, "*")
}

// order is what Route 53 sorts a listing by: the name with its labels reversed.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
func order(canonical string) string {
	labels := strings.Split(strings.TrimSuffix(canonical, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}
