/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.h - the guard of one vif as plain values
 *
 *   from_guest   ether saddr, link-local groups, then by ethertype:
 *     check_arp    lengths and sender MAC, then check_arp_ip  sender address
 *     check_ip     source address, or a DHCP client without one
 *     check_ip6    source address, or :: where a new host must use it
 *
 * Each chain but the first lists what may pass (return) and ends in a counted
 * drop: a header that is cut short matches nothing and so is dropped. The first
 * ends in one, too: any type that it does not name is dropped.
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
	GUARD_MATCHES = 6, /* most matches in one rule: sane ARP has five */
	GUARD_RULES = 80,  /* 3 x VIF_ADDRS and less than 32 of our own */
	GUARD_SET = VIF_ADDRS + 1, /* and the link-local address of the MAC */
	GUARD_NAME = 64, /* "netback-" and 15 bytes, each three at most, NUL */
	GUARD_PRIO = -500, /* before anything an administrator is likely to */
};

/* The first bytes of a header; a field knows which header it needs. */
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
	GUARD_IP_FRAG,
	GUARD_IP_SADDR,
	GUARD_IP_DADDR,
	GUARD_UDP_SPORT,
	GUARD_UDP_DPORT,
	GUARD_IP6_SADDR,
	GUARD_ICMP6_TYPE,
	GUARD_FIELDS,
};

enum guard_base { GUARD_LINK, GUARD_NET, GUARD_TRANSPORT };

struct guard_field_info {
	const char *name; /* as nft writes it */
	uint8_t base;	  /* enum guard_base */
	uint8_t off, len; /* bytes from the base */
	uint16_t ether;	  /* ethertype that the header needs, 0 = none */
	uint8_t proto;	  /* L4 protocol that the header needs, 0 = none */
};
extern const struct guard_field_info guard_fields[GUARD_FIELDS];

enum guard_op { GUARD_EQ, GUARD_NE, GUARD_IN };
enum guard_set { GUARD_ADDR4, GUARD_ADDR6, GUARD_SETS };

struct guard_match {
	uint8_t field; /* enum guard_field */
	uint8_t op;    /* enum guard_op; GUARD_IN: in the set of its length */
	uint8_t skip;  /* EQ and NE: leading bits not compared .. */
	uint8_t bits;  /* .. and the end of those that are */
	uint8_t value[16];
};

enum guard_chain {
	GUARD_FROM_GUEST,
	GUARD_CHECK_ARP,
	GUARD_CHECK_ARP_IP,
	GUARD_CHECK_IP,
	GUARD_CHECK_IP6,
	GUARD_CHAINS,
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
	GUARD_COUNTERS,
};
extern const char *const guard_counters[GUARD_COUNTERS];
extern const char *const guard_sets[GUARD_SETS];

enum guard_verdict { GUARD_DROP, GUARD_RETURN, GUARD_GOTO };

struct guard_rule {
	uint8_t chain;	 /* enum guard_chain */
	uint8_t verdict; /* enum guard_verdict */
	uint8_t to;	 /* GOTO: enum guard_chain; DROP: enum guard_counter */
	uint8_t n;
	struct guard_match m[GUARD_MATCHES];
};

struct guard {
	char dev[IFNAMSIZ];
	char table[GUARD_NAME];
	bool chain[GUARD_CHAINS]; /* in use */
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

/* In nft's syntax: length, or -ENOSPC. */
int guard_print(const struct guard *g, char *buf, size_t size);

/* guard_nft.c: the same values as a netlink batch, and compared with the
 * kernel's (0 equal, 1 with one line per difference on out).
 */
int guard_nft_apply(const struct guard *g, struct err *e);
int guard_nft_remove(const char *table, struct err *e);
int guard_nft_check(const struct guard *g, FILE *out, struct err *e);

#endif
