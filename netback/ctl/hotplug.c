// SPDX-License-Identifier: GPL-2.0-or-later
/* hotplug.c - the program that a toolstack runs when a vif comes or goes
 *
 *   online   lock, read the nodes, [rename], plan, apply (guard before up),
 *            the frontend's mtu and hotplug-status=connected in one transaction
 *   offline  lock, find the device by its first name, undo, [name back]
 *
 * Each ends complete or as it began, also when it is run again after a kill. In
 * offline the nodes are only a hint: what is undone is found by name.
 */
#include "ctl/hotplug.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/hooks.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/run.h"
#include "ctl/shortcut.h"
#include "filter.h"

enum {
	HOTPLUG_NODE = HOTPLUG_PATH + 32, /* bytes of a node's path */
	HOTPLUG_KEY = 16,
	HOTPLUG_STORE_MS = 2000,
	HOTPLUG_POLL_MS = 10,
	HOTPLUG_DEVICE_MS = 2000, /* for the device, in online */
	HOTPLUG_WAIT_MS =
		30000, /* for the vif's lock: libxl kills after 40 s */
};

/* One call under way. */
struct call {
	struct ctl *c;
	struct hotplug h;
	struct vif v;  /* name: what the device shall be called */
	bool ioemu;    /* an emulated card has the same MAC */
	uint32_t have; /* the nodes that are there: bits of call_keys */
	bool named;    /* the bridge, by node or word */
	bool renamed;  /* by us, just now */
	bool was_attached;
	bool was_member; /* of its network */
	uint32_t mtu;
};

/* --- the store ---------------------------------------------------------------*/

static void call_node(const struct call *k, const char *key, char *path)
{
	snprintf(path, HOTPLUG_NODE, "%s%s%s", k->h.path, key[0] ? "/" : "",
		 key);
}

/* On Xen it is xenstored; elsewhere XENSTORED_PATH says where it is. */
static int call_open_store(struct call *k, struct err *e)
{
	int rc = 0;

	if (k->h.path[0] && !k->c->store)
		rc = store_open(&k->c->store, NULL, HOTPLUG_STORE_MS);
	return rc ? err_set(e, rc,
			    "store: xenstored does not answer; is it running? "
			    "(XENSTORED_PATH names another store's socket)")
		  : 0;
}

/* The nodes that are read, or removed; one question tells which are there. */
static const char *const call_keys[] = {
	"frontend-id", "handle",  "vlan",   "type",	    "vifname",
	"mac",	       "ip",	  "bridge", "mtu",	    "hotplug-error",
	"gatewaydev",  "network", "accept", "direct-asked", "direct",
	"rate",	       "allow",
};

static bool call_has(const struct call *k, const char *key)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(call_keys); i++)
		if (!strcmp(call_keys[i], key))
			return k->have & 1u << i;
	return false;
}

static int call_on_key(void *arg, const char *name)
{
	struct call *k = arg;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(call_keys); i++)
		if (!strcmp(call_keys[i], name))
			k->have |= 1u << i;
	return 0;
}

/* A node's text; "" when there is none. */
static int call_read(struct call *k, const char *key, char *buf, size_t size,
		     struct err *e)
{
	char path[HOTPLUG_NODE];
	int rc;

	buf[0] = '\0';
	if (!call_has(k, key))
		return 0;
	call_node(k, key, path);
	rc = store_read(k->c->store, path, buf, size);
	if (rc >= 0 || rc == -ENOENT)
		return 0;
	buf[0] = '\0';
	return hotplug_store_failed(rc, "read", path, e);
}

/* One key from the store, or what the caller gave where there is none. */
static int call_key(struct call *k, const char *key, const char *given,
		    struct err *e)
{
	char word[HOTPLUG_KEY + STORE_VALUE];
	int n = snprintf(word, HOTPLUG_KEY, "%s=", key), rc;

	rc = call_read(k, key, word + n, sizeof(word) - (size_t)n, e);
	if (rc)
		return rc;
	if (!word[n] && given && str_put(word + n, STORE_VALUE, given))
		return err_set(e, -EINVAL, "%s= is too long", key);
	k->named |= word[n] && !strcmp(key, "bridge");
	return word[n] ? vif_parse(&k->v, word, e) : 0;
}

static int call_same(struct call *k, const char *key, uint16_t want,
		     struct err *e)
{
	char text[STORE_VALUE];
	uint32_t n;
	int rc = call_read(k, key, text, sizeof(text), e);

	if (rc || !text[0])
		return rc;
	if (num_parse(text, UINT32_MAX, &n) || n != want)
		return err_set(e, -EINVAL,
			       "store: %s/%s is not %u, which the directory's "
			       "own name says",
			       k->h.path, key, want);
	return 0;
}

/* The name that is wanted; the emulated card's gets "-emu". */
static int call_name(struct call *k, struct err *e)
{
	char name[STORE_VALUE], word[HOTPLUG_KEY + STORE_VALUE];
	int rc = call_read(k, "vifname", name, sizeof(name), e);

	if (!rc && name[0]) {
		snprintf(word, sizeof(word), "vifname=%s%s", name,
			 k->h.tap ? "-emu" : "");
		rc = vif_parse(&k->v, word, e);
	} else if (!rc) {
		memcpy(k->v.name, k->h.dev, sizeof(k->v.name));
	}
	return rc;
}

static int call_refuse(struct call *k, struct err *e)
{
	char text[STORE_VALUE] = "";
	int rc = call_same(k, "frontend-id", k->h.domid, e);

	if (!rc)
		rc = call_same(k, "handle", k->h.handle, e);
	if (!rc)
		rc = call_key(k, "vlan", NULL, e);
	if (!rc)
		rc = call_read(k, "type", text, sizeof(text), e);
	k->ioemu = k->h.tap || !strcmp(text, "vif_ioemu");
	return rc;
}

/* By its own node; or as a bridge, which libxl's vif= has a word for. */
static int call_network(struct call *k, struct err *e)
{
	char word[HOTPLUG_KEY + STORE_VALUE] = "network=", *name = word + 8;
	int rc = call_key(k, "network", k->h.network, e);

	if (rc || k->v.network[0])
		return rc;
	rc = call_read(k, "bridge", name, STORE_VALUE, e);
	if (!rc && !name[0] && k->h.bridge)
		rc = str_put(name, STORE_VALUE, k->h.bridge);
	if (!rc && net_exists(k->c, name))
		rc = vif_parse(&k->v, word, e);
	return rc;
}

/* libxl writes a bridge for every card, and a gatewaydev for none but those who
 * ask for one: each mode reads its own.
 */
static int call_towards(struct call *k, struct err *e)
{
	int rc = 0;

	if (k->v.mode == VIF_BRIDGE)
		return call_key(k, "bridge", k->h.bridge, e);
	if (k->v.mode == VIF_NAT)
		rc = call_network(k, e);
	if (rc || k->v.network[0])
		return rc;
	if (k->v.mode == VIF_NAT && !k->v.naddr)
		rc = hotplug_nat_ip(&k->v, e);
	return rc ? rc : call_key(k, "gatewaydev", k->h.netdev, e);
}

/* By its own node or word; the toolstack's rate is not read here, and not kept by
 * what goes directly.
 */
static int call_direct(struct call *k, struct err *e)
{
	char word[HOTPLUG_KEY + STORE_VALUE] = "direct=", *value = word + 7;
	int rc = call_read(k, "direct-asked", value, STORE_VALUE, e);
	bool node = value[0];

	if (!rc && !node && k->h.direct)
		rc = str_put(value, STORE_VALUE, k->h.direct);
	if (!rc && value[0])
		rc = vif_parse(&k->v, word, e);
	if (rc && node)
		err_prefix(e, "direct-asked");
	if (!rc && k->v.direct && call_has(k, "rate"))
		rc = err_set(e, -EINVAL,
			     "direct=yes: what goes directly would not be held "
			     "to rate=; leave one of the two out");
	return rc;
}

/* What the file says for all is for those whom it fits. */
static int call_defaults(struct call *k, bool accept, bool direct,
			 struct err *e)
{
	struct vif all;
	int rc;

	vif_init(&all, 0, 0);
	rc = accept && direct ? 0 : hotplug_defaults(&all, e);
	if (!accept)
		k->v.accept = all.accept;
	if (!rc && !direct && all.direct && !call_has(k, "rate")) {
		all = k->v;
		all.direct = true;
		k->v.direct = !vif_check(&all, NULL);
	}
	return rc;
}

static int call_wishes(struct call *k, struct err *e)
{
	bool accept = call_has(k, "accept") || k->h.accept;
	bool direct = call_has(k, "direct-asked") || k->h.direct;
	int rc = call_key(k, "accept", k->h.accept, e);

	rc = rc ? rc : call_key(k, "allow", NULL, e);
	/* the node is the vif's; a stranger has no directory */
	if (!rc && !k->h.tap && !k->h.stranger)
		rc = call_direct(k, e);
	else
		direct = true;
	return rc ? rc : call_defaults(k, accept, direct, e);
}

static int call_nodes(struct call *k, struct err *e)
{
	int rc = store_each(k->c->store, k->h.path, call_on_key, k);

	if (rc == -ENOENT)
		return err_set(e, rc,
			       "store: there is no %s; the toolstack makes it "
			       "before it runs this program",
			       k->h.path);
	if (rc)
		return hotplug_store_failed(rc, "list", k->h.path, e);
	rc = call_refuse(k, e);
	if (!rc)
		rc = call_name(k, e);
	if (!rc)
		rc = call_key(k, "mac", NULL, e);
	if (!rc)
		rc = call_key(k, "ip", k->h.ip, e);
	if (!rc)
		rc = call_towards(k, e);
	if (!rc)
		rc = call_key(k, "mtu", NULL, e);
	return rc ? rc : call_wishes(k, e);
}

/* What a stranger's tap is given comes with the call: it has no nodes. */
static int call_given(struct call *k, struct err *e)
{
	int rc = call_towards(k, e);

	memcpy(k->v.name, k->h.dev, sizeof(k->v.name));
	if (!rc)
		rc = call_wishes(k, e);
	return rc ? rc : call_key(k, "ip", k->h.ip, e);
}

static int call_say(struct call *k, const char *why, struct err *e)
{
	return k->h.path[0] ? hotplug_say(k->c->store, &k->h, why, k->mtu,
					  call_has(k, "hotplug-error"), e)
			    : 0;
}

/* libxl/disable_udev: libxl runs its programs itself, the rule must not. */
static bool call_not_ours(struct call *k)
{
	char text[STORE_VALUE];

	return k->h.udev && k->c->store &&
	       store_read(k->c->store, "libxl/disable_udev", text,
			  sizeof(text)) >= 0;
}

/* --- online ------------------------------------------------------------------*/

/* xenbrN stood for ethN once, when the bridge took its uplink's name. */
static int call_old_bridge(struct call *k, struct facts *f, struct err *e)
{
	struct vif v = k->v;
	struct facts g;
	int rc;

	if (f->bridge || strncmp(v.bridge, "xenbr", 5))
		return 0;
	snprintf(v.bridge, sizeof(v.bridge), "eth%.8s", k->v.bridge + 5);
	rc = mode_facts(&v, &g, e);
	if (rc || !g.bridge_is_bridge)
		return rc;
	memcpy(k->v.bridge, v.bridge, sizeof(v.bridge));
	*f = g;
	return 0;
}

/* The nodes name another bridge, or other addresses, by now: the old ones go
 * first.
 */
static int call_move(struct call *k, struct facts *f, struct err *e)
{
	bool moves = f->bridge_is_bridge && f->master[0] &&
		     strcmp(f->master, k->v.bridge);
	int rc;

	if (!f->link_is_tap || !(moves || f->stale))
		return 0;
	rc = host_undo(&k->v, e);
	return rc ? rc : mode_facts(&k->v, f, e);
}

static int call_attach(struct call *k, struct err *e)
{
	struct facts f;
	struct plan p;
	int rc = mode_facts(&k->v, &f, e);

	if (!rc && k->v.mode == VIF_BRIDGE)
		rc = call_old_bridge(k, &f, e);
	if (!rc)
		rc = call_move(k, &f, e);
	if (rc)
		return rc;
	f.twin = k->ioemu;
	f.emulated = k->h.tap;
	k->was_attached = f.master[0] || f.routed;
	k->mtu = host_mtu(&k->v, &f);
	rc = mode_plan(&k->v, &f, &p, e);
	return rc ? rc : host_apply(&p, e);
}

/* Nobody said where to: a host's only bridge, or the way to the world. */
static int call_where(struct call *k, struct err *e)
{
	int rc = 0;

	if (k->v.network[0])
		return net_join(k->c, &k->v, &k->was_member, e);
	if (k->v.mode == VIF_BRIDGE)
		return k->named ? 0 : mode_only_bridge(k->v.bridge, e);
	if (!k->v.gatewaydev[0])
		rc = mode_uplink(k->v.gatewaydev, e);
	if (!rc && !k->v.gatewaydev[0] && k->v.mode == VIF_ROUTE)
		rc = err_set(e, -ENODEV,
			     "gatewaydev: none is named, and this host has "
			     "neither an eth0 with an address nor a default "
			     "route; name the device towards the world with "
			     "gatewaydev=");
	return rc;
}

/* Some callers are faster than the kernel's netback. */
static int call_find(struct call *k, char now[IFNAMSIZ], struct err *e)
{
	struct timespec nap = { .tv_nsec = HOTPLUG_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + HOTPLUG_DEVICE_MS * UINT64_C(1000000);
	int rc;

	while ((rc = mode_find(k->h.dev, k->v.name, now, e)) == -ENODEV) {
		if (clock_ns() >= end || run_interrupted())
			break;
		nanosleep(&nap, NULL);
	}
	return rc;
}

/* A guard is named after its device: the old name's goes before the rename. */
static int call_rename(struct call *k, struct err *e)
{
	struct vif old = k->v;
	struct facts f;
	int rc;

	if (k->h.stranger)
		return 0;
	rc = call_find(k, old.name, e);
	if (rc || !strcmp(old.name, k->v.name))
		return rc;
	rc = mode_facts(&old, &f, e);
	if (rc)
		return rc;
	if (f.master[0] || f.routed)
		return err_set(e, -EBUSY,
			       "%s: is attached already%s%s and cannot be "
			       "renamed to %s; run offline first",
			       old.name, f.master[0] ? ", to " : "", f.master,
			       k->v.name);
	if (f.link_is_tap)
		rc = filter_remove(old.name, e);
	if (!rc)
		rc = mode_rename(k->h.dev, k->v.name, e);
	k->renamed = !rc;
	return rc;
}

static void call_back(struct call *k, bool undo)
{
	struct err no;

	if (undo)
		host_undo(&k->v, &no);
	if (k->renamed)
		mode_rename(k->h.dev, k->h.dev, &no);
}

/* netbackd's devices are taps, the kernel's are not. */
static void call_warn(struct call *k)
{
	char path[64];
	struct err note;

	if (host_forward(&k->v, &note))
		hotplug_note(k->v.name, note.text);
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", k->v.name);
	if (k->v.direct && access(path, F_OK))
		hotplug_note(k->v.name,
			     "direct=yes means nothing here: the kernel's own "
			     "netback moves this card's frames");
}

/* What netbackd is told: last, and gone first. */
static int call_short(struct call *k, bool on, struct err *e)
{
	if (!k->c->store || !k->h.path[0] || k->h.tap)
		return 0;
	if (on && k->v.direct)
		return shortcut_on(k->c->store, k->h.path, &k->v, e);
	return k->v.direct || call_has(k, "direct")
		       ? shortcut_off(k->c->store, k->h.path, e)
		       : 0;
}

/* An administrator's programs; afterwards those that Xen's scripts source, too. */
static int call_hooks(struct call *k, bool before, struct err *e)
{
	static const char *const word[2][2] = { { "offline", "online" },
						{ "remove", "add" } };
	struct hooks_event ev = { .what = k->h.on ? "online" : "offline",
				  .before = before,
				  .v = &k->v,
				  .path = k->h.path };
	int rc = hooks_run(&ev, e);

	if (!rc && !before)
		hooks_post(&ev, word[k->h.tap][k->h.on],
			   k->h.tap ? "tap" : "vif");
	return rc;
}

static int call_online(struct call *k, struct err *e)
{
	int rc = k->h.path[0] ? call_nodes(k, e) : call_given(k, e);

	if (!rc)
		rc = call_where(k, e);
	if (!rc)
		rc = vif_check(&k->v, e);
	if (!rc)
		rc = call_rename(k, e);
	if (rc)
		return rc;
	rc = call_hooks(k, true, e);
	if (!rc)
		rc = call_short(k, false, e);
	if (!rc)
		rc = call_attach(k, e);
	if (rc) {
		call_back(k, false);
		return rc;
	}
	rc = call_short(k, true, e);
	if (!rc)
		rc = call_say(k, NULL, e);
	if (rc) {
		call_short(k, false, NULL);
		call_back(k, !k->was_attached);
		return rc;
	}
	call_warn(k);
	call_hooks(k, false, NULL);
	return 0;
}

/* --- offline -----------------------------------------------------------------*/

/* The name that the nodes give, if they still do: a hint. */
static void call_hint(struct call *k)
{
	struct err no;

	memcpy(k->v.name, k->h.dev, sizeof(k->v.name));
	if (!k->c->store ||
	    store_each(k->c->store, k->h.path, call_on_key, k) ||
	    call_name(k, &no) || vif_check(&k->v, &no))
		memcpy(k->v.name, k->h.dev, sizeof(k->v.name));
}

/* The device is gone; its guard may stand. A device which has the wanted name by
 * now is somebody else's, and so is its guard.
 */
static int call_gone(struct call *k, struct err *e)
{
	struct vif first = k->v;
	char now[IFNAMSIZ];
	int rc;

	memcpy(first.name, k->h.dev, sizeof(first.name));
	rc = host_undo(&first, e);
	if (rc || !strcmp(k->v.name, k->h.dev))
		return rc;
	rc = mode_find(k->v.name, NULL, now, NULL);
	return rc == -ENODEV ? filter_remove(k->v.name, e) : rc;
}

static int call_offline_host(struct call *k, struct err *e)
{
	char now[IFNAMSIZ];
	struct err no;
	int rc;

	/* by the name alone: what the words say may be of another time */
	k->v.mode = VIF_BRIDGE;
	call_hint(k);
	rc = mode_find(k->h.dev, k->v.name, now, &no);
	if (rc == -ENODEV)
		return call_gone(k, e);
	if (rc)
		return err_set(e, rc, "%s", no.text);
	memcpy(k->v.name, now, sizeof(k->v.name));
	call_hooks(k, true, &no);
	call_short(k, false, &no); /* the host's side goes all the same */
	rc = host_undo(&k->v, e);
	if (!rc && strcmp(now, k->h.dev))
		rc = mode_rename(k->h.dev, k->h.dev, e);
	return rc == -ENODEV ? call_gone(k, e) : rc;
}

static int call_offline(struct call *k, struct err *e)
{
	struct err no;
	int rc = call_offline_host(k, e);

	if (!rc)
		call_hooks(k, false, &no);
	return rc;
}

/* --- a call ------------------------------------------------------------------*/

static int call_locked(struct call *k, struct err *e)
{
	bool leaves = !k->h.on;
	int rc;

	if (call_not_ours(k))
		return 0;
	rc = k->h.on ? call_online(k, e) : call_offline(k, e);
	if (rc && k->h.on)
		leaves = k->v.network[0] && !k->was_member;
	/* the emulated card's lease is the vif's */
	if (leaves && !k->h.stranger && !(k->h.tap && !k->h.on))
		net_leave(k->c, k->h.domid, k->h.handle);
	return rc;
}

/* One lock for a vif and its emulated card, the one that vifctl attach has. */
static int call_lock(struct call *k, char *name, size_t size, struct err *e)
{
	int rc;

	if (k->h.stranger)
		snprintf(name, size, "tap-%s", k->h.dev);
	else
		snprintf(name, size, "vif%u.%u", k->h.domid, k->h.handle);
	if (!k->c->wait_ms)
		k->c->wait_ms = HOTPLUG_WAIT_MS;
	rc = run_lock(k->c, name, e);
	if (rc != -ENOENT)
		return rc;
	if (mkdir(k->c->run, 0755) && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", k->c->run,
			       strerror(errno));
	return run_lock(k->c, name, e);
}

static int call_run(struct call *k, struct err *e)
{
	char name[32];
	int rc, lock;

	run_hold_signals();
	vif_init(&k->v, k->h.domid, k->h.handle);
	if (k->h.mode == HOTPLUG_ROUTE)
		k->v.mode = VIF_ROUTE;
	if (k->h.mode == HOTPLUG_NAT)
		k->v.mode = VIF_NAT;
	rc = lock = call_lock(k, name, sizeof(name), e);
	if (rc >= 0) {
		rc = call_open_store(k, e);
		/* the host's side goes without the store, too */
		if (!rc || !k->h.on)
			rc = call_locked(k, e);
		run_unlock(k->c, name, lock);
	}
	return rc;
}

/* hotplug-error, then hotplug-status=error; and the system's log. What goes
 * offline is not told: its directory is on its way out.
 */
static void call_failed(struct call *k, const char *name, const struct err *e)
{
	struct err no;

	if (k->h.on && k->h.path[0] && !call_open_store(k, &no))
		call_say(k, e->text, &no);
	openlog(name, LOG_PID, LOG_DAEMON);
	syslog(LOG_ERR, "%s%s%s", k->h.path, k->h.path[0] ? ": " : "", e->text);
	closelog();
}

/* --- all of it ---------------------------------------------------------------*/

int hotplug_call(struct ctl *c, const char *name, int argc, char **argv,
		 char **env, struct err *e)
{
	struct call k = { .c = c };
	int rc = hotplug_parse(&k.h, name, argc, argv, env, e);

	if (rc == 1)
		return 0;
	if (k.h.mode == HOTPLUG_SETUP)
		return hotplug_setup(c, k.h.script ? k.h.script : "vif-bridge",
				     argc, argv, e);
	if (!rc)
		rc = call_run(&k, e);
	if (rc)
		call_failed(&k, name, e);
	return rc;
}

int hotplug_run(struct ctl *c, const char *name, int argc, char **argv,
		struct err *e)
{
	return hotplug_call(c, name, argc, argv, environ, e);
}
