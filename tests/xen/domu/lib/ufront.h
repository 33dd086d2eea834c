/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ufront.h - a netfront in a guest's user space, without a kernel's help
 *
 * Pages and grants are /dev/xen/gntalloc's, ports /dev/xen/evtchn's: real ones. It
 * is the guest's card 0, of one queue, or one queue of several.
 */
#ifndef TESTS_UFRONT_H
#define TESTS_UFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/io/netif.h>
#include <xenstore.h>

enum {
	UFRONT_PAGE = 4096,
	UFRONT_RING = 256,
	UFRONT_PAGES = 40,
	UFRONT_TX = 0, /* pages: the rings, */
	UFRONT_RX = 1,
	UFRONT_DATA = 2, /* what it sends, */
	UFRONT_BUF = 3,	 /* what it receives into */
	UFRONT_BUFS = 32,
	UFRONT_MS = 30000, /* until the backend has done something */
};

struct ufront_page {
	uint8_t *at; /* NULL: none */
	uint64_t index;
	uint32_t ref;
};

struct ufront {
	struct xs_handle *xs;
	int gnt, evt;
	uint32_t peer; /* the backend's domain */
	char back[80];
	struct ufront_page page[UFRONT_PAGES];
	uint32_t port[2]; /* tx, rx */
	uint32_t key_ref[2], key_port[2];
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	uint32_t tx_prod, rx_prod, rx_cons;
	uint8_t buf[UFRONT_RING]; /* the page of each request of rx */
};

uint64_t ufront_ms(void);
/* Says what went wrong, if anything did: rc again. */
int ufront_say(const char *what, int rc);

/* Of a frontend that is all zero. -ENODEV: the guest has no card. */
int ufront_open(struct ufront *g);
void ufront_close(struct ufront *g);

/* A key of its own directory, below prefix ("" or "queue-0/"). */
int ufront_put(struct ufront *g, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ufront_rm(struct ufront *g, const char *key);
void ufront_own(struct ufront *g, const char *key, char *buf, size_t size);
/* Of the backend's directory; "" when there is none. */
void ufront_get(struct ufront *g, const char *key, char *buf, size_t size);
int ufront_state(struct ufront *g, unsigned state);
/* 0 when the backend's state is one of the bits of `mask`. */
int ufront_wait(struct ufront *g, unsigned mask);

int ufront_grant(struct ufront *g, struct ufront_page *p, uint32_t domid,
		 bool writable);
/* The number stays; what it granted is over, unless somebody has it mapped. */
void ufront_ungrant(struct ufront *g, struct ufront_page *p);
int ufront_port(struct ufront *g, uint32_t domid, uint32_t *out);
void ufront_unport(struct ufront *g, uint32_t *port);
void ufront_ring(struct ufront *g, unsigned which);

/* Other pages and ports than before, rings that nobody used. */
int ufront_fresh(struct ufront *g);
void ufront_drop(struct ufront *g);
/* Back to where a frontend begins: both closed, then both at their start. */
int ufront_begin(struct ufront *g);
int ufront_keys(struct ufront *g, const char *prefix);

void ufront_slot(struct ufront *g, uint32_t ref, unsigned off, unsigned size);
void ufront_push(struct ufront *g);
/* All that was sent is answered; the status of the last is *status. */
int ufront_answered(struct ufront *g, int *status);
/* A page to receive into. */
void ufront_post(struct ufront *g, unsigned page);
void ufront_posted(struct ufront *g);
/* The page of the next frame that came, and its status: false when there is none. */
bool ufront_came(struct ufront *g, unsigned *page, int *status);

#endif
