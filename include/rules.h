/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - an administrator's rules, in iptables' own words
 *
 * A rule added here is one that iptables takes for its own: it prints it byte
 * for byte as if it had added it, and either's -C and -D accept the other's. It
 * stands in the administrator's chains, is his, and outlives the vif.
 *
 * The words are those of this host's iptables: matches and targets are read by
 * its own extensions (libxtables). What is known to be written into the kernel
 * exactly as iptables-nft 1.8 does is written from here; a rule with anything
 * else goes to `iptables-restore -n` of the right variant.
 */
#ifndef NETBACK_RULES_H
#define NETBACK_RULES_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum {
	RULES_CHAIN =
		32, /* libiptc reads that many bytes of a chain's name .. */
	RULES_CHAIN_MOST = 28, /* .. which may have so many characters */
	RULES_NAME = 30,       /* of an extension's, and of a table's */
	RULES_TEXT = 2048,
	RULES_MATCHES = 12, /* most matches in one rule */
	RULES_WORDS = 256,  /* most words in one rule */
	RULES_PAIRS =
		100000, /* most rules that one makes by -s a,b and -d c,d */
};

enum rules_verb {
	RULES_APPEND,
	RULES_INSERT,
	RULES_DELETE,
	RULES_REPLACE,
	RULES_CHECK,
	/* of the chain itself; no words of rules_parse, but of files */
	RULES_NEW,    /* make it, when it is not there */
	RULES_EMPTY,  /* delete its rules, when it is there */
	RULES_REMOVE, /* delete it, empty, when it is there */
	RULES_POLICY, /* a chain of the table's own: jump is ACCEPT or DROP */
	RULES_CLEAR,  /* the table: its rules, and chains not its own */
};

enum rules_variant { RULES_NFT, RULES_LEGACY };

/* One match or target: the kernel's own struct, as the extension filled it. */
struct rules_ext {
	char name[RULES_NAME]; /* as the kernel calls it */
	uint8_t rev;
	uint16_t size; /* bytes of info */
	uint16_t user; /* of these, the ones that tell rules apart */
	uint8_t *info;
};

/* No bit in addr, mask and not: none was given. */
struct rules_addr {
	bool not ;
	uint8_t addr[16], mask[16]; /* IPv4: the first four */
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
	uint8_t verb;	/* enum rules_verb */
	bool ip6;	/* which of iptables and ip6tables */
	bool goes;	/* -g, not -j */
	bool frag;	/* -f */
	bool not_frag;	/* ! -f */
	bool not_proto; /* ! -p */
	uint8_t proto;	/* 0 = any */
	bool not_in, not_out;
	uint32_t num; /* of the line for -I, -D and -R, 0 = none was given */
	char table[RULES_NAME], chain[RULES_CHAIN];
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* a last '+' is a wildcard */
	struct rules_addr src, dst;
	uint64_t packets, bytes;
	unsigned line; /* of the file it was read from, 0 = none .. */
	unsigned col;  /* .. and where the rule begins in it */
	unsigned n;
	struct rules_ext match[RULES_MATCHES];
	struct rules_ext target; /* no name: jump is a verdict or a chain */
	char jump[RULES_CHAIN];	 /* "" = only count */
};

/* Rules in order; owns what its rules hold. */
struct rules {
	struct rule *v;
	size_t n, room;
	const char *file; /* whose line and col the rules have, or NULL */
};

void rules_free(struct rules *rs);
/* A copy of r at the end: 0 or -ENOMEM. */
void rules_free_last(struct rules *rs);
int rules_add(struct rules *rs, const struct rule *r);

/* What one command line asks for. family: 4, 6 or 0 (as the words say, else 4).
 * Adds one rule to out, or one for each pair of -s a,b and -d c,d. -EINVAL with
 * iptables' sentence and ours. Loads extensions; changes nothing in the kernel.
 */
int rules_parse(int argc, const char *const *argv, int family,
		struct rules *out, struct err *e);

/* Which of its words rules_parse refused, from 0. */
int rules_parse_word(void);

/* Pure but for what the extensions load. As `iptables -S` prints it, without a
 * newline: length, or -errno.
 */
int rules_print(const struct rule *r, char *buf, size_t size);

/* Why a rule can never match, or the kernel refuses it: -EINVAL with the reason;
 * 0 when it can.
 */
int rules_never(const struct rule *r, struct err *e);

/* filter, nat, mangle, raw, security */
bool rules_table_known(const char *name);

/* Is it one of the table's own chains, as INPUT is filter's? */
bool rules_builtin(const char *table, const char *chain);

/* The kernel's struct of a match, NULL when the rule has none of that name. */
const struct rules_ext *rules_match(const struct rule *r, const char *name);

/* --- which variant -------------------------------------------------------- */

/* What a host has. */
struct rules_host {
	bool has_binary;       /* there is a program iptables .. */
	enum rules_variant is; /* .. of this variant */
	unsigned nft, legacy; /* rules that each variant holds, both families */
	enum rules_variant use; /* what is used when nobody says */
	char text[256];		/* all that in one line, for people */
};
int rules_host(struct rules_host *h, struct err *e);
const char *rules_variant_name(enum rules_variant v);

/* --- to the kernel -------------------------------------------------------- */

/* Does what each rule's verb says, all or nothing, in one generation-checked
 * batch (nft), or one replacement of the table under iptables' lock (legacy).
 * 0; RULES_CHECK (alone): 1 when there is no such rule; -ENOENT with a sentence
 * when there is none to delete.
 */
int rules_do(const struct rules *rs, enum rules_variant v, struct err *e);

/* All rules of a chain, or of the table where chain is "". */
int rules_flush(bool ip6, const char *table, const char *chain,
		enum rules_variant v, struct err *e);

/* As iptables itself lists (chain "" = all) and saves, to out. */
int rules_list(bool ip6, const char *table, const char *chain,
	       enum rules_variant v, FILE *out, struct err *e);
int rules_save(bool ip6, const char *table, bool counters, enum rules_variant v,
	       FILE *out, struct err *e);

/* What iptables-save writes, or a person in its syntax: of one family. */
struct rules_text {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t size;
	bool ip6;
	bool noflush;  /* tables keep what they hold; a chain that is named
			* by ":CHAIN -" begins empty all the same */
	bool counters; /* [packets:bytes] are taken over */
};

/* Reads all of it; changes nothing in the kernel. -EINVAL with
 * "name:line:column: why". name must live as long as out does.
 */
int rules_restore_parse(const struct rules_text *t, struct rules *out,
			struct err *e);

/* --- the bridges of the ports that a rule names --------------------------- */

/* Bridged frames meet iptables only where br_netfilter is on. Switches it on
 * for the bridge that has this port (nf_call_iptables, or nf_call_ip6tables),
 * never for all. 0 with the bridge's name; -ENOENT: no such port, or on no
 * bridge, now; -EOPNOTSUPP: no br_netfilter in the kernel, and it is not ours to
 * load it.
 */
int rules_bridge(const char *port, bool ip6, char bridge[IFNAMSIZ],
		 struct err *e);

/* Before the first rule with physdev: the kernel loads br_netfilter for it when
 * it is a module, which sends the frames of every bridge to iptables. So: 0 when
 * it is there. Else, with consent, it is loaded and the switch for all bridges
 * set back to off at once; without, -EOPNOTSUPP with the bridges that would be
 * touched by name.
 */
int rules_br_netfilter(bool consent, struct err *e);

/* --- all of it ------------------------------------------------------------ */

struct rules_how {
	int family;	    /* 4, 6, 0 = as the words say */
	bool variant_given; /* else the host's own */
	enum rules_variant variant;
	bool force; /* a rule that can never match is a note, not an error */
	bool load_modules; /* consent for rules_br_netfilter */
};

/* parse, never, bridge (of the ports that the rule names) and do: what
 * `vifctl rule add -- WORDS` needs. note: "" or one line for the user, such as
 * that the port is on no bridge yet.
 */
int rules_run(int argc, const char *const *argv, const struct rules_how *how,
	      struct err *note, struct err *e);

/* The same for all of a text: what `vifctl rule restore` needs. how->family does
 * not count. All or nothing as rules_do is; -EINVAL with a place.
 */
int rules_restore(const struct rules_text *t, const struct rules_how *how,
		  struct err *note, struct err *e);

#endif
