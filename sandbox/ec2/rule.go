// SPDX-License-Identifier: MPL-2.0

package ec2

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drstate/terraform-provider-dr/sandbox/engine"
)

// rule is one rule of a security group. Of cidr, cidr6 and referenced, the id of
// a group, exactly one is set. Ports are -1 where the protocol has none.
type rule struct {
	group                   *group
	id                      string
	egress                  bool
	protocol                string
	from, to                int32
	cidr, cidr6, referenced string
	description             string
	tags                    []types.Tag
}

func (r *rule) where() owner        { return r.group.owner }
func (r *rule) key() string         { return r.id }
func (r *rule) tagged() []types.Tag { return r.tags }

func (r *rule) attribute(filter string) []string {
	switch filter {
	case "group-id":
		return []string{r.group.id}
	case "security-group-rule-id":
		return []string{r.id}
	}
	return nil
}

// same compares what a rule says, which is what AWS tells duplicates by.
func (r *rule) same(o *rule) bool {
	return r.egress == o.egress && r.protocol == o.protocol && r.from == o.from && r.to == o.to &&
		r.cidr == o.cidr && r.cidr6 == o.cidr6 && r.referenced == o.referenced
}

// letsIn tells whether the rule admits Client's TCP connections to a port.
// Client is in no group: a rule that names one does not admit it.
func (r *rule) letsIn(port int32) bool {
	if r.egress || r.cidr == "" || (r.protocol != "tcp" && r.protocol != "-1") {
		return false
	}
	return within(r.from, r.to, port) && holds(r.cidr)
}

func within(from, to, port int32) bool { return from == -1 || (from <= port && port <= to) }

// holds tells whether Client is in a block.
func holds(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Contains(Client.Addr())
}

// peer is how the messages name a rule.
func (r *rule) peer() string {
	ports := ""
	if r.from != -1 {
		ports = ", from port: " + strconv.Itoa(int(r.from)) + ", to port: " + strconv.Itoa(int(r.to))
	}
	protocol := strings.ToUpper(r.protocol)
	if protocol == "-1" {
		protocol = "ALL"
	}
	return "peer: " + r.cidr + r.cidr6 + r.referenced + ", " + protocol + ports + ", ALLOW"
}

// parse reads a permission of an input, which may stand for several rules. Call
// it with the lock.
func (s *Service) parse(g *group, egress bool, p types.IpPermission) ([]*rule, error) {
	protocol, err := protocolOf(aws.ToString(p.IpProtocol))
	if err != nil {
		return nil, err
	}
	from, to, err := portsOf(protocol, p.FromPort, p.ToPort)
	if err != nil {
		return nil, err
	}
	var rules []*rule
	add := func(r rule, description *string) {
		r.group, r.egress, r.protocol, r.from, r.to, r.description = g, egress, protocol, from, to, aws.ToString(description)
		rules = append(rules, &r)
	}
	for _, x := range p.IpRanges {
		if err := checkCIDR(aws.ToString(x.CidrIp), true); err != nil {
			return nil, err
		}
		add(rule{cidr: *x.CidrIp}, x.Description)
	}
	for _, x := range p.Ipv6Ranges {
		if err := checkCIDR(aws.ToString(x.CidrIpv6), false); err != nil {
			return nil, err
		}
		add(rule{cidr6: *x.CidrIpv6}, x.Description)
	}
	for _, x := range p.PrefixListIds {
		return nil, engine.Refuse("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", aws.ToString(x.PrefixListId))
	}
	for _, x := range p.UserIdGroupPairs {
		other, err := s.referenced(g, x)
		if err != nil {
			return nil, err
		}
		add(rule{referenced: other.id}, x.Description)
	}
	if len(rules) == 0 {
		return nil, engine.Refuse("MissingParameter", "Missing source specification: include source security group or CIDR information")
	}
	return rules, nil
}

// referenced finds the group that a permission of another group names.
func (s *Service) referenced(g *group, pair types.UserIdGroupPair) (*group, error) {
	id := aws.ToString(pair.GroupId)
	if name := aws.ToString(pair.GroupName); id == "" && name != "" {
		for _, other := range s.groups {
			if other.vpc == g.vpc && other.name == name {
				return other, nil
			}
		}
		return nil, groupKind.notFound(name)
	}
	other, err := find(groupKind, s.groups, g.owner, id)
	if err == nil && other.vpc != g.vpc {
		err = engine.Refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	return other, err
}

// protocolOf knows a protocol by name or by number.
func protocolOf(name string) (string, error) {
	name = strings.ToLower(name)
	switch name {
	case "":
		return "", engine.Refuse("MissingParameter", "The request must contain the parameter IpProtocol")
	case "tcp", "udp", "icmp", "icmpv6", "-1":
		return name, nil
	case "6":
		return "tcp", nil
	case "17":
		return "udp", nil
	case "1":
		return "icmp", nil
	case "58":
		return "icmpv6", nil
	case "all":
		return "-1", nil
	}
	if n, err := strconv.Atoi(name); err != nil || n < 0 || n > 255 {
		return "", invalid("Invalid value '%s' for IP protocol. Unknown protocol.", name)
	}
	return name, nil
}

// portsOf checks the range that a protocol needs; ICMP has a type and a code in
// its place.
func portsOf(protocol string, from, to *int32) (first, last int32, err error) {
	switch protocol {
	case "tcp", "udp":
		if from == nil || to == nil {
			return 0, 0, invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		if *from < 0 || *from > *to || *to > 65535 {
			return 0, 0, invalid("Invalid TCP/UDP port range (%d:%d)", *from, *to)
		}
		return *from, *to, nil
	case "icmp", "icmpv6":
		first, last = -1, -1
		if from != nil {
			first = *from
		}
		if to != nil {
			last = *to
		}
		return first, last, nil
	}
	return -1, -1, nil
}

// checkCIDR wants a block that names its first address.
func checkCIDR(cidr string, four bool) error {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is4() != four || p.Masked() != p {
		return invalid("CIDR block %s is malformed", cidr)
	}
	return nil
}

// permissions joins a group's rules that differ in their peers only, as
// DescribeSecurityGroups shows them.
func permissions(g *group, egress bool) []types.IpPermission {
	list := []types.IpPermission{}
	type ports struct {
		protocol string
		from, to int32
	}
	at := map[ports]int{}
	for _, r := range g.rules {
		if r.egress != egress {
			continue
		}
		k := ports{r.protocol, r.from, r.to}
		n, ok := at[k]
		if !ok {
			p := types.IpPermission{
				IpProtocol: aws.String(r.protocol), IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{},
				PrefixListIds: []types.PrefixListId{}, UserIdGroupPairs: []types.UserIdGroupPair{},
			}
			if r.protocol != "-1" && (r.from != -1 || strings.HasPrefix(r.protocol, "icmp")) {
				p.FromPort, p.ToPort = aws.Int32(r.from), aws.Int32(r.to)
			}
			n = len(list)
			at[k], list = n, append(list, p)
		}
		p := &list[n]
		switch {
		case r.cidr != "":
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(r.cidr), Description: filled(r.description)})
		case r.cidr6 != "":
			p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(r.cidr6), Description: filled(r.description)})
		default:
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{
				GroupId: aws.String(r.referenced), UserId: aws.String(g.account), Description: filled(r.description),
			})
		}
	}
	return list
}

func filled(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}
