/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.h - one sentence for a person: what failed, why, and what to do
 *
 * Functions which can fail for a reason that a user can mend take a
 * `struct err *` as their last argument and fill it once, at the layer that
 * knows what was being attempted. The return value stays -errno.
 */
#ifndef NETBACK_ERR_H
#define NETBACK_ERR_H

#include <stdarg.h>

enum { ERR_SIZE = 512 };

struct err {
	char text[ERR_SIZE]; /* "" = nothing said; never ends in a newline */
};

/* Sets the text (cut at ERR_SIZE) and returns rc, so that a caller can write
 * `return err_set(e, -EINVAL, "mac=%s: ...", s)`. e may be NULL.
 */
int err_set(struct err *e, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before what is there. */
void err_prefix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
