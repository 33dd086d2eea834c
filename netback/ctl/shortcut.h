/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shortcut.h - the node that lets a vif's frames go directly to other guests
 *
 * `direct` of the backend directory (base/direct.h), which netbackd follows as it
 * changes. It is there only while the vif is what it says: in that bridge, up,
 * behind its guard. So it is written when all of that holds, and goes before any
 * of it does.
 */
#ifndef NETBACK_CTL_SHORTCUT_H
#define NETBACK_CTL_SHORTCUT_H

#include <stdio.h>

#include "base/direct.h"
#include "err.h"
#include "store.h"
#include "vif.h"

/* What stands there while v is attached; "" = nothing. Pure. */
void shortcut_text(const struct vif *v, char buf[DIRECT_TEXT]);

/* dir: the backend directory. What is there already is not written again; -errno
 * with a sentence.
 */
int shortcut_on(struct store *s, const char *dir, const struct vif *v,
		struct err *e);
int shortcut_off(struct store *s, const char *dir, struct err *e);

/* What netbackd reads there; off where nothing is. 0 or -EINVAL. */
int shortcut_get(struct store *s, const char *dir, struct direct *out);

/* 0, or 1 with a line on out. */
int shortcut_check(struct store *s, const char *dir, const struct vif *v,
		   FILE *out);

#endif
