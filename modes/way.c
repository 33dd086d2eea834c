// SPDX-License-Identifier: GPL-2.0-or-later
/* way.c - what a bridge does by itself with a frame from one port for another
 *
 * Behind the rules of prerouting, before those of forward: locked ports, isolated
 * ones, the forwarding database, flooding. Asked, not tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "plan.h"

enum { WAY_DISABLED = 0, WAY_FORWARDING = 3 }; /* states of linux/if_bridge.h */

struct way {
	struct nl_host *h;
	const struct mode_way *q;
	struct nl_link br, in, out;
	char *why;
	size_t size;
};

static enum mode_ways way_say(const struct way *w, enum mode_ways v,
			      const char *text, const char *dev)
{
	str_fmt(w->why, w->size, text, dev);
	return v;
}

/* A number of the port's or the bridge's own folder, -1 = none. */
static int way_number(const char *dev, const char *name)
{
	char path[96], b[16] = "";
	uint32_t v;
	int fd;

	str_fmt(path, sizeof(path), "/sys/class/net/%s/%s", dev, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, b, sizeof(b) - 1) < 0)
		b[0] = '\0';
	close(fd);
	b[strcspn(b, "\n")] = '\0';
	return num_parse(b, 255, &v) ? -1 : (int)v;
}

/* May the frame come in? A port without carrier is not asked: what is told of came
 * in somehow.
 */
static enum mode_ways way_in(const struct way *w)
{
	int state = way_number(w->q->in, "brport/state");
	struct nl_fdb f;
	int rc;

	if (state > WAY_DISABLED && state != WAY_FORWARDING)
		return way_say(w, MODE_WAY_STP,
			       "%s does not forward yet, or is blocked (STP)",
			       w->q->in);
	if (!(w->in.flags & STEP_PORT_LOCKED))
		return MODE_WAY_LEADS;
	if (w->br.vlans)
		return way_say(w, MODE_WAY_UNKNOWN,
			       "the VLANs of the locked port %s", w->q->in);
	rc = nl_fdb_get(w->h, w->q->in, w->q->src, &f);
	if (!rc && f.index == w->in.index)
		return MODE_WAY_LEADS;
	return way_say(w, MODE_WAY_LOCKED,
		       "%s is locked, and the source MAC is not known there",
		       w->q->in);
}

/* A group's frame: to all that want it. */
static enum mode_ways way_group(const struct way *w)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (!memcmp(w->q->dst, all, 6))
		return w->out.flags & STEP_PORT_NO_BCAST
			       ? way_say(w, MODE_WAY_DROPS,
					 "broadcast is not sent to %s "
					 "(bcast_flood)",
					 w->q->out)
			       : MODE_WAY_LEADS;
	if (way_number(w->q->bridge, "bridge/multicast_snooping") > 0)
		return way_say(w, MODE_WAY_UNKNOWN,
			       "who asked for the group (multicast snooping)%s",
			       "");
	return w->out.flags & STEP_PORT_NO_MCAST
		       ? way_say(w, MODE_WAY_DROPS,
				 "multicast is not sent to %s (mcast_flood)",
				 w->q->out)
		       : MODE_WAY_LEADS;
}

static enum mode_ways way_known(const struct way *w)
{
	char name[IFNAMSIZ] = "?";
	struct nl_fdb f;

	if (!memcmp(w->q->dst, w->br.mac, 6) ||
	    !memcmp(w->q->dst, w->out.mac, 6))
		return way_say(w, MODE_WAY_DROPS,
			       "the MAC is the host's own, not behind %s",
			       w->q->out);
	if (nl_fdb_get(w->h, w->q->in, w->q->dst, &f))
		return w->out.flags & STEP_PORT_NO_FLOOD
			       ? way_say(w, MODE_WAY_DROPS,
					 "the MAC is not known, and such "
					 "frames "
					 "are not sent to %s (flood)",
					 w->q->out)
			       : MODE_WAY_LEADS;
	if (f.index == w->out.index)
		return MODE_WAY_LEADS;
	if_indextoname((unsigned)f.index, name);
	return way_say(w, MODE_WAY_DROPS, "the MAC is known behind %s", name);
}

static enum mode_ways way_out(const struct way *w)
{
	uint32_t alone = w->in.flags & w->out.flags & STEP_PORT_ISOLATED;

	if (w->in.index == w->out.index && !(w->out.flags & STEP_PORT_HAIRPIN))
		return way_say(w, MODE_WAY_DROPS,
			       "%s is where it came in (hairpin)", w->q->out);
	if (alone)
		return way_say(w, MODE_WAY_DROPS,
			       "%s and the other port are "
			       "isolated",
			       w->q->out);
	if (way_number(w->q->out, "brport/state") != WAY_FORWARDING)
		return way_say(w, MODE_WAY_DROPS,
			       "%s is down, has no carrier or is blocked",
			       w->q->out);
	if (w->br.vlans)
		return way_say(w, MODE_WAY_UNKNOWN,
			       "VLANs, which %s keeps "
			       "apart",
			       w->q->bridge);
	return w->q->dst[0] & 1 ? way_group(w) : way_known(w);
}

int mode_way(const struct mode_way *q, char *why, size_t size, struct err *e)
{
	struct way w = { .q = q, .why = why, .size = size };
	enum mode_ways v = MODE_WAY_LEADS;
	int rc = plan_open(&w.h, e);

	why[0] = '\0';
	if (rc)
		return rc;
	rc = nl_link_get(w.h, q->bridge, &w.br);
	if (!rc)
		rc = nl_link_get(w.h, q->in, &w.in);
	if (!rc && q->out[0])
		rc = nl_link_get(w.h, q->out, &w.out);
	if (rc)
		rc = err_set(e, rc, "bridge %s: its ports: %s", q->bridge,
			     strerror(-rc));
	else
		v = way_in(&w);
	if (!rc && v == MODE_WAY_LEADS && q->out[0])
		v = way_out(&w);
	nl_host_close(w.h);
	return rc ? rc : (int)v;
}

int mode_behind(const char *port, const uint8_t mac[6], char dev[IFNAMSIZ])
{
	struct nl_host *h;
	struct nl_link l;
	struct nl_fdb f;
	int rc = plan_open(&h, NULL);

	if (rc)
		return rc;
	rc = nl_fdb_get(h, port, mac, &f);
	if (!rc && !if_indextoname((unsigned)f.index, dev))
		rc = -errno;
	if (!rc)
		rc = nl_link_get(h, dev, &l);
	if (!rc && (!l.master_index || !memcmp(l.mac, mac, 6)))
		rc = -ENOENT;
	nl_host_close(h);
	return rc;
}
