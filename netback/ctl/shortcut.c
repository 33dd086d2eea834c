// SPDX-License-Identifier: GPL-2.0-or-later
/* shortcut.c - the node that lets a vif's frames go directly to other guests */
#include "ctl/shortcut.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

enum { SHORTCUT_PATH = 160 };
static_assert((int)VIF_ADDRS <= (int)DIRECT_ADDRS, "all of a vif's have room");

/* 10.0.0.5/24 is one address, as in the guard. */
static struct direct_addr shortcut_addr(const struct vif_addr *a)
{
	bool four = a->family == AF_INET;
	struct direct_addr o = { .family = four ? 4 : 6 };

	o.prefix = vif_addr_is_net(a) ? a->len : four ? 32 : 128;
	memcpy(o.a, a->addr, four ? 4 : 16);
	return o;
}

void shortcut_text(const struct vif *v, char buf[DIRECT_TEXT])
{
	struct direct d = { .any = !v->naddr };
	unsigned i;

	buf[0] = '\0';
	if (!v->direct || v->down || !v->has_mac)
		return;
	str_put(d.group, sizeof(d.group), v->bridge);
	memcpy(d.mac, v->mac, sizeof(d.mac));
	for (i = 0; i < v->naddr; i++)
		d.addr[d.naddr++] = shortcut_addr(&v->addr[i]);
	if (direct_text(&d, buf, DIRECT_TEXT) < 0)
		buf[0] = '\0';
}

/* The node's path, and what is there now. */
static void shortcut_read(struct store *s, const char *dir, char *path,
			  char now[DIRECT_TEXT])
{
	int rc;

	snprintf(path, SHORTCUT_PATH, "%s/direct", dir);
	rc = store_read(s, path, now, DIRECT_TEXT);
	if (rc < 0) /* not there; or nothing that we would write */
		strcpy(now, rc == -ENOENT ? "" : "?");
}

static int shortcut_put(struct store *s, const char *dir, const char *want,
			struct err *e)
{
	char path[SHORTCUT_PATH], now[DIRECT_TEXT];
	int rc;

	shortcut_read(s, dir, path, now);
	if (!strcmp(now, want))
		return 0;
	rc = want[0] ? store_write(s, path, want) : store_rm(s, path);
	return rc ? err_set(e, rc, "store: cannot %s %s: %s",
			    want[0] ? "write" : "remove", path, strerror(-rc))
		  : 0;
}

int shortcut_on(struct store *s, const char *dir, const struct vif *v,
		struct err *e)
{
	char want[DIRECT_TEXT];

	shortcut_text(v, want);
	return shortcut_put(s, dir, want, e);
}

int shortcut_off(struct store *s, const char *dir, struct err *e)
{
	return shortcut_put(s, dir, "", e);
}

int shortcut_get(struct store *s, const char *dir, struct direct *out)
{
	char path[SHORTCUT_PATH], now[DIRECT_TEXT];

	shortcut_read(s, dir, path, now);
	return direct_parse(out, now);
}

int shortcut_check(struct store *s, const char *dir, const struct vif *v,
		   FILE *out)
{
	char path[SHORTCUT_PATH], now[DIRECT_TEXT], want[DIRECT_TEXT];

	shortcut_read(s, dir, path, now);
	shortcut_text(v, want);
	if (!strcmp(now, want))
		return 0;
	fprintf(out, "vif%u.%u: direct is %s, should be %s\n", v->domid,
		v->handle, now[0] ? vif_show(now).s : "none",
		want[0] ? want : "none");
	return 1;
}
