/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steer.h - what a guest asks of its backend beside carrying frames */
#ifndef NETBACK_FRONT_STEER_H
#define NETBACK_FRONT_STEER_H

#include "front/front.h"

struct err;

enum { STEER_MAP = 128, STEER_GROUPS = 64 };

/* Zeros ask for nothing. */
struct steer_wish {
	bool hash; /* its number beside each frame: Toeplitz, all types */
	uint8_t map[STEER_MAP]; /* hash % nmap -> queue */
	uint16_t nmap;
	bool grants;			/* receive buffers stay mapped */
	uint16_t headroom;		/* bytes before each frame */
	uint8_t group[STEER_GROUPS][6]; /* joined; then no others are heard */
	uint16_t ngroup;
};

/* The option --NAME of vifguest with that letter: 0, -EINVAL with a sentence. */
enum {
	STEER_HASH = 256,
	STEER_HASH_MAP,
	STEER_GRANTS,
	STEER_HEADROOM,
	STEER_GROUP
};
int steer_option(struct steer_wish *w, int c, const char *arg, struct err *e);

/* Is there something to say on a control ring? */
bool steer_talks(const struct steer_wish *w);

struct steer {
	const struct steer_wish *wish;
	struct front_ctrl *ctrl; /* NULL: the backend offers none */
	struct front_queue *const *queue;
	unsigned nqueue;
};

/* Connected: asks for all of it; waits for answers. -errno with a sentence. */
int steer_begin(const struct steer *s, struct err *e);
/* Before leaving: has the buffers unmapped. */
int steer_end(const struct steer *s, struct err *e);

#endif
