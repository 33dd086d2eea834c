// SPDX-License-Identifier: GPL-2.0-or-later
/* input.c - would the host's own firewall cut a network's guests off from dnsmasq?
 *
 * Asked as explain does: with frames such as guests send, the first of their
 * connections, and only what is certain counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "explain_rules.h"
#include "filter.h"
#include "network.h"

static const uint8_t input_mac[6] = { 0x02, 0, 0, 0, 0, 1 };
static const uint8_t input_all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

enum { INPUT_WORD = INET6_ADDRSTRLEN + 10, INPUT_BY = 200 };

struct input_asked {
	const struct network *n;
	struct explain x;
	struct explain_db *db; /* read once for all questions */
	char by[INPUT_BY];     /* whose rule drops */
};

/* 1: what `from` sends `to` is dropped. */
static int input_drops(struct input_asked *q, const uint8_t to_mac[6],
		       char *from, char *to, struct err *e)
{
	static const char verdict[] = "verdict: drop, by ";
	char udp[] = "udp", arrow[] = ">";
	char *argv[] = { udp, from, arrow, to };
	char *text = NULL, *by;
	size_t size;
	FILE *f;
	int rc;

	rc = explain_words(&q->x, to_mac, input_mac, ARRAY_SIZE(argv), argv, e);
	if (rc)
		return rc;
	f = open_memstream(&text, &size);
	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	rc = explain_frame(q->db, &q->x, f, e);
	if (fclose(f))
		rc = err_set(e, -ENOMEM, "out of memory");
	by = rc == EXPLAIN_DROP ? strstr(text, verdict) : NULL;
	if (by && !q->by[0]) /* one is enough to begin with */
		str_fmt(q->by, sizeof(q->by), "%.190s",
			by + sizeof(verdict) - 1);
	q->by[strcspn(q->by, "\n")] = '\0';
	free(text);
	return rc < 0 ? rc : rc == EXPLAIN_DROP;
}

/* A guest's question of the host's own server, of that family. */
static int input_dns(struct input_asked *q, unsigned family, struct err *e)
{
	struct vif_addr a = q->n->addr[family];
	char host[INPUT_WORD], guest[INPUT_WORD], word[2][INPUT_WORD];
	bool v6 = family;

	if (!a.family || q->n->kind == NETWORK_ISOLATED)
		return 0;
	inet_ntop(a.family, a.addr, host, sizeof(host));
	a.addr[v6 ? 15 : 3] ^= 3;
	inet_ntop(a.family, a.addr, guest, sizeof(guest));
	str_fmt(word[0], INPUT_WORD, v6 ? "[%s]:1025" : "%s:1025", guest);
	str_fmt(word[1], INPUT_WORD, v6 ? "[%s]:53" : "%s:53", host);
	return input_drops(q, input_mac, word[0], word[1], e);
}

int filter_input(const struct network *n, explain_more_fn *more,
		 struct err *note)
{
	char from[] = "0.0.0.0:68", to[] = "255.255.255.255:67";
	struct input_asked q = { .n = n, .x = { .fresh = true } };
	int dhcp = 0, dns = 0, rc;

	if (n->no_dhcp)
		return 0;
	str_put(q.x.in, sizeof(q.x.in), n->bridge);
	rc = explain_db_open(&q.db, &q.x, note);
	if (rc)
		return rc;
	if (more && more(q.db, note))
		dhcp = -EIO; /* it says why */
	if (!dhcp && n->addr[0].family)
		dhcp = input_drops(&q, input_all, from, to, note);
	if (dhcp >= 0)
		dns = input_dns(&q, 0, note);
	if (dhcp >= 0 && !dns)
		dns = input_dns(&q, 1, note);
	explain_db_close(q.db);
	if (dhcp < 0 || dns < 0)
		return dhcp < 0 ? dhcp : dns;
	if (!dhcp && !dns)
		return 0;
	return err_set(note, 1,
		       "the host's firewall drops its guests' %s (%s): they "
		       "%s; accept there what comes in by %s to UDP port %s "
		       "(-i %s -p udp -m multiport --dports 53,67 -j ACCEPT)",
		       dhcp && dns ? "DHCP and DNS"
		       : dhcp	   ? "DHCP"
				   : "DNS",
		       q.by, dhcp ? "get no address" : "resolve no name",
		       n->bridge,
		       dhcp && dns ? "53 and 67"
		       : dhcp	   ? "67"
				   : "53",
		       n->bridge);
}
