// SPDX-License-Identifier: GPL-2.0-or-later
/* vif_port.c - the keys of a bridge's port: switches, VLANs; and the rate */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

/* --- switches ----------------------------------------------------------------*/

static int vif_yes(const char *key, const char *s, bool *out, struct err *e)
{
	if (strcmp(s, "yes") && strcmp(s, "no"))
		return err_set(e, -EINVAL, "%s=%s: write yes or no", key,
			       vif_show(s).s);
	*out = s[0] == 'y';
	return 0;
}

int vif_switch_parse(struct vif *v, const struct vif_key *k, const char *s,
		     struct err *e)
{
	bool yes = false;
	int rc = vif_yes(k->name, s, &yes, e);

	if (rc)
		return rc;
	if (yes != k->inverted)
		v->port |= k->bit;
	else
		v->port &= (uint8_t)~k->bit;
	return 0;
}

int vif_switch_print(const struct vif *v, const struct vif_key *k, char *buf,
		     size_t size)
{
	const char *set = k->inverted ? "no" : "yes";

	return str_fmt(buf, size, "%s", v->port & k->bit ? set : "");
}

int vif_create_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_yes("create", s, &v->create, e);
}

int vif_create_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->create ? "yes" : "");
}

int vif_direct_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_yes("direct", s, &v->direct, e);
}

int vif_direct_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->direct ? "yes" : "");
}

int vif_link_parse(struct vif *v, const char *s, struct err *e)
{
	if (strcmp(s, "up") && strcmp(s, "down"))
		return err_set(e, -EINVAL, "link=%s: write up or down",
			       vif_show(s).s);
	v->down = s[0] == 'd';
	return 0;
}

int vif_link_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->down ? "down" : "");
}

/* --- VLANs -------------------------------------------------------------------*/

/* Which VLANs are named already: a bit each. */
struct vif_vids {
	uint32_t word[(VIF_VLAN_MAX + 1 + 31) / 32];
};

static bool vif_vid_twice(struct vif_vids *had, const struct vif_vlan *t)
{
	uint32_t vid, bit;

	for (vid = t->first; vid <= t->last; vid += t->step) {
		bit = 1u << vid % 32;
		if (had->word[vid / 32] & bit)
			return true;
		had->word[vid / 32] |= bit;
	}
	return false;
}

/* Digits at *s, 1 to max, no zero before them. */
static int vif_digits(const char **s, uint32_t max, uint16_t *out)
{
	size_t n = strspn(*s, "0123456789");
	char buf[8];
	uint32_t num;

	if (!n || n >= sizeof(buf) || **s == '0')
		return -EINVAL;
	memcpy(buf, *s, n);
	buf[n] = '\0';
	if (num_parse(buf, max, &num))
		return -EINVAL;
	*out = (uint16_t)num;
	*s += n;
	return 0;
}

/* What stands behind a term's first number: -V2 or +OxC. */
static int vif_vlan_more(const char **s, struct vif_vlan *t)
{
	uint16_t count;
	uint32_t last;

	t->last = t->first;
	t->step = 1;
	if (**s == '-') {
		++*s;
		return vif_digits(s, VIF_VLAN_MAX, &t->last) ||
				       t->last < t->first
			       ? -EINVAL
			       : 0;
	}
	if (**s != '+')
		return 0;
	++*s;
	if (vif_digits(s, VIF_VLAN_MAX, &t->step) || *(*s)++ != 'x' ||
	    vif_digits(s, VIF_VLAN_MAX, &count))
		return -EINVAL;
	last = t->first + (uint32_t)t->step * count;
	if (last > VIF_VLAN_MAX)
		return -EINVAL;
	t->last = (uint16_t)last;
	return 0;
}

/* One term, n bytes of s. */
static int vif_vlan_term(const char *s, size_t n, struct vif_vlan *t)
{
	char buf[32];
	const char *p = buf;

	memset(t, 0, sizeof(*t));
	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (vif_digits(&p, VIF_VLAN_MAX, &t->first) || vif_vlan_more(&p, t))
		return -EINVAL;
	t->pvid = *p == 'p' && t->first == t->last;
	t->untagged = t->pvid || *p == 'u';
	return p[t->untagged] ? -EINVAL : 0;
}

/* Exactly one is the port's own; a single plain number is it by itself. */
static int vif_vlan_own(struct vif_vlan *t, unsigned n, const char *s,
			struct err *e)
{
	unsigned i, own = 0;

	for (i = 0; i < n; i++)
		own += t[i].pvid;
	if (!own && n == 1 && t[0].first == t[0].last) {
		t[0].pvid = t[0].untagged = true;
		own = 1;
	}
	if (own == 1)
		return 0;
	return err_set(e, -EINVAL,
		       "vlan=%s: %s; frames without a tag need one VLAN, mark "
		       "it with p, as vlan=10p/20",
		       vif_show(s).s,
		       own ? "two are marked with p" : "none is marked with p");
}

int vif_parse_vlan(const char *s, struct vif_vlan *out, struct err *e)
{
	struct vif_vlan t[VIF_VLANS];
	struct vif_vids had = { 0 };
	const char *p = s;
	unsigned n = 0;
	size_t len;
	int rc;

	for (;; p++) {
		len = strcspn(p, "/");
		if (n == VIF_VLANS)
			return err_set(e, -EINVAL,
				       "vlan=%s: more than %d terms; write "
				       "ranges, as 100-120",
				       vif_show(s).s, VIF_VLANS);
		if (vif_vlan_term(p, len, &t[n]))
			return err_set(e, -EINVAL,
				       "vlan=%s: '%.*s' is not a VLAN; write "
				       "10, 10p, 20-30 or 100+10x4, numbers "
				       "from 1 to %d",
				       vif_show(s).s,
				       (int)(len > 16 ? 16 : len),
				       vif_show(p).s, VIF_VLAN_MAX);
		if (vif_vid_twice(&had, &t[n]))
			return err_set(e, -EINVAL,
				       "vlan=%s: '%.*s' names a VLAN that is "
				       "there already; leave one out",
				       vif_show(s).s, (int)len, p);
		n++;
		p += len;
		if (!*p)
			break;
	}
	rc = vif_vlan_own(t, n, s, e);
	if (rc)
		return rc;
	memcpy(out, t, n * sizeof(*t));
	return (int)n;
}

static int vif_vlan_print1(const struct vif_vlan *t, char *buf, size_t size)
{
	const char *flag = t->pvid ? "p" : t->untagged ? "u" : "";

	if (t->first == t->last)
		return str_fmt(buf, size, "%u%s", t->first, flag);
	if (t->step == 1)
		return str_fmt(buf, size, "%u-%u%s", t->first, t->last, flag);
	return str_fmt(buf, size, "%u+%ux%u%s", t->first, t->step,
		       (unsigned)(t->last - t->first) / t->step, flag);
}

int vif_print_vlan(const struct vif_vlan *t, unsigned n, char *buf, size_t size)
{
	size_t len = 0;
	unsigned i;
	int rc;

	if (!size)
		return -ENOSPC;
	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		if (i && str_put(buf + len, size - len, "/"))
			return -ENOSPC;
		len += i > 0;
		rc = vif_vlan_print1(&t[i], buf + len, size - len);
		if (rc < 0)
			return rc;
		len += (size_t)rc;
	}
	return (int)len;
}

int vif_vlan_parse(struct vif *v, const char *s, struct err *e)
{
	int rc = vif_parse_vlan(s, v->vlan, e);

	if (rc < 0)
		return rc;
	v->nvlan = (uint8_t)rc;
	return 0;
}

int vif_vlan_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return vif_print_vlan(v->vlan, v->nvlan, buf, size);
}

/* --- rate --------------------------------------------------------------------*/

enum { VIF_RATE_USECS = 50000 };

/* A number at *s without zeros before it. */
static int vif_rate_number(const char **s, uint32_t *out)
{
	size_t n = strspn(*s, "0123456789");
	char buf[16];

	if (!n || n >= sizeof(buf) || **s == '0')
		return -EINVAL;
	memcpy(buf, *s, n);
	buf[n] = '\0';
	*s += n;
	return num_parse(buf, UINT32_MAX, out);
}

/* N[K|M|G](b|B)/s: bytes in a second. */
static int vif_rate_speed(const char **s, uint64_t *out)
{
	static const char scale[] = "KMG";
	uint64_t times = 1;
	const char *p;
	uint32_t n;

	if (vif_rate_number(s, &n))
		return -EINVAL;
	p = **s ? strchr(scale, **s) : NULL;
	for (; p && p >= scale; p--)
		times *= 1000;
	*s += times > 1;
	if (**s != 'b' && **s != 'B')
		return -EINVAL;
	*out = n * times / (**s == 'b' ? 8 : 1);
	++*s;
	if (strncmp(*s, "/s", 2))
		return -EINVAL;
	*s += 2;
	return 0;
}

/* @N(us|ms|s) */
static int vif_rate_interval(const char *s, uint32_t *out)
{
	static const struct {
		const char *unit;
		uint32_t usecs;
	} row[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
	uint32_t n;
	unsigned i;

	if (vif_rate_number(&s, &n))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(s, row[i].unit) && n <= UINT32_MAX / row[i].usecs) {
			*out = n * row[i].usecs;
			return 0;
		}
	return -EINVAL;
}

/* BYTES,MICROSECONDS: how the store has it. */
static int vif_rate_pair(const char *s, uint32_t *bytes, uint32_t *usecs)
{
	uint32_t b, u;

	if (vif_rate_number(&s, &b) || *s++ != ',' || vif_rate_number(&s, &u) ||
	    *s)
		return -EINVAL;
	*bytes = b;
	*usecs = u;
	return 0;
}

int vif_parse_rate(const char *s, uint32_t *bytes, uint32_t *usecs,
		   struct err *e)
{
	uint32_t interval = VIF_RATE_USECS;
	const char *p = s;
	uint64_t speed, n;

	if (!vif_rate_pair(s, bytes, usecs))
		return 0;
	if (vif_rate_speed(&p, &speed) || (*p && *p != '@') ||
	    (*p && vif_rate_interval(p + 1, &interval)))
		return err_set(e, -EINVAL,
			       "rate=%s: write a number, b for bits or B for "
			       "bytes, and the interval if it matters, as "
			       "rate=10Mb/s or rate=2MB/s@20ms",
			       vif_show(s).s);
	/* seconds and the rest of one apart: neither product overflows */
	n = speed * (interval / 1000000);
	n += speed / 1000000 * (interval % 1000000) +
	     speed % 1000000 * (interval % 1000000) / 1000000;
	if (!n || n > UINT32_MAX)
		return err_set(
			e, -EINVAL, "rate=%s: %s in an interval; choose %s one",
			vif_show(s).s, n ? "more than 4 GB" : "not a byte",
			n ? "a shorter" : "a longer");
	*bytes = (uint32_t)n;
	*usecs = interval;
	return 0;
}

int vif_rate_parse(struct vif *v, const char *s, struct err *e)
{
	return vif_parse_rate(s, &v->rate_bytes, &v->rate_usecs, e);
}

int vif_rate_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	if (!v->rate_bytes)
		return str_fmt(buf, size, "%s", "");
	return str_fmt(buf, size, "%u,%u", v->rate_bytes, v->rate_usecs);
}
