/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xlcfg.h - files that say what is to be attached, as settings one by one
 *
 *   xlcfg  xl's domain files and xl.conf: name = value, a value is a number, a
 *          string or a list of them. xm's are Python that mostly looks like it;
 *          what is not of this form is refused with its line, never run.
 *   sxp    xend's: (name value ..), nested.
 *
 * Nothing is kept: fn is called with each string or number.
 */
#ifndef NETBACK_CTL_XLCFG_H
#define NETBACK_CTL_XLCFG_H

#include "err.h"

enum {
	XLCFG_VALUE = 4096, /* bytes of a string, NUL included */
	XLCFG_DEPTH = 8,
};

struct xlcfg_item {
	unsigned line;
	const char *name; /* of the setting */
	int index;	  /* in a list, from 0; -1: no list */
	const char *value;
};

/* Returns non-zero to end with that. */
typedef int xlcfg_fn(void *arg, const struct xlcfg_item *it, struct err *e);

/* text ends in NUL. 0, -EINVAL with a sentence that names the line, or fn's. */
int xlcfg_parse(const char *text, xlcfg_fn *fn, void *arg, struct err *e);

struct sxp_item {
	unsigned line, depth;
	const char
		*path[XLCFG_DEPTH]; /* heads of the lists around it, [depth] */
	unsigned index;		    /* behind the head of its list, from 1 */
	const char *value;
};

typedef int sxp_fn(void *arg, const struct sxp_item *it, struct err *e);

/* One that is too deep is passed over. A list's head is an item with value NULL,
 * its end one with value "" and index 0.
 */
int sxp_parse(const char *text, sxp_fn *fn, void *arg, struct err *e);

#endif
