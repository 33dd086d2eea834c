// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_names.c - fields, chains, counters and sets by name */
#include <ctype.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"
#include "guard.h"

const struct guard_field_info guard_fields[GUARD_FIELDS] = {
	[GUARD_ETHER_SADDR] = { "ether saddr", GUARD_LINK, 6, 6, 0, 0 },
	[GUARD_ETHER_DADDR] = { "ether daddr", GUARD_LINK, 0, 6, 0, 0 },
	[GUARD_ETHER_TYPE] = { "ether type", GUARD_LINK, 12, 2, 0, 0 },
	[GUARD_ARP_HTYPE] = { "arp htype", GUARD_NET, 0, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_PTYPE] = { "arp ptype", GUARD_NET, 2, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_HLEN] = { "arp hlen", GUARD_NET, 4, 1, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_PLEN] = { "arp plen", GUARD_NET, 5, 1, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_OP] = { "arp operation", GUARD_NET, 6, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_SADDR_ETHER] = { "arp saddr ether", GUARD_NET, 8, 6,
				    ETHERTYPE_ARP, 0 },
	[GUARD_ARP_SADDR_IP] = { "arp saddr ip", GUARD_NET, 14, 4,
				 ETHERTYPE_ARP, 0 },
	[GUARD_ARP_DADDR_IP] = { "arp daddr ip", GUARD_NET, 24, 4,
				 ETHERTYPE_ARP, 0 },
	[GUARD_IP_FRAG] = { "ip frag-off", GUARD_NET, 6, 2, ETHERTYPE_IP, 0 },
	[GUARD_IP_PROTO] = { "ip protocol", GUARD_NET, 9, 1, ETHERTYPE_IP, 0 },
	[GUARD_IP_SADDR] = { "ip saddr", GUARD_NET, 12, 4, ETHERTYPE_IP, 0 },
	[GUARD_IP_DADDR] = { "ip daddr", GUARD_NET, 16, 4, ETHERTYPE_IP, 0 },
	[GUARD_UDP_SPORT] = { "udp sport", GUARD_TRANSPORT, 0, 2, 0,
			      IPPROTO_UDP },
	[GUARD_UDP_DPORT] = { "udp dport", GUARD_TRANSPORT, 2, 2, 0,
			      IPPROTO_UDP },
	[GUARD_IP6_LENGTH] = { "ip6 length", GUARD_NET, 4, 2, ETHERTYPE_IPV6,
			       0 },
	[GUARD_IP6_NEXT] = { "ip6 nexthdr", GUARD_NET, 6, 1, ETHERTYPE_IPV6,
			     0 },
	[GUARD_IP6_SADDR] = { "ip6 saddr", GUARD_NET, 8, 16, ETHERTYPE_IPV6,
			      0 },
	[GUARD_IP6_DADDR] = { "ip6 daddr", GUARD_NET, 24, 16, ETHERTYPE_IPV6,
			      0 },
	[GUARD_ICMP6_TYPE] = { "icmpv6 type", GUARD_TRANSPORT, 0, 1, 0,
			       IPPROTO_ICMPV6 },
	[GUARD_L4PROTO] = { "meta l4proto", GUARD_META, NFT_META_L4PROTO, 1, 0,
			    0 },
	[GUARD_PKTTYPE] = { "meta pkttype", GUARD_META, NFT_META_PKTTYPE, 1, 0,
			    0 },
	[GUARD_PROTOCOL] = { "meta protocol", GUARD_META, NFT_META_PROTOCOL, 2,
			     0, 0 },
	[GUARD_RAW_SADDR] = { NULL, GUARD_LINK, 6, 6, 0, 0 },
	[GUARD_RAW_SADDR_TYPE] = { NULL, GUARD_LINK, 6, 8, 0, 0 },
	[GUARD_RAW_IP_SADDR] = { NULL, GUARD_NET, 12, 4, 0, 0 },
	[GUARD_RAW_IP6_SADDR] = { NULL, GUARD_NET, 8, 16, 0, 0 },
	[GUARD_RAW_IP6_NEXT] = { NULL, GUARD_NET, 6, 1, 0, 0 },
	[GUARD_RAW_IP6_SECOND] = { NULL, GUARD_NET, 40, 1, 0, 0 },
	[GUARD_RAW_IP6_FRAG] = { NULL, GUARD_NET, 42, 2, 0, 0 },
	[GUARD_RAW_DPORT] = { NULL, GUARD_TRANSPORT, 2, 2, 0, 0 },
	[GUARD_RAW_TARGET] = { NULL, GUARD_TRANSPORT, 8, 16, 0, 0 },
	[GUARD_RAW_OPT_TYPE] = { NULL, GUARD_TRANSPORT, 0, 1, 0, 0 },
	[GUARD_RAW_OPT_LEN] = { NULL, GUARD_TRANSPORT, 1, 1, 0, 0 },
	[GUARD_RAW_OPT_REST] = { NULL, GUARD_TRANSPORT, 1, 7, 0, 0 },
	[GUARD_RAW_CHADDR] = { NULL, GUARD_TRANSPORT, 36, 6, 0, 0 },
	[GUARD_RAW_YIADDR] = { NULL, GUARD_TRANSPORT, 24, 4, 0, 0 },
	[GUARD_RAW_DHCP] = { NULL, GUARD_TRANSPORT, 248, 3, 0, 0 },
	[GUARD_TCP_FLAGS] = { "tcp flags", GUARD_TRANSPORT, 13, 1, 0,
			      IPPROTO_TCP },
	[GUARD_RAW_FRAME] = { NULL, GUARD_LINK, 0, 16, 0, 0 },
};

/* None of these may be a word of nft's language ("arp" and "ip6" are). */
const char *const guard_chains[GUARD_CHAINS] = {
	[GUARD_FROM_GUEST] = "from_guest",
	[GUARD_TO_GUEST] = "to_guest",
	[GUARD_CHECK_ARP] = "check_arp",
	[GUARD_CHECK_ARP_IP] = "check_arp_ip",
	[GUARD_CHECK_PROBE] = "check_probe",
	[GUARD_CHECK_IP] = "check_ip",
	[GUARD_IN_IP] = "in_ip",
	[GUARD_IN_IGMP] = "in_igmp",
	[GUARD_IN_DHCP] = "in_dhcp",
	[GUARD_CHECK_IP6] = "check_ip6",
	[GUARD_IN_IP6] = "in_ip6",
	[GUARD_IN_EXT6] = "in_ext6",
	[GUARD_IN_UPPER6] = "in_upper6",
	[GUARD_IN_UDP6] = "in_udp6",
	[GUARD_IN_DHCP6] = "in_dhcp6",
	[GUARD_IN_ICMP6] = "in_icmp6",
	[GUARD_CHECK_TARGET] = "check_target",
	[GUARD_ND0] = "nd0",
	[GUARD_ND0 + 1] = "nd1",
	[GUARD_ND0 + 2] = "nd2",
	[GUARD_ND0 + 3] = "nd3",
	[GUARD_RS0] = "rs0",
	[GUARD_RS0 + 1] = "rs1",
	[GUARD_RS0 + 2] = "rs2",
};
const char *const guard_counters[GUARD_COUNTERS] = {
	[GUARD_DROP_MAC] = "drop_mac",
	[GUARD_DROP_LINKLOCAL] = "drop_linklocal",
	[GUARD_DROP_ETHERTYPE] = "drop_ethertype",
	[GUARD_DROP_ARP] = "drop_arp",
	[GUARD_DROP_IP] = "drop_ip",
	[GUARD_DROP_IP6] = "drop_ip6",
	[GUARD_DROP_DHCP] = "drop_dhcp",
	[GUARD_DROP_ND] = "drop_nd",
	[GUARD_DROP_RA] = "drop_ra",
	[GUARD_DROP_HIDDEN] = "drop_hidden",
	[GUARD_DROP_OWN] = "drop_own",
	[GUARD_DROP_PACKETS] = "drop_packets",
	[GUARD_DROP_CONNECTIONS] = "drop_connections",
};
const char *const guard_sets[GUARD_SETS] = {
	[GUARD_ADDR4] = "addr4",
	[GUARD_ADDR6] = "addr6",
};

static bool guard_plain(char c)
{
	return isascii(c) && (isalnum((unsigned char)c) || strchr("._-", c));
}

int guard_table(const char *dev, char name[GUARD_NAME])
{
	size_t n = (size_t)snprintf(name, GUARD_NAME, "netback-");

	if (!*dev || strlen(dev) >= IFNAMSIZ)
		return -EINVAL;
	for (; *dev; dev++)
		n += (size_t)snprintf(name + n, GUARD_NAME - n,
				      guard_plain(*dev) ? "%c" : "/%02x",
				      (unsigned char)*dev);
	return 0;
}

void guard_named(const char *prefix, const char *dev, char table[GUARD_NAMED])
{
	char name[GUARD_NAME] = "netback-";

	guard_table(dev, name);
	str_fmt(table, GUARD_NAMED, "%s%s", prefix, name + strlen("netback-"));
}

int guard_device(const char *table, char dev[IFNAMSIZ])
{
	const char *s = table + strlen("netback-");
	unsigned n = 0, c;

	if (strncmp(table, "netback-", strlen("netback-")))
		return -EINVAL;
	for (; *s; n++) {
		if (n == IFNAMSIZ - 1)
			return -EINVAL;
		if (*s != '/') {
			dev[n] = *s++;
		} else {
			if (sscanf(s, "/%2x", &c) != 1 || !s[1] || !s[2])
				return -EINVAL;
			dev[n] = (char)c;
			s += 3;
		}
	}
	dev[n] = '\0';
	return n ? 0 : -EINVAL;
}
