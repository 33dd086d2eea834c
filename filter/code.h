/* SPDX-License-Identifier: GPL-2.0-or-later */
/* code.h - the kernel's small instructions, one call each
 *
 * Each call appends to a rule. Values are loaded into register 1, where the
 * next comparison or lookup reads them. Out of memory: the rule is marked as
 * failed, so that callers check once.
 */
#ifndef NETBACK_FILTER_CODE_H
#define NETBACK_FILTER_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nftnl_expr;
struct nftnl_rule;

struct code {
	struct nftnl_rule *rule;
	bool failed;
};

int code_open(struct code *c, uint32_t family, const char *table,
	      const char *chain);
void code_close(struct code *c);
/* An expression for which there is no call here; NULL marks the rule. */
struct nftnl_expr *code_add(struct code *c, const char *name);

/* Loads. base: enum nft_payload_bases; key: enum nft_meta_keys */
void code_meta(struct code *c, uint32_t key);
void code_payload(struct code *c, uint32_t base, uint32_t off, uint32_t len);
/* .. into another register: a set's key of several values lies from 1 on */
void code_meta_to(struct code *c, uint32_t reg, uint32_t key);
void code_payload_to(struct code *c, uint32_t reg, uint32_t base, uint32_t off,
		     uint32_t len);

void code_ct(struct code *c, uint32_t key); /* enum nft_ct_keys */
/* Register 1 into the packet's mark (NFT_META_MARK). */
void code_meta_put(struct code *c, uint32_t key);

/* Tests of what was loaded. code_mask keeps the bits of mask. */
void code_mask(struct code *c, const void *mask, uint32_t len);
/* .. and then changes those of flip. */
void code_mask_flip(struct code *c, const void *mask, const void *flip,
		    uint32_t len);
void code_cmp(struct code *c, bool equal, const void *data, uint32_t len);
void code_in_set(struct code *c, const char *set);
void code_not_in_set(struct code *c, const char *set);
/* op: enum nft_cmp_ops */
void code_compare(struct code *c, uint32_t op, const void *data, uint32_t len);
void code_range(struct code *c, bool inside, const void *from, const void *to,
		uint32_t len);
/* rate per unit seconds */
void code_limit(struct code *c, uint64_t rate, uint64_t unit, uint32_t burst);
/* What is over so many in a second, and as many at once. */
void code_over(struct code *c, uint32_t rate);

/* What happens. verdict: NF_DROP, NFT_RETURN, NFT_GOTO .. (chain: for the last) */
void code_counter(struct code *c, const char *name); /* a counter object */
void code_count(struct code *c);		     /* one of its own */
/* A comment, as nft has it; for people and for who reads the counters. */
void code_comment(struct code *c, const char *text);
void code_counted(struct code *c, uint64_t packets, uint64_t bytes);
/* To netlink group: prefix "" none; size and threshold 0 = the kernel's own. */
void code_log(struct code *c, const char *prefix, uint16_t group, uint32_t size,
	      uint16_t threshold);
void code_verdict(struct code *c, int verdict, const char *chain);

/* Extensions of iptables: info is the kernel's struct, copied. */
void code_xt_match(struct code *c, const char *name, uint32_t rev,
		   const void *info, uint32_t len);

void code_xt_target(struct code *c, const char *name, uint32_t rev,
		    const void *info, uint32_t len);

/* The instructions as text, one per line: equal rules have equal text.
 * Length, or -ENOSPC.
 */
int code_text(const struct nftnl_rule *r, char *buf, size_t size);

#endif
