// SPDX-License-Identifier: GPL-2.0-or-later
/* liar.c - how the lying guest lives: store, socket, memory, slots */
#include "liar.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "base/loop.h"
#include "base/msg.h"
#include "err.h"

enum {
	LIAR_STATE_MS = 20000, /* a busy machine, sanitizers, retries */
	LIAR_ANSWER_MS = 10000,
	LIAR_STATS = 1 << 18,
	LIAR_DOZE_NS = 100000,
};

static void *flip_run(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		f->once(f->g, liar_rand());
	return NULL;
}

int liar_flip(struct flip *f)
{
	return -pthread_create(&f->thread, NULL, flip_run, f);
}

void liar_flip_end(struct flip *f)
{
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	pthread_join(f->thread, NULL);
}

void liar_sleep(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
			      .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* As long again as was waited since then, and most ms at the longest: what comes soon
 * is seen soon, what takes a second costs few looks.
 */
static void liar_doze(uint64_t since, unsigned most)
{
	uint64_t ns = clock_ns() - since;
	struct timespec t = { 0 };

	ns = ns < LIAR_DOZE_NS ? LIAR_DOZE_NS : ns;
	t.tv_nsec = ns < most * 1000000ull ? (long)ns : most * 1000000L;
	nanosleep(&t, NULL);
}

/* xorshift: the same lies every time. */
uint64_t liar_rand(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* --- store ------------------------------------------------------------------ */

int liar_write(struct liar *g, const char *key, const char *text)
{
	char path[128];
	int rc = str_fmt(path, sizeof(path), "%s/%s", g->front, key);

	if (rc < 0)
		return rc;
	g->honest &= !strcmp(key, "state");
	return text ? store_write(g->store, path, text)
		    : store_rm(g->store, path);
}

int liar_state(struct liar *g, const char *text)
{
	return liar_write(g, "state", text);
}

static unsigned liar_back_state(struct liar *g)
{
	char path[128];
	uint32_t state;

	snprintf(path, sizeof(path), "%s/state", g->back);
	if (store_read_u32(g->store, path, XenbusStateReconfigured, &state))
		return XenbusStateUnknown;
	return state;
}

/* 0 when the backend's state is one of mask's bits. */
int liar_wait_state(struct liar *g, unsigned mask, unsigned ms)
{
	uint64_t since = clock_ns(), end = since + ms * 1000000ull;

	while (!(mask & 1u << liar_back_state(g))) {
		if (clock_ns() > end)
			return -ETIMEDOUT;
		if (ms)
			liar_doze(since, 100);
	}
	return 0;
}

int liar_error(struct liar *g, char *buf, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/error", g->back);
	return store_read(g->store, path, buf, size);
}

void liar_key(struct liar *g, const char *key, const char *text)
{
	struct liar_key *k = &g->key[g->nkey++];

	snprintf(k->key, sizeof(k->key), "%s", key);
	snprintf(k->text, sizeof(k->text), "%s", text ? text : "");
	k->absent = !text;
}

static int liar_honest_keys(struct liar *g)
{
	static const struct {
		const char *key, *text;
	} row[] = {
		{ "event-channel-tx", "1" },
		{ "event-channel-rx", "2" },
		{ "request-rx-copy", "1" },
		{ "feature-rx-notify", "1" },
		{ "feature-sg", "1" },
		{ "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" },
		{ "feature-no-csum-offload", "0" },
		{ "feature-ipv6-csum-offload", "1" },
		{ "multi-queue-num-queues", NULL },
		{ "event-channel", NULL },
		{ "ctrl-ring-ref", NULL },
		{ "event-channel-ctrl", NULL },
		{ "xdp-headroom", NULL },
		{ "request-multicast-control", NULL },
	};
	char ref[2][12];
	unsigned i;
	int rc;

	snprintf(ref[0], sizeof(ref[0]), "%u", ref_of(TX_PAGE));
	snprintf(ref[1], sizeof(ref[1]), "%u", ref_of(RX_PAGE));
	rc = liar_write(g, "tx-ring-ref", ref[0]);
	if (!rc)
		rc = liar_write(g, "rx-ring-ref", ref[1]);
	for (i = 0; i < ARRAY_SIZE(row) && !rc; i++)
		rc = liar_write(g, row[i].key, row[i].text);
	g->honest = !rc;
	return rc;
}

/* Those of an honest guest, unless they stand there, and then the lie's. */
int liar_keys(struct liar *g)
{
	unsigned i;
	int rc = g->honest ? 0 : liar_honest_keys(g);

	for (i = 0; i < g->nkey && !rc; i++)
		rc = liar_write(g, g->key[i].key,
				g->key[i].absent ? NULL : g->key[i].text);
	return rc ? rc : liar_state(g, "4");
}

/* --- netbackd ------------------------------------------------------------------ */

static json_t *liar_ask(struct liar *g)
{
	char path[108], q[64], *buf = malloc(LIAR_STATS);
	size_t n = 0;
	ssize_t r = 0;
	json_t *a = NULL;
	int sock;

	snprintf(path, sizeof(path), "%s/control", g->run);
	snprintf(q, sizeof(q), "{\"cmd\":\"stats\",\"vif\":\"vif%u.0\"}\n",
		 g->domid);
	sock = msg_connect(path, SOCK_STREAM);
	if (buf && sock >= 0 &&
	    send(sock, q, strlen(q), MSG_NOSIGNAL) == (ssize_t)strlen(q)) {
		while (n < LIAR_STATS && !memchr(buf, '\n', n) &&
		       (r = read(sock, buf + n, LIAR_STATS - n)) > 0)
			n += (size_t)r;
		a = json_loadb(buf, n, JSON_DISABLE_EOF_CHECK, NULL);
	}
	if (sock >= 0)
		close(sock);
	free(buf);
	return a;
}

/* Bounded retries: a question fails while other liars ask too much. */
int64_t liar_count(struct liar *g, const char *name)
{
	char want[24];
	int64_t n = -ENOENT;
	json_t *a, *v;
	size_t i;
	int try;

	snprintf(want, sizeof(want), "vif%u.0", g->domid);
	for (try = 0; try < 20 && n < 0; try++) {
		if (try)
			liar_sleep(50);
		a = liar_ask(g);
		json_array_foreach(json_object_get(a, "vifs"), i, v)
		{
			const char *s = json_string_value(
				json_object_get(v, "name"));
			json_t *c = json_object_get(
				json_object_get(v, "counters"), name);

			if (s && !strcmp(s, want) && json_is_integer(c))
				n = json_integer_value(c);
		}
		json_decref(a);
	}
	return n;
}

/* --- memory and slots ------------------------------------------------------------ */

void liar_grant(struct liar *g, uint32_t ref, unsigned flags, unsigned domid,
		uint32_t frame)
{
	const struct grant_entry_v1 e = { .flags = (uint16_t)flags,
					  .domid = (uint16_t)domid,
					  .frame = frame };

	g->gtab[ref] = e;
}

void tx_slot(struct liar *g, uint32_t ref, unsigned off, unsigned size,
	     unsigned flags)
{
	const struct netif_tx_request q = { .gref = ref,
					    .offset = (uint16_t)off,
					    .flags = (uint16_t)flags,
					    .id = (uint16_t)g->tx_prod,
					    .size = (uint16_t)size };

	g->tx->ring[g->tx_prod++ % FRONT_RING].req = q;
}

void tx_extra(struct liar *g, unsigned type, unsigned flags, unsigned gso_type,
	      unsigned gso_size)
{
	struct netif_extra_info x = { .type = (uint8_t)type,
				      .flags = (uint8_t)flags };

	x.u.gso.type = (uint8_t)gso_type;
	x.u.gso.size = (uint16_t)gso_size;
	memcpy(&g->tx->ring[g->tx_prod++ % FRONT_RING].req, &x, sizeof(x));
}

void liar_ring(const struct liar *g, int chan)
{
	/* Full is rung too. */
	eventfd_write(g->chan[chan].from_guest, 1);
}

void tx_push(struct liar *g)
{
	__atomic_store_n(&g->tx->req_prod, g->tx_prod, __ATOMIC_SEQ_CST);
	liar_ring(g, 0);
}

int tx_wait(struct liar *g)
{
	uint64_t since = clock_ns();

	while (__atomic_load_n(&g->tx->rsp_prod, __ATOMIC_ACQUIRE) !=
	       g->tx_prod) {
		if (clock_ns() > since + LIAR_ANSWER_MS * 1000000ull)
			return -ETIMEDOUT;
		liar_doze(since, 1);
	}
	return 0;
}

void rx_post(struct liar *g, unsigned n, uint32_t ref)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct netif_rx_request q = {
			.id = (uint16_t)g->rx_prod,
			.gref = ref ? ref
				    : ref_of(RX_DATA + g->rx_prod % FRONT_RING),
		};

		g->rx->ring[g->rx_prod++ % FRONT_RING].req = q;
	}
}

void rx_push(struct liar *g)
{
	__atomic_store_n(&g->rx->req_prod, g->rx_prod, __ATOMIC_SEQ_CST);
	liar_ring(g, 1);
}

void make_plain(uint8_t *p, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7);
	if (n >= 14)
		memcpy(p, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x88\xb5", 14);
}

void make_tcp4(uint8_t *p, unsigned n)
{
	static const uint8_t head[] = { 2,  0,	  0,	0,  0,	1,    2, 0, 0,
					0,  0,	  2,	8,  0,	0x45, 0, 0, 0,
					0,  1,	  0x40, 0,  64, 6,    0, 0, 10,
					9,  9,	  1,	10, 9,	9,    2, 4, 0,
					20, 81,	  0,	0,  0,	1,    0, 0, 0,
					1,  0x50, 16,	1,  0,	0,    0, 0, 0 };

	make_plain(p, n < HV_PAGE ? n : HV_PAGE);
	memcpy(p, head, sizeof(head));
	p[16] = (uint8_t)((n - 14) >> 8);
	p[17] = (uint8_t)(n - 14);
}

/* --- life ----------------------------------------------------------------------- */

void liar_drop(struct liar *g)
{
	unsigned i;

	if (g->link >= 0)
		close(g->link);
	g->link = -1;
	for (i = 0; i < LIAR_CHANNELS; i++) {
		if (g->chan[i].from_guest >= 0)
			close(g->chan[i].from_guest);
		if (g->chan[i].to_guest >= 0)
			close(g->chan[i].to_guest);
		g->chan[i].from_guest = g->chan[i].to_guest = -1;
	}
	front_mem_close(g->mem);
	g->mem = NULL;
}

static int liar_memory(struct liar *g)
{
	const struct front_mem_conf conf = { .pages = LIAR_PAGES,
					     .grants = LIAR_GRANTS };
	uint32_t i;
	int rc = front_mem_open(&g->mem, &conf);

	if (rc)
		return rc;
	g->gtab = (void *)page_of(g, 0);
	for (i = TX_PAGE; i < LIAR_PAGES; i++)
		front_grant_access(g->mem, ref_of(i), i, false);
	g->tx = (void *)page_of(g, TX_PAGE);
	g->rx = (void *)page_of(g, RX_PAGE);
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
	g->tx_prod = g->rx_prod = 0;
	g->ctrl = (void *)page_of(g, CTRL_PAGE);
	g->ctrl->req_event = g->ctrl->rsp_event = 1;
	for (i = 0; i < LIAR_CHANNELS; i++)
		g->chan[i] = (struct front_channel){
			.port = TX_PORT + i,
			.from_guest = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
			.to_guest = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		};
	rx_post(g, FRONT_RING, 0);
	g->rx->req_prod = g->rx_prod;
	return 0;
}

/* From whatever was before to: both sides wait for rings. */
static int liar_start_over(struct liar *g)
{
	const unsigned left = 1u << XenbusStateClosed |
			      1u << XenbusStateClosing |
			      1u << XenbusStateInitWait;
	int rc = 0;

	if (!(left & 1u << liar_back_state(g))) {
		rc = liar_state(g, "6");
		if (!rc)
			rc = liar_wait_state(g, left, LIAR_STATE_MS);
	}
	if (!rc)
		rc = liar_state(g, "1");
	if (!rc)
		rc = liar_wait_state(g, 1u << XenbusStateInitWait,
				     LIAR_STATE_MS);
	return rc;
}

int liar_fresh(struct liar *g)
{
	int rc;

	liar_drop(g);
	g->nkey = 0;
	rc = liar_start_over(g);
	return rc ? rc : liar_memory(g);
}

/* netbackd takes its time to see that the one before is gone. */
int liar_link(struct liar *g)
{
	uint64_t end = clock_ns() + LIAR_STATE_MS * 1000000ull;
	struct err e = { "" };
	int rc;

	do {
		rc = front_link(g->hv, g->mem, g->chan, LIAR_CHANNELS, &e);
		if (rc == -EBUSY || rc == -EAGAIN || rc == -ECONNRESET)
			liar_sleep(10);
		else
			break;
	} while (clock_ns() < end);
	if (rc < 0) {
		fprintf(stderr, "%s\n", e.text);
		return rc;
	}
	g->link = rc;
	return 0;
}

int liar_connect(struct liar *g)
{
	int rc = liar_fresh(g);

	if (!rc)
		rc = liar_link(g);
	if (!rc)
		rc = liar_keys(g);
	return rc ? rc
		  : liar_wait_state(g, 1u << XenbusStateConnected,
				    LIAR_STATE_MS);
}

int liar_show(struct liar *g)
{
	uint32_t at = g->tx_prod;
	int rc;

	make_plain(page_of(g, DATA_PAGE), 100);
	tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
	tx_push(g);
	rc = tx_wait(g);
	if (rc)
		return rc;
	return g->tx->ring[at % FRONT_RING].rsp.status == NETIF_RSP_OKAY
		       ? 0
		       : -EBADMSG;
}

int liar_open(struct liar *g, const char *run, uint16_t domid)
{
	char path[108];

	memset(g, 0, sizeof(*g));
	g->run = run;
	g->domid = domid;
	g->link = -1;
	g->chan[0].from_guest = g->chan[0].to_guest = -1;
	g->chan[1] = g->chan[2] = g->chan[0];
	snprintf(g->front, sizeof(g->front), "/local/domain/%u/device/vif/0",
		 domid);
	snprintf(g->back, sizeof(g->back), "/local/domain/0/backend/vif/%u/0",
		 domid);
	snprintf(g->hv, sizeof(g->hv), "%s/dom/%u/hv", run, domid);
	snprintf(path, sizeof(path), "%s/dom/%u/store", run, domid);
	return store_open(&g->store, path, 0);
}

void liar_close(struct liar *g)
{
	liar_drop(g);
	store_close(g->store);
}
