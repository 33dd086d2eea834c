/* SPDX-License-Identifier: GPL-2.0-or-later */
/* liar.h - a guest which writes slots, indices, grants and keys by hand
 *
 * A lie is one row of a table: what it is called, which advisories and
 * pitfalls (doc/advisories.md) it stands for, what has to come of it, and how
 * it is told. Memory, sockets and store are those of netback/front; the rest is
 * written here so that it can be wrong.
 */
#ifndef NETBACK_TESTS_LIAR_H
#define NETBACK_TESTS_LIAR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "base/num.h"
#include "front/front.h"
#include "store.h"

enum {
	LIAR_PAGES = 700,
	LIAR_GRANTS = 1024,
	TX_PAGE = 2, /* the grant table takes pages 0 and 1 */
	RX_PAGE = 3,
	DATA_PAGE = 4,	 /* .. 299: what it sends from */
	RX_DATA = 300,	 /* .. 555: what it receives into */
	CTRL_PAGE = 560, /* control ring, when a lie has one */
	LIST_PAGE = 561, /* keys and lists for it */
	BAD_REF = 800,	 /* grants nothing unless a lie says so */
	TX_PORT = 1,
	RX_PORT = 2,
	CTRL_PORT = 3,
	LIAR_CHANNELS = 3,
	LIAR_KEYS = 16,
	LIAR_KEY_TEXT = 2048,
};

/* Severities: what has to come of a lie. */
enum lie_due {
	DUE_NONE,    /* served as before; count, if given, grows */
	DUE_DROP,    /* counted, answered, served as before */
	DUE_FATAL,   /* this vif is disconnected, with an error node */
	DUE_REFUSED, /* not connected, with an error node */
	DUE_LINK,    /* the socket refuses it; the lie checks that itself */
	DUE_GONE,    /* disconnected: the guest went */
	DUE_ANY,     /* nothing for certain: it only must do no harm */
};

struct liar;

struct lie {
	const char *name;
	const char *id; /* of doc/advisories.md, separated by blanks */
	enum lie_due due;
	const char *count; /* the counter that grows */
	const char *why;   /* part of the error node */
	/* Before it connects: keys, grants. 0 or -errno. */
	int (*prepare)(struct liar *g);
	/* While connected. 0 or -errno. */
	int (*tell)(struct liar *g);
	unsigned variants; /* g->variant is 0 .. variants - 1 */
	unsigned skip;	   /* LIE_* */
	int arg;	   /* tell's and prepare's */
};

enum {
	LIE_NO_SHOW = 1, /* it cannot send a good packet afterwards */
	LIE_ALONE = 2,	 /* its cost is measured: one at a time */
};

struct liar_key {
	char key[40];
	char text[LIAR_KEY_TEXT];
	bool absent;
};

struct liar {
	const char *run;
	uint16_t domid;
	unsigned variant;
	const struct lie *lie;
	struct store *store;
	char front[64], back[64], hv[108];
	struct front_mem *mem;
	struct grant_entry_v1 *gtab;
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	uint32_t tx_prod, tx_cons, rx_prod;
	struct xen_netif_ctrl_sring *ctrl;
	struct front_channel chan[LIAR_CHANNELS];
	int link;
	bool honest; /* the store has an honest guest's keys */
	unsigned nkey;
	struct liar_key key[LIAR_KEYS];
};

extern const struct lie lies_tx[], lies_rx[], lies_bell[], lies_mem[],
	lies_key[], lies_link[], lies_ctrl[], lies_direct[];
extern const unsigned nlies_tx, nlies_rx, nlies_bell, nlies_mem, nlies_key,
	nlies_link, nlies_ctrl, nlies_direct;

/* --- liar.c: how it lives ------------------------------------------------ */

int liar_open(struct liar *g, const char *run, uint16_t domid);
void liar_close(struct liar *g);

/* The guest is gone: memory, channels, link. */
void liar_drop(struct liar *g);
/* Fresh memory, fresh rings; the state in the store back to the start. */
int liar_fresh(struct liar *g);
int liar_link(struct liar *g); /* hands them over */
int liar_keys(struct liar *g); /* writes keys and state 4 */
/* All three, and waits for the backend's 4. */
int liar_connect(struct liar *g);

void liar_key(struct liar *g, const char *key, const char *text);
int liar_write(struct liar *g, const char *key, const char *text); /* now */
int liar_state(struct liar *g, const char *text);
int liar_wait_state(struct liar *g, unsigned mask, unsigned ms);
int liar_error(struct liar *g, char *buf, size_t size);
/* A counter of its own vif, as vifctl show stats has it; negative: -errno. */
int64_t liar_count(struct liar *g, const char *name);
/* One good packet, answered OKAY. */
int liar_show(struct liar *g);
void liar_sleep(unsigned ms);
uint64_t liar_rand(void);

/* Another thread of the guest that changes something of g's by a random number,
 * again and again until liar_flip_end. Returns 0 or -errno of the thread.
 */
struct flip {
	struct liar *g;
	void (*once)(struct liar *g, uint64_t r);
	bool stop;
	pthread_t thread;
};
int liar_flip(struct flip *f);
void liar_flip_end(struct flip *f);

/* --- what it can do ------------------------------------------------------ */

static inline uint32_t ref_of(unsigned page)
{
	return GNTTAB_NR_RESERVED_ENTRIES + page;
}

static inline uint8_t *page_of(const struct liar *g, unsigned page)
{
	return front_mem_page(g->mem, page);
}

void liar_grant(struct liar *g, uint32_t ref, unsigned flags, unsigned domid,
		uint32_t frame);

/* Slots are written at g->tx_prod and not published. */
void tx_slot(struct liar *g, uint32_t ref, unsigned off, unsigned size,
	     unsigned flags);
void tx_extra(struct liar *g, unsigned type, unsigned flags, unsigned gso_type,
	      unsigned gso_size);
void tx_push(struct liar *g); /* publishes, rings */
/* Waits until all that was published is answered; 0 or -ETIMEDOUT. */
int tx_wait(struct liar *g);

/* Posts n buffers, pages RX_DATA.. (or one reference for all). */
void rx_post(struct liar *g, unsigned n, uint32_t ref);
void rx_push(struct liar *g);

void liar_ring(const struct liar *g, int chan);

/* A frame of n bytes of a local type; TCP over IPv4, headers right. */
void make_plain(uint8_t *p, unsigned n);
void make_tcp4(uint8_t *p, unsigned n);

#endif
