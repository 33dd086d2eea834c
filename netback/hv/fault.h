/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.h - survive the loss of a guest's memory
 *
 * A mapped file whose page cannot be had (shrunk, no memory for a punched
 * hole, a broken memory module) raises SIGBUS in whoever touches it. The
 * handler puts private zeros in place of the whole region, once, and notes
 * that it is dead; the interrupted instruction goes on with zeros.
 */
#ifndef NETBACK_HV_FAULT_H
#define NETBACK_HV_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum { FAULT_REGIONS = 1024 };

/* Installs the handler; may be repeated. 0 or -errno. */
int fault_init(void);

/* Watches a mapping of whole pages: its slot, or -ENOSPC. */
int fault_add(void *base, size_t len);
/* Before the mapping goes. */
void fault_del(int slot);
/* True from the first fault on. */
bool fault_dead(int slot);

#endif
