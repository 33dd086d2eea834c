/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rulefiles.h - files of rules, read: those of `vifctl rules`, and attach's
 * rules=
 */
#ifndef NETBACK_CTL_RULEFILES_H
#define NETBACK_CTL_RULEFILES_H

#include <stddef.h>

#include "ctl/host.h"
#include "ruleset.h"

#define RULEFILES_DIR "/etc/netback/rules.d"

struct rulefiles {
	struct ruleset **v;
	size_t n;
};

/* One more; -errno with a sentence, -EINVAL when it is wrong. */
int rulefiles_add(struct rulefiles *f, const char *path, struct err *e);
void rulefiles_close(struct rulefiles *f);

/* What rules= asks of host.h. Not in hotplug programs: it needs the host's
 * iptables.
 */
extern const struct host_rules rulefiles_host;

#endif
