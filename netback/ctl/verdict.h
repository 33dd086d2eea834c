/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.h - is the guest or the backend stuck? */
#ifndef NETBACK_CTL_VERDICT_H
#define NETBACK_CTL_VERDICT_H

#include <jansson.h>
#include <stddef.h>

/* One sentence from netbackd's record of a vif with its rings (cmd "ring"). Pure.
 * It begins with "the guest", "the backend", "neither" or "nobody".
 */
void verdict(const json_t *vif, char *buf, size_t size);

#endif
