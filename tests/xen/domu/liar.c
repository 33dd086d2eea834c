// SPDX-License-Identifier: GPL-2.0-or-later
/* liar.c - in a guest of real Xen: a frontend that lies, without a kernel's help
 *
 *   liar --list		 the lies' names
 *   liar NAME		 tells it as the guest's card 0; then, as an honest
 *			 frontend, has one frame sent
 *
 * What is told here is told with real grants and events: what tests/guest/hostile
 * has to play. Exit status 0: it ended as its row says, and honesty was served.
 * What became of dom0 and of others is for the caller to look at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/ufront.h"

#include <xen/io/xenbus.h>

enum {
	LIAR_REST_MS = 1500,  /* it lets a refused one wait a second */
	LIAR_NOBODY = 0x7fe0, /* no such domain */
	LIAR_STORM = 40000,
	LIAR_TOGGLES = 200,
	LIAR_PORTS = 100,
};

enum liar_due {
	DUE_SERVED,  /* as if nothing were */
	DUE_ERROR,   /* its one request is answered with an error */
	DUE_REFUSED, /* disconnected, or never connected, and told why */
	DUE_ANY,     /* no matter: it only must do no harm */
};

struct lie {
	const char *name;
	enum liar_due due;
	int (*prepare)(struct ufront *g); /* before it connects */
	int (*tell)(struct ufront *g);	  /* while it is connected */
	uint32_t arg;
};

static const struct lie *liar_told;

/* A page instead of that one. */
static int liar_regrant(struct ufront *g, unsigned page, uint32_t domid,
			bool writable)
{
	ufront_ungrant(g, &g->page[page]);
	return ufront_grant(g, &g->page[page], domid, writable);
}

/* One frame of a local type to nobody: answered with OKAY. */
static int liar_honest(struct ufront *g)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1,    2,
					0, 0, 0, 0, 2, 0x88, 0xb5 };
	int status = 0, rc;

	memcpy(g->page[UFRONT_DATA].at, head, sizeof(head));
	ufront_slot(g, g->page[UFRONT_DATA].ref, 0, 100);
	ufront_push(g);
	rc = ufront_answered(g, &status);
	if (rc || status == NETIF_RSP_OKAY)
		return rc;
	printf("an honest frame's status is %d\n", status);
	return -EBADMSG;
}

/* --- the lies: before it connects --------------------------------------------------- */

static int key_twice(struct ufront *g)
{
	if (liar_told->arg)
		g->key_port[1] = g->key_port[0];
	else
		g->key_ref[1] = g->key_ref[0];
	return 0;
}

static int key_ended(struct ufront *g)
{
	ufront_ungrant(g, &g->page[liar_told->arg]);
	return 0;
}

static int key_number(struct ufront *g)
{
	g->key_ref[0] = liar_told->arg;
	return 0;
}

static int key_foreign(struct ufront *g)
{
	int rc = liar_regrant(g, liar_told->arg, LIAR_NOBODY, true);

	g->key_ref[liar_told->arg] = g->page[liar_told->arg].ref;
	return rc;
}

static int key_readonly(struct ufront *g)
{
	int rc = liar_regrant(g, liar_told->arg, g->peer, false);

	g->key_ref[liar_told->arg] = g->page[liar_told->arg].ref;
	return rc;
}

static int key_port_closed(struct ufront *g)
{
	ufront_unport(g, &g->port[liar_told->arg]);
	return 0;
}

static int key_port_foreign(struct ufront *g)
{
	ufront_unport(g, &g->port[liar_told->arg]);
	return ufront_port(g, LIAR_NOBODY, &g->key_port[liar_told->arg]);
}

static int key_port_number(struct ufront *g)
{
	g->key_port[1] = liar_told->arg;
	return 0;
}

/* --- the lies: while it is connected -------------------------------------------------- */

static int tx_number(struct ufront *g)
{
	ufront_slot(g, liar_told->arg, 0, 100);
	ufront_push(g);
	return 0;
}

static int tx_ended(struct ufront *g)
{
	ufront_slot(g, g->page[UFRONT_DATA].ref, 0, 100);
	ufront_ungrant(g, &g->page[UFRONT_DATA]);
	ufront_push(g);
	return 0;
}

static int tx_foreign(struct ufront *g)
{
	int rc = liar_regrant(g, UFRONT_DATA, liar_told->arg, true);

	ufront_slot(g, g->page[UFRONT_DATA].ref, 0, 100);
	ufront_push(g);
	return rc;
}

static int tx_beyond(struct ufront *g)
{
	ufront_slot(g, g->page[UFRONT_DATA].ref, UFRONT_PAGE - 50, 100);
	ufront_push(g);
	return 0;
}

static int tx_jump(struct ufront *g)
{
	g->tx_prod += liar_told->arg;
	ufront_push(g);
	return 0;
}

static int rx_jump(struct ufront *g)
{
	g->rx_prod += liar_told->arg;
	ufront_posted(g);
	return 0;
}

/* All buffers are over, or for reading only, while frames come: one frame is
 * lost for each, and nothing else is.
 */
static int rx_bad(struct ufront *g)
{
	uint64_t end = ufront_ms() + UFRONT_MS;
	int i, rc = 0;

	for (i = 0; i < UFRONT_BUFS && !rc; i++) {
		if (liar_told->arg)
			rc = liar_regrant(g, UFRONT_BUF + i, g->peer, false);
		else
			ufront_ungrant(g, &g->page[UFRONT_BUF + i]);
		ufront_post(g, UFRONT_BUF + (unsigned)i);
	}
	ufront_posted(g);
	while (!rc && !__atomic_load_n(&g->rx->rsp_prod, __ATOMIC_ACQUIRE)) {
		if (ufront_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return rc;
}

/* Its rings' grants end while the backend has them mapped; or its ports. */
static int ended(struct ufront *g)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (liar_told->arg)
			ufront_unport(g, &g->port[i]);
		else
			ufront_ungrant(g, &g->page[UFRONT_TX + i]);
	}
	return 0;
}

static int storm(struct ufront *g)
{
	int i;

	for (i = 0; i < LIAR_STORM; i++)
		ufront_ring(g, (unsigned)i & 1);
	return 0;
}

/* Ports and grants for the backend, which it never heard of. */
static int many_ports(struct ufront *g)
{
	uint32_t port;
	int i, rc = 0;

	for (i = 0; i < LIAR_PORTS && !rc; i++)
		rc = ufront_port(g, g->peer, &port);
	return rc;
}

static int toggle(struct ufront *g)
{
	unsigned seed = 7;
	int i, rc = 0;

	for (i = 0; i < LIAR_TOGGLES && !rc; i++) {
		seed = seed * 1103515245 + 12345;
		rc = ufront_state(g, (seed >> 16) % 9);
	}
	return rc;
}

/* Connected again with rings that were connected before, without a word. */
static int reconnect(struct ufront *g)
{
	int rc = ufront_state(g, XenbusStateInitialising);

	return rc ? rc : ufront_state(g, XenbusStateConnected);
}

static const struct lie lies[] = {
	{ "honest", DUE_SERVED, NULL, liar_honest, 0 },
	{ "one-gref-for-both-rings", DUE_REFUSED, key_twice, NULL, 0 },
	{ "tx-ring-ended", DUE_REFUSED, key_ended, NULL, UFRONT_TX },
	{ "rx-ring-ended", DUE_REFUSED, key_ended, NULL, UFRONT_RX },
	{ "tx-ring-for-another", DUE_REFUSED, key_foreign, NULL, UFRONT_TX },
	{ "rx-ring-for-another", DUE_REFUSED, key_foreign, NULL, UFRONT_RX },
	{ "tx-ring-readonly", DUE_REFUSED, key_readonly, NULL, UFRONT_TX },
	{ "rx-ring-readonly", DUE_REFUSED, key_readonly, NULL, UFRONT_RX },
	{ "ring-far-number", DUE_REFUSED, key_number, NULL, 0xfffffff0 },
	{ "ring-is-the-stores", DUE_ANY, key_number, NULL, 1 },
	{ "tx-port-closed", DUE_REFUSED, key_port_closed, NULL, 0 },
	{ "rx-port-closed", DUE_REFUSED, key_port_closed, NULL, 1 },
	{ "tx-port-for-another", DUE_REFUSED, key_port_foreign, NULL, 0 },
	{ "rx-port-for-another", DUE_REFUSED, key_port_foreign, NULL, 1 },
	{ "port-is-the-stores", DUE_REFUSED, key_port_number, NULL, 1 },
	{ "port-far-number", DUE_REFUSED, key_port_number, NULL, 0x7fffffff },
	{ "port-twice", DUE_ANY, key_twice, NULL, 1 },
	{ "tx-far-gref", DUE_ERROR, NULL, tx_number, 0xfffffff0 },
	{ "tx-unused-gref", DUE_ERROR, NULL, tx_number, 500 },
	{ "tx-ended-gref", DUE_ERROR, NULL, tx_ended, 0 },
	{ "tx-gref-for-another", DUE_ERROR, NULL, tx_foreign, LIAR_NOBODY },
	{ "tx-gref-for-itself", DUE_ERROR, NULL, tx_foreign, DOMID_SELF },
	{ "tx-beyond-the-page", DUE_REFUSED, NULL, tx_beyond, 0 },
	{ "tx-index-jump", DUE_REFUSED, NULL, tx_jump, 300 },
	{ "tx-index-back", DUE_REFUSED, NULL, tx_jump, UINT32_MAX },
	{ "rx-index-jump", DUE_REFUSED, NULL, rx_jump, 300 },
	{ "rx-ended-grefs", DUE_SERVED, NULL, rx_bad, 0 },
	{ "rx-readonly-grefs", DUE_SERVED, NULL, rx_bad, 1 },
	{ "rings-ended-while-mapped", DUE_ANY, NULL, ended, 0 },
	{ "ports-closed-while-bound", DUE_ANY, NULL, ended, 1 },
	{ "event-storm", DUE_SERVED, NULL, storm, 0 },
	{ "ports-nobody-asked-for", DUE_SERVED, NULL, many_ports, 0 },
	{ "states-toggled", DUE_ANY, NULL, toggle, 0 },
	{ "connected-again", DUE_ANY, NULL, reconnect, 0 },
};
enum { LIES = sizeof(lies) / sizeof(lies[0]) };

/* --- what comes of it ------------------------------------------------------------------- */

/* wait: until the backend is, too. */
static int liar_connect(struct ufront *g, bool wait)
{
	static const char *const yes[] = { "request-rx-copy",
					   "feature-rx-notify", "feature-sg" };
	unsigned i;
	int rc = 0;

	for (i = 0; i < 3 && !rc; i++)
		rc = ufront_put(g, yes[i], "1");
	if (!rc)
		rc = ufront_keys(g, "");
	if (!rc)
		rc = ufront_state(g, XenbusStateConnected);
	return rc || !wait ? rc : ufront_wait(g, 1u << XenbusStateConnected);
}

/* A refused frontend is given a reason, whatever state it is left in. */
static int liar_told_why(struct ufront *g)
{
	uint64_t end = ufront_ms() + UFRONT_MS;
	char text[256];

	do {
		ufront_get(g, "error", text, sizeof(text));
		if (text[0]) {
			printf("error: %s\n", text);
			return 0;
		}
		usleep(20000);
	} while (ufront_ms() < end);
	return -ENOENT;
}

static int liar_judge(struct ufront *g, const struct lie *l)
{
	int status = 0, rc;

	switch (l->due) {
	case DUE_SERVED:
		return ufront_say("an honest frame", liar_honest(g));
	case DUE_ERROR:
		rc = ufront_say("the answer", ufront_answered(g, &status));
		if (!rc && status != NETIF_RSP_ERROR)
			rc = ufront_say("no error", -EBADMSG);
		if (!rc)
			rc = liar_regrant(g, UFRONT_DATA, g->peer, true);
		return rc ? rc : ufront_say("an honest frame", liar_honest(g));
	case DUE_REFUSED:
		return ufront_say("its reason", liar_told_why(g));
	case DUE_ANY:
		return 0;
	}
	return -EINVAL;
}

static int liar_tell(struct ufront *g, const struct lie *l)
{
	int rc = ufront_say("begin", ufront_begin(g));

	if (!rc)
		rc = ufront_say("grants", ufront_fresh(g));
	if (!rc && l->prepare)
		rc = ufront_say("prepare", l->prepare(g));
	if (!rc)
		rc = ufront_say("keys", liar_connect(g, l->tell));
	if (!rc && l->tell)
		rc = ufront_say("lie", l->tell(g));
	if (!rc && l->due == DUE_ANY)
		usleep(LIAR_REST_MS * 1000);
	return rc ? rc : liar_judge(g, l);
}

/* Whoever lied may come again. */
static int liar_return(struct ufront *g)
{
	int rc = ufront_say("begin again", ufront_begin(g));

	if (!rc)
		rc = ufront_say("grants again", ufront_fresh(g));
	if (!rc)
		rc = ufront_say("connect again", liar_connect(g, true));
	if (!rc)
		rc = ufront_say("honest again", liar_honest(g));
	if (!rc)
		rc = ufront_state(g, XenbusStateClosed);
	return rc ? rc : ufront_wait(g, 1u << XenbusStateClosed);
}

int main(int argc, char **argv)
{
	struct ufront g = { 0 };
	unsigned i;
	int rc;

	for (i = 0; argc == 2 && i < LIES; i++) {
		if (!strcmp(argv[1], "--list"))
			puts(lies[i].name);
		else if (!strcmp(argv[1], lies[i].name))
			liar_told = &lies[i];
	}
	if (!liar_told)
		return argc == 2 && !strcmp(argv[1], "--list") ? 0 : 2;
	rc = ufront_say("no card", ufront_open(&g));
	if (!rc)
		rc = liar_tell(&g, liar_told);
	if (!rc)
		rc = liar_return(&g);
	ufront_close(&g);
	return rc ? 1 : 0;
}
