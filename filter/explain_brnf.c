// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_brnf.c - what br_netfilter does to a frame, beside showing it to iptables
 *
 * Its hook in the bridge's forwarding takes the frame, and lets it go on behind
 * priority 0 (br_nf_hook_thresh). So a chain there of the hook's own priority has
 * seen the frame if it was registered later than the hook, which the kernel puts
 * before, and else never sees it; which of the two it is, nothing tells. The hook has
 * priority 0 since Linux 6.8, before it had -1 for IP, and what is between
 * never saw it either. At prerouting it goes on right behind the hook.
 */
#include <limits.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "base/num.h"
#include "explain_rules.h"

static bool brnf_sysctl(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-%s", name);
	return num_switch(path);
}

unsigned explain_sysfs(const char *dev, const char *what)
{
	char path[128], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", dev, what);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return (unsigned)strtoul(text, NULL, 0);
}

bool explain_brnf_ip(const struct explain_pkt *p)
{
	bool v6 = p->proto == ETHERTYPE_IPV6;

	return (p->proto == ETHERTYPE_IP || v6) &&
	       (!p->tagged || brnf_sysctl("filter-vlan-tagged")) &&
	       accept_calls(p->x->bridge, v6 ? "ip6tables" : "iptables");
}

bool explain_brnf_arp(const struct explain_pkt *p)
{
	return p->proto == ETHERTYPE_ARP && p->nh + 8 <= p->x->len &&
	       p->x->frame[p->nh + 5] == 4 /* bytes of an address */ &&
	       (!p->tagged || brnf_sysctl("filter-vlan-tagged")) &&
	       accept_calls(p->x->bridge, "arptables");
}

bool explain_brnf_pppoe(const struct explain_pkt *p)
{
	return p->proto == 0x8864 && brnf_sysctl("filter-pppoe-tagged") &&
	       (accept_calls(p->x->bridge, "iptables") ||
		accept_calls(p->x->bridge, "ip6tables"));
}

static const char *brnf_bad4(const uint8_t *h, size_t len)
{
	size_t head = (h[0] & 15u) * 4, total, i;
	uint32_t sum = 0;

	if (len < 20 || h[0] >> 4 != 4 || head < 20 || head > len)
		return "its IPv4 header is not whole";
	for (i = 0; i < head; i += 2)
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	if (sum != 0xffff)
		return "its IPv4 header has another checksum";
	total = (size_t)(h[2] << 8 | h[3]);
	return total > len || total < head ? "its IPv4 length is not true"
					   : NULL;
}

static const char *brnf_bad6(const uint8_t *h, size_t len)
{
	if (len < 40 || h[0] >> 4 != 6)
		return "its IPv6 header is not whole";
	return (size_t)(h[4] << 8 | h[5]) + 40 > len
		       ? "its IPv6 length is not true"
		       : NULL;
}

const char *explain_brnf_bad(const struct explain_pkt *p)
{
	const uint8_t *h = p->x->frame + p->nh;
	size_t len = p->x->len - p->nh;

	return p->proto == ETHERTYPE_IP ? brnf_bad4(h, len) : brnf_bad6(h, len);
}

/* Which hook for IP this kernel has, its symbols tell (a module's, too). */
static enum explain_brnf brnf_find(void)
{
	static const char one[] = " br_nf_forward", two[] = "_ip";
	FILE *f = fopen("/proc/kallsyms", "re");
	enum explain_brnf at = EXPLAIN_BRNF_SOMEWHERE;
	char *line = NULL, *s;
	size_t size = 0;

	while (f && at != EXPLAIN_BRNF_0 && getline(&line, &size, f) > 0) {
		s = strstr(line, one);
		if (!s)
			continue;
		s += strlen(one);
		if (strchr("\n\t.", *s))
			at = EXPLAIN_BRNF_0;
		else if (!strncmp(s, two, strlen(two)))
			at = EXPLAIN_BRNF_1;
	}
	free(line);
	if (f)
		fclose(f);
	return at;
}

enum explain_asked explain_brnf_asked(struct explain_db *db, bool arp,
				      int32_t prio)
{
	if (prio < -1 || prio > 0)
		return EXPLAIN_ASKED;
	if (arp)
		return prio ? EXPLAIN_ASKED : EXPLAIN_ASKED_MAYBE;
	if (!db->brnf)
		db->brnf = brnf_find();
	if (db->brnf == EXPLAIN_BRNF_SOMEWHERE)
		return EXPLAIN_ASKED_MAYBE;
	if (prio == (db->brnf == EXPLAIN_BRNF_0 ? 0 : -1))
		return EXPLAIN_ASKED_MAYBE;
	return prio ? EXPLAIN_ASKED : EXPLAIN_ASKED_NOT;
}
