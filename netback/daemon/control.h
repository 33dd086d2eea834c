/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - RUN/control: questions to a running netbackd, one JSON a line
 *
 *   {"cmd":"show"}			{"vifs":[..], ..}
 *   {"cmd":"stats","vif":"vif1.0"}	{"vifs":[..]} with counters; all without vif
 *
 * A question that cannot be answered gets {"error":"a sentence"}. Questions of one
 * client are answered one after the other.
 */
#ifndef NETBACK_DAEMON_CONTROL_H
#define NETBACK_DAEMON_CONTROL_H

#include <jansson.h>

struct control;
struct loop;

/* Answers now (0 and *out, taken over) or later by control_answer with the same
 * `client` (-EINPROGRESS).
 */
typedef int control_ask_fn(void *arg, unsigned client, json_t *question,
			   json_t **out);

int control_open(struct control **out, struct loop *l, const char *run,
		 control_ask_fn *ask, void *arg);

/* Takes over answer. A client that left meanwhile is fine. */
void control_answer(struct control *c, unsigned client, json_t *answer);

json_t *control_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

void control_close(struct control *c); /* NULL is fine */

#endif
