// SPDX-License-Identifier: GPL-2.0-or-later
/* vif_guard.c - keys for the filter alone: pair, allow, accept, ip=learn,
 * packets, connections
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "vif_key.h"

enum { VIF_MAC_LEN = 17, VIF_PAIR_TEXT = VIF_MAC_LEN + INET6_ADDRSTRLEN + 6 };

static const char *const vif_learns[] = {
	[VIF_LEARN_NOT] = "",
	[VIF_LEARN_FIRST] = "learn",
	[VIF_LEARN_DHCP] = "dhcp",
};

bool vif_learn_parse(struct vif *v, const char *s)
{
	unsigned i;

	for (i = VIF_LEARN_FIRST; i <= VIF_LEARN_DHCP; i++) {
		if (strcmp(s, vif_learns[i]))
			continue;
		v->learn = (uint8_t)i;
		v->naddr = 0;
		memset(v->addr, 0, sizeof(v->addr));
		return true;
	}
	return false;
}

const char *vif_learn_name(const struct vif *v)
{
	return v->learn < ARRAY_SIZE(vif_learns) ? vif_learns[v->learn] : "?";
}

static int vif_pair_add(struct vif *v, const char *s, struct err *e)
{
	struct vif_pair *p = &v->pair[v->npair];
	char mac[VIF_MAC_LEN + 1] = "";

	if (v->npair == VIF_PAIRS)
		return err_set(e, -EINVAL, "pair: more than %d", VIF_PAIRS);
	if (strlen(s) > VIF_MAC_LEN + 1)
		memcpy(mac, s, VIF_MAC_LEN);
	if (!mac[0] || s[VIF_MAC_LEN] != '/' || vif_parse_mac(mac, p->mac) ||
	    vif_parse_addr(s + VIF_MAC_LEN + 1, &p->addr))
		return err_set(e, -EINVAL,
			       "pair=%s is not a MAC and an address; write "
			       "00:00:5e:00:01:07/10.0.0.1",
			       vif_show(s).s);
	v->npair++;
	return 0;
}

int vif_pair_parse(struct vif *v, const char *s, struct err *e)
{
	char word[VIF_PAIR_TEXT];
	struct vif o = *v;
	size_t n;
	int rc;

	o.npair = 0;
	memset(o.pair, 0, sizeof(o.pair));
	for (s += strspn(s, " ,"); *s; s += n, s += strspn(s, " ,")) {
		n = strcspn(s, " ,");
		snprintf(word, sizeof(word), "%.*s", (int)n, s);
		rc = vif_pair_add(&o, n < sizeof(word) ? word : s, e);
		if (rc)
			return rc;
	}
	if (!o.npair)
		return err_set(e, -EINVAL,
			       "pair= names none; leave the key out");
	*v = o;
	return 0;
}

int vif_pair_print(const struct vif *v, char *buf, size_t size, char sep)
{
	char mac[VIF_MAC_LEN + 1], addr[INET6_ADDRSTRLEN + 4];
	size_t n = 0;
	unsigned i;
	int rc;

	if (!size)
		return -ENOSPC;
	buf[0] = '\0';
	for (i = 0; i < v->npair; i++) {
		vif_print_mac(v->pair[i].mac, mac);
		rc = vif_print_addr(&v->pair[i].addr, addr, sizeof(addr));
		if (rc < 0)
			return rc;
		rc = str_fmt(buf + n, size - n, "%.*s%s/%s", i ? 1 : 0, &sep,
			     mac, addr);
		if (rc < 0)
			return rc;
		n += (size_t)rc;
	}
	return (int)n;
}

static const struct {
	const char *name;
	uint8_t bit;
} vif_allows[] = {
	{ "dhcp-server", VIF_ALLOW_DHCP },
	{ "router", VIF_ALLOW_ROUTER },
	{ "shared", VIF_ALLOW_SHARED },
};

int vif_allow_parse(struct vif *v, const char *s, struct err *e)
{
	uint8_t allow = 0;
	unsigned i;
	size_t n;

	for (s += strspn(s, " ,"); *s; s += n, s += strspn(s, " ,")) {
		n = strcspn(s, " ,");
		for (i = 0; i < ARRAY_SIZE(vif_allows); i++)
			if (strlen(vif_allows[i].name) == n &&
			    !memcmp(s, vif_allows[i].name, n))
				break;
		if (i == ARRAY_SIZE(vif_allows))
			return err_set(e, -EINVAL,
				       "allow=%s: there is: dhcp-server, "
				       "router, shared",
				       vif_show(s).s);
		allow |= vif_allows[i].bit;
	}
	v->allow = allow;
	return 0;
}

int vif_allow_print(const struct vif *v, char *buf, size_t size, char sep)
{
	int n = str_fmt(buf, size, "%s", ""), rc;
	unsigned i;

	for (i = 0; n >= 0 && i < ARRAY_SIZE(vif_allows); i++) {
		if (!(v->allow & vif_allows[i].bit))
			continue;
		rc = str_fmt(buf + n, size - (size_t)n, "%.*s%s", n ? 1 : 0,
			     &sep, vif_allows[i].name);
		n = rc < 0 ? rc : n + rc;
	}
	return n;
}

/* --- rates ------------------------------------------------------------------*/

enum { VIF_SECOND_MOST = 10000000 };

/* "100/s" or "100" */
static int vif_second_parse(const char *key, const char *s, uint32_t *out,
			    struct err *e)
{
	size_t n = strspn(s, "0123456789");
	char text[16] = "";
	uint32_t v;

	if (n < sizeof(text))
		memcpy(text, s, n);
	if ((s[n] && strcmp(s + n, "/s")) ||
	    num_parse(text, VIF_SECOND_MOST, &v) || !v)
		return err_set(e, -EINVAL,
			       "%s=%s: write how many in a second, 1 to %d, as "
			       "%s=1000/s",
			       key, vif_show(s).s, VIF_SECOND_MOST, key);
	*out = v;
	return 0;
}

static int vif_second_print(uint32_t v, char *buf, size_t size)
{
	return v ? str_fmt(buf, size, "%u/s", v) : str_fmt(buf, size, "%s", "");
}

int vif_packets_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_second_parse("packets", s, &v->packets, e);
}

int vif_packets_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return vif_second_print(v->packets, buf, size);
}

int vif_connections_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_second_parse("connections", s, &v->connections, e);
}

int vif_connections_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return vif_second_print(v->connections, buf, size);
}

static const char *const vif_accepts[] = {
	[VIF_ACCEPT_NEVER] = "never",
	[VIF_ACCEPT_AUTO] = "auto",
	[VIF_ACCEPT_ALWAYS] = "always",
};

const char *vif_accept_name(enum vif_accept a)
{
	return a < ARRAY_SIZE(vif_accepts) ? vif_accepts[a] : "?";
}

int vif_accept_parse(struct vif *v, const char *s, struct err *e)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(vif_accepts); i++) {
		if (strcmp(s, vif_accepts[i]))
			continue;
		v->accept = (uint8_t)i;
		return 0;
	}
	return err_set(e, -EINVAL, "accept=%s: there is: never, auto, always",
		       vif_show(s).s);
}

int vif_accept_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s",
		       v->accept ? vif_accept_name(v->accept) : "");
}
