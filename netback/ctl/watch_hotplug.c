// SPDX-License-Identifier: GPL-2.0-or-later
/* watch_hotplug.c - watch hotplug: xl devd's job for vifs, in one process
 *
 * In a driver domain the toolstack makes backend/vif/D/M and leaves the rest to
 * whoever serves it. For each such directory with a `script` of our names:
 *
 *   state 2, hotplug-status ""   online, as that script
 *   state 6, online 0            offline, then the directory goes: the toolstack
 *                                waits for that
 *   the directory is gone        offline, if we knew it
 *
 * Nothing is run: the hotplug code is called. A store that restarts fires the
 * watch again, and everything is looked at again.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/hotplug.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "ctl/watch.h"

enum {
	PLUG_VIFS = 8192, /* at most at once; more wait for one to go */
	PLUG_PATH = 64,
	PLUG_TEXT = 512,
	PLUG_LOCK_MS = 2000, /* somebody's vifctl works on that vif */
	PLUG_STORE_MS = 2000,
	PLUG_POLL_MS = 500,
	PLUG_CLOSED = 6,
};

static const char plug_top[] = "backend/vif";

struct plug {
	struct ctl *c;
	unsigned n;
	bool full;		/* said already */
	uint32_t id[PLUG_VIFS]; /* domid << 16 | devid: those that are online */
	uint16_t domid;		/* of the listing under way */
};

static unsigned plug_find(const struct plug *p, uint32_t id)
{
	unsigned i;

	for (i = 0; i < p->n; i++)
		if (p->id[i] == id)
			break;
	return i;
}

static void plug_forget(struct plug *p, uint32_t id)
{
	unsigned i = plug_find(p, id);

	if (i < p->n)
		p->id[i] = p->id[--p->n];
}

static void plug_say(const struct plug *p, uint32_t id, const char *did,
		     const char *why)
{
	char name[ATTACH_NAME];
	struct out o;

	snprintf(name, sizeof(name), "vif%u.%u", id >> 16, id & 0xffff);
	if (out_open(&o, stdout, p->c->json))
		return;
	out_begin(&o, name);
	out_str(&o, "hotplug", did);
	if (why[0])
		out_str(&o, "why", why);
	out_end(&o);
	out_close(&o);
}

/* --- the store ---------------------------------------------------------------*/

/* A node's text, "" when there is none; -ENOTCONN. */
static int plug_read(struct plug *p, uint32_t id, const char *key, char *buf)
{
	char path[PLUG_PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/%u/%u/%s", plug_top, id >> 16,
		 id & 0xffff, key);
	rc = store_read(p->c->store, path, buf, PLUG_TEXT);
	if (rc < 0)
		buf[0] = '\0';
	return rc == -ENOTCONN ? rc : 0;
}

/* What the toolstack wrote for one vif. */
struct plug_nodes {
	char state[PLUG_TEXT], online[PLUG_TEXT], status[PLUG_TEXT];
	char script[PLUG_TEXT], type[PLUG_TEXT];
};

static int plug_nodes(struct plug *p, uint32_t id, struct plug_nodes *n)
{
	int rc = plug_read(p, id, "state", n->state);

	if (!rc)
		rc = plug_read(p, id, "online", n->online);
	if (!rc)
		rc = plug_read(p, id, "hotplug-status", n->status);
	if (!rc)
		rc = plug_read(p, id, "script", n->script);
	return rc ? rc : plug_read(p, id, "type", n->type);
}

static int plug_any(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

/* The vif's directory, and its domain's if that was the last. */
static int plug_remove_txn(struct store *s, void *arg)
{
	uint32_t id = *(uint32_t *)arg;
	char path[PLUG_PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/%u/%u", plug_top, id >> 16,
		 id & 0xffff);
	rc = store_rm(s, path);
	*strrchr(path, '/') = '\0';
	if (!rc)
		rc = store_each(s, path, plug_any, NULL);
	if (!rc)
		rc = store_rm(s, path);
	return rc == 1 || rc == -ENOENT ? 0 : rc;
}

/* --- online, offline ---------------------------------------------------------*/

/* The script's last part, if it is one of ours. */
static const char *plug_name(const char *script)
{
	const char *base = strrchr(script, '/');

	base = base ? base + 1 : script;
	if (!strcmp(base, "vif-setup") || !base[0])
		return "vif-bridge";
	return hotplug_is(base) ? base : NULL;
}

static int plug_call(struct plug *p, uint32_t id, const char *name, bool on,
		     bool tap, struct err *e)
{
	static char type_vif[] = "type_if=vif", type_tap[] = "type_if=tap";
	static char word[2][2][8] = { { "offline", "online" },
				      { "remove", "add" } };
	char path[PLUG_PATH], vif[ATTACH_NAME + 8], emu[ATTACH_NAME + 16];
	char *env[] = { path, vif, emu, NULL };
	char *argv[] = { word[tap][on], tap ? type_tap : type_vif };

	snprintf(path, sizeof(path), "XENBUS_PATH=%s/%u/%u", plug_top, id >> 16,
		 id & 0xffff);
	snprintf(vif, sizeof(vif), "vif=vif%u.%u", id >> 16, id & 0xffff);
	snprintf(emu, sizeof(emu), "INTERFACE=vif%u.%u-emu", id >> 16,
		 id & 0xffff);
	return hotplug_call(p->c, name, 2, argv, env, e);
}

static void plug_online(struct plug *p, uint32_t id, const char *name, bool tap)
{
	struct err e = { "" };
	int rc;

	if (p->n == PLUG_VIFS) {
		if (!p->full)
			plug_say(p, id, "refused", "too many vifs");
		p->full = true;
		return;
	}
	rc = plug_call(p, id, name, true, false, &e);
	if (!rc && tap)
		rc = plug_call(p, id, name, true, true, &e);
	if (!rc)
		p->id[p->n++] = id;
	plug_say(p, id, rc ? "failed" : "online", e.text);
}

static void plug_offline(struct plug *p, uint32_t id, const char *name,
			 bool tap)
{
	struct err e = { "" }, no;
	int rc = plug_call(p, id, name, false, false, &e);

	if (tap)
		plug_call(p, id, name, false, true, &no);
	plug_forget(p, id);
	plug_say(p, id, rc ? "failed" : "offline", e.text);
}

/* --- events ------------------------------------------------------------------*/

static void plug_gone(struct plug *p, uint32_t id)
{
	if (plug_find(p, id) < p->n)
		plug_offline(p, id, "vif-bridge", true); /* if it had one */
}

static void plug_look(struct plug *p, uint32_t id)
{
	struct plug_nodes n;
	bool known = plug_find(p, id) < p->n, tap;
	const char *name;

	if (plug_nodes(p, id, &n))
		return; /* away: the watch fires again when it is back */
	if (!n.state[0]) {
		plug_gone(p, id);
		return;
	}
	name = plug_name(n.script);
	if (!n.script[0] || !name)
		return; /* attached by vifctl; or a script that is not ours */
	tap = !strcmp(n.type, "vif_ioemu");
	if (n.state[0] == '0' + PLUG_CLOSED && !n.state[1] &&
	    strcmp(n.online, "1")) {
		plug_offline(p, id, name, tap);
		store_txn(p->c->store, plug_remove_txn, &id);
	} else if (!strcmp(n.state, "2") && !n.status[0] && !known) {
		plug_online(p, id, name, tap);
	} else if (!strcmp(n.status, "connected") && !known &&
		   p->n < PLUG_VIFS) {
		p->id[p->n++] = id; /* from before we began */
		plug_say(p, id, "known", "");
	}
}

static int plug_on_device(void *arg, const char *name)
{
	struct plug *p = arg;
	uint32_t n;

	if (!num_parse(name, VIF_HANDLE_MAX, &n))
		plug_look(p, (uint32_t)p->domid << 16 | n);
	return 0;
}

static int plug_on_domain(void *arg, const char *name)
{
	struct plug *p = arg;
	char path[PLUG_PATH];
	uint32_t n;

	if (num_parse(name, VIF_DOMID_MAX, &n))
		return 0;
	p->domid = (uint16_t)n;
	snprintf(path, sizeof(path), "%s/%u", plug_top, n);
	store_each(p->c->store, path, plug_on_device, p);
	return 0;
}

/* All that are there; and those that are not any more. */
static void plug_look_all(struct plug *p)
{
	unsigned i;

	for (i = p->n; i > 0; i--)
		plug_look(p, p->id[i - 1]);
	store_each(p->c->store, plug_top, plug_on_domain, p);
}

/* "backend/vif/D/M[/key]": what changed. */
static void plug_event(struct plug *p, const char *path)
{
	const char *key = path + strlen(plug_top);
	unsigned domid, handle;
	int n = 0;

	if (strncmp(path, plug_top, strlen(plug_top)))
		return;
	if (sscanf(key, "/%5u/%5u%n", &domid, &handle, &n) != 2) {
		plug_look_all(p);
		return;
	}
	key += n;
	if (domid > VIF_DOMID_MAX || handle > VIF_HANDLE_MAX)
		return;
	if (!*key || !strcmp(key, "/state") || !strcmp(key, "/online") ||
	    !strcmp(key, "/hotplug-status"))
		plug_look(p, domid << 16 | handle);
}

static int plug_loop(struct plug *p)
{
	struct pollfd f = { .fd = store_fd(p->c->store), .events = POLLIN };
	char path[STORE_PATH], token[16];
	int rc;

	while (!run_interrupted()) {
		if (poll(&f, 1, PLUG_POLL_MS) < 0 && errno != EINTR)
			return -errno;
		while (!run_interrupted()) {
			rc = store_event(p->c->store, path, sizeof(path), token,
					 sizeof(token));
			if (rc != 1)
				break;
			plug_event(p, path);
		}
	}
	return 0;
}

int watch_hotplug(struct ctl *c, struct err *e)
{
	struct plug *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->c = c;
	c->wait_ms = PLUG_LOCK_MS;
	run_hold_signals();
	rc = store_open(&c->store, NULL, PLUG_STORE_MS);
	if (rc)
		err_set(e, rc,
			"store: xenstored does not answer; is it running? "
			"(XENSTORED_PATH names another store's socket)");
	if (!rc)
		rc = store_watch(c->store, plug_top, "hotplug");
	if (!rc)
		rc = plug_loop(p);
	if (rc && !e->text[0])
		err_set(e, rc, "watch hotplug: %s", strerror(-rc));
	free(p);
	return rc;
}
