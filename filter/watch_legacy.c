// SPDX-License-Identifier: GPL-2.0-or-later
/* watch_legacy.c - were tables of iptables' legacy variant changed?
 *
 * The kernel tells nobody, and such a table has no generation. What it says of a
 * table's size costs one system call however many rules there are; that misses a
 * rule that another of the same size took the place of, which only the rules
 * themselves show. Counters are left out of that: they go on all the time.
 */
/* before <linux/in.h> and <linux/if.h> */
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept.h"
#include "filter.h"

static const char watch_legacy_table[] = "filter";

static uint64_t watch_legacy_sum(uint64_t h, const char *p, size_t n)
{
	while (n--)
		h = (h ^ (uint8_t)*p++) * 0x100000001b3u; /* FNV-1a */
	return h;
}

/* Its counters are the last that an entry begins with. */
static size_t watch_legacy_next(const char *entry, bool ip6, size_t *head)
{
	if (ip6) {
		*head = offsetof(struct ip6t_entry, counters);
		return ((const struct ip6t_entry *)entry)->next_offset;
	}
	*head = offsetof(struct ipt_entry, counters);
	return ((const struct ipt_entry *)entry)->next_offset;
}

static uint64_t watch_legacy_hash(const char *v, size_t size, bool ip6)
{
	uint64_t h = 0xcbf29ce484222325u;
	size_t at, next, head, body;

	for (at = 0; at < size; at += next) {
		next = watch_legacy_next(v + at, ip6, &head);
		body = head + sizeof(struct xt_counters);
		if (next < body || next > size - at)
			break;
		h = watch_legacy_sum(h, v + at, head);
		h = watch_legacy_sum(h, v + at + body, next - body);
	}
	return h;
}

/* -EAGAIN: its size changed between both questions. */
static int watch_legacy_whole(int fd, bool ip6, struct filter_legacy_seen *s)
{
	const size_t head = offsetof(struct ipt_get_entries, entrytable);
	socklen_t len = (socklen_t)sizeof(struct ipt_get_entries) + s->size;
	struct ipt_get_entries *g = calloc(1, len);
	int rc;

	if (!g)
		return -ENOMEM;
	strcpy(g->name, watch_legacy_table);
	g->size = s->size;
	rc = getsockopt(fd, ip6 ? SOL_IPV6 : SOL_IP, IPT_SO_GET_ENTRIES, g,
			&len)
		     ? -errno
		     : 0;
	if (!rc)
		s->hash = watch_legacy_hash((const char *)g + head, s->size,
					    ip6);
	s->hashed = !rc;
	free(g);
	return rc;
}

static int watch_legacy_look(bool ip6, bool whole, struct filter_legacy_seen *s)
{
	struct ipt_getinfo info = {
		.size = 0
	}; /* ip6t_.. has the same words */
	socklen_t len = sizeof(info);
	int fd, rc = 0;

	*s = (struct filter_legacy_seen){ .there = accept_legacy_there(
						  ip6, watch_legacy_table) };
	if (!s->there)
		return 0;
	fd = socket(ip6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
		    IPPROTO_RAW);
	if (fd < 0)
		return -errno;
	strcpy(info.name, watch_legacy_table);
	if (getsockopt(fd, ip6 ? SOL_IPV6 : SOL_IP, IPT_SO_GET_INFO, &info,
		       &len))
		rc = -errno;
	s->rules = info.num_entries;
	s->size = info.size;
	s->begin = info.hook_entry[NF_INET_FORWARD];
	s->policy = info.underflow[NF_INET_FORWARD];
	if (!rc && whole)
		rc = watch_legacy_whole(fd, ip6, s);
	close(fd);
	return rc;
}

static bool watch_legacy_differs(const struct filter_legacy_seen *a,
				 const struct filter_legacy_seen *b)
{
	return a->there != b->there || a->rules != b->rules ||
	       a->size != b->size || a->begin != b->begin ||
	       a->policy != b->policy ||
	       (a->hashed && b->hashed && a->hash != b->hash);
}

int filter_legacy_changed(struct filter_legacy *l, bool whole)
{
	struct filter_legacy_seen now;
	bool differs = false;
	unsigned i;
	int rc;

	for (i = 0; i < 2; i++) {
		rc = watch_legacy_look(i == 1, whole, &now);
		if (!rc && !whole && watch_legacy_differs(&l->seen[i], &now))
			rc = watch_legacy_look(i == 1, true, &now);
		if (rc == -EAGAIN)
			return 1; /* and what it is the next call finds */
		if (rc)
			return rc;
		if (watch_legacy_differs(&l->seen[i], &now))
			differs = true;
		else if (!now.hashed) {
			now.hashed = l->seen[i].hashed;
			now.hash = l->seen[i].hash;
		}
		l->seen[i] = now;
	}
	return differs;
}
