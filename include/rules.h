/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - an administrator's rules, in iptables' own words
 *
 * A rule added here is one that iptables-nft takes for its own: it prints it
 * byte for byte as if it had added it, and either's -C and -D accept the
 * other's. It stands in the administrator's chains, is his, and outlives the
 * vif. The legacy variant is not written yet.
 *
 * Words understood so far, IPv4, table filter:
 *   -A|-I|-D|-C CHAIN   [!] -s|-d ADDR[/LEN]   [!] -p tcp|udp|icmp|NUMBER
 *   -m physdev  [!] --physdev-in|out NAME[+]  [!] --physdev-is-in|out|bridged
 *   -m tcp|udp  [!] --sport|--dport PORT      -j ACCEPT|DROP|RETURN|CHAIN
 * Any other word is -EOPNOTSUPP with a sentence: nothing is guessed.
 */
#ifndef NETBACK_RULES_H
#define NETBACK_RULES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	RULES_CHAIN = 29, /* bytes of a chain's name that iptables allows */
	RULES_TEXT = 512
};

enum rules_verb { RULES_APPEND, RULES_INSERT, RULES_DELETE, RULES_CHECK };

struct rules_addr {
	bool given, not ;
	uint8_t len; /* prefix, bits */
	uint8_t addr[4];
};

struct rules_port {
	bool given, not ;
	uint16_t port; /* host order */
};

/* The bits of the kernel's struct xt_physdev_info. */
enum rules_physdev {
	RULES_IN = 1,
	RULES_OUT = 2,
	RULES_BRIDGED = 4,
	RULES_IS_IN = 8,
	RULES_IS_OUT = 16,
};

struct rule {
	uint8_t verb; /* enum rules_verb */
	char chain[RULES_CHAIN];
	struct rules_addr src, dst;
	bool not_proto;
	uint8_t proto;	     /* 0 = any */
	bool ports_first;    /* -m tcp stands before -m physdev */
	uint8_t physdev;     /* bits of enum rules_physdev, 0 = none */
	uint8_t not_physdev; /* .. that are negated */
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* a last '+' is a wildcard */
	struct rules_port sport, dport;
	char target[RULES_CHAIN]; /* "" = only count */
};

/* Pure. The words after `--`. -EINVAL or -EOPNOTSUPP with a sentence that names
 * the word; a rule that can never match is -EINVAL with the reason.
 */
int rules_parse(int argc, const char *const *argv, struct rule *out,
		struct err *e);

/* Pure. As `iptables -S` prints it, without a newline: length, or -ENOSPC. */
int rules_print(const struct rule *r, char *buf, size_t size);

/* Does what the verb says, in one generation-checked batch. 0; RULES_CHECK: 1
 * when there is no such rule; -ENOENT with a sentence when there is none to
 * delete.
 */
int rules_do(const struct rule *r, struct err *e);

/* Bridged frames meet iptables only where br_netfilter is on. Switches it on
 * for the bridge that has this port (nf_call_iptables), never for all. 0 with
 * the bridge's name; -ENOENT: no such port, or on no bridge, now;
 * -EOPNOTSUPP: no br_netfilter in the kernel, and it is not ours to load it.
 */
int rules_bridge(const char *port, char bridge[IFNAMSIZ], struct err *e);

/* parse, bridge (of the ports that the rule names) and do: what
 * `vifctl rule add -- WORDS` needs. note: "" or one line for the user, such as
 * that the port is on no bridge yet.
 */
int rules_run(int argc, const char *const *argv, struct err *note,
	      struct err *e);

#endif
