/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft.h - one netlink batch to nf_tables, and what is there now
 *
 * A batch is all or nothing. Callers fill libnftnl's values; only nft.c speaks
 * to the kernel. Errors: -errno; nft_say makes a sentence of one.
 */
#ifndef NETBACK_FILTER_NFT_H
#define NETBACK_FILTER_NFT_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct nftnl_set_elem;

enum {
	NFT_TRIES = 16,	     /* a batch or a dump that others disturbed */
	NFT_BATCH = 1 << 17, /* bytes; below a socket's usual send buffer */
	NFT_BATCH_FIRST = 1
			  << 16, /* to begin with: malloc maps nothing for it */
	NFT_BATCH_MOST = 1 << 28, /* what a batch may grow to */
	NFT_MSG_ROOM = 1 << 13,	  /* bytes of one message: a rule's limit */
	NFT_ANSWER = 1 << 15,	  /* what the kernel says at once, at most */
	NFT_MSGS = 256, /* messages that a batch begins with room for */
};

struct nft;

int nft_open(struct nft **out, struct err *e);
void nft_close(struct nft *nft); /* NULL is fine */

/* --- a batch -------------------------------------------------------------- */

struct nft_batch;

/* gen: commit only if the ruleset is still of this generation, 0 = whatever it
 * is by then (a batch which does not depend on what was read).
 */
int nft_batch_open(struct nft_batch **out, uint32_t gen);

/* It turns out that it does not. */
void nft_batch_any(struct nft_batch *b);

/* The next message's header: the caller adds a payload before the next call.
 * NULL when there is no more room, which nft_batch_send then reports. `what` names
 * it in an error: "chain %s"; it knows %s and %u.
 */
struct nlmsghdr *nft_batch_msg(struct nft_batch *b, uint16_t type,
			       uint16_t family, uint16_t flags,
			       const char *what, ...)
	__attribute__((format(printf, 5, 6)));

/* Messages so far. */
unsigned nft_batch_count(const struct nft_batch *b);

/* Sends, and again while the kernel says that it was disturbed. 0 or the
 * kernel's own -errno, and in *what the words of the message it refused (they
 * live as long as the batch). -ERESTART: the generation is another; read again.
 */
int nft_batch_send(struct nft *nft, struct nft_batch *b, const char **what);
void nft_batch_close(struct nft_batch *b); /* NULL is fine */

/* --- what is there -------------------------------------------------------- */

/* The generation of the ruleset, never 0. */
int nft_gen(struct nft *nft, uint32_t *gen);

/* Sends a request (build: the payload; NULL none) and calls each for every
 * answer. -EINTR: somebody changed what was being listed; ask again.
 */
typedef void nft_build_fn(struct nlmsghdr *nlh, const void *arg);
struct nft_ask {
	uint16_t type, family;
	bool dump;
	nft_build_fn *build;
	const void *arg;
	mnl_cb_t each;
	void *data;
};
int nft_ask(struct nft *nft, const struct nft_ask *a);

/* Calls each for every element of a set until one returns -1. As nft_ask; -ENOENT:
 * there is no such set.
 */
typedef int nft_elem_fn(struct nftnl_set_elem *x, void *data);
int nft_elems(struct nft *nft, uint16_t family, const char *table,
	      const char *set, nft_elem_fn *each, void *data);
void nft_put_elems(struct nlmsghdr *nlh, const char *table, const char *set);

/* --- netfilter's other subsystems, on sockets of their own ------------------- */

/* A message of subsystem << 8 | type in buf. */
struct nlmsghdr *nft_other_msg(void *buf, unsigned type, unsigned flags,
			       unsigned family, unsigned res_id);

/* Sends it and reads to the end of the answer: 0, or -errno. */
int nft_other_ask(struct mnl_socket *nl, const struct nlmsghdr *nlh,
		  mnl_cb_t each, void *data);

/* The same by this socket: at the end of each the kernel walks all tables. The
 * answer is the acknowledgement alone.
 */
int nft_other_here(struct nft *nft, struct nlmsghdr *nlh);

/* Pure: the sentence for a refused message, and what to return for it: a
 * missing piece of the kernel is -EOPNOTSUPP, and needs names what to look for.
 */
int nft_say(struct err *e, int rc, const char *what, const char *needs);

#endif
