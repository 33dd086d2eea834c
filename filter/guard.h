/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.h - the guard of one vif as plain values
 *
 *   from_guest   what is over the vif's rates is dropped, if it has any; then
 *                two fast rules: the ordinary IPv4 and IPv6 frame leaves here.
 *                Else: source MAC, link-local groups, then by ethertype:
 *                An announcement of the own MAC leaves here.
 *     check_arp    lengths and sender MAC, then check_arp_ip  sender address,
 *                  or check_probe  what a probe asks for
 *     check_ip     source address, or a DHCP client without one; then
 *       in_ip        is it a DHCP server's, or a multicast router's? in_igmp
 *         in_dhcp      to a DHCP server: for the guest's own MAC?
 *     check_ip6    source address, or :: where a new host must use it; then
 *       in_ip6       an extension header? in_ext6: and none behind it? then
 *       in_upper6    is there an upper layer? then in_udp6 (a DHCP server's?)
 *         in_dhcp6     to a DHCP server: is all of it here?
 *         in_icmp6     a router's? else, of neighbour discovery: check_target
 *                      (is it its own?) and nd0, nd1 .. (rs0 ..), one for each
 *                      eight bytes of options: whose link-layer address?
 *   to_guest     from elsewhere, with the guest's own MAC or address?
 *
 * Each chain but the first and the last lists what may pass (return) and ends in
 * a counted drop: a header that is cut short matches nothing and so is dropped.
 * The first ends in one, too: any type that it does not name is dropped. What the
 * fast rules let pass the others would, too: they only save time.
 */
#ifndef NETBACK_FILTER_GUARD_H
#define NETBACK_FILTER_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "policy.h"

enum {
	GUARD_MATCHES = 10, /* most in one rule: source is none of nine MACs */
	GUARD_RULES = 288,  /* 12 for each address and pair, 64 of our own */
	GUARD_SET = VIF_ADDRS + 1, /* and the link-local address of the MAC */
	GUARD_NAMED = 64 + 8,	   /* and with another prefix */
	GUARD_NAME = 64, /* "netback-" and 15 bytes, each three at most, NUL */
	GUARD_LOG_GROUP = 0x4e44, /* of nfnetlink_log, for lease.c alone */
	GUARD_LOG_SNAP = 2048,	  /* more than a DHCP message has */
	GUARD_PRIO = -500, /* before anything an administrator is likely to */
};

/* The first bytes of a header; a field knows which header it needs. The RAW_
 * ones need none to be there, and say so in nft's syntax as @base,bits,bits.
 */
enum guard_field {
	GUARD_ETHER_SADDR,
	GUARD_ETHER_DADDR,
	GUARD_ETHER_TYPE,
	GUARD_ARP_HTYPE,
	GUARD_ARP_PTYPE,
	GUARD_ARP_HLEN,
	GUARD_ARP_PLEN,
	GUARD_ARP_OP,
	GUARD_ARP_SADDR_ETHER,
	GUARD_ARP_SADDR_IP,
	GUARD_ARP_DADDR_IP,
	GUARD_IP_FRAG,
	GUARD_IP_PROTO,
	GUARD_IP_SADDR,
	GUARD_IP_DADDR,
	GUARD_UDP_SPORT,
	GUARD_UDP_DPORT,
	GUARD_IP6_LENGTH,
	GUARD_IP6_NEXT,
	GUARD_IP6_SADDR,
	GUARD_IP6_DADDR,
	GUARD_ICMP6_TYPE,
	GUARD_L4PROTO,
	GUARD_PKTTYPE,
	GUARD_PROTOCOL,
	GUARD_RAW_SADDR,      /* source MAC */
	GUARD_RAW_SADDR_TYPE, /* .. and ethertype */
	GUARD_RAW_IP_SADDR,
	GUARD_RAW_IP6_SADDR,
	GUARD_RAW_IP6_NEXT,
	GUARD_RAW_IP6_SECOND, /* what an extension header says comes next */
	GUARD_RAW_IP6_FRAG,   /* offset in a fragment header that comes first */
	GUARD_RAW_DPORT,
	GUARD_RAW_TARGET,   /* of neighbour solicitation and advertisement */
	GUARD_RAW_OPT_TYPE, /* of neighbour discovery, one of eight bytes */
	GUARD_RAW_OPT_LEN,
	GUARD_RAW_OPT_REST, /* .. all but its type */
	GUARD_RAW_CHADDR,   /* in DHCP: whose lease */
	GUARD_RAW_YIADDR,   /* .. which address */
	GUARD_RAW_DHCP,	    /* .. first option */
	GUARD_TCP_FLAGS,
	GUARD_RAW_FRAME, /* the first bytes of all */
	GUARD_FIELDS,
};

enum guard_base { GUARD_LINK, GUARD_NET, GUARD_TRANSPORT, GUARD_META };

struct guard_field_info {
	const char *name; /* as nft writes it; NULL: raw */
	uint8_t base;	  /* enum guard_base */
	uint8_t off, len; /* bytes from the base; GUARD_META: the key */
	uint16_t ether;	  /* ethertype that the header needs, 0 = none */
	uint8_t proto;	  /* L4 protocol that the header needs, 0 = none */
};
extern const struct guard_field_info guard_fields[GUARD_FIELDS];

/* IN: the set of that length. LEARN puts it there, and is no match when the set
 * is full. SYN: of TCP's flags, SYN without ACK. RANGE: of one byte, from the
 * value's first to its second.
 */
enum guard_op {
	GUARD_EQ,
	GUARD_NE,
	GUARD_LT,
	GUARD_GT,
	GUARD_IN,
	GUARD_LEARN,
	GUARD_SYN,
	GUARD_RANGE,
};
enum guard_set { GUARD_ADDR4, GUARD_ADDR6, GUARD_SETS };

struct guard_match {
	uint8_t field; /* enum guard_field */
	uint8_t op;    /* enum guard_op */
	uint8_t skip;  /* EQ and NE: leading bits not compared .. */
	uint8_t bits;  /* .. and the end of those that are */
	uint16_t at;   /* bytes to add to the field's offset */
	uint8_t value[16];
};

enum {
	GUARD_ND_SLOTS = 3, /* times eight bytes of options that we look at */
	GUARD_RS_SLOTS = 2,
};

enum guard_chain {
	GUARD_FROM_GUEST,
	GUARD_TO_GUEST,
	GUARD_CHECK_ARP,
	GUARD_CHECK_ARP_IP,
	GUARD_CHECK_PROBE,
	GUARD_CHECK_IP,
	GUARD_IN_IP,
	GUARD_IN_IGMP,
	GUARD_IN_DHCP,
	GUARD_CHECK_IP6,
	GUARD_IN_IP6,
	GUARD_IN_EXT6,
	GUARD_IN_UPPER6,
	GUARD_IN_UDP6,
	GUARD_IN_DHCP6,
	GUARD_IN_ICMP6,
	GUARD_CHECK_TARGET,
	GUARD_ND0, /* .. and the slots after it */
	GUARD_RS0 = GUARD_ND0 + GUARD_ND_SLOTS + 1,
	GUARD_CHAINS = GUARD_RS0 + GUARD_RS_SLOTS + 1,
};
extern const char *const guard_chains[GUARD_CHAINS];

/* Why a frame was dropped: the names of the counters. */
enum guard_counter {
	GUARD_DROP_MAC,
	GUARD_DROP_LINKLOCAL,
	GUARD_DROP_ETHERTYPE,
	GUARD_DROP_ARP,
	GUARD_DROP_IP,
	GUARD_DROP_IP6,
	GUARD_DROP_DHCP,
	GUARD_DROP_ND,
	GUARD_DROP_RA,
	GUARD_DROP_HIDDEN,
	GUARD_DROP_OWN,
	GUARD_DROP_PACKETS,
	GUARD_DROP_CONNECTIONS,
	GUARD_COUNTERS,
};
extern const char *const guard_counters[GUARD_COUNTERS];
extern const char *const guard_sets[GUARD_SETS];

enum guard_verdict { GUARD_DROP, GUARD_RETURN, GUARD_GOTO, GUARD_GO_ON };

struct guard_rule {
	uint8_t chain;	 /* enum guard_chain */
	uint8_t verdict; /* enum guard_verdict */
	uint8_t to;	 /* GOTO: enum guard_chain; DROP: enum guard_counter */
	bool fast;	 /* only saves time */
	bool spare;	 /* nothing here goes wrong without the whole rule */
	bool log;	 /* to GUARD_LOG_GROUP, for lease.c */
	uint32_t over;	 /* only what is over so many in a second; 0 = all */
	uint8_t n;
	struct guard_match m[GUARD_MATCHES];
};

struct guard {
	char dev[IFNAMSIZ];
	char table[GUARD_NAME];
	bool accept; /* a note: rules that accept go with the table (accept.h) */
	bool chain[GUARD_CHAINS];     /* in use */
	uint32_t learn_s[GUARD_SETS]; /* 0: what is in the set stays there */
	uint32_t size[GUARD_SETS];    /* of a set that is learned */
	bool leased[GUARD_SETS]; /* besides what is in it: lease.c's, in time */
	uint8_t nset[GUARD_SETS];
	uint8_t set[GUARD_SETS][GUARD_SET][16];
	unsigned n;
	struct guard_rule v[GUARD_RULES]; /* of one chain: in order */
};

/* Pure. -EINVAL with a sentence for a policy that no table can carry. */
int guard_build(const struct policy *p, struct guard *g, struct err *e);

/* The table's name for a device: bytes which nft's grammar does not take are
 * written as '/' and two hex digits ('/' is in no device's name).
 */
int guard_table(const char *dev, char name[GUARD_NAME]);

/* The same for another table of the device's: prefix instead of "netback-". */
void guard_named(const char *prefix, const char *dev, char table[GUARD_NAMED]);

/* The other way round; -EINVAL for a table that is no guard. */
int guard_device(const char *table, char dev[IFNAMSIZ]);

/* Pure. May packets come from there? */
bool guard_allows(const struct guard *g, const struct vif_addr *a);

/* Is there such a set? One that is learned is there though it be empty. */
bool guard_has_set(const struct guard *g, enum guard_set s);

/* Clears all but the first `bits` bits; tells whether something was there. */
bool guard_cut(uint8_t *v, unsigned len, unsigned bits);

/* guard_print.c, pure. In nft's syntax: length, or -ENOSPC. */
int guard_print(const struct guard *g, char *buf, size_t size);

/* guard_nft.c: the same values as a netlink batch, and compared with the
 * kernel's (0 equal, 1 with one line per difference on out).
 */
struct guard_was {
	bool there, noted; /* a table, and with the note `accept` */
};
/* What goes into the same batch, if the guard is new; NULL: nothing. done: it did. */
struct nft;
struct nft_batch;
struct guard_also {
	int (*put)(struct nft *nft, struct nft_batch *b, const void *arg);
	const void *arg;
	bool done;
};
int guard_nft_apply(const struct guard *g, struct guard_was *was,
		    struct guard_also *also, struct err *e);
/* 1: it has the note `accept`, and stays unless noted is true. */
int guard_nft_remove(const char *table, bool noted, struct err *e);
int guard_nft_check(const struct guard *g, FILE *out, struct err *e);

#endif
