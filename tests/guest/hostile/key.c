// SPDX-License-Identifier: GPL-2.0-or-later
/* key.c - lies in the store, and in what connects */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "liar.h"

enum { TOGGLE_MS = 2000, WATCHES = 300, LONG = 2000 };

/* --- text where a number was wanted ------------------------------------------------ */

static const char *const texts[] = {
	"-1",	  "4294967296",
	"1 ",	  " 1",
	"0x1",	  "",
	"1\n",	  "18446744073709551617",
	"+1",	  "/local/domain/1/device/vif/0/tx-ring-ref",
	"banana", "00000000000000000000001",
};

/* One key, each of the texts, one far too long. */
static int text(struct liar *g, const char *key)
{
	char *big;

	if (g->variant < ARRAY_SIZE(texts)) {
		liar_key(g, key, texts[g->variant]);
		return 0;
	}
	big = malloc(LONG + 1);
	if (!big)
		return -ENOMEM;
	memset(big, '1', LONG);
	big[LONG] = '\0';
	liar_key(g, key, big);
	free(big);
	return 0;
}
enum { TEXTS = ARRAY_SIZE(texts) + 1 };

/* The key is the rest of the lie's name. */
static int text_key(struct liar *g)
{
	const char *key = g->lie->name + strlen("key-");

	if (!strcmp(key, "event-channel")) {
		liar_key(g, "event-channel-tx", NULL);
		liar_key(g, "event-channel-rx", NULL);
	}
	return text(g, key);
}

/* --- numbers that mean nothing ------------------------------------------------------- */

static const struct {
	const char *key, *text;
} wrong[] = {
	{ "tx-ring-ref", NULL },
	{ "rx-ring-ref", NULL },
	{ "tx-ring-ref", "0" },
	{ "rx-ring-ref", "0" },
	{ "tx-ring-ref", "4294967295" },
	{ "rx-ring-ref", "1024" },
	{ "rx-ring-ref", "10" },      /* the TX ring's: ref_of(TX_PAGE) */
	{ "event-channel-tx", NULL }, /* and no event-channel */
	{ "event-channel-rx", NULL },
	{ "event-channel-tx", "0" },
	{ "event-channel-rx", "0" },
	{ "event-channel-tx", "77" }, /* never offered */
	{ "event-channel-rx", "4294967295" },
	{ "request-rx-copy", NULL },
	{ "request-rx-copy", "0" },
	{ "request-rx-copy", "2" },
	{ "multi-queue-num-queues", "0" },
	{ "multi-queue-num-queues", "2" }, /* queue-0 is missing */
	{ "multi-queue-num-queues", "64" },
	{ "multi-queue-num-queues", "65" },
	{ "multi-queue-num-queues", "4294967295" },
	{ "feature-sg", "2" },
};

static int wrong_key(struct liar *g)
{
	liar_key(g, wrong[g->variant].key, wrong[g->variant].text);
	return 0;
}

/* Ring pages: variant 0 two references to one page, then bad grants. */
static int ring_grant(struct liar *g)
{
	static const struct {
		uint16_t flags, domid;
		uint32_t frame;
	} v[] = {
		{ GTF_permit_access, 0, TX_PAGE },
		{ GTF_permit_access | GTF_readonly, 0, RX_PAGE },
		{ GTF_permit_access, 1, RX_PAGE },
		{ GTF_accept_transfer, 0, RX_PAGE },
		{ 0, 0, RX_PAGE },
		{ GTF_permit_access, 0, LIAR_PAGES },
		{ GTF_permit_access, 0, 0xffffffff },
	};
	char ref[12];

	_Static_assert(ARRAY_SIZE(v) == 7, "variants in the table");
	liar_grant(g, BAD_REF, v[g->variant].flags, v[g->variant].domid,
		   v[g->variant].frame);
	snprintf(ref, sizeof(ref), "%d", BAD_REF);
	liar_key(g, "rx-ring-ref", ref);
	return 0;
}

/* The RX ring is the grant table: our indices are grants. */
static int ring_is_grants(struct liar *g)
{
	char ref[12];

	liar_grant(g, BAD_REF, GTF_permit_access, 0, 0);
	snprintf(ref, sizeof(ref), "%d", BAD_REF);
	liar_key(g, g->variant ? "rx-ring-ref" : "tx-ring-ref", ref);
	return 0;
}

/* Rings that are full of lies before they are connected. */
static int ring_old(struct liar *g)
{
	static const struct {
		uint32_t req, rsp;
	} v[] = { { 0, 1 }, { 257, 0 }, { 0x80000000, 0 }, { 5, 0xfffffff0 } };

	_Static_assert(ARRAY_SIZE(v) == 4, "variants in the table");
	g->tx->req_prod = v[g->variant].req;
	g->tx->rsp_prod = v[g->variant].rsp;
	if (g->variant == 3)
		g->tx->rsp_prod = v[g->variant].req - 257;
	return 0;
}

static int nothing(struct liar *g)
{
	(void)g;
	liar_sleep(300);
	return 0;
}

/* One channel for both, said in the words of two. */
static int one_port(struct liar *g)
{
	liar_key(g, "event-channel-rx", "1");
	return 0;
}

/* --- what is not its own ------------------------------------------------------------------ */

static int foreign(struct liar *g)
{
	static const char *const path[] = {
		"/local/domain/0/backend/vif/%u/0/state",
		"/local/domain/0/backend/vif/%u/0/frontend",
		"/local/domain/0/backend/vif/%u/0/hotplug-status",
		"/local/domain/%u/device/vif/0/mac",
		"/local/domain/%u",
		"/local/domain/1/device/vif/0/state",
		"/local/domain/1/device/vif/0/tx-ring-ref",
		"/local/domain/0/backend/vif/1/0/state",
		"/local/domain/0/backend/vif/999/0/state",
		"/vm/x",
		"/",
		"/tool/x",
	};
	char p[128];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(path); i++) {
		/* NOLINTNEXTLINE: the formats stand above */
		snprintf(p, sizeof(p), path[i], g->domid);
		if (!store_write(g->store, p, "1") ||
		    (i && !strstr(path[i], "%u/device") &&
		     !store_rm(g->store, p))) {
			fprintf(stderr, "%s: could be written\n", p);
			return -EPERM;
		}
	}
	return 0;
}

/* A node as large as it may be, one larger, more nodes and watches than it may. */
static int flood(struct liar *g)
{
	char path[128], *big = calloc(1, STORE_VALUE);
	unsigned i, full = 0;
	int rc = big ? 0 : -ENOMEM;

	if (!rc) {
		memset(big, 'x', STORE_VALUE - 1);
		snprintf(path, sizeof(path), "%s/big", g->front);
		if (!store_write(g->store, path, big))
			rc = -EFBIG;
	}
	for (i = 0; i < 2000 && !rc; i++) {
		snprintf(path, sizeof(path), "%s/x%u", g->front, i);
		full += store_write(g->store, path, "1") != 0;
	}
	for (i = 0; i < WATCHES && !rc; i++) {
		snprintf(path, sizeof(path), "w%u", i);
		full += store_watch(g->store, "/", path) != 0;
	}
	for (i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "%s/x%u", g->front, i);
		store_rm(g->store, path);
	}
	for (i = 0; i < WATCHES; i++) {
		snprintf(path, sizeof(path), "w%u", i);
		store_unwatch(g->store, "/", path);
	}
	free(big);
	if (!rc && full < 1000 + WATCHES - 128)
		rc = -ENODATA; /* there was no limit */
	return rc;
}

/* --- states --------------------------------------------------------------------------------- */

static int states(struct liar *g)
{
	static const char *const odd[] = { "9",	  "banana", "",		  "-1",
					   "0x4", "4 ",	    "99999999999" };
	uint64_t end = clock_ns() + TOGGLE_MS * 1000000ull, n = 0;
	char text[4];

	while (clock_ns() < end) {
		uint64_t r = liar_rand() >> 20;

		snprintf(text, sizeof(text), "%u", (unsigned)(r >> 8) % 9);
		if (g->variant == 0)
			liar_state(g, n % 2 ? "4" : "1");
		else if (g->variant == 1 || r % 16)
			liar_state(g, text);
		else
			liar_state(g, odd[(r >> 16) % ARRAY_SIZE(odd)]);
		n++;
	}
	printf("%llu states\n", (unsigned long long)n);
	return 0;
}

/* Whole connects, each given up at another point. */
static int connects(struct liar *g)
{
	uint64_t end = clock_ns() + TOGGLE_MS * 1000000ull;
	unsigned n = 0;
	int rc = 0;

	while (clock_ns() < end && !rc) {
		rc = liar_fresh(g);
		if (!rc)
			rc = liar_link(g);
		if (!rc)
			rc = liar_keys(g);
		if (!rc)
			liar_sleep((unsigned)(liar_rand() % 8));
		n++;
	}
	printf("%u connects\n", n);
	return rc;
}

static int state_odd(struct liar *g)
{
	static const char *const odd[] = { "9", "banana", "4 ", "-1", "0" };

	_Static_assert(ARRAY_SIZE(odd) == 5, "variants in the table");
	return liar_state(g, odd[g->variant]);
}

#define TEXT(key)                                                              \
	{                                                                      \
		.name = "key-" key, .id = "CVE-2026-45890 P21 P32",            \
		.due = DUE_REFUSED, .why = key, .prepare = text_key,           \
		.variants = TEXTS                                              \
	}

const struct lie lies_key[] = {
	TEXT("tx-ring-ref"),
	TEXT("rx-ring-ref"),
	TEXT("event-channel-tx"),
	TEXT("event-channel-rx"),
	TEXT("event-channel"),
	TEXT("multi-queue-num-queues"),
	TEXT("request-rx-copy"),
	TEXT("feature-sg"),
	TEXT("feature-gso-tcpv4"),
	TEXT("feature-gso-tcpv6"),
	TEXT("feature-no-csum-offload"),
	TEXT("feature-ipv6-csum-offload"),
	TEXT("feature-rx-notify"),
	TEXT("ctrl-ring-ref"),
	TEXT("xdp-headroom"),
	TEXT("request-multicast-control"),
	{ .name = "key-number",
	  .id = "CVE-2026-45890 XSA-526 P21 P32",
	  .due = DUE_REFUSED,
	  .prepare = wrong_key,
	  .variants = ARRAY_SIZE(wrong) },
	{ .name = "ring-grant-bad",
	  .id = "XSA-361 CVE-2026-99286 P21",
	  .due = DUE_REFUSED,
	  .why = "cannot connect",
	  .prepare = ring_grant,
	  .variants = 7 },
	{ .name = "ring-is-grants",
	  .id = "XSA-155 P21",
	  .due = DUE_ANY,
	  .prepare = ring_is_grants,
	  .tell = NULL,
	  .variants = 2 },
	{ .name = "ring-old",
	  .id = "XSA-39 P2",
	  .due = DUE_REFUSED,
	  .why = "cannot connect",
	  .prepare = ring_old,
	  .variants = 4 },
	{ .name = "ring-one-port",
	  .id = "P21",
	  .due = DUE_NONE,
	  .prepare = one_port,
	  .tell = nothing },
	{ .name = "store-foreign",
	  .id = "XSA-175 P32",
	  .due = DUE_NONE,
	  .tell = foreign },
	{ .name = "store-flood",
	  .id = "XSA-326 XSA-349 P22",
	  .due = DUE_NONE,
	  .tell = flood },
	{ .name = "state-toggle",
	  .id = "XSA-349 XSA-350 P22",
	  .due = DUE_ANY,
	  .tell = states,
	  .variants = 3 },
	{ .name = "state-connects",
	  .id = "XSA-350 XSA-374 XSA-526 CVE-2010-3699 P22 P25",
	  .due = DUE_ANY,
	  .tell = connects },
	{ .name = "state-odd",
	  .id = "P32",
	  .due = DUE_FATAL,
	  .why = "state that does not exist",
	  .tell = state_odd,
	  .variants = 5 },
};
const unsigned nlies_key = ARRAY_SIZE(lies_key);
