/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard_nft.h - what writing the guard and comparing it share */
#ifndef NETBACK_FILTER_GUARD_NFT_H
#define NETBACK_FILTER_GUARD_NFT_H

#include "code.h"
#include "guard.h"

/* What a kernel needs that can do all of it. */
extern const char guard_nft_config[];

/* One rule as instructions; code_close after 0. */
int guard_nft_rule(const struct guard *g, const struct guard_rule *r,
		   struct code *c);

#endif
