/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - what the files of this room share */
#ifndef NETBACK_MODES_PLAN_H
#define NETBACK_MODES_PLAN_H

#include "mode.h"
#include "nl.h"

/* A zeroed step at the end of the list. */
struct step *plan_add(struct plan *p, enum step_kind kind, const char *dev);

/* "a veth device", or what to say when the kernel names no kind. */
const char *plan_kind(const char *kind);

const char *plan_onoff(bool on);

int plan_open(struct nl_host **h, struct err *e);

/* As nl_link_get, with a sentence; "no such device" is no error. */
int plan_look(struct nl_host *h, const char *dev, struct nl_link *l,
	      bool *there, struct err *e);

int bridge_plan(const struct vif *v, const struct facts *f, struct plan *out,
		struct err *e);

#endif
