/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - RUN/control: questions to a running netbackd, one JSON a line
 *
 *   {"cmd":"show"}			{"vifs":[..], ..}
 *   {"cmd":"stats","vif":"vif1.0"}	{"vifs":[..]} with counters; all without vif *   {"cmd":"ring","vif":"vif1.0"}	{"vifs":[..]} with its rings; "silent" where a
 *					worker has not answered for two seconds
 *   {"cmd":"capture","vif":"vif1.0","snap":65535,"ninsn":9} + 2 descriptors
 *   {"cmd":"capture-end"}		see capture.h
 *
 * A question that cannot be answered gets {"error":"a sentence"}. Questions of one
 * client are answered one after the other.
 */
#ifndef NETBACK_DAEMON_CONTROL_H
#define NETBACK_DAEMON_CONTROL_H

#include <jansson.h>

struct control;
struct loop;

enum { CONTROL_FDS = 2 };

struct control_ops {
	/* Answers now (0 and *out, taken over) or later by control_answer with
	 * the same `client` (-EINPROGRESS). fd: what came with it, -1 where
	 * nothing did; what is left there is closed afterwards.
	 */
	int (*ask)(void *arg, unsigned client, json_t *question,
		   int fd[CONTROL_FDS], json_t **out);
	/* A client has left. */
	void (*gone)(void *arg, unsigned client);
};

int control_open(struct control **out, struct loop *l, const char *run,
		 const struct control_ops *ops, void *arg);

/* Takes over answer. A client that left meanwhile is fine. */
void control_answer(struct control *c, unsigned client, json_t *answer);

json_t *control_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

void control_close(struct control *c); /* NULL is fine */

#endif
