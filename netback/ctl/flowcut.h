/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flowcut.h - around a change of rules: what goes on and may not is ended (flows.h) */
#ifndef NETBACK_CTL_FLOWCUT_H
#define NETBACK_CTL_FLOWCUT_H

#include <stdio.h>

#include "ctl/ctl.h"

/* Before: from here on rules that come and go are noted. NULL where there is
 * no store, or nothing can be told, which is said as a warning.
 */
struct flowcut;
struct flowcut *flowcut_open(struct ctl *c);

/* After: with rc 0 (it was changed) ends what has to end, and says so on out. Closes
 * it. Returns rc.
 */
int flowcut_close(struct flowcut *k, int rc, FILE *out);

#endif
