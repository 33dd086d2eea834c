// SPDX-License-Identifier: GPL-2.0-or-later
/* dhcp6.c - what one DHCPv6 message says about leases; pure
 *
 * Everything in it is a stranger's. Options of a message hold associations (IA_NA,
 * IA_TA), whose options hold addresses: two levels, and nothing else is looked into.
 * What is cut short ends the reading; what was read before it stays, as who reads it
 * on the other side may have it.
 */
#include "dhcp6.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	DHCP6_IP = 40,
	DHCP6_UDP = 8,
	DHCP6_HEAD = 4,
	/* RFC 8415, 21: codes, and what stands before an option's own options */
	DHCP6_IA_NA = 3,
	DHCP6_IA_NA_HEAD = 12,
	DHCP6_IA_TA = 4,
	DHCP6_IA_TA_HEAD = 4,
	DHCP6_IAADDR = 5,
	DHCP6_IAADDR_HEAD = 24,
};

static unsigned dhcp6_be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* One option from *p, which has *n bytes: its code, and where it is. -1: none. */
static int dhcp6_option(const uint8_t **p, size_t *n, const uint8_t **v,
			size_t *len)
{
	int code;

	if (*n < 4 || *n - 4 < dhcp6_be16(*p + 2))
		return -1;
	code = (int)dhcp6_be16(*p);
	*len = dhcp6_be16(*p + 2);
	*v = *p + 4;
	*p += 4 + *len;
	*n -= 4 + *len;
	return code;
}

static void dhcp6_addrs(const uint8_t *p, size_t n, struct dhcp6 *m)
{
	const uint8_t *v;
	size_t len;
	int code;

	while ((code = dhcp6_option(&p, &n, &v, &len)) >= 0) {
		struct dhcp6_addr *a = &m->v[m->n];

		if (code != DHCP6_IAADDR || len < DHCP6_IAADDR_HEAD)
			continue;
		if (m->n == DHCP6_ADDRS) {
			m->more = true;
			return;
		}
		memcpy(a->addr, v, sizeof(a->addr));
		a->seconds = (uint32_t)dhcp6_be16(v + 20) << 16 |
			     dhcp6_be16(v + 22);
		m->n++;
	}
}

/* The message in it, NULL = none. UDP's own length counts: who receives it reads
 * no further.
 */
static const uint8_t *dhcp6_payload(const uint8_t *ip, size_t *n)
{
	size_t len, udp;

	if (*n < DHCP6_IP + DHCP6_UDP || ip[0] >> 4 != 6 ||
	    ip[6] != IPPROTO_UDP)
		return NULL;
	len = dhcp6_be16(ip + 4);
	udp = dhcp6_be16(ip + DHCP6_IP + 4);
	if (len > *n - DHCP6_IP || udp > len || udp < DHCP6_UDP + DHCP6_HEAD)
		return NULL;
	*n = udp - DHCP6_UDP;
	return ip + DHCP6_IP + DHCP6_UDP;
}

int dhcp6_parse(const uint8_t *ip, size_t n, struct dhcp6 *m)
{
	const uint8_t *p = dhcp6_payload(ip, &n), *v;
	size_t len;
	int code;

	memset(m, 0, sizeof(*m));
	if (!p || p[0] < DHCP6_REPLY || p[0] > DHCP6_DECLINE)
		return -EINVAL;
	m->kind = p[0];
	p += DHCP6_HEAD;
	n -= DHCP6_HEAD;
	while ((code = dhcp6_option(&p, &n, &v, &len)) >= 0) {
		if (code == DHCP6_IA_NA && len >= DHCP6_IA_NA_HEAD)
			dhcp6_addrs(v + DHCP6_IA_NA_HEAD,
				    len - DHCP6_IA_NA_HEAD, m);
		if (code == DHCP6_IA_TA && len >= DHCP6_IA_TA_HEAD)
			dhcp6_addrs(v + DHCP6_IA_TA_HEAD,
				    len - DHCP6_IA_TA_HEAD, m);
	}
	return 0;
}
