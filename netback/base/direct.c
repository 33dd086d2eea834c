// SPDX-License-Identifier: GPL-2.0-or-later
/* direct.c - the node `direct`, and which frames need no look of the host's
 *
 * At least as strict as the guard's fast rules (filter/guard.c): source MAC and
 * address are the guest's, nothing but TCP or UDP right behind the IP header, no
 * ports of DHCP. Stricter where it costs nothing: whatever is unusual is for the
 * host to judge.
 */
#include "base/direct.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "vif.h"

enum {
	DIRECT_ETH = 14,
	DIRECT_IP4 = 20,
	DIRECT_IP6 = 40,
	DIRECT_TCP = 20,
	DIRECT_UDP = 8,
	DIRECT_WORD = INET6_ADDRSTRLEN + 4,
};

/* --- the text ------------------------------------------------------------- */

static bool direct_is_group(const char *s)
{
	struct err e;

	return !vif_check_devname(s, &e);
}

/* No bits behind the prefix. */
static bool direct_is_whole(const struct direct_addr *d)
{
	unsigned i, n = d->family == 4 ? 32 : 128;

	if (d->prefix > n)
		return false;
	for (i = d->prefix; i < n; i++)
		if (d->a[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

static int direct_add(struct direct *d, const char *word)
{
	struct direct_addr *o = &d->addr[d->naddr];
	struct vif_addr a;

	if (!strcmp(word, "any")) {
		d->any = true;
		return d->naddr ? -EINVAL : 0;
	}
	if (d->any || d->naddr == DIRECT_ADDRS || vif_parse_addr(word, &a))
		return -EINVAL;
	o->family = a.family == AF_INET ? 4 : 6;
	o->prefix = a.len;
	memcpy(o->a, a.addr, o->family == 4 ? 4 : 16);
	d->naddr++;
	return direct_is_whole(o) ? 0 : -EINVAL;
}

/* The next word, at most size - 1 bytes of it; "" at the end. */
static const char *direct_word(const char *s, char *out, size_t size)
{
	size_t n = strcspn(s, " ");

	str_fmt(out, size, "%.*s", (int)n, s);
	return s[n] ? s + n + 1 : s + n;
}

static int direct_read(struct direct *d, const char *s)
{
	char word[DIRECT_WORD];
	int rc;

	s = direct_word(s, word, sizeof(word));
	if (!direct_is_group(word) || str_put(d->group, sizeof(d->group), word))
		return -EINVAL;
	s = direct_word(s, word, sizeof(word));
	rc = vif_parse_mac(word, d->mac);
	while (*s && !rc) {
		s = direct_word(s, word, sizeof(word));
		rc = direct_add(d, word);
	}
	return rc;
}

/* What would be written otherwise was written by somebody else. */
int direct_parse(struct direct *out, const char *text)
{
	char again[DIRECT_TEXT];
	struct direct d;

	memset(&d, 0, sizeof(d));
	memset(out, 0, sizeof(*out));
	if (strlen(text) >= DIRECT_TEXT || direct_read(&d, text) ||
	    !direct_on(&d) || direct_text(&d, again, sizeof(again)) < 0 ||
	    strcmp(text, again))
		return -EINVAL;
	*out = d;
	return 0;
}

static int direct_addr_text(const struct direct_addr *d, char *out, size_t size)
{
	struct vif_addr a = { .family = d->family == 4 ? AF_INET : AF_INET6,
			      .len = d->prefix };

	if ((d->family != 4 && d->family != 6) || !direct_is_whole(d))
		return -EINVAL;
	memcpy(a.addr, d->a, d->family == 4 ? 4 : 16);
	return vif_print_addr(&a, out, size);
}

int direct_text(const struct direct *d, char *out, size_t size)
{
	char mac[18], word[DIRECT_WORD];
	unsigned i;
	int n, rc;

	if (!direct_on(d))
		return str_fmt(out, size, "%s", "");
	if ((d->any && d->naddr) || d->naddr > DIRECT_ADDRS ||
	    d->group[sizeof(d->group) - 1] || !direct_is_group(d->group))
		return -EINVAL;
	vif_print_mac(d->mac, mac);
	n = str_fmt(out, size, "%s %s%s", d->group, mac, d->any ? " any" : "");
	for (i = 0; i < d->naddr && n >= 0; i++) {
		rc = direct_addr_text(&d->addr[i], word, sizeof(word));
		if (rc >= 0)
			rc = str_fmt(out + n, size - (size_t)n, " %s", word);
		n = rc < 0 ? rc : n + rc;
	}
	return n;
}

/* --- frames --------------------------------------------------------------- */

static unsigned direct_be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static bool direct_is_in(const struct direct_addr *d, const uint8_t *a)
{
	unsigned n = d->prefix / 8;
	uint8_t mask = (uint8_t)(0xff00 >> d->prefix % 8);

	return !memcmp(d->a, a, n) && (!mask || !((d->a[n] ^ a[n]) & mask));
}

static bool direct_may_be(const struct direct *d, unsigned family,
			  const uint8_t *a)
{
	unsigned i;

	for (i = 0; i < d->naddr; i++)
		if (d->addr[i].family == family && direct_is_in(&d->addr[i], a))
			return true;
	return false;
}

/* Who the kernels of hosts take for one host elsewhere, whatever a list says. */
static bool direct_one_ip4(const uint8_t *a)
{
	return a[0] && a[0] != 127 && a[0] < 224;
}

static bool direct_one_ip6(const uint8_t *a)
{
	static const uint8_t none[16];

	return a[0] != 0xff && memcmp(a, none, 15);
}

/* room: bytes from l4 on that are both in head and in the packet. */
static bool direct_l4(const uint8_t *l4, size_t room, unsigned proto, bool v4)
{
	unsigned from, to;

	if (proto == IPPROTO_TCP)
		return room >= DIRECT_TCP;
	if (proto != IPPROTO_UDP || room < DIRECT_UDP)
		return false;
	from = direct_be16(l4);
	to = direct_be16(l4 + 2);
	if (v4)
		return from != 67 && from != 68 && to != 67 && to != 68;
	return from != 546 && from != 547 && to != 546 && to != 547;
}

/* p: behind the Ethernet header, `has` bytes of it in head, `len` in all. */
static bool direct_ip4(const struct direct *d, const uint8_t *p, size_t has,
		       uint32_t len)
{
	unsigned total;

	if (has < DIRECT_IP4 || p[0] != 0x45)
		return false;
	total = direct_be16(p + 2);
	if (total > len || total < DIRECT_IP4 || direct_be16(p + 6) & 0xbfff)
		return false; /* a fragment, or the bit that must be 0 */
	if (!direct_one_ip4(p + 12) || !direct_one_ip4(p + 16) ||
	    !(d->any || direct_may_be(d, 4, p + 12)))
		return false;
	return direct_l4(p + DIRECT_IP4,
			 (has < total ? has : total) - DIRECT_IP4, p[9], true);
}

static bool direct_ip6(const struct direct *d, const uint8_t *p, size_t has,
		       uint32_t len)
{
	unsigned total;

	if (has < DIRECT_IP6 || p[0] >> 4 != 6)
		return false;
	total = DIRECT_IP6 + direct_be16(p + 4);
	if (total > len || !direct_one_ip6(p + 8) || !direct_one_ip6(p + 24) ||
	    !(d->any || direct_may_be(d, 6, p + 8)))
		return false;
	return direct_l4(p + DIRECT_IP6,
			 (has < total ? has : total) - DIRECT_IP6, p[6], false);
}

/* The sender's guard: no answer is a verdict but "yes". */
static bool direct_ordinary(const struct direct *from, const uint8_t *head,
			    size_t head_len, uint32_t len)
{
	unsigned type;

	if (memcmp(head + 6, from->mac, 6))
		return false;
	type = direct_be16(head + 12);
	head_len -= DIRECT_ETH;
	len -= DIRECT_ETH;
	if (type == 0x0800)
		return direct_ip4(from, head + DIRECT_ETH, head_len, len);
	if (type == 0x86dd)
		return direct_ip6(from, head + DIRECT_ETH, head_len, len);
	return false;
}

/* The receiver's: is the source of an ordinary frame an address that `to` has for
 * itself? Networks may be shared and do not count.
 */
static bool direct_claims(const struct direct *to, const uint8_t *head)
{
	bool v4 = direct_be16(head + 12) == 0x0800;
	const uint8_t *a = head + DIRECT_ETH + (v4 ? 12 : 8);
	unsigned i;

	for (i = 0; i < to->naddr; i++) {
		const struct direct_addr *d = &to->addr[i];

		if (d->family == (v4 ? 4 : 6) && d->prefix == (v4 ? 32 : 128) &&
		    direct_is_in(d, a))
			return true;
	}
	return false;
}

bool direct_may(const struct direct *from, const struct direct *to,
		const uint8_t *head, size_t head_len, uint32_t len)
{
	/* who is off has no address to send from */
	return direct_on(to) &&
	       !memcmp(from->group, to->group, sizeof(to->group)) &&
	       head_len >= DIRECT_ETH && len >= head_len &&
	       !memcmp(head, to->mac, 6) &&
	       direct_ordinary(from, head, head_len, len) &&
	       !direct_claims(to, head);
}
