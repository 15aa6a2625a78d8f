// SPDX-License-Identifier: MPL-2.0

package route53

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

// parseValue reads one value of a record in the form that Route 53 takes for
// its type, and returns the record as it is served. See
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func parseValue(name string, ttl int64, typ types.RRType, value string) (dns.RR, error) {
	if len(value) > 4000 {
		return nil, errors.New("the value is longer than 4000 characters")
	}
	if strings.TrimSpace(value) == "" {
		return nil, errors.New("the value is empty")
	}
	if strings.ContainsAny(value, "\r\n") {
		return nil, errors.New("the value contains a line break")
	}
	owner := "."
	if name != "" {
		owner = dnsName(name)
	}
	head := dns.RR_Header{Name: owner, Rrtype: dns.StringToType[string(typ)], Class: dns.ClassINET, Ttl: uint32(ttl)}
	fields := strings.Fields(value)
	switch typ {
	case types.RRTypeA:
		ip, err := netip.ParseAddr(value)
		if err != nil || !ip.Is4() {
			return nil, errors.New("the value is not an IPv4 address")
		}
		return &dns.A{Hdr: head, A: ip.AsSlice()}, nil
	case types.RRTypeAaaa:
		ip, err := netip.ParseAddr(value)
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return nil, errors.New("the value is not an IPv6 address")
		}
		return &dns.AAAA{Hdr: head, AAAA: ip.AsSlice()}, nil
	case types.RRTypeCname, types.RRTypeNs, types.RRTypePtr:
		target, err := valueName(value)
		if err != nil {
			return nil, err
		}
		switch typ {
		case types.RRTypeCname:
			return &dns.CNAME{Hdr: head, Target: target}, nil
		case types.RRTypeNs:
			return &dns.NS{Hdr: head, Ns: target}, nil
		default:
			return &dns.PTR{Hdr: head, Ptr: target}, nil
		}
	case types.RRTypeMx:
		n, target, err := numbersAndName(fields, 1)
		if err != nil {
			return nil, err
		}
		return &dns.MX{Hdr: head, Preference: n[0], Mx: target}, nil
	case types.RRTypeSrv:
		n, target, err := numbersAndName(fields, 3)
		if err != nil {
			return nil, err
		}
		return &dns.SRV{Hdr: head, Priority: n[0], Weight: n[1], Port: n[2], Target: target}, nil
	case types.RRTypeTxt, types.RRTypeSpf:
		txt, err := quotedStrings(value)
		if err != nil {
			return nil, err
		}
		if typ == types.RRTypeSpf {
			return &dns.SPF{Hdr: head, Txt: txt}, nil
		}
		return &dns.TXT{Hdr: head, Txt: txt}, nil
	case types.RRTypeSoa:
		return parseSOA(head, fields)
	case types.RRTypeCaa:
		return parseCAA(head, value)
	}
	return parseOther(head, typ, value)
}

// valueName reads a domain name in a value and returns it as it is served.
func valueName(s string) (string, error) {
	if s == "." {
		return ".", nil
	}
	name, err := canonicalName(s)
	if err != nil {
		return "", fmt.Errorf("%q is not a domain name: %w", s, err)
	}
	return dnsName(name), nil
}

// numbersAndName reads n 16 bit numbers and a domain name.
func numbersAndName(fields []string, n int) ([]uint16, string, error) {
	if len(fields) != n+1 {
		return nil, "", fmt.Errorf("the value has %d fields, not %d", len(fields), n+1)
	}
	numbers := make([]uint16, n)
	for i := range n {
		v, err := strconv.ParseUint(fields[i], 10, 16)
		if err != nil {
			return nil, "", fmt.Errorf("%q is not a number from 0 to 65535", fields[i])
		}
		numbers[i] = uint16(v)
	}
	target, err := valueName(fields[n])
	return numbers, target, err
}

func parseSOA(head dns.RR_Header, fields []string) (dns.RR, error) {
	if len(fields) != 7 {
		return nil, fmt.Errorf("the value has %d fields, not 7", len(fields))
	}
	ns, err := valueName(fields[0])
	if err != nil {
		return nil, err
	}
	mbox, err := valueName(fields[1])
	if err != nil {
		return nil, err
	}
	var n [5]uint32
	for i := range n {
		v, err := strconv.ParseUint(fields[2+i], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a 32 bit number", fields[2+i])
		}
		n[i] = uint32(v)
	}
	return &dns.SOA{Hdr: head, Ns: ns, Mbox: mbox, Serial: n[0], Refresh: n[1], Retry: n[2], Expire: n[3], Minttl: n[4]}, nil
}

func parseCAA(head dns.RR_Header, value string) (dns.RR, error) {
	fields := strings.SplitN(value, " ", 3)
	if len(fields) != 3 {
		return nil, errors.New(`the value is not of the form: flags tag "value"`)
	}
	flags, err := strconv.ParseUint(fields[0], 10, 8)
	if err != nil {
		return nil, errors.New("the flags are not a number from 0 to 255")
	}
	switch fields[1] {
	case "issue", "issuewild", "iodef":
	default:
		return nil, fmt.Errorf("the tag %q is not issue, issuewild or iodef", fields[1])
	}
	v, err := quotedStrings(fields[2])
	if err != nil {
		return nil, err
	}
	if len(v) != 1 {
		return nil, errors.New("there is more than one quoted value")
	}
	return &dns.CAA{Hdr: head, Flag: uint8(flags), Tag: fields[1], Value: v[0]}, nil
}

// parseOther reads the types whose form is that of a zone file, without a zone
// file's comments, groups and relative names.
func parseOther(head dns.RR_Header, typ types.RRType, value string) (dns.RR, error) {
	if head.Rrtype == 0 {
		return nil, fmt.Errorf("the type %q does not exist", typ)
	}
	quoted := false
	for i, c := range value {
		switch {
		case c == '"' && (i == 0 || value[i-1] != '\\'):
			quoted = !quoted
		case !quoted && strings.ContainsRune("();@$", c):
			return nil, fmt.Errorf("the character %q is not allowed outside quotation marks", c)
		}
	}
	if quoted {
		return nil, errors.New("a quotation mark is not closed")
	}
	parser := dns.NewZoneParser(strings.NewReader(fmt.Sprintf("%s %d IN %s %s\n", head.Name, head.Ttl, typ, value)), ".", "")
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil || !ok || rr == nil {
		return nil, fmt.Errorf("the value is not one of a record of type %s", typ)
	}
	return rr, nil
}

// quotedStrings reads one or more strings in quotation marks, each of at most
// 255 octets, with octal escapes; it returns them as the DNS library wants
// them, with decimal ones.
func quotedStrings(value string) ([]string, error) {
	var out []string
	for rest := strings.TrimSpace(value); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] != '"' {
			return nil, errors.New("the value is not enclosed in quotation marks")
		}
		var b strings.Builder
		length, i := 0, 1
		for ; i < len(rest) && rest[i] != '"'; i++ {
			c := rest[i]
			if c == '\\' {
				if i+1 >= len(rest) {
					break
				}
				i++
				c = rest[i]
				if c >= '0' && c <= '9' {
					if i+2 >= len(rest) {
						return nil, errors.New(`an escape is not of the form \ooo`)
					}
					n, err := strconv.ParseUint(rest[i:i+3], 8, 8)
					if err != nil {
						return nil, fmt.Errorf(`\%s is not an escape of the form \ooo`, rest[i:i+3])
					}
					c = byte(n)
					i += 2
				}
			}
			length++
			if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, `\%03d`, c)
			}
		}
		if i >= len(rest) {
			return nil, errors.New("a quotation mark is not closed")
		}
		if length > 255 {
			return nil, errors.New("a string is longer than 255 characters")
		}
		out = append(out, b.String())
		rest = rest[i+1:]
		if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			return nil, errors.New("strings are not separated by a space")
		}
	}
	return out, nil
}
