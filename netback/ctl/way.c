// SPDX-License-Identifier: GPL-2.0-or-later
/* way.c - what a bridge has to do with a frame that is to be explained */
#include "ctl/way.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "drops.h"
#include "mode.h"
#include "vif.h"

void way_master(const char *dev, char bridge[IFNAMSIZ])
{
	char path[128], link[PATH_MAX];
	ssize_t n;

	bridge[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/master", dev);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return;
	link[n] = '\0';
	str_put(bridge, IFNAMSIZ, basename(link));
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", bridge);
	if (access(path, F_OK))
		bridge[0] = '\0';
}

bool way_mac(const char *dev, uint8_t mac[6])
{
	char path[128], text[32] = "";
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/sys/class/net/%s/address", dev);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(text, sizeof(text), f);
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return ok && !vif_parse_mac(text, mac);
}

/* What does not leave by one port may leave by others: then nothing is dropped. */
static void way_reason(struct explain *x, int way)
{
	static const char stp[] = "BRIDGE_INGRESS_STP_STATE";

	if (!x->rule_reason[0] ||
	    (way != MODE_WAY_STP && way != MODE_WAY_LOCKED))
		return;
	str_put(x->way_reason, sizeof(x->way_reason),
		way == MODE_WAY_STP && drops_names(stp) ? stp
							: "NOT_SPECIFIED");
}

int way_fill(struct explain *x, struct err *e)
{
	const struct mode_way q = { x->bridge, x->in, x->out, x->frame + 6,
				    x->frame };
	int rc;

	x->way[0] = x->way_reason[0] = '\0';
	if (!x->bridge[0] || x->routed || x->len < 12)
		return 0;
	rc = mode_way(&q, x->way, sizeof(x->way), e);
	x->unsure = rc == MODE_WAY_UNKNOWN;
	x->first = rc == MODE_WAY_STP;
	way_reason(x, rc);
	return rc < 0 ? rc : 0;
}
