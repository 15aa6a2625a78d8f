// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// equalValues compares the values of two record sets of one type as sets: the
// order in which Route 53 lists values means nothing.
func equalValues(recordType string, a, b []string) bool {
	return slices.Equal(canonicalValues(recordType, a), canonicalValues(recordType, b))
}

func canonicalValues(recordType string, values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, canonicalValue(recordType, v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// canonicalValue makes two spellings of one value equal.
func canonicalValue(recordType, value string) string {
	value = strings.TrimSpace(value)
	fields := strings.Fields(value)
	switch recordType {
	case "A", "AAAA":
		if ip, err := netip.ParseAddr(value); err == nil {
			return ip.String()
		}
	case "CNAME", "NS", "PTR":
		return CanonicalName(value)
	case "TXT", "SPF":
		// Readers join the strings of one value, so where it is cut into
		// strings of 255 characters does not matter.
		return strings.Join(textStrings(value), "")
	case "MX", "SRV":
		if n := len(fields); n > 1 {
			fields[n-1] = CanonicalName(fields[n-1])
		}
	case "CAA":
		if len(fields) > 2 {
			return strings.ToLower(fields[0]+" "+fields[1]) + " " + strings.Join(textStrings(strings.Join(fields[2:], " ")), "")
		}
	case "DS", "TLSA", "SSHFP":
		return strings.ToLower(strings.Join(fields, " "))
	}
	return strings.Join(fields, " ")
}

// wireValue is the value as Route 53 takes it: text in double quotes, in
// strings of at most 255 bytes. Text that is quoted already goes as it is.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
func wireValue(recordType, value string) string {
	if recordType != "TXT" && recordType != "SPF" || strings.HasPrefix(strings.TrimSpace(value), `"`) {
		return strings.TrimSpace(value)
	}
	var out []string
	for chunk := range slices.Chunk([]byte(value), 255) {
		out = append(out, quote(chunk))
	}
	if len(out) == 0 {
		return `""`
	}
	return strings.Join(out, " ")
}

func quote(text []byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// textStrings are the strings of a text value, without quotes and escapes. A
// value that is not quoted is one string.
func textStrings(value string) []string {
	if !strings.HasPrefix(value, `"`) {
		return []string{value}
	}
	var (
		out    []string
		b      strings.Builder
		inside bool
	)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			if inside {
				out = append(out, b.String())
				b.Reset()
			}
			inside = !inside
		case !inside:
		case c == '\\':
			c, i = unescape(value, i)
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	if inside {
		out = append(out, b.String())
	}
	return out
}
