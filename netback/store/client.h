/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - inside of the store's client: what its two files share */
#ifndef NETBACK_STORE_CLIENT_H
#define NETBACK_STORE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "store.h"

/* What a handle does besides when somebody waits for its events. */
struct client_mind {
	/* s->xs is there, or NULL; probe: the socket's number, if not -1 */
	int (*connected)(struct store *s, int probe);
	void (*lost)(struct store *s);
	void (*wake)(struct store *s, unsigned ms);
	void (*close)(struct store *s);
};

struct client_watch {
	struct client_watch *next;
	char *path, *token;
};

struct store {
	struct xs_handle *xs;		/* NULL = not connected */
	const struct client_mind *mind; /* NULL: nobody waits for events */
	int ep, timer;
	int sock;   /* dup of libxenstore's, -1 = unknown (a device) */
	int own;    /* libxenstore's, while sock is known */
	int events; /* xs_fileno while it is in ep, else -1 */
	unsigned wait_ms;
	bool in_txn, txn_lost;
	xs_transaction_t txn;
	struct client_watch *watches;
	char *path;
};

/* How long one call may go on trying. */
struct client_try {
	uint64_t until_ns;
	unsigned n;
};
struct client_try client_try(const struct store *s);

/* Whether a call which ended in rc should be made again. */
bool client_again(struct store *s, int rc, struct client_try *t);

/* A connection to make one attempt with. */
int client_ready(struct store *s);
int client_connect(struct store *s);
int client_lost(struct store *s); /* -ENOTCONN */

/* After a failed xs_ call: -errno as the server said it, or -ENOTCONN. */
int client_error(struct store *s);

#endif
