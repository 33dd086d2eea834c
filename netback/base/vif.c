// SPDX-License-Identifier: GPL-2.0-or-later
/* vif.c - the value everybody shares: one guest's card, as asked for
 *
 * Text comes from a stranger (a store node, a command line): a message shows it
 * cut short and without bytes that would move a terminal's cursor.
 */
#include "vif.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

enum {
	VIF_MTU_MIN = 68, /* RFC 791: every link carries 68 bytes */
	VIF_MTU_MAX = 65535,
	VIF_KEYLEN = 16, /* longer is no key of ours */
};

struct shown vif_show(const char *s)
{
	struct shown o;
	unsigned i;

	for (i = 0; i < VIF_SHOWN && s[i]; i++)
		o.s[i] = s[i] < 0x20 || s[i] > 0x7e ? '?' : s[i];
	strcpy(o.s + i, s[i] ? "..." : "");
	return o;
}

const char *vif_mode_name(enum vif_mode m)
{
	switch (m) {
	case VIF_BRIDGE:
		return "bridge";
	case VIF_ROUTE:
		return "route";
	case VIF_NAT:
		return "nat";
	}
	return "?";
}

int vif_check_devname(const char *s, struct err *e)
{
	const char *why = NULL;
	size_t n = strlen(s);
	unsigned i;

	for (i = 0; s[i] && !why; i++)
		if (!isascii(s[i]) ||
		    (!isalnum((unsigned char)s[i]) && !strchr("._-@", s[i])))
			why = "only letters, digits and . _ - @ may stand in "
			      "it";
	if (!n)
		why = "it is empty";
	else if (n >= IFNAMSIZ)
		why = "it is longer than 15 characters";
	else if (s[0] == '-')
		why = "it starts with a dash";
	else if (!strcmp(s, ".") || !strcmp(s, "..") || !strcmp(s, "all") ||
		 !strcmp(s, "default"))
		why = "the kernel keeps that word for itself";
	if (!why)
		return 0;
	return err_set(e, -EINVAL, "device name '%s': %s; choose another name",
		       vif_show(s).s, why);
}

void vif_init(struct vif *v, uint16_t domid, uint16_t handle)
{
	memset(v, 0, sizeof(*v));
	v->domid = domid;
	v->handle = handle;
	v->mode = VIF_BRIDGE;
	snprintf(v->name, sizeof(v->name), "vif%u.%u", domid, handle);
	strcpy(v->bridge, "xenbr0");
}

/* Decimal without leading zeros: "vif01.0" would be another device's name. */
static int vif_number(const char *s, size_t n, uint32_t max, uint16_t *out)
{
	char buf[8];
	uint32_t num;
	int rc;

	if (n >= sizeof(buf) || (n > 1 && s[0] == '0'))
		return -EINVAL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	rc = num_parse(buf, max, &num);
	if (!rc)
		*out = (uint16_t)num;
	return rc;
}

int vif_parse_name(const char *s, uint16_t *domid, uint16_t *handle,
		   struct err *e)
{
	const char *num = strncmp(s, "vif", 3) ? s : s + 3;
	const char *dot = strchr(num, '.');
	uint16_t d = 0, h = 0;
	int rc = -EINVAL;

	if (dot)
		rc = vif_number(num, (size_t)(dot - num), VIF_DOMID_MAX, &d);
	if (!rc)
		rc = vif_number(dot + 1, strlen(dot + 1), VIF_HANDLE_MAX, &h);
	if (rc == -ERANGE)
		return err_set(e, -EINVAL,
			       "'%s': domain or device number is too large; "
			       "domains go to %d, devices to %d",
			       vif_show(s).s, VIF_DOMID_MAX, VIF_HANDLE_MAX);
	if (rc)
		return err_set(e, -EINVAL,
			       "'%s' is not the name of a vif; write vifN.M, "
			       "as vif1.0 for device 0 of domain 1",
			       vif_show(s).s);
	*domid = d;
	*handle = h;
	return 0;
}

static int vif_nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Only the form: six pairs of hex digits with ':' between. */
static int vif_mac_form(const char *s, uint8_t mac[6])
{
	unsigned i;
	int hi, lo;

	if (strlen(s) != 17)
		return -EINVAL;
	for (i = 0; i < 6; i++, s += 3) {
		hi = vif_nibble(s[0]);
		lo = vif_nibble(s[1]);
		if (hi < 0 || lo < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static bool vif_mac_usable(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, 6);
}

int vif_parse_mac(const char *s, uint8_t mac[6])
{
	uint8_t m[6];

	if (vif_mac_form(s, m) || !vif_mac_usable(m))
		return -EINVAL;
	memcpy(mac, m, 6);
	return 0;
}

void vif_print_mac(const uint8_t mac[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
}

/* Can a guest's packets come from there? Not from "anywhere" (0.0.0.0/0),
 * multicast, loopback, or an IPv4 address in IPv6's clothes.
 */
static bool vif_addr_usable(const struct vif_addr *a)
{
	struct in6_addr six;

	if (!a->len)
		return false;
	if (a->family == AF_INET)
		return a->addr[0] && a->addr[0] != 127 && a->addr[0] < 224;
	memcpy(&six, a->addr, sizeof(six)); /* aligned there, not here */
	return !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_LOOPBACK(&six) &&
	       !IN6_IS_ADDR_MULTICAST(&six) && !IN6_IS_ADDR_V4MAPPED(&six);
}

int vif_parse_addr(const char *s, struct vif_addr *a)
{
	struct vif_addr o = { 0 };
	char buf[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	uint16_t len;

	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	o.family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	len = o.family == AF_INET ? 32 : 128;
	if (inet_pton(o.family, buf, o.addr) != 1)
		return -EINVAL;
	if (slash && vif_number(slash + 1, strlen(slash + 1), len, &len))
		return -EINVAL;
	o.len = (uint8_t)len;
	if (!vif_addr_usable(&o))
		return -EINVAL;
	*a = o;
	return 0;
}

int vif_print_addr(const struct vif_addr *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(a->family, a->addr, text, sizeof(text)))
		return -EINVAL;
	if (a->len == (a->family == AF_INET ? 32 : 128))
		return str_fmt(buf, size, "%s", text);
	return str_fmt(buf, size, "%s/%u", text, a->len);
}

/* --- the keys: parse reads a value, print writes it ("" = the default) ------ */

static int vif_mac_parse(struct vif *v, const char *s, struct err *e)
{
	uint8_t m[6];

	if (vif_mac_form(s, m))
		return err_set(e, -EINVAL,
			       "mac=%s is not a MAC address; write six pairs "
			       "of hex digits, as mac=00:16:3e:01:02:03",
			       vif_show(s).s);
	if (!vif_mac_usable(m))
		return err_set(e, -EINVAL,
			       "mac=%s is %s, a card needs an address of its "
			       "own; try mac=00:16:3e:01:02:03",
			       s,
			       m[0] & 1 ? "a group (multicast) address"
					: "all zeros");
	memcpy(v->mac, m, 6);
	v->has_mac = true;
	return 0;
}

static int vif_mac_print(const struct vif *v, char *buf, size_t size, char sep)
{
	char text[18] = "";

	(void)sep;
	if (v->has_mac)
		vif_print_mac(v->mac, text);
	return str_fmt(buf, size, "%s", text);
}

static int vif_mode_parse(struct vif *v, const char *s, struct err *e)
{
	unsigned m;

	for (m = VIF_BRIDGE; m <= VIF_NAT; m++) {
		if (strcmp(s, vif_mode_name(m)))
			continue;
		v->mode = (uint8_t)m;
		return 0;
	}
	return err_set(e, -EINVAL,
		       "mode=%s: no such mode; there is: bridge, route, nat",
		       vif_show(s).s);
}

static int vif_mode_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", vif_mode_name(v->mode));
}

static int vif_dev_parse(char dst[IFNAMSIZ], const char *key, const char *s,
			 struct err *e)
{
	int rc = vif_check_devname(s, e);

	if (rc) {
		err_prefix(e, "%s", key);
		return rc;
	}
	return str_put(dst, IFNAMSIZ, s);
}

static int vif_bridge_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_dev_parse(v->bridge, "bridge", s, e);
}

static int vif_bridge_print(const struct vif *v, char *buf, size_t size,
			    char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->mode == VIF_BRIDGE ? v->bridge : "");
}

static int vif_gatewaydev_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_dev_parse(v->gatewaydev, "gatewaydev", s, e);
}

static int vif_gatewaydev_print(const struct vif *v, char *buf, size_t size,
				char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->gatewaydev);
}

static int vif_vifname_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_dev_parse(v->name, "vifname", s, e);
}

static int vif_vifname_print(const struct vif *v, char *buf, size_t size,
			     char sep)
{
	struct vif def;

	(void)sep;
	vif_init(&def, v->domid, v->handle);
	return str_fmt(buf, size, "%s",
		       strcmp(v->name, def.name) ? v->name : "");
}

static int vif_addr_add(struct vif *v, const char *s, struct err *e)
{
	struct vif_addr a;
	unsigned i;

	if (v->naddr == VIF_ADDRS)
		return err_set(e, -EINVAL,
			       "ip: more than %d addresses; give a network "
			       "(10.0.0.0/24) instead of its addresses",
			       VIF_ADDRS);
	if (vif_parse_addr(s, &a))
		return err_set(e, -EINVAL,
			       "ip=%s is not an address a guest can have; "
			       "write it as 10.0.0.2, 10.0.0.0/24 or fd00::2",
			       vif_show(s).s);
	for (i = 0; i < v->naddr; i++)
		if (!memcmp(&a, &v->addr[i], sizeof(a)))
			return err_set(e, -EINVAL,
				       "ip: %s is there twice; leave one out",
				       s);
	v->addr[v->naddr++] = a;
	return 0;
}

/* Calls add for each of the addresses in s; one there must be. */
static int
vif_each_addr(struct vif *v, const char *key, const char *s, const char *unless,
	      int (*add)(struct vif *v, const char *s, struct err *e),
	      struct err *e)
{
	char word[INET6_ADDRSTRLEN + 4];
	unsigned had = 0;
	size_t n;
	int rc;

	for (s += strspn(s, " ,"); *s; s += n, s += strspn(s, " ,")) {
		n = strcspn(s, " ,");
		/* too long is no address: shown cut, refused by the parser */
		snprintf(word, sizeof(word), "%.*s", (int)n, s);
		rc = add(v, n < sizeof(word) ? word : s, e);
		if (rc)
			return rc;
		had++;
	}
	if (had)
		return 0;
	return err_set(e, -EINVAL, "%s= names no address; leave the key out %s",
		       key, unless);
}

static int vif_print_addrs(const struct vif_addr *a, unsigned naddr, char *buf,
			   size_t size, char sep)
{
	size_t n = 0;
	unsigned i;
	int rc;

	if (!size)
		return -ENOSPC;
	buf[0] = '\0';
	for (i = 0; i < naddr; i++) {
		if (i) {
			if (n + 1 >= size)
				return -ENOSPC;
			buf[n++] = sep;
		}
		rc = vif_print_addr(&a[i], buf + n, size - n);
		if (rc < 0)
			return rc;
		n += (size_t)rc;
	}
	return (int)n;
}

static int vif_ip_parse(struct vif *v, const char *s, struct err *e)
{
	struct vif o = *v;
	int rc;

	if (vif_learn_parse(v, s))
		return 0;
	o.learn = VIF_LEARN_NOT;
	o.naddr = 0;
	memset(o.addr, 0, sizeof(o.addr));
	rc = vif_each_addr(&o, "ip", s, "if any is allowed", vif_addr_add, e);
	if (!rc)
		*v = o;
	return rc;
}

static int vif_ip_print(const struct vif *v, char *buf, size_t size, char sep)
{
	if (v->learn)
		return str_fmt(buf, size, "%s", vif_learn_name(v));
	return vif_print_addrs(v->addr, v->naddr, buf, size, sep);
}

static int vif_gateway_add(struct vif *v, const char *s, struct err *e)
{
	struct vif_addr a;

	if (strchr(s, '/') || vif_parse_addr(s, &a))
		return err_set(e, -EINVAL,
			       "gateway=%s is not an address the host can "
			       "have; write it without a length, as 10.0.0.1 "
			       "or fe80::1",
			       vif_show(s).s);
	if (v->ngateway && v->gateway[v->ngateway - 1].family == a.family)
		return err_set(e, -EINVAL,
			       "gateway=%s is a second %s address; a guest has "
			       "one gateway of each family",
			       s, a.family == AF_INET ? "IPv4" : "IPv6");
	if (v->ngateway == VIF_GATEWAYS)
		return err_set(e, -EINVAL,
			       "gateway=%s is one too many; a guest has one "
			       "gateway of each family",
			       s);
	v->gateway[v->ngateway++] = a;
	return 0;
}

static int vif_gateway_parse(struct vif *v, const char *s, struct err *e)
{
	struct vif o = *v;
	int rc;

	o.ngateway = 0;
	memset(o.gateway, 0, sizeof(o.gateway));
	rc = vif_each_addr(&o, "gateway", s, "for its default", vif_gateway_add,
			   e);
	if (!rc)
		*v = o;
	return rc;
}

static int vif_gateway_print(const struct vif *v, char *buf, size_t size,
			     char sep)
{
	return vif_print_addrs(v->gateway, v->ngateway, buf, size, sep);
}

static int vif_mtu_parse(struct vif *v, const char *s, struct err *e)
{
	uint32_t n;

	if (num_parse(s, VIF_MTU_MAX, &n) || n < VIF_MTU_MIN)
		return err_set(e, -EINVAL,
			       "mtu=%s: not a number of bytes from %d to %d",
			       vif_show(s).s, VIF_MTU_MIN, VIF_MTU_MAX);
	v->mtu = n;
	return 0;
}

static int vif_mtu_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return v->mtu ? str_fmt(buf, size, "%u", v->mtu)
		      : str_fmt(buf, size, "%s", "");
}

const char *const vif_keys[] = {
	"mac",	   "mode",	  "bridge",	 "gatewaydev", "gateway",
	"vifname", "ip",	  "mtu",	 "isolated",   "hairpin",
	"flood",   "mcast_flood", "bcast_flood", "vlan",       "rate",
	"create",  "pair",	  "allow",	 "link",       "network",
	"rules",   "packets",	  "connections", "accept",     "direct",
	NULL,
};

/* In the order of vif_keys: one index serves both. */
static const struct vif_key vif_key[] = {
	{ "mac", .parse = vif_mac_parse, .print = vif_mac_print },
	{ "mode", .parse = vif_mode_parse, .print = vif_mode_print },
	{ "bridge", .parse = vif_bridge_parse, .print = vif_bridge_print },
	{ "gatewaydev", .parse = vif_gatewaydev_parse,
	  .print = vif_gatewaydev_print },
	{ "gateway", .parse = vif_gateway_parse, .print = vif_gateway_print },
	{ "vifname", .parse = vif_vifname_parse, .print = vif_vifname_print },
	{ "ip", .parse = vif_ip_parse, .print = vif_ip_print },
	{ "mtu", .parse = vif_mtu_parse, .print = vif_mtu_print },
	{ "isolated", .bit = VIF_ISOLATED },
	{ "hairpin", .bit = VIF_HAIRPIN },
	{ "flood", .bit = VIF_NO_FLOOD, .inverted = true },
	{ "mcast_flood", .bit = VIF_NO_MCAST_FLOOD, .inverted = true },
	{ "bcast_flood", .bit = VIF_NO_BCAST_FLOOD, .inverted = true },
	{ "vlan", .parse = vif_vlan_parse, .print = vif_vlan_print },
	{ "rate", .parse = vif_rate_parse, .print = vif_rate_print },
	{ "create", .parse = vif_create_parse, .print = vif_create_print },
	{ "pair", .parse = vif_pair_parse, .print = vif_pair_print },
	{ "allow", .parse = vif_allow_parse, .print = vif_allow_print },
	{ "link", .parse = vif_link_parse, .print = vif_link_print },
	{ "network", .parse = vif_network_parse, .print = vif_network_print },
	{ "rules", .parse = vif_rules_parse, .print = vif_rules_print },
	{ "packets", .parse = vif_packets_parse, .print = vif_packets_print },
	{ "connections", .parse = vif_connections_parse,
	  .print = vif_connections_print },
	{ "accept", .parse = vif_accept_parse, .print = vif_accept_print },
	{ "direct", .parse = vif_direct_parse, .print = vif_direct_print },
};
static_assert(ARRAY_SIZE(vif_key) + 1 == ARRAY_SIZE(vif_keys),
	      "vif_keys and vif_key name the same keys");
static_assert(ARRAY_SIZE(vif_key) <= 32, "struct vif's given has 32 bits");

static int vif_key_parse(const struct vif_key *k, struct vif *v, const char *s,
			 struct err *e)
{
	return k->bit ? vif_switch_parse(v, k, s, e) : k->parse(v, s, e);
}

static int vif_key_print(const struct vif_key *k, const struct vif *v,
			 char *buf, size_t size, char sep)
{
	return k->bit ? vif_switch_print(v, k, buf, size)
		      : k->print(v, buf, size, sep);
}

/* --- words -------------------------------------------------------------------*/

static unsigned vif_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance of two short words (Levenshtein, one row at a time). */
static unsigned vif_distance(const char *a, const char *b)
{
	unsigned row[VIF_KEYLEN + 1], i, j, left, up;

	for (j = 0; j <= strlen(b); j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		left = row[0];
		row[0] = i;
		for (j = 1; b[j - 1]; j++) {
			up = row[j];
			row[j] = vif_min(vif_min(up, row[j - 1]) + 1,
					 left + (a[i - 1] != b[j - 1]));
			left = up;
		}
	}
	return row[j - 1];
}

static int vif_find(const char *key, size_t n)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(vif_key); i++)
		if (strlen(vif_key[i].name) == n &&
		    !memcmp(vif_key[i].name, key, n))
			return (int)i;
	return -1;
}

static int vif_unknown(const char *word, size_t n, struct err *e)
{
	char key[VIF_KEYLEN + 1];
	unsigned i, d, best = 3;
	const char *near = NULL;
	char list[VIF_TEXT / 4] = "";
	size_t len = 0;

	for (i = 0; i < ARRAY_SIZE(vif_key); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i ? ", " : "", vif_key[i].name);
	snprintf(key, sizeof(key), "%.*s", (int)n, word);
	for (i = 0; i < ARRAY_SIZE(vif_key) && n <= VIF_KEYLEN; i++) {
		d = vif_distance(key, vif_key[i].name);
		/* "ip" is two edits from any two letters: not a hint */
		if (d < best && d < strlen(vif_key[i].name)) {
			best = d;
			near = vif_key[i].name;
		}
	}
	return err_set(e, -EINVAL, "no such key: '%s'%s%s%s; the keys are %s",
		       vif_show(key).s, near ? "; did you mean '" : "",
		       near ? near : "", near ? "'?" : "", list);
}

int vif_parse(struct vif *v, const char *word, struct err *e)
{
	const char *eq = strchr(word, '=');
	int k, rc;

	if (!eq || eq == word)
		return err_set(e, -EINVAL,
			       "'%s' is not of the form key=value, as "
			       "bridge=xenbr0",
			       vif_show(word).s);
	k = vif_find(word, (size_t)(eq - word));
	if (k < 0)
		return vif_unknown(word, (size_t)(eq - word), e);
	if (v->given & 1u << k)
		return err_set(e, -EINVAL, "%s is given twice; leave one out",
			       vif_key[k].name);
	if (!eq[1])
		return err_set(e, -EINVAL,
			       "%s= has no value; leave the key out for its "
			       "default",
			       vif_key[k].name);
	rc = vif_key_parse(&vif_key[k], v, eq + 1, e);
	if (!rc)
		v->given |= 1u << k;
	return rc;
}

int vif_print(const struct vif *v, char *buf, size_t size)
{
	struct vif def;
	char value[VIF_TEXT], defval[VIF_TEXT];
	size_t n = 0;
	unsigned i;
	int rc;

	if (!size)
		return -ENOSPC;
	buf[0] = '\0';
	vif_init(&def, v->domid, v->handle);
	for (i = 0; i < ARRAY_SIZE(vif_key); i++) {
		rc = vif_key_print(&vif_key[i], v, value, sizeof(value), ',');
		if (rc < 0)
			return rc;
		vif_key_print(&vif_key[i], &def, defval, sizeof(defval), ',');
		if (!value[0] || !strcmp(value, defval))
			continue;
		rc = str_fmt(buf + n, size - n, "%s%s=%s", n ? " " : "",
			     vif_key[i].name, value);
		if (rc < 0)
			return rc;
		n += (size_t)rc;
	}
	return (int)n;
}

int vif_get(const struct vif *v, const char *key, char *buf, size_t size)
{
	int k = vif_find(key, strlen(key));

	return k < 0 ? -ENOENT : vif_key_print(&vif_key[k], v, buf, size, ' ');
}
