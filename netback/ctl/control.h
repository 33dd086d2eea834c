/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - asking a running netbackd: one line of JSON each way
 *
 * RUN/control is a stream socket. {"cmd":"show"} is answered by one line,
 * {"vifs":[..]} or {"error":".."}.
 */
#ifndef NETBACK_CTL_CONTROL_H
#define NETBACK_CTL_CONTROL_H

#include <jansson.h>

#include "ctl/ctl.h"

/* 0 when netbackd listens there; -errno with a sentence. */
int control_alive(const struct ctl *c, struct err *e);

/* A connection for more than one question; what hangs on it ends with it. Returns
 * an fd, or -errno with a sentence.
 */
int control_connect(const struct ctl *c, struct err *e);

/* One question on it, with nfd descriptors, and its answer, the caller's. */
int control_turn(int fd, const json_t *question, const int *fds, unsigned nfd,
		 json_t **out, struct err *e);

/* Asks cmd; *out is the answer's object, the caller's. */
int control_ask(const struct ctl *c, const char *cmd, json_t **out,
		struct err *e);

#endif
