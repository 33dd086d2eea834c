// SPDX-License-Identifier: GPL-2.0-or-later
/* network.c - a network by name: its words, its subnets */
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

enum { NETWORK_LEN_MIN = 8, NETWORK_LEN_MAX = 29, NETWORK_LEN6 = 64 };

static const char *const network_kinds[] = {
	[NETWORK_NAT] = "nat",
	[NETWORK_HOSTONLY] = "hostonly",
	[NETWORK_ISOLATED] = "isolated",
	[NETWORK_OPEN] = "open",
};

const char *network_kind_name(enum network_kind k)
{
	return network_kinds[k];
}

int network_init(struct network *n, const char *name, struct err *e)
{
	int rc = vif_check_network(name, e);

	memset(n, 0, sizeof(*n));
	if (rc)
		return rc;
	snprintf(n->bridge, sizeof(n->bridge), "nb-%s", name);
	return str_put(n->name, sizeof(n->name), name);
}

/* --- the keys ------------------------------------------------------------------*/

static int network_kind_parse(struct network *n, const char *s, struct err *e)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(network_kinds); i++) {
		if (strcmp(network_kinds[i], s))
			continue;
		n->kind = (uint8_t)i;
		return 0;
	}
	return err_set(e, -EINVAL,
		       "kind=%s: no such kind; there is: nat, hostonly, "
		       "isolated, open",
		       vif_show(s).s);
}

static int network_kind_print(const struct network *n, char *buf, size_t size)
{
	return str_fmt(buf, size, "%s", network_kinds[n->kind]);
}

/* The host has the first address of the subnet, whichever was written. */
static void network_first(struct vif_addr *a)
{
	unsigned i, bits = a->family == AF_INET ? 32 : 128;

	for (i = a->len; i < bits; i++)
		a->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	a->addr[bits / 8 - 1] |= 1;
}

/* Makes it the host's; false when that is nobody's address, as ::1 of ::/64. */
static bool network_host(struct vif_addr *a)
{
	char text[INET6_ADDRSTRLEN + 4];
	struct vif_addr same;

	network_first(a);
	return vif_print_addr(a, text, sizeof(text)) >= 0 &&
	       !vif_parse_addr(text, &same);
}

static int network_subnet_parse(struct network *n, int six, const char *s,
				struct err *e)
{
	struct vif_addr a;

	n->no[six] = !strcmp(s, "none");
	if (n->no[six])
		return 0;
	if (vif_parse_addr(s, &a) || (a.family == AF_INET6) != six ||
	    (six ? a.len != NETWORK_LEN6
		 : a.len < NETWORK_LEN_MIN || a.len > NETWORK_LEN_MAX) ||
	    !network_host(&a))
		return err_set(e, -EINVAL,
			       six ? "subnet6=%s is not an IPv6 network of "
				     "length 64; write it as fd00:1::/64, or "
				     "none"
				   : "subnet=%s is not an IPv4 network of "
				     "length 8 to 29; write it as "
				     "192.168.5.0/24, or none",
			       vif_show(s).s);
	n->addr[six] = a;
	return 0;
}

static int network_subnet4_parse(struct network *n, const char *s,
				 struct err *e)
{
	return network_subnet_parse(n, 0, s, e);
}

static int network_subnet6_parse(struct network *n, const char *s,
				 struct err *e)
{
	return network_subnet_parse(n, 1, s, e);
}

static int network_subnet_print(const struct network *n, int six, char *buf,
				size_t size)
{
	if (n->no[six])
		return str_fmt(buf, size, "none");
	if (!n->addr[six].family)
		return str_fmt(buf, size, "%s", "");
	return vif_print_addr(&n->addr[six], buf, size);
}

static int network_subnet4_print(const struct network *n, char *buf,
				 size_t size)
{
	return network_subnet_print(n, 0, buf, size);
}

static int network_subnet6_print(const struct network *n, char *buf,
				 size_t size)
{
	return network_subnet_print(n, 1, buf, size);
}

/* "PORT" up to the end of its part; 0 is none. */
static int network_port(const char *s, size_t len, uint16_t *out)
{
	char num[8];
	uint32_t v;

	if (len >= sizeof(num))
		return -EINVAL;
	memcpy(num, s, len);
	num[len] = '\0';
	if (num_parse(num, 65535, &v) || !v)
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

/* tcp:8080:192.168.5.2:80 or tcp:8080:[fd00::2]:80 */
static int network_one_forward(const char *s, struct network_forward *f)
{
	const char *port, *to, *last;
	char addr[INET6_ADDRSTRLEN];
	size_t n;

	memset(f, 0, sizeof(*f));
	if (strncmp(s, "tcp:", 4) && strncmp(s, "udp:", 4))
		return -EINVAL;
	f->proto = s[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
	port = s + 4;
	to = strchr(port, ':');
	last = strrchr(port, ':');
	if (!to || to == last ||
	    network_port(port, (size_t)(to - port), &f->port) ||
	    network_port(last + 1, strlen(last + 1), &f->to_port))
		return -EINVAL;
	to++;
	n = (size_t)(last - to);
	if (*to == '[' && last[-1] == ']') {
		to++;
		n -= 2;
	}
	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, to, n);
	addr[n] = '\0';
	return strchr(addr, '/') ? -EINVAL : vif_parse_addr(addr, &f->to);
}

static int network_forward_add(struct network *n, const char *s, struct err *e)
{
	struct network_forward *f = &n->forward[n->nforward];
	unsigned i;

	if (n->nforward == NETWORK_FORWARDS)
		return err_set(e, -EINVAL, "forward: more than %d of them",
			       NETWORK_FORWARDS);
	if (network_one_forward(s, f))
		return err_set(e, -EINVAL,
			       "forward=%s: write tcp or udp, the host's port, "
			       "the guest's address and port, as "
			       "tcp:8080:192.168.5.2:80",
			       vif_show(s).s);
	for (i = 0; i < n->nforward; i++)
		if (n->forward[i].proto == f->proto &&
		    n->forward[i].port == f->port &&
		    n->forward[i].to.family == f->to.family)
			return err_set(e, -EINVAL,
				       "forward=%s: port %u is forwarded twice",
				       vif_show(s).s, f->port);
	n->nforward++;
	return 0;
}

static int network_dns_add(struct network *n, const char *s, struct err *e)
{
	struct vif_addr *a = &n->dns[n->ndns];

	if (n->ndns == NETWORK_SERVERS)
		return err_set(e, -EINVAL, "dns: more than %d servers",
			       NETWORK_SERVERS);
	if (strchr(s, '/') || vif_parse_addr(s, a))
		return err_set(e, -EINVAL,
			       "dns=%s is not a server's address; write it as "
			       "192.0.2.53",
			       vif_show(s).s);
	n->ndns++;
	return 0;
}

/* Calls add for each part of s, which blanks or commas separate. */
static int network_each(struct network *n, const char *s,
			int (*add)(struct network *n, const char *s,
				   struct err *e),
			struct err *e)
{
	char part[96];
	size_t len;
	int rc = 0;

	for (s += strspn(s, " ,"); *s && !rc; s += len, s += strspn(s, " ,")) {
		len = strcspn(s, " ,");
		/* too long is nothing we know: shown cut, and refused */
		snprintf(part, sizeof(part), "%.*s", (int)len, s);
		rc = add(n, part, e);
	}
	return rc;
}

static int network_forward_parse(struct network *n, const char *s,
				 struct err *e)
{
	return network_each(n, s, network_forward_add, e);
}

static int network_forward_print(const struct network *n, char *buf,
				 size_t size)
{
	char addr[INET6_ADDRSTRLEN + 4];
	size_t len = 0;
	unsigned i;
	int rc;

	buf[0] = '\0';
	for (i = 0; i < n->nforward; i++) {
		const struct network_forward *f = &n->forward[i];
		bool six = f->to.family == AF_INET6;

		vif_print_addr(&f->to, addr, sizeof(addr));
		rc = str_fmt(buf + len, size - len, "%s%s:%u:%s%s%s:%u",
			     i ? "," : "",
			     f->proto == IPPROTO_TCP ? "tcp" : "udp", f->port,
			     six ? "[" : "", addr, six ? "]" : "", f->to_port);
		if (rc < 0)
			return rc;
		len += (size_t)rc;
	}
	return (int)len;
}

static int network_dns_parse(struct network *n, const char *s, struct err *e)
{
	return network_each(n, s, network_dns_add, e);
}

static int network_dns_print(const struct network *n, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN + 4];
	size_t len = 0;
	unsigned i;
	int rc;

	buf[0] = '\0';
	for (i = 0; i < n->ndns; i++) {
		vif_print_addr(&n->dns[i], addr, sizeof(addr));
		rc = str_fmt(buf + len, size - len, "%s%s", i ? "," : "", addr);
		if (rc < 0)
			return rc;
		len += (size_t)rc;
	}
	return (int)len;
}

static int network_dhcp_parse(struct network *n, const char *s, struct err *e)
{
	if (strcmp(s, "yes") && strcmp(s, "no"))
		return err_set(e, -EINVAL, "dhcp=%s: write yes or no",
			       vif_show(s).s);
	n->no_dhcp = s[0] == 'n';
	return 0;
}

static int network_dhcp_print(const struct network *n, char *buf, size_t size)
{
	return str_fmt(buf, size, "%s", n->no_dhcp ? "no" : "");
}

/* It becomes a line of a configuration: no blank, comma or quote in it. */
static int network_file(char *dst, const char *key, const char *s,
			struct err *e)
{
	const char *p;

	for (p = s; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr(",\"'\\#", *p))
			break;
	if (*p || !s[0] || str_put(dst, NETWORK_PATH, s))
		return err_set(e, -EINVAL,
			       "%s=%s: a file's name of at most %d letters, "
			       "digits and signs without blank, comma, quote, "
			       "# is expected",
			       key, vif_show(s).s, NETWORK_PATH - 1);
	return 0;
}

static int network_tftp_parse(struct network *n, const char *s, struct err *e)
{
	if (s[0] != '/')
		return err_set(e, -EINVAL,
			       "tftp=%s: write the whole name of a directory, "
			       "as /srv/tftp",
			       vif_show(s).s);
	return network_file(n->tftp, "tftp", s, e);
}

static int network_tftp_print(const struct network *n, char *buf, size_t size)
{
	return str_fmt(buf, size, "%s", n->tftp);
}

static int network_boot_parse(struct network *n, const char *s, struct err *e)
{
	return network_file(n->boot, "boot", s, e);
}

static int network_boot_print(const struct network *n, char *buf, size_t size)
{
	return str_fmt(buf, size, "%s", n->boot);
}

static const struct network_key {
	const char *name;
	int (*parse)(struct network *n, const char *s, struct err *e);
	int (*print)(const struct network *n, char *buf, size_t size);
} network_keys[] = {
	{ "kind", network_kind_parse, network_kind_print },
	{ "subnet", network_subnet4_parse, network_subnet4_print },
	{ "subnet6", network_subnet6_parse, network_subnet6_print },
	{ "forward", network_forward_parse, network_forward_print },
	{ "dhcp", network_dhcp_parse, network_dhcp_print },
	{ "dns", network_dns_parse, network_dns_print },
	{ "tftp", network_tftp_parse, network_tftp_print },
	{ "boot", network_boot_parse, network_boot_print },
};

/* --- words -----------------------------------------------------------------------*/

int network_parse(struct network *n, const char *word, struct err *e)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : 0;
	unsigned i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(network_keys); i++)
		if (len && strlen(network_keys[i].name) == len &&
		    !memcmp(network_keys[i].name, word, len))
			break;
	if (i == ARRAY_SIZE(network_keys))
		return err_set(e, -EINVAL,
			       "'%s': the words of a network are kind=, "
			       "subnet=, subnet6=, forward=, dhcp=, dns=, "
			       "tftp=, boot=",
			       vif_show(word).s);
	if (n->given & 1u << i)
		return err_set(e, -EINVAL, "%s is given twice; leave one out",
			       network_keys[i].name);
	if (!eq[1])
		return err_set(e, -EINVAL,
			       "%s= has no value; leave the key out for its "
			       "default",
			       network_keys[i].name);
	rc = network_keys[i].parse(n, eq + 1, e);
	if (!rc)
		n->given |= 1u << i;
	return rc;
}

static bool network_known(const char *key)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(network_keys); i++)
		if (!strcmp(network_keys[i].name, key))
			return true;
	return false;
}

/* The key back to its default: as a new network has it. */
static void network_reset(struct network *n, const char *key)
{
	struct network fresh;

	network_init(&fresh, n->name, NULL);
	if (!strcmp(key, "forward"))
		n->nforward = 0;
	if (!strcmp(key, "dns"))
		n->ndns = 0;
	if (!strcmp(key, "dhcp"))
		n->no_dhcp = fresh.no_dhcp;
	if (!strcmp(key, "tftp"))
		n->tftp[0] = '\0';
	if (!strcmp(key, "boot"))
		n->boot[0] = '\0';
	if (!strcmp(key, "kind"))
		n->kind = fresh.kind;
}

int network_forwards(const struct network *n, const struct network_forward *f)
{
	unsigned i;

	for (i = 0; i < n->nforward; i++)
		if (!memcmp(&n->forward[i], f, sizeof(*f)))
			return (int)i;
	return -1;
}

static int network_less(struct network *n, const char *s, struct err *e)
{
	struct network_forward f;
	int i;

	if (network_one_forward(s, &f))
		return network_forward_parse(n, s, e);
	i = network_forwards(n, &f);
	if (i < 0)
		return err_set(e, -EINVAL,
			       "forward-=%s: there is no such forward; vifctl "
			       "network show lists them",
			       vif_show(s).s);
	n->nforward--;
	memmove(&n->forward[i], &n->forward[i + 1],
		(n->nforward - (unsigned)i) * sizeof(f));
	return 0;
}

int network_change(struct network *n, const char *word, struct err *e)
{
	static const char more[] = "forward+=", less[] = "forward-=";
	char key[16], plain[NETWORK_TEXT];
	const char *eq = strchr(word, '=');
	bool adds = !strncmp(word, more, strlen(more));

	if (!strncmp(word, less, strlen(less)))
		return network_less(n, word + strlen(less), e);
	if (str_fmt(plain, sizeof(plain), "%s%s", adds ? "forward=" : "",
		    adds ? word + strlen(more) : word) < 0)
		return err_set(e, -EINVAL, "'%s': too long", vif_show(word).s);
	n->given = 0;
	if (!adds && eq &&
	    str_fmt(key, sizeof(key), "%.*s", (int)(eq - word), word) > 0) {
		if (!strcmp(key, "forward") || !strcmp(key, "dns") ||
		    !strcmp(eq, "=default"))
			network_reset(n, key);
		if (!strcmp(eq, "=default") && !strncmp(key, "subnet", 6))
			return 0;
		if (!strcmp(eq, "=default"))
			return network_known(key) ? 0
						  : network_parse(n, word, e);
	}
	return network_parse(n, plain, e);
}

bool network_has(const struct network *n, const struct vif_addr *a)
{
	const struct vif_addr *net = &n->addr[a->family == AF_INET6];

	return net->family == a->family && network_overlap(net, a);
}

int network_check(const struct network *n, struct err *e)
{
	char addr[INET6_ADDRSTRLEN + 4];
	unsigned i;

	if (n->no[0] && n->no[1])
		return err_set(e, -EINVAL,
			       "subnet and subnet6 are both none; a network "
			       "without addresses is a bridge (mode=bridge)");
	if (n->nforward && n->kind != NETWORK_NAT)
		return err_set(e, -EINVAL,
			       "forward= belongs to kind=nat; leave it out");
	for (i = 0; i < n->nforward; i++) {
		const struct vif_addr *to = &n->forward[i].to;

		vif_print_addr(to, addr, sizeof(addr));
		if (!n->addr[to->family == AF_INET6].family ||
		    network_has(n, to))
			continue;
		return err_set(e, -EINVAL,
			       "forward: %s is not an address of this network",
			       addr);
	}
	if (n->boot[0] && !n->tftp[0])
		return err_set(
			e, -EINVAL,
			"boot=%s: of which directory? add tftp=", n->boot);
	if (n->tftp[0] && n->no_dhcp)
		return err_set(e, -EINVAL,
			       "tftp= needs dhcp=yes: one program does both");
	return 0;
}

int network_print(const struct network *n, char *buf, size_t size)
{
	char value[NETWORK_TEXT];
	size_t len = 0;
	unsigned i;
	int rc;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(network_keys); i++) {
		rc = network_keys[i].print(n, value, sizeof(value));
		if (rc < 0)
			return rc;
		if (!value[0])
			continue;
		rc = str_fmt(buf + len, size - len, "%s%s=%s", len ? " " : "",
			     network_keys[i].name, value);
		if (rc < 0)
			return rc;
		len += (size_t)rc;
	}
	return (int)len;
}

/* --- addresses ---------------------------------------------------------------------*/

static uint32_t network_hash(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u; /* FNV-1a */
	return h ^ h >> 15;
}

void network_subnet(const char *name, const char *host_id, int family,
		    unsigned i, struct vif_addr *out)
{
	enum { FIRST = 101 }; /* below are those that routers at home have */
	uint32_t h = network_hash(2166136261u, name);
	uint32_t g = network_hash(h ^ i * 0x9e3779b1u, host_id);

	memset(out, 0, sizeof(*out));
	out->family = (uint8_t)family;
	if (family == AF_INET) {
		out->len = 24;
		memcpy(out->addr, (uint8_t[]){ 192, 168 }, 2);
		out->addr[2] = (uint8_t)(FIRST + (h + i) % NETWORK_TRIES);
	} else {
		/* RFC 4193: 40 bits that no other site has, likely */
		out->len = NETWORK_LEN6;
		out->addr[0] = 0xfd;
		memcpy(out->addr + 1, &g, 4);
		out->addr[5] = (uint8_t)(h >> 24);
		out->addr[7] = (uint8_t)h;
	}
	network_first(out);
}

bool network_overlap(const struct vif_addr *a, const struct vif_addr *b)
{
	unsigned i, n = a->len < b->len ? a->len : b->len;

	if (a->family != b->family)
		return false;
	for (i = 0; i < n; i++)
		if ((a->addr[i / 8] ^ b->addr[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

void network_eui64(const struct network *n, const uint8_t mac[6],
		   struct vif_addr *out)
{
	*out = n->addr[1];
	out->len = 128;
	memcpy(out->addr + 8, mac, 3);
	out->addr[8] ^= 2;
	out->addr[11] = 0xff;
	out->addr[12] = 0xfe;
	memcpy(out->addr + 13, mac + 3, 3);
}
