/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - what the store's keeper and its server child say to each other */
#ifndef NETBACK_STORE_CHILD_H
#define NETBACK_STORE_CHILD_H

#include <stdint.h>

#include "store/conn.h"

enum child_ask { CHILD_INTRODUCE = 1, CHILD_RELEASE };

/* One packet each way on a SEQPACKET pair; INTRODUCE's answer brings the
 * domain's listening socket.
 */
struct child_msg {
	uint16_t ask; /* enum child_ask */
	uint16_t dom;
	int32_t rc;
};

/* What the keeper holds; a child inherits it by fork. */
struct keep {
	int tree;	       /* the journal's memory */
	int listen[CONN_DOMS]; /* by domain, -1 = not introduced */
	char run[64];
};

/* Gives up everything but the descriptors, and serves until ask ends. Does not
 * return.
 */
void child_main(const struct keep *k, int ask) __attribute__((noreturn));

#endif
