// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// A name is kept in the form in which Route 53's API gives it back: lower case,
// with a trailing dot, every octet other than a–z, 0–9, hyphen and underscore
// as a backslash and three octal digits. See
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html

// canonicalName reads a name as a caller writes it and returns that form.
func canonicalName(s string) (string, error) {
	labels, err := parseLabels(s)
	if err != nil {
		return "", err
	}
	return formatLabels(labels), nil
}

// parseLabels splits a name into its labels' raw octets, in lower case.
func parseLabels(s string) ([]string, error) {
	if s == "" || s == "." {
		return nil, errors.New("the name is empty")
	}
	s = strings.TrimSuffix(s, ".")
	var (
		labels []string
		label  strings.Builder
		length = 1 // of the root label
	)
	end := func() error {
		switch n := label.Len(); {
		case n == 0:
			return errors.New("a label is empty")
		case n > 63:
			return errors.New("a label is longer than 63 octets")
		default:
			length += n + 1
		}
		labels = append(labels, label.String())
		label.Reset()
		return nil
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if err := end(); err != nil {
				return nil, err
			}
		case c == '\\':
			if i+3 >= len(s) {
				return nil, errors.New(`an escape is not of the form \ooo`)
			}
			n, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
			if err != nil {
				return nil, fmt.Errorf(`%q is not an escape of the form \ooo`, s[i:i+4])
			}
			label.WriteByte(lower(byte(n)))
			i += 3
		case c <= ' ' || c >= 0x7f:
			return nil, fmt.Errorf("the octet %#x must be written as an escape", c)
		default:
			label.WriteByte(lower(c))
		}
	}
	if err := end(); err != nil {
		return nil, err
	}
	if length > 255 {
		return nil, errors.New("the name is longer than 255 octets")
	}
	return labels, nil
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func formatLabels(labels []string) string {
	var b strings.Builder
	for _, l := range labels {
		for i := range len(l) {
			if plain(l[i]) {
				b.WriteByte(l[i])
			} else {
				fmt.Fprintf(&b, `\%03o`, l[i])
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// mustLabels splits a name that is already canonical.
func mustLabels(canonical string) []string {
	labels, _ := parseLabels(canonical)
	return labels
}

// sortKey orders names as ListResourceRecordSets does: by the labels in
// reverse, each followed by a dot.
func sortKey(canonical string) string {
	labels := mustLabels(canonical)
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

// inZone tells whether a canonical name is the zone's or below it.
func inZone(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// parent returns the name without its first label, "" for a name of one label.
func parent(canonical string) string {
	_, rest, _ := strings.Cut(canonical, ".")
	return rest
}

const wildcardLabel = `\052`

// dnsName turns a canonical name into the presentation format of the DNS
// library, whose escapes are decimal.
func dnsName(canonical string) string {
	var b strings.Builder
	for _, l := range mustLabels(canonical) {
		for i := range len(l) {
			if plain(l[i]) || l[i] == '*' {
				b.WriteByte(l[i])
			} else {
				fmt.Fprintf(&b, `\%03d`, l[i])
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// fromDNSName turns a name of the DNS library into a canonical one.
func fromDNSName(name string) (string, error) {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(dns.Fqdn(name), wire, 0, nil, false)
	if err != nil {
		return "", err
	}
	var labels []string
	for at := 0; at < n && wire[at] != 0; at += int(wire[at]) + 1 {
		labels = append(labels, strings.ToLower(string(wire[at+1:at+1+int(wire[at])])))
	}
	if len(labels) == 0 {
		return ".", nil
	}
	return formatLabels(labels), nil
}
