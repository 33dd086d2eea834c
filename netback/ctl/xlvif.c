// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvif.c - what one vif= string of xl says: read as libxl does, and strictly */
#include "ctl/xlvif.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "vif.h"

enum { XLVIF_WORD = 1024, XLVIF_SHOWN = 40 };

/* One spec under way. */
struct xlread {
	struct xlvif *x;
	bool strict;
	uint32_t given; /* bits of xlvif_keys */
	struct err *e;
};

void xlvif_note(struct xlvif *x, const char *fmt, ...)
{
	va_list ap;

	if (x->nnote < XLVIF_NOTES) {
		va_start(ap, fmt);
		vsnprintf(x->note[x->nnote], XLVIF_NOTE, fmt, ap);
		va_end(ap);
	}
	x->nnote++;
}

/* A stranger's text, fit for a message. */
struct xlshown {
	char s[XLVIF_SHOWN + 4];
};

static struct xlshown xlvif_show(const char *s)
{
	struct xlshown o;
	unsigned i;

	for (i = 0; i < XLVIF_SHOWN && s[i]; i++)
		o.s[i] = s[i] < 0x20 || s[i] > 0x7e ? '?' : s[i];
	strcpy(o.s + i, s[i] ? "..." : "");
	return o;
}

/* Something that libxl takes and we would rather not: an error when strict. */
static int xlvif_quirk(struct xlread *r, const char *key, const char *what)
{
	if (r->strict)
		return err_set(r->e, -EINVAL, "%s: %s", key, what);
	xlvif_note(r->x, "%s: %s", key, what);
	return 0;
}

/* --- keys --------------------------------------------------------------------*/

struct xlvif_key {
	const char *name;
	int (*parse)(struct xlread *r, const struct xlvif_key *k,
		     const char *s);
	size_t at, size; /* of the text in struct xlvif */
};

static int xlvif_text(struct xlread *r, const struct xlvif_key *k,
		      const char *s)
{
	if (!s[0] && r->strict)
		return err_set(r->e, -EINVAL,
			       "%s= has no value; leave the key out", k->name);
	if (str_put((char *)r->x + k->at, k->size, s))
		return err_set(r->e, -EINVAL, "%s=%s is too long", k->name,
			       xlvif_show(s).s);
	return 0;
}

static int xlvif_netdev(struct xlread *r, const struct xlvif_key *k,
			const char *s)
{
	int rc = xlvif_quirk(r, "netdev",
			     "xl's old name of gatewaydev; write that");

	return rc ? rc : xlvif_text(r, k, s);
}

/* libxl: strtoul of base 16 six times, whatever stands between. */
static int xlvif_mac(struct xlread *r, const struct xlvif_key *k, const char *s)
{
	const char *p = s;
	unsigned long n;
	uint8_t m[6];
	unsigned i;
	char *end;

	(void)k;
	for (i = 0; i < 6; i++) {
		if (i && !*p++) /* where libxl reads on behind the end */
			goto bad;
		n = strtoul(p, &end, 16);
		if (end == p || n > 255)
			goto bad;
		m[i] = (uint8_t)n;
		p = end;
	}
	memcpy(r->x->mac, m, sizeof(m));
	r->x->has_mac = true;
	if (strlen(s) == 17 && !vif_parse_mac(s, m))
		return 0;
	if (!memcmp(r->x->mac, "\0\0\0\0\0", 6))
		return xlvif_quirk(
			r, "mac", "zeros, which xl takes for \"generate one\"");
	return xlvif_quirk(r, "mac",
			   r->x->mac[0] & 1
				   ? "a group address, which no card can have"
				   : "not of the form xx:xx:xx:xx:xx:xx");
bad:
	return err_set(r->e, -EINVAL,
		       "mac=%s is not a MAC address; write six pairs of hex "
		       "digits, as mac=00:16:3e:01:02:03",
		       xlvif_show(s).s);
}

static int xlvif_type(struct xlread *r, const struct xlvif_key *k,
		      const char *s)
{
	(void)k;
	if (!strcmp(s, "vif"))
		r->x->type = XLVIF_VIF;
	else if (!strcmp(s, "ioemu"))
		r->x->type = XLVIF_IOEMU;
	else
		return err_set(r->e, -EINVAL, "type=%s: write vif or ioemu",
			       xlvif_show(s).s);
	return 0;
}

static int xlvif_number(struct xlread *r, const struct xlvif_key *k,
			const char *s)
{
	bool devid = !strcmp(k->name, "devid");
	uint32_t n;

	if (num_parse(s, devid ? VIF_HANDLE_MAX : UINT32_MAX, &n))
		return err_set(r->e, -EINVAL, "%s=%s is not a number%s",
			       k->name, xlvif_show(s).s,
			       devid ? " from 0 to 65535" : "");
	*(uint32_t *)((char *)r->x + k->at) = n;
	*(devid ? &r->x->has_devid : &r->x->has_mtu) = true;
	return 0;
}

static int xlvif_rate(struct xlread *r, const struct xlvif_key *k,
		      const char *s)
{
	char quirk[XLVIF_NOTE];
	uint32_t bytes, usecs;
	int rc;

	(void)k;
	rc = xlvif_parse_rate(s, &r->x->rate_bytes, &r->x->rate_usecs, quirk,
			      r->e);
	if (rc)
		return rc;
	if (r->strict && strchr(s, ','))
		return vif_parse_rate("", &bytes, &usecs, r->e);
	return quirk[0] ? xlvif_quirk(r, "rate", quirk) : 0;
}

static int xlvif_vlan(struct xlread *r, const struct xlvif_key *k,
		      const char *s)
{
	struct vif_vlan t[VIF_VLANS];
	struct err e;
	int rc = xlvif_text(r, k, s);

	if (!rc && vif_parse_vlan(s, t, r->strict ? r->e : &e) < 0)
		rc = r->strict ? -EINVAL : xlvif_quirk(r, "vlan", e.text);
	return rc;
}

/* Of COLO, which no vif of ours takes part in. */
static int xlvif_colo(struct xlread *r, const struct xlvif_key *k,
		      const char *s)
{
	(void)s;
	return xlvif_quirk(r, k->name, "of COLO, which is not there");
}

#define TEXT(field)                                                            \
	offsetof(struct xlvif, field), sizeof(((struct xlvif *)NULL)->field)

static const struct xlvif_key xlvif_keys[] = {
	{ "mac", xlvif_mac, 0, 0 },
	{ "bridge", xlvif_text, TEXT(bridge) },
	{ "gatewaydev", xlvif_text, TEXT(gatewaydev) },
	{ "netdev", xlvif_netdev, TEXT(gatewaydev) },
	{ "type", xlvif_type, 0, 0 },
	{ "model", xlvif_text, TEXT(model) },
	{ "vifname", xlvif_text, TEXT(vifname) },
	{ "script", xlvif_text, TEXT(script) },
	{ "ip", xlvif_text, TEXT(ip) },
	{ "backend", xlvif_text, TEXT(backend) },
	{ "rate", xlvif_rate, 0, 0 },
	{ "devid", xlvif_number, TEXT(devid) },
	{ "mtu", xlvif_number, TEXT(mtu) },
	{ "vlan", xlvif_vlan, TEXT(vlan) },
	{ "forwarddev", xlvif_colo, 0, 0 },
};

/* --- rate --------------------------------------------------------------------*/

/* [0-9]+ as strtoull reads it with base 0: a zero before it makes it octal. */
static int xlrate_number(const char **s, uint64_t *out, const char **quirk)
{
	const char *p = *s;
	char *end;

	if (!isdigit((unsigned char)*p) ||
	    (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')))
		return -EINVAL;
	errno = 0;
	*out = strtoull(p, &end, 0);
	if (errno || !*out || *out > UINT32_MAX)
		return -EINVAL;
	if (p[0] == '0')
		*quirk = "the zero before it makes it octal";
	/* 08: strtoull stops at the 8, and the unit is not where it should be */
	if (isdigit((unsigned char)*end))
		return -EINVAL;
	*s = end;
	return 0;
}

static int xlrate_speed(const char **s, uint64_t *out, const char **quirk)
{
	const char *p = *s;

	if (xlrate_number(&p, out, quirk))
		return -EINVAL;
	if (*p == 'G')
		*out *= 1000000000;
	else if (*p == 'M')
		*out *= 1000000;
	else if (*p == 'K')
		*out *= 1000;
	p += *p == 'G' || *p == 'M' || *p == 'K';
	if ((*p != 'b' && *p != 'B') || p[1] != '/' || p[2] != 's')
		return -EINVAL;
	if (*p == 'b')
		*out /= 8;
	*s = p + 3;
	return 0;
}

static int xlrate_interval(const char *s, uint32_t *out, const char **quirk)
{
	uint64_t n;

	if (xlrate_number(&s, &n, quirk))
		return -EINVAL;
	if (!*s)
		*quirk = "xl takes the number behind @ for seconds, its manual "
			 "for microseconds; write s, ms or us";
	if (!*s || !strcmp(s, "s"))
		n *= 1000000;
	else if (!strcmp(s, "m") || !strcmp(s, "ms"))
		n *= 1000;
	else if (strcmp(s, "u") && strcmp(s, "us"))
		return -EINVAL;
	if (*s == 'm' && !s[1])
		*quirk = "xl takes m for ms; write that";
	if (*s == 'u' && !s[1])
		*quirk = "xl takes u for us; write that";
	if (n > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

int xlvif_parse_rate(const char *s, uint64_t *bytes, uint32_t *usecs,
		     char quirk[XLVIF_NOTE], struct err *e)
{
	const char *p = s, *why = "";
	uint32_t interval = 50000;
	uint64_t speed;

	if (xlrate_speed(&p, &speed, &why) || (*p && *p != '@') ||
	    (*p && xlrate_interval(p + 1, &interval, &why)) ||
	    speed > UINT64_MAX / interval)
		return err_set(e, -EINVAL,
			       "rate=%s: write a number, b for bits or B for "
			       "bytes, and the interval if it matters, as "
			       "rate=10Mb/s or rate=2MB/s@20ms",
			       xlvif_show(s).s);
	*bytes = speed * interval / 1000000;
	*usecs = interval;
	if (!*bytes)
		why = "not a byte in an interval: the guest could send nothing";
	snprintf(quirk, XLVIF_NOTE, "%s", why);
	return 0;
}

/* --- words -------------------------------------------------------------------*/

/* 1: not one of them. */
static int xlvif_flag(struct xlread *r, const char *w)
{
	if (!strcmp(w, "trusted") || !strcmp(w, "untrusted")) {
		r->x->untrusted = w[0] == 'u';
		return 0;
	}
	if (!strcmp(w, "accel") || !strncmp(w, "accel=", 6))
		return xlvif_quirk(r, "accel", "xl ignores it; leave it out");
	return 1;
}

static int xlvif_word(struct xlread *r, const char *w)
{
	const char *eq = strchr(w, '=');
	const struct xlvif_key *k;
	unsigned i;
	int rc = xlvif_flag(r, w);

	if (rc <= 0)
		return rc;
	for (i = 0; eq && i < ARRAY_SIZE(xlvif_keys); i++) {
		k = &xlvif_keys[i];
		if (strncmp(k->name, w, (size_t)(eq - w)) || k->name[eq - w])
			continue;
		if (r->given & 1u << i) {
			rc = xlvif_quirk(r, k->name,
					 "given twice, the last one counts");
			if (rc)
				return rc;
		}
		r->given |= 1u << i;
		return k->parse(r, k, eq + 1);
	}
	return xlvif_quirk(r, xlvif_show(w).s,
			   strncmp(w, "colo_", 5)
				   ? "no word of a vif; xl ignores it"
				   : "of COLO, which is not there");
}

int xlvif_parse(struct xlvif *x, const char *spec, bool strict, struct err *e)
{
	struct xlread r = { .x = x, .strict = strict, .e = e };
	char w[XLVIF_WORD];
	size_t n;
	int rc;

	memset(x, 0, sizeof(*x));
	for (; *spec; spec += n) {
		spec += strspn(spec, ",");
		spec += strspn(spec, " ");
		n = strcspn(spec, ",");
		if (!n)
			continue;
		if (n >= sizeof(w))
			return err_set(e, -EINVAL,
				       "'%s' is longer than %zu bytes",
				       xlvif_show(spec).s, sizeof(w) - 1);
		memcpy(w, spec, n);
		w[n] = '\0';
		rc = xlvif_word(&r, w);
		if (rc)
			return rc;
	}
	if (strlen(x->vifname) >= IFNAMSIZ)
		return xlvif_quirk(&r, "vifname",
				   "longer than the 15 bytes of a device's "
				   "name: no kernel takes it");
	return 0;
}
