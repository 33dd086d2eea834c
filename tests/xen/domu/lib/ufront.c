// SPDX-License-Identifier: GPL-2.0-or-later
/* ufront.c - a netfront in a guest's user space: store, grants, ports, slots */
#include "ufront.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xen/event_channel.h>
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/io/xenbus.h>

uint64_t ufront_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int ufront_say(const char *what, int rc)
{
	if (rc)
		printf("%s: %s\n", what, strerror(-rc));
	return rc;
}

/* --- the store ----------------------------------------------------------------- */

int ufront_put(struct ufront *g, const char *key, const char *fmt, ...)
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

void ufront_rm(struct ufront *g, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "device/vif/0/%s", key);
	xs_rm(g->xs, XBT_NULL, path);
}

static void ufront_read(struct ufront *g, const char *dir, const char *key,
			char *buf, size_t size)
{
	char path[128], *p;
	unsigned n;

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	p = xs_read(g->xs, XBT_NULL, path, &n);
	snprintf(buf, size, "%s", p ? p : "");
	free(p);
}

void ufront_own(struct ufront *g, const char *key, char *buf, size_t size)
{
	ufront_read(g, "device/vif/0", key, buf, size);
}

void ufront_get(struct ufront *g, const char *key, char *buf, size_t size)
{
	ufront_read(g, g->back, key, buf, size);
}

int ufront_state(struct ufront *g, unsigned state)
{
	return ufront_put(g, "state", "%u", state);
}

int ufront_wait(struct ufront *g, unsigned mask)
{
	uint64_t end = ufront_ms() + UFRONT_MS;
	char text[16], error[256];

	for (;;) {
		ufront_get(g, "state", text, sizeof(text));
		if (mask & 1u << (atoi(text) & 15))
			return 0;
		if (ufront_ms() > end)
			break;
		usleep(20000);
	}
	ufront_get(g, "error", error, sizeof(error));
	printf("the backend's state is %s; error: %s\n", text, error);
	return -ETIMEDOUT;
}

int ufront_open(struct ufront *g)
{
	char text[16];

	g->gnt = g->evt = -1;
	g->xs = xs_open(0);
	if (!g->xs)
		return -errno;
	ufront_own(g, "backend", g->back, sizeof(g->back));
	ufront_own(g, "backend-id", text, sizeof(text));
	g->peer = (uint32_t)atoi(text);
	return g->back[0] ? 0 : -ENODEV;
}

void ufront_close(struct ufront *g)
{
	ufront_drop(g);
	if (g->xs)
		xs_close(g->xs);
	g->xs = NULL;
}

/* --- grants and ports ------------------------------------------------------------ */

int ufront_grant(struct ufront *g, struct ufront_page *p, uint32_t domid,
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
	at = mmap(NULL, UFRONT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g->gnt,
		  (off_t)a.index);
	if (at == MAP_FAILED)
		return -errno;
	*p = (struct ufront_page){ at, a.index, a.gref_ids[0] };
	return 0;
}

void ufront_ungrant(struct ufront *g, struct ufront_page *p)
{
	struct ioctl_gntalloc_dealloc_gref d = { .index = p->index,
						 .count = 1 };

	if (!p->at)
		return;
	munmap(p->at, UFRONT_PAGE);
	ioctl(g->gnt, IOCTL_GNTALLOC_DEALLOC_GREF, &d);
	p->at = NULL;
}

int ufront_port(struct ufront *g, uint32_t domid, uint32_t *out)
{
	struct ioctl_evtchn_bind_unbound_port b = { .remote_domain = domid };
	int port = ioctl(g->evt, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &b);

	if (port < 0)
		return -errno;
	*out = (uint32_t)port;
	return 0;
}

void ufront_unport(struct ufront *g, uint32_t *port)
{
	struct ioctl_evtchn_unbind u = { .port = *port };

	if (*port)
		ioctl(g->evt, IOCTL_EVTCHN_UNBIND, &u);
	*port = 0;
}

void ufront_ring(struct ufront *g, unsigned which)
{
	struct ioctl_evtchn_notify n = { .port = g->port[which] };

	ioctl(g->evt, IOCTL_EVTCHN_NOTIFY, &n);
}

/* --- a connection ----------------------------------------------------------------- */

void ufront_drop(struct ufront *g)
{
	unsigned i;

	for (i = 0; i < UFRONT_PAGES; i++)
		ufront_ungrant(g, &g->page[i]);
	if (g->evt >= 0)
		close(g->evt); /* its ports, too */
	if (g->gnt >= 0)
		close(g->gnt);
	g->evt = g->gnt = -1;
}

int ufront_fresh(struct ufront *g)
{
	unsigned i;
	int rc = 0;

	ufront_drop(g);
	g->gnt = open("/dev/xen/gntalloc", O_RDWR);
	g->evt = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	if (g->gnt < 0 || g->evt < 0)
		return -errno;
	for (i = 0; i < UFRONT_PAGES && !rc; i++)
		rc = ufront_grant(g, &g->page[i], g->peer, true);
	for (i = 0; i < 2 && !rc; i++)
		rc = ufront_port(g, g->peer, &g->port[i]);
	if (rc)
		return rc;
	for (i = 0; i < 2; i++) {
		g->key_ref[i] = g->page[i].ref;
		g->key_port[i] = g->port[i];
	}
	g->tx = (void *)g->page[UFRONT_TX].at;
	g->rx = (void *)g->page[UFRONT_RX].at;
	g->tx_prod = g->rx_prod = g->rx_cons = 0;
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
	return 0;
}

int ufront_begin(struct ufront *g)
{
	int rc = ufront_state(g, XenbusStateClosed);

	if (!rc)
		rc = ufront_wait(g, 1u << XenbusStateClosed |
					    1u << XenbusStateInitWait);
	ufront_drop(g);
	if (!rc)
		rc = ufront_state(g, XenbusStateInitialising);
	return rc ? rc : ufront_wait(g, 1u << XenbusStateInitWait);
}

int ufront_keys(struct ufront *g, const char *prefix)
{
	static const char *const name[] = { "tx-ring-ref", "rx-ring-ref",
					    "event-channel-tx",
					    "event-channel-rx" };
	const uint32_t value[] = { g->key_ref[0], g->key_ref[1], g->key_port[0],
				   g->key_port[1] };
	char key[40];
	unsigned i;
	int rc = 0;

	for (i = 0; i < 4 && !rc; i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, name[i]);
		rc = ufront_put(g, key, "%u", value[i]);
	}
	return rc;
}

/* --- slots ------------------------------------------------------------------------ */

void ufront_slot(struct ufront *g, uint32_t ref, unsigned off, unsigned size)
{
	const netif_tx_request_t q = { .gref = ref,
				       .offset = (uint16_t)off,
				       .id = (uint16_t)g->tx_prod,
				       .size = (uint16_t)size };

	g->tx->ring[g->tx_prod++ % UFRONT_RING].req = q;
}

void ufront_push(struct ufront *g)
{
	__atomic_store_n(&g->tx->req_prod, g->tx_prod, __ATOMIC_SEQ_CST);
	ufront_ring(g, 0);
}

int ufront_answered(struct ufront *g, int *status)
{
	uint64_t end = ufront_ms() + UFRONT_MS;

	while (__atomic_load_n(&g->tx->rsp_prod, __ATOMIC_ACQUIRE) !=
	       g->tx_prod) {
		if (ufront_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	*status = g->tx->ring[(g->tx_prod - 1) % UFRONT_RING].rsp.status;
	return 0;
}

void ufront_post(struct ufront *g, unsigned page)
{
	const netif_rx_request_t q = { .id = (uint16_t)(g->rx_prod %
							UFRONT_RING),
				       .gref = g->page[page].ref };

	g->buf[q.id] = (uint8_t)page;
	g->rx->ring[g->rx_prod++ % UFRONT_RING].req = q;
}

void ufront_posted(struct ufront *g)
{
	__atomic_store_n(&g->rx->req_prod, g->rx_prod, __ATOMIC_SEQ_CST);
	ufront_ring(g, 1);
}

bool ufront_came(struct ufront *g, unsigned *page, int *status)
{
	const netif_rx_response_t *r;

	if (__atomic_load_n(&g->rx->rsp_prod, __ATOMIC_ACQUIRE) == g->rx_cons)
		return false;
	r = &g->rx->ring[g->rx_cons++ % UFRONT_RING].rsp;
	*page = g->buf[r->id % UFRONT_RING];
	*status = r->status;
	return true;
}
