/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - what a mode's file needs to write its plan */
#ifndef NETBACK_MODES_PLAN_H
#define NETBACK_MODES_PLAN_H

#include "mode.h"

/* A zeroed step at the end of the list. */
struct step *plan_add(struct plan *p, enum step_kind kind, const char *dev);

/* "a veth device", or what to say when the kernel names no kind. */
const char *plan_kind(const char *kind);

int bridge_plan(const struct vif *v, const struct facts *f, struct plan *out,
		struct err *e);

#endif
