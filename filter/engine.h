/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.h - a connection's state in two bits of the mark
 *
 * Set behind all of the host's own rules (postrouting, after everything), read
 * at the vif's device: nothing between sees them.
 */
#ifndef NETBACK_FILTER_ENGINE_H
#define NETBACK_FILTER_ENGINE_H

enum engine_class {
	ENGINE_NONE, /* untracked, or never seen */
	ENGINE_NEW,
	ENGINE_OLD, /* established or related */
	ENGINE_INVALID,
};

#define ENGINE_MARK	0xc0000000u
#define ENGINE_CLASS(n) ((uint32_t)(n) << 30)

#endif
