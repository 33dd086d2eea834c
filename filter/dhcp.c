// SPDX-License-Identifier: GPL-2.0-or-later
/* dhcp.c - what one DHCP message says about a lease; pure
 *
 * Everything in it is a stranger's. Of a guest's message all options that say
 * what kind it is are kept: which of them a server believes is its own affair.
 */
#include "dhcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* RFC 2131, 2: where things are in a message. */
enum {
	DHCP_YIADDR = 16,
	DHCP_SNAME = 44,
	DHCP_FILE = 108,
	DHCP_COOKIE = 236,
	DHCP_OPTIONS = 240,
	DHCP_UDP = 8,
	/* options */
	DHCP_OPT_PAD = 0,
	DHCP_OPT_TIME = 51,
	DHCP_OPT_OVERLOAD = 52,
	DHCP_OPT_KIND = 53,
	DHCP_OPT_END = 255,
};

/* What options say in one place; -> where they go on, as bits: 1 in file, 2 in
 * sname.
 */
static unsigned dhcp_options(const uint8_t *p, size_t n, struct dhcp *m)
{
	unsigned more = 0;
	size_t i = 0;

	while (i < n && p[i] != DHCP_OPT_END) {
		const uint8_t *v = p + i + 2;
		size_t len;

		if (p[i] == DHCP_OPT_PAD) {
			i++;
			continue;
		}
		if (n - i < 2 || n - i - 2 < p[i + 1])
			break;
		len = p[i + 1];
		if (p[i] == DHCP_OPT_KIND && len == 1 && v[0] < 32)
			m->kinds |= UINT32_C(1) << v[0];
		if (p[i] == DHCP_OPT_OVERLOAD && len == 1)
			more = v[0];
		if (p[i] == DHCP_OPT_TIME && len == 4 && !m->has_time) {
			m->seconds = (uint32_t)v[0] << 24 |
				     (uint32_t)v[1] << 16 |
				     (uint32_t)v[2] << 8 | v[3];
			m->has_time = true;
		}
		i += 2 + len;
	}
	return more;
}

/* The message in it, NULL = none. */
static const uint8_t *dhcp_payload(const uint8_t *ip, size_t *n)
{
	size_t head, total;

	if (*n < 20 || ip[0] >> 4 != 4)
		return NULL;
	head = 4u * (ip[0] & 15u);
	total = (size_t)ip[2] << 8 | ip[3];
	if (head < 20 || total > *n || total < head + DHCP_UDP ||
	    ip[9] != IPPROTO_UDP || (ip[6] & 0x3f) || ip[7])
		return NULL;
	*n = total - head - DHCP_UDP;
	return ip + head + DHCP_UDP;
}

int dhcp_parse(const uint8_t *ip, size_t n, struct dhcp *m)
{
	static const uint8_t cookie[4] = { 99, 130, 83, 99 };
	const uint8_t *p = dhcp_payload(ip, &n);
	unsigned more;

	memset(m, 0, sizeof(*m));
	if (!p || n < DHCP_OPTIONS || p[0] < 1 || p[0] > 2 ||
	    memcmp(p + DHCP_COOKIE, cookie, sizeof(cookie)))
		return -EINVAL;
	m->reply = p[0] == 2;
	memcpy(m->addr, p + DHCP_YIADDR, sizeof(m->addr));
	more = dhcp_options(p + DHCP_OPTIONS, n - DHCP_OPTIONS, m);
	if (more & 1)
		dhcp_options(p + DHCP_FILE, DHCP_COOKIE - DHCP_FILE, m);
	if (more & 2)
		dhcp_options(p + DHCP_SNAME, DHCP_FILE - DHCP_SNAME, m);
	return m->kinds ? 0 : -EINVAL;
}
