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

/* Asks cmd; *out is the answer's object, the caller's. */
int control_ask(const struct ctl *c, const char *cmd, json_t **out,
		struct err *e);

#endif
