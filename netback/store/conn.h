/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conn.h - who is connected to the store server, and what they have
 *
 * Input is one message at a time, output is bounded: while a client has
 * unread output no further request of it is read, and one which lets events pile
 * up is disconnected. So nobody waits for anybody. Nor does a guest fill others'
 * memory: what its changes made others hear is limited, and beyond that its next
 * request waits in its socket. (libxenstore takes events as fast as they come, and
 * keeps them until their turn.)
 */
#ifndef NETBACK_STORE_CONN_H
#define NETBACK_STORE_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/rate.h"
#include "store/db.h"

enum {
	CONN_DOMS = 0x7ff0, /* domain numbers below Xen's reserved ones */
	/* Of one unprivileged domain; xenstored's own where it has one. */
	CONN_PER_DOM = 8,
	CONN_WATCHES = 128,
	CONN_TXNS = 10,
	CONN_NODES = 1000,
	CONN_NODE_SIZE = 2048,
	CONN_NODE_PERMS = 5,
	CONN_TXN_NODES = 1024,
	CONN_TXN_BYTES = 1 << 20, /* of changes in one transaction */
	CONN_OUT = 256 << 10,
	CONN_HEARD = 1000, /* events for others at once .. */
	CONN_EACH_MS = 1,  /* .. and then one each */
	/* Of domain 0, together and each: it is trusted, its bugs are not. */
	CONN_DOM0 = 1024,
	CONN_OUT0 = 16 << 20,
};

struct grave;

struct dom {
	bool introduced;
	struct grave *grave; /* of what a guest left us to close; or NULL */
	unsigned nconn, nwatch, ntxn;
	unsigned heard; /* events for others, not yet in rate */
	struct rate rate;
};

struct watch {
	struct watch *next;
	char *path, *token;
	size_t skip; /* bytes of a relative watch's events' paths */
};

struct conn {
	struct conn *next;
	struct server *server;
	uint16_t dom;
	bool dead; /* swept when the turn's work is done */
	int fd;
	struct loop_fd *src;
	uint32_t mind; /* EPOLLIN, EPOLLOUT or none: what src waits for */
	struct loop_timer *rest; /* no request is read until then */
	struct watch *watches;
	struct txn *txns;
	uint32_t last_txn;
	uint32_t nin;
	size_t nout, out_room;
	uint8_t *out;
	uint8_t in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
};

struct server {
	struct db db;
	struct loop *loop;
	struct conn *conns;
	struct log_limit limit; /* of lines that a guest can cause */
	struct dom dom[CONN_DOMS];
	/* Asks the keeper for a domain's socket, or to remove it. */
	int (*introduce)(struct server *s, uint16_t dom);
	int (*release)(struct server *s, uint16_t dom);
};

/* Closes a descriptor of a domain's, without waiting for it. */
void conn_bury(struct server *s, uint16_t dom, int fd);
/* False while that goes on: then no new connection of it is to be taken. */
bool conn_may_open(struct server *s, uint16_t dom);

/* Takes over fd (-1: none, for tests). NULL when the domain has enough. */
struct conn *conn_open(struct server *s, int fd, uint16_t dom);

/* Bytes as they came, in any pieces; handles every whole message in them. */
void conn_feed(struct conn *c, const uint8_t *p, size_t n);
void conn_kill(struct conn *c);	   /* marks it dead */
void conn_sweep(struct server *s); /* frees the dead */
void conn_send(struct conn *c, const struct xsd_sockmsg *h, const void *body);
void conn_drop_all(struct conn *c); /* its watches and transactions */

/* ops.c: one whole message; body has a NUL behind it. */
void ops_handle(struct conn *c, const struct xsd_sockmsg *h, char *body);

/* path.c */
bool path_valid(const char *path);

/* Makes a relative path absolute; -EINVAL when it does not fit. */
int path_canon(const struct conn *c, const char *path, char *out);
size_t path_home(uint16_t dom, char *out); /* "/local/domain/N"; its length */

/* watch.c */
int watch_add(struct conn *c, const char *path, const char *token);
int watch_del(struct conn *c, const char *path, const char *token);
void watch_drop_all(struct conn *c);
void watch_first(struct conn *c); /* the one event of the newest watch */

/* Sends a finished transaction's events to whoever may see them. */
void watch_fire(struct conn *from, const struct txn *x,
		const struct node *before);
void watch_special(struct server *s, const char *name);

/* path.c */
unsigned perm_bits(uint16_t dom, const struct node *n);

#endif
