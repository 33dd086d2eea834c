// SPDX-License-Identifier: GPL-2.0-or-later
/* vif_rules.c - keys that name what is kept elsewhere: network, rules */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

int vif_check_network(const char *s, struct err *e)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (n && !s[n] && n < VIF_NETWORK && s[0] != '-' && s[n - 1] != '-')
		return 0;
	return err_set(e, -EINVAL,
		       "network '%s': a name has 1 to %d small letters, digits "
		       "and dashes inside",
		       vif_show(s).s, VIF_NETWORK - 1);
}

int vif_network_parse(struct vif *v, const char *s, struct err *e)
{
	int rc = vif_check_network(s, e);

	if (rc)
		return rc;
	snprintf(v->bridge, sizeof(v->bridge), "nb-%s", s);
	return str_put(v->network, sizeof(v->network), s);
}

int vif_network_print(const struct vif *v, char *buf, size_t size, char sep)
{
	(void)sep;
	return str_fmt(buf, size, "%s", v->network);
}

/* --- rules ------------------------------------------------------------------*/

enum { VIF_FILE_NAME = 12 /* its chains have it in their names */ };

static int vif_rules_bad(const char *s, size_t n, struct err *e)
{
	char word[VIF_RULES];

	str_fmt(word, sizeof(word), "%.*s", (int)(n > 60 ? 60 : n), s);
	return err_set(e, -EINVAL,
		       "rules=%s is not a file of rules; write a name of 1 to "
		       "%d letters, digits, - _ . (of "
		       "/etc/netback/rules.d/NAME.rules), or a path from / on",
		       vif_show(word).s, VIF_FILE_NAME);
}

static bool vif_rules_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	if (*s == '/')
		return true;
	return n <= VIF_FILE_NAME && *s != '.' && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") >= n;
}

int vif_rules_parse(struct vif *v, const char *s, struct err *e)
{
	char to[VIF_RULES] = "";
	size_t n, at = 0;
	unsigned had = 0;

	for (s += strspn(s, " ,"); *s; s += n, s += strspn(s, " ,")) {
		n = strcspn(s, " ,");
		if (!vif_rules_name(s, n))
			return vif_rules_bad(s, n, e);
		if (++had > VIF_FILES || at + n + 2 > sizeof(to))
			return err_set(e, -EINVAL,
				       "rules: more than %d files, or %d bytes",
				       VIF_FILES, VIF_RULES - 1);
		if (at)
			to[at++] = ',';
		memcpy(to + at, s, n);
		at += n;
		to[at] = '\0';
	}
	if (!had)
		return err_set(e, -EINVAL,
			       "rules= names no file; leave the key out");
	memcpy(v->rules, to, sizeof(to));
	return 0;
}

int vif_rules_print(const struct vif *v, char *buf, size_t size, char sep)
{
	char *s;
	int n = str_fmt(buf, size, "%s", v->rules);

	for (s = n > 0 ? buf : NULL; s && (s = strchr(s, ','));)
		*s++ = sep;
	return n;
}
