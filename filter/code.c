// SPDX-License-Identifier: GPL-2.0-or-later
/* code.c - the kernel's small instructions, one call each; no netlink here */
#include "code.h"

#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

#include <assert.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

int code_open(struct code *c, uint32_t family, const char *table,
	      const char *chain)
{
	c->failed = false;
	c->rule = nftnl_rule_alloc();
	if (!c->rule)
		return -ENOMEM;
	nftnl_rule_set_u32(c->rule, NFTNL_RULE_FAMILY, family);
	if (nftnl_rule_set_str(c->rule, NFTNL_RULE_TABLE, table) ||
	    nftnl_rule_set_str(c->rule, NFTNL_RULE_CHAIN, chain))
		c->failed = true;
	return 0;
}

void code_close(struct code *c)
{
	if (c->rule)
		nftnl_rule_free(c->rule);
	c->rule = NULL;
}

struct nftnl_expr *code_add(struct code *c, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	if (x)
		nftnl_rule_add_expr(c->rule, x);
	else
		c->failed = true;
	return x;
}

void code_meta_to(struct code *c, uint32_t reg, uint32_t key)
{
	struct nftnl_expr *x = code_add(c, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg);
}

void code_meta(struct code *c, uint32_t key)
{
	code_meta_to(c, NFT_REG_1, key);
}

void code_payload_to(struct code *c, uint32_t reg, uint32_t base, uint32_t off,
		     uint32_t len)
{
	struct nftnl_expr *x = code_add(c, "payload");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, off);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void code_payload(struct code *c, uint32_t base, uint32_t off, uint32_t len)
{
	code_payload_to(c, NFT_REG_1, base, off, len);
}

void code_ct(struct code *c, uint32_t key)
{
	struct nftnl_expr *x = code_add(c, "ct");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

void code_meta_put(struct code *c, uint32_t key)
{
	struct nftnl_expr *x = code_add(c, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void code_mask(struct code *c, const void *mask, uint32_t len)
{
	static const uint8_t none[16];

	code_mask_flip(c, mask, none, len);
}

void code_mask_flip(struct code *c, const void *mask, const void *flip,
		    uint32_t len)
{
	struct nftnl_expr *x = code_add(c, "bitwise");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, flip, len);
}

void code_compare(struct code *c, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *x = code_add(c, "cmp");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
}

void code_cmp(struct code *c, bool equal, const void *data, uint32_t len)
{
	code_compare(c, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, data, len);
}

void code_range(struct code *c, bool inside, const void *from, const void *to,
		uint32_t len)
{
	struct nftnl_expr *x = code_add(c, "range");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_OP,
			   inside ? NFT_RANGE_EQ : NFT_RANGE_NEQ);
	nftnl_expr_set(x, NFTNL_EXPR_RANGE_FROM_DATA, from, len);
	nftnl_expr_set(x, NFTNL_EXPR_RANGE_TO_DATA, to, len);
}

static void code_rate(struct code *c, uint64_t rate, uint64_t unit,
		      uint32_t burst, uint32_t flags)
{
	struct nftnl_expr *x = code_add(c, "limit");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, flags);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, rate);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, unit);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, burst);
}

void code_limit(struct code *c, uint64_t rate, uint64_t unit, uint32_t burst)
{
	code_rate(c, rate, unit, burst, 0);
}

void code_over(struct code *c, uint32_t rate)
{
	code_rate(c, rate, 1, rate, NFT_LIMIT_F_INV);
}

/* The kernel's answer has the flags, and code_text shows them. */
static void code_lookup(struct code *c, const char *set, uint32_t flags)
{
	struct nftnl_expr *x = code_add(c, "lookup");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, flags);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set))
		c->failed = true;
}

void code_in_set(struct code *c, const char *set)
{
	code_lookup(c, set, 0);
}

void code_not_in_set(struct code *c, const char *set)
{
	code_lookup(c, set, NFT_LOOKUP_F_INV);
}

void code_counter(struct code *c, const char *name)
{
	struct nftnl_expr *x = code_add(c, "objref");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_OBJREF_IMM_NAME, name))
		c->failed = true;
}

void code_count(struct code *c)
{
	code_add(c, "counter");
}

void code_comment(struct code *c, const char *text)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(256);

	if (!u || !nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, text) ||
	    nftnl_rule_set_data(c->rule, NFTNL_RULE_USERDATA,
				nftnl_udata_buf_data(u),
				nftnl_udata_buf_len(u)))
		c->failed = true;
	if (u)
		nftnl_udata_buf_free(u);
}

void code_counted(struct code *c, uint64_t packets, uint64_t bytes)
{
	struct nftnl_expr *x = code_add(c, "counter");

	if (!x)
		return;
	nftnl_expr_set_u64(x, NFTNL_EXPR_CTR_PACKETS, packets);
	nftnl_expr_set_u64(x, NFTNL_EXPR_CTR_BYTES, bytes);
}

void code_log(struct code *c, const char *prefix, uint16_t group, uint32_t size,
	      uint16_t threshold)
{
	struct nftnl_expr *x = code_add(c, "log");

	if (!x)
		return;
	if (*prefix && nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, prefix))
		c->failed = true;
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, group);
	if (size)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_SNAPLEN, size);
	if (threshold)
		nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_QTHRESHOLD, threshold);
}

void code_verdict(struct code *c, int verdict, const char *chain)
{
	struct nftnl_expr *x = code_add(c, "immediate");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain && nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain))
		c->failed = true;
}

/* The attributes of match and target are numbered alike, but for the start. */
static void code_xt(struct code *c, struct nftnl_expr *x, uint16_t first,
		    const char *name, uint32_t rev, const void *info,
		    uint32_t len)
{
	void *own = malloc(len);

	if (!x || !own) {
		free(own);
		c->failed = true;
		return;
	}
	memcpy(own, info, len);
	if (nftnl_expr_set_str(x, first, name))
		c->failed = true;
	nftnl_expr_set_u32(x, first + 1, rev);
	nftnl_expr_set(x, first + 2, own, len); /* owns it now */
}

static_assert(NFTNL_EXPR_MT_REV == NFTNL_EXPR_MT_NAME + 1 &&
		      NFTNL_EXPR_MT_INFO == NFTNL_EXPR_MT_NAME + 2,
	      "as code_xt counts");
static_assert(NFTNL_EXPR_TG_REV == NFTNL_EXPR_TG_NAME + 1 &&
		      NFTNL_EXPR_TG_INFO == NFTNL_EXPR_TG_NAME + 2,
	      "as code_xt counts");

void code_xt_match(struct code *c, const char *name, uint32_t rev,
		   const void *info, uint32_t len)
{
	code_xt(c, code_add(c, "match"), NFTNL_EXPR_MT_NAME, name, rev, info,
		len);
}

void code_xt_target(struct code *c, const char *name, uint32_t rev,
		    const void *info, uint32_t len)
{
	code_xt(c, code_add(c, "target"), NFTNL_EXPR_TG_NAME, name, rev, info,
		len);
}

struct code_out {
	char *buf;
	size_t size, len;
};

static int code_put(struct code_out *o, int n)
{
	if (n < 0 || (size_t)n + 1 >= o->size - o->len)
		return -1;
	o->len += (size_t)n;
	return 0;
}

/* libnftnl prints only the name of an extension, and a counter's numbers. */
static int code_text_info(struct nftnl_expr *x, uint16_t attr,
			  struct code_out *o)
{
	uint32_t len = 0;
	const uint8_t *info = nftnl_expr_get(x, attr, &len);
	uint32_t i;

	for (i = 0; info && i < len; i++)
		if (code_put(o, snprintf(o->buf + o->len, o->size - o->len,
					 "%02x", info[i])))
			return -1;
	return 0;
}

static int code_text_expr(struct nftnl_expr *x, void *data)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	struct code_out *o = data;

	if (!strcmp(name, "counter"))
		return code_put(o, snprintf(o->buf + o->len, o->size - o->len,
					    "[ counter ]\n"));
	if (code_put(o, nftnl_expr_snprintf(o->buf + o->len, o->size - o->len,
					    x, NFTNL_OUTPUT_DEFAULT, 0)))
		return -1;
	if (!strcmp(name, "match") && code_text_info(x, NFTNL_EXPR_MT_INFO, o))
		return -1;
	if (!strcmp(name, "target") && code_text_info(x, NFTNL_EXPR_TG_INFO, o))
		return -1;
	return code_put(o, snprintf(o->buf + o->len, o->size - o->len, "\n"));
}

int code_text(const struct nftnl_rule *r, char *buf, size_t size)
{
	struct code_out o = { buf, size, 0 };

	if (!size ||
	    nftnl_expr_foreach((struct nftnl_rule *)r, code_text_expr, &o) < 0)
		return -ENOSPC;
	return (int)o.len;
}
