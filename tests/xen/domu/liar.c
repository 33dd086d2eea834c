// SPDX-License-Identifier: GPL-2.0-or-later
/* liar.c - in a guest of real Xen: a frontend that lies, without a kernel's help
 *
 *   liar --list		 the lies' names
 *   liar NAME		 tells it as the guest's card 0; then, as an honest
 *			 frontend, has one frame sent
 *
 * Pages and grants are /dev/xen/gntalloc's, ports /dev/xen/evtchn's, so what is
 * told here is told with real grants and events: what tests/guest/hostile has
 * to play. Exit status 0: it ended as its row says, and honesty was served.
 * What became of dom0 and of others is for the caller to look at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>
#include <xenstore.h>

enum {
	LIAR_PAGE = 4096,
	LIAR_RING = 256,
	LIAR_PAGES = 40,
	LIAR_TX = 0, /* pages: the rings, */
	LIAR_RX = 1,
	LIAR_DATA = 2, /* what it sends, */
	LIAR_BUF = 3,  /* what it receives into */
	LIAR_BUFS = 32,
	LIAR_MS = 30000,      /* until the backend has done something */
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

struct liar_page {
	uint8_t *at; /* NULL: none */
	uint64_t index;
	uint32_t ref;
};

struct liar {
	struct xs_handle *xs;
	int gnt, evt;
	uint32_t peer; /* the backend's domain */
	char back[80];
	struct liar_page page[LIAR_PAGES];
	uint32_t port[2]; /* tx, rx */
	uint32_t key_ref[2], key_port[2];
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	uint32_t tx_prod, rx_prod;
};

struct lie {
	const char *name;
	enum liar_due due;
	int (*prepare)(struct liar *g); /* before it connects */
	int (*tell)(struct liar *g);	/* while it is connected */
	uint32_t arg;
};

static const struct lie *liar_told;

static uint64_t liar_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- the store ----------------------------------------------------------------- */

static int liar_put(struct liar *g, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int liar_put(struct liar *g, const char *key, const char *fmt, ...)
{
	char path[64], text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "device/vif/0/%s", key);
	return xs_write(g->xs, XBT_NULL, path, text, (unsigned)n) ? 0 : -errno;
}

/* Of the backend's directory; "" when there is none. */
static void liar_get(struct liar *g, const char *key, char *buf, size_t size)
{
	char path[128], *p;
	unsigned n;

	snprintf(path, sizeof(path), "%s/%s", g->back, key);
	p = xs_read(g->xs, XBT_NULL, path, &n);
	snprintf(buf, size, "%s", p ? p : "");
	free(p);
}

/* 0 when the backend's state is one of the bits of `mask`. */
static int liar_wait(struct liar *g, unsigned mask)
{
	uint64_t end = liar_ms() + LIAR_MS;
	char text[16];

	for (;;) {
		liar_get(g, "state", text, sizeof(text));
		if (mask & 1u << (atoi(text) & 15))
			return 0;
		if (liar_ms() > end)
			break;
		usleep(20000);
	}
	printf("the backend's state is %s\n", text);
	return -ETIMEDOUT;
}

/* --- grants and ports ------------------------------------------------------------ */

static int liar_grant(struct liar *g, struct liar_page *p, uint32_t domid,
		      bool writable)
{
	struct ioctl_gntalloc_alloc_gref a = {
		.domid = (uint16_t)domid,
		.flags = writable ? GNTALLOC_FLAG_WRITABLE : 0,
		.count = 1,
	};
	void *at;

	if (ioctl(g->gnt, IOCTL_GNTALLOC_ALLOC_GREF, &a))
		return -errno;
	at = mmap(NULL, LIAR_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g->gnt,
		  (off_t)a.index);
	if (at == MAP_FAILED)
		return -errno;
	*p = (struct liar_page){ at, a.index, a.gref_ids[0] };
	return 0;
}

/* The number stays; what it granted is over, unless somebody has it mapped. */
static void liar_ungrant(struct liar *g, struct liar_page *p)
{
	struct ioctl_gntalloc_dealloc_gref d = { .index = p->index,
						 .count = 1 };

	if (!p->at)
		return;
	munmap(p->at, LIAR_PAGE);
	ioctl(g->gnt, IOCTL_GNTALLOC_DEALLOC_GREF, &d);
	p->at = NULL;
}

/* A page instead of that one. */
static int liar_regrant(struct liar *g, unsigned page, uint32_t domid,
			bool writable)
{
	liar_ungrant(g, &g->page[page]);
	return liar_grant(g, &g->page[page], domid, writable);
}

static int liar_port(struct liar *g, uint32_t domid, uint32_t *out)
{
	struct ioctl_evtchn_bind_unbound_port b = { .remote_domain = domid };
	int port = ioctl(g->evt, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &b);

	if (port < 0)
		return -errno;
	*out = (uint32_t)port;
	return 0;
}

static void liar_unport(struct liar *g, uint32_t *port)
{
	struct ioctl_evtchn_unbind u = { .port = *port };

	if (*port)
		ioctl(g->evt, IOCTL_EVTCHN_UNBIND, &u);
	*port = 0;
}

static void liar_ring(struct liar *g, unsigned which)
{
	struct ioctl_evtchn_notify n = { .port = g->port[which] };

	ioctl(g->evt, IOCTL_EVTCHN_NOTIFY, &n);
}

/* --- slots ------------------------------------------------------------------------ */

static void liar_slot(struct liar *g, uint32_t ref, unsigned off, unsigned size)
{
	const netif_tx_request_t q = { .gref = ref,
				       .offset = (uint16_t)off,
				       .id = (uint16_t)g->tx_prod,
				       .size = (uint16_t)size };

	g->tx->ring[g->tx_prod++ % LIAR_RING].req = q;
}

static void liar_push(struct liar *g)
{
	__atomic_store_n(&g->tx->req_prod, g->tx_prod, __ATOMIC_SEQ_CST);
	liar_ring(g, 0);
}

/* All that was sent is answered; the status of the last is *status. */
static int liar_answered(struct liar *g, int *status)
{
	uint64_t end = liar_ms() + LIAR_MS;

	while (__atomic_load_n(&g->tx->rsp_prod, __ATOMIC_ACQUIRE) !=
	       g->tx_prod) {
		if (liar_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	*status = g->tx->ring[(g->tx_prod - 1) % LIAR_RING].rsp.status;
	return 0;
}

static void liar_post(struct liar *g, uint32_t ref)
{
	const netif_rx_request_t q = { .id = (uint16_t)(g->rx_prod % LIAR_RING),
				       .gref = ref };

	g->rx->ring[g->rx_prod++ % LIAR_RING].req = q;
}

static void liar_posted(struct liar *g)
{
	__atomic_store_n(&g->rx->req_prod, g->rx_prod, __ATOMIC_SEQ_CST);
	liar_ring(g, 1);
}

/* One frame of a local type to nobody: answered with OKAY. */
static int liar_honest(struct liar *g)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1,    2,
					0, 0, 0, 0, 2, 0x88, 0xb5 };
	int status = 0, rc;

	memcpy(g->page[LIAR_DATA].at, head, sizeof(head));
	liar_slot(g, g->page[LIAR_DATA].ref, 0, 100);
	liar_push(g);
	rc = liar_answered(g, &status);
	if (rc || status == NETIF_RSP_OKAY)
		return rc;
	printf("an honest frame's status is %d\n", status);
	return -EBADMSG;
}

/* --- the lies: before it connects --------------------------------------------------- */

static int key_twice(struct liar *g)
{
	if (liar_told->arg)
		g->key_port[1] = g->key_port[0];
	else
		g->key_ref[1] = g->key_ref[0];
	return 0;
}

static int key_ended(struct liar *g)
{
	liar_ungrant(g, &g->page[liar_told->arg]);
	return 0;
}

static int key_number(struct liar *g)
{
	g->key_ref[0] = liar_told->arg;
	return 0;
}

static int key_foreign(struct liar *g)
{
	int rc = liar_regrant(g, liar_told->arg, LIAR_NOBODY, true);

	g->key_ref[liar_told->arg] = g->page[liar_told->arg].ref;
	return rc;
}

static int key_readonly(struct liar *g)
{
	int rc = liar_regrant(g, liar_told->arg, g->peer, false);

	g->key_ref[liar_told->arg] = g->page[liar_told->arg].ref;
	return rc;
}

static int key_port_closed(struct liar *g)
{
	liar_unport(g, &g->port[liar_told->arg]);
	return 0;
}

static int key_port_foreign(struct liar *g)
{
	liar_unport(g, &g->port[liar_told->arg]);
	return liar_port(g, LIAR_NOBODY, &g->key_port[liar_told->arg]);
}

static int key_port_number(struct liar *g)
{
	g->key_port[1] = liar_told->arg;
	return 0;
}

/* --- the lies: while it is connected -------------------------------------------------- */

static int tx_number(struct liar *g)
{
	liar_slot(g, liar_told->arg, 0, 100);
	liar_push(g);
	return 0;
}

static int tx_ended(struct liar *g)
{
	liar_slot(g, g->page[LIAR_DATA].ref, 0, 100);
	liar_ungrant(g, &g->page[LIAR_DATA]);
	liar_push(g);
	return 0;
}

static int tx_foreign(struct liar *g)
{
	int rc = liar_regrant(g, LIAR_DATA, liar_told->arg, true);

	liar_slot(g, g->page[LIAR_DATA].ref, 0, 100);
	liar_push(g);
	return rc;
}

static int tx_beyond(struct liar *g)
{
	liar_slot(g, g->page[LIAR_DATA].ref, LIAR_PAGE - 50, 100);
	liar_push(g);
	return 0;
}

static int tx_jump(struct liar *g)
{
	g->tx_prod += liar_told->arg;
	liar_push(g);
	return 0;
}

static int rx_jump(struct liar *g)
{
	g->rx_prod += liar_told->arg;
	liar_posted(g);
	return 0;
}

/* All buffers are over, or for reading only, while frames come: one frame is
 * lost for each, and nothing else is.
 */
static int rx_bad(struct liar *g)
{
	uint64_t end = liar_ms() + LIAR_MS;
	int i, rc = 0;

	for (i = 0; i < LIAR_BUFS && !rc; i++) {
		if (liar_told->arg)
			rc = liar_regrant(g, LIAR_BUF + i, g->peer, false);
		else
			liar_ungrant(g, &g->page[LIAR_BUF + i]);
		liar_post(g, g->page[LIAR_BUF + i].ref);
	}
	liar_posted(g);
	while (!rc && !__atomic_load_n(&g->rx->rsp_prod, __ATOMIC_ACQUIRE)) {
		if (liar_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return rc;
}

/* Its rings' grants end while the backend has them mapped; or its ports. */
static int ended(struct liar *g)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (liar_told->arg)
			liar_unport(g, &g->port[i]);
		else
			liar_ungrant(g, &g->page[LIAR_TX + i]);
	}
	return 0;
}

static int storm(struct liar *g)
{
	int i;

	for (i = 0; i < LIAR_STORM; i++)
		liar_ring(g, (unsigned)i & 1);
	return 0;
}

/* Ports and grants for the backend, which it never heard of. */
static int many_ports(struct liar *g)
{
	uint32_t port;
	int i, rc = 0;

	for (i = 0; i < LIAR_PORTS && !rc; i++)
		rc = liar_port(g, g->peer, &port);
	return rc;
}

static int toggle(struct liar *g)
{
	unsigned seed = 7;
	int i, rc = 0;

	for (i = 0; i < LIAR_TOGGLES && !rc; i++) {
		seed = seed * 1103515245 + 12345;
		rc = liar_put(g, "state", "%u", (seed >> 16) % 9);
	}
	return rc;
}

/* Connected again with rings that were connected before, without a word. */
static int reconnect(struct liar *g)
{
	int rc = liar_put(g, "state", "%d", XenbusStateInitialising);

	return rc ? rc : liar_put(g, "state", "%d", XenbusStateConnected);
}

static const struct lie lies[] = {
	{ "honest", DUE_SERVED, NULL, liar_honest, 0 },
	{ "one-gref-for-both-rings", DUE_REFUSED, key_twice, NULL, 0 },
	{ "tx-ring-ended", DUE_REFUSED, key_ended, NULL, LIAR_TX },
	{ "rx-ring-ended", DUE_REFUSED, key_ended, NULL, LIAR_RX },
	{ "tx-ring-for-another", DUE_REFUSED, key_foreign, NULL, LIAR_TX },
	{ "rx-ring-for-another", DUE_REFUSED, key_foreign, NULL, LIAR_RX },
	{ "tx-ring-readonly", DUE_REFUSED, key_readonly, NULL, LIAR_TX },
	{ "rx-ring-readonly", DUE_REFUSED, key_readonly, NULL, LIAR_RX },
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

/* --- a connection ----------------------------------------------------------------------- */

static void liar_drop(struct liar *g)
{
	unsigned i;

	for (i = 0; i < LIAR_PAGES; i++)
		liar_ungrant(g, &g->page[i]);
	if (g->evt >= 0)
		close(g->evt); /* its ports, too */
	if (g->gnt >= 0)
		close(g->gnt);
	g->evt = g->gnt = -1;
}

static int liar_fresh(struct liar *g)
{
	unsigned i;
	int rc = 0;

	liar_drop(g);
	g->gnt = open("/dev/xen/gntalloc", O_RDWR);
	g->evt = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	if (g->gnt < 0 || g->evt < 0)
		return -errno;
	for (i = 0; i < LIAR_PAGES && !rc; i++)
		rc = liar_grant(g, &g->page[i], g->peer, true);
	for (i = 0; i < 2 && !rc; i++)
		rc = liar_port(g, g->peer, &g->port[i]);
	if (rc)
		return rc;
	for (i = 0; i < 2; i++) {
		g->key_ref[i] = g->page[i].ref;
		g->key_port[i] = g->port[i];
	}
	g->tx = (void *)g->page[LIAR_TX].at;
	g->rx = (void *)g->page[LIAR_RX].at;
	g->tx_prod = g->rx_prod = 0;
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
	return 0;
}

/* Back to where a frontend begins: both closed, then both at their start. */
static int liar_begin(struct liar *g)
{
	int rc = liar_put(g, "state", "%d", XenbusStateClosed);

	if (!rc)
		rc = liar_wait(g, 1u << XenbusStateClosed |
					  1u << XenbusStateInitWait);
	liar_drop(g);
	if (!rc)
		rc = liar_put(g, "state", "%d", XenbusStateInitialising);
	return rc ? rc : liar_wait(g, 1u << XenbusStateInitWait);
}

/* wait: until the backend is, too. */
static int liar_connect(struct liar *g, bool wait)
{
	static const char *const yes[] = { "request-rx-copy",
					   "feature-rx-notify", "feature-sg" };
	static const char *const ref[] = { "tx-ring-ref", "rx-ring-ref" };
	static const char *const port[] = { "event-channel-tx",
					    "event-channel-rx" };
	unsigned i;
	int rc = 0;

	for (i = 0; i < 3 && !rc; i++)
		rc = liar_put(g, yes[i], "1");
	for (i = 0; i < 2 && !rc; i++) {
		rc = liar_put(g, ref[i], "%u", g->key_ref[i]);
		if (!rc)
			rc = liar_put(g, port[i], "%u", g->key_port[i]);
	}
	if (!rc)
		rc = liar_put(g, "state", "%d", XenbusStateConnected);
	return rc || !wait ? rc : liar_wait(g, 1u << XenbusStateConnected);
}

static int liar_say(const char *what, int rc)
{
	if (rc)
		printf("%s: %s\n", what, strerror(-rc));
	return rc;
}

/* --- what comes of it ------------------------------------------------------------------- */

/* A refused frontend is given a reason, whatever state it is left in. */
static int liar_told_why(struct liar *g)
{
	uint64_t end = liar_ms() + LIAR_MS;
	char text[256];

	do {
		liar_get(g, "error", text, sizeof(text));
		if (text[0]) {
			printf("error: %s\n", text);
			return 0;
		}
		usleep(20000);
	} while (liar_ms() < end);
	return -ENOENT;
}

static int liar_judge(struct liar *g, const struct lie *l)
{
	int status = 0, rc;

	switch (l->due) {
	case DUE_SERVED:
		return liar_say("an honest frame", liar_honest(g));
	case DUE_ERROR:
		rc = liar_say("the answer", liar_answered(g, &status));
		if (!rc && status != NETIF_RSP_ERROR)
			rc = liar_say("no error", -EBADMSG);
		if (!rc)
			rc = liar_regrant(g, LIAR_DATA, g->peer, true);
		return rc ? rc : liar_say("an honest frame", liar_honest(g));
	case DUE_REFUSED:
		return liar_say("its reason", liar_told_why(g));
	case DUE_ANY:
		return 0;
	}
	return -EINVAL;
}

static int liar_tell(struct liar *g, const struct lie *l)
{
	int rc = liar_say("begin", liar_begin(g));

	if (!rc)
		rc = liar_say("grants", liar_fresh(g));
	if (!rc && l->prepare)
		rc = liar_say("prepare", l->prepare(g));
	if (!rc)
		rc = liar_say("keys", liar_connect(g, l->tell));
	if (!rc && l->tell)
		rc = liar_say("lie", l->tell(g));
	if (!rc && l->due == DUE_ANY)
		usleep(LIAR_REST_MS * 1000);
	return rc ? rc : liar_judge(g, l);
}

/* Whoever lied may come again. */
static int liar_return(struct liar *g)
{
	int rc = liar_say("begin again", liar_begin(g));

	if (!rc)
		rc = liar_say("grants again", liar_fresh(g));
	if (!rc)
		rc = liar_say("connect again", liar_connect(g, true));
	if (!rc)
		rc = liar_say("honest again", liar_honest(g));
	if (!rc)
		rc = liar_put(g, "state", "%d", XenbusStateClosed);
	return rc ? rc : liar_wait(g, 1u << XenbusStateClosed);
}

static int liar_open(struct liar *g)
{
	char *p;
	unsigned n;

	g->gnt = g->evt = -1;
	g->xs = xs_open(0);
	if (!g->xs)
		return -errno;
	p = xs_read(g->xs, XBT_NULL, "device/vif/0/backend", &n);
	snprintf(g->back, sizeof(g->back), "%s", p ? p : "");
	free(p);
	p = xs_read(g->xs, XBT_NULL, "device/vif/0/backend-id", &n);
	g->peer = p ? (uint32_t)atoi(p) : 0;
	free(p);
	return g->back[0] ? 0 : -ENODEV;
}

int main(int argc, char **argv)
{
	struct liar g = { 0 };
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
	rc = liar_say("no card", liar_open(&g));
	if (!rc)
		rc = liar_tell(&g, liar_told);
	if (!rc)
		rc = liar_return(&g);
	liar_drop(&g);
	if (g.xs)
		xs_close(g.xs);
	return rc ? 1 : 0;
}
