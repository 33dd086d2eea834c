// SPDX-License-Identifier: GPL-2.0-or-later
/* hotplug_env.c - words and environment of a hotplug call, and /etc/netback/hotplug */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"
#include "ctl/hotplug.h"

/* The variables that mean something here, of the environment or of words. */
enum env_key {
	ENV_TYPE_IF,
	ENV_VIF,
	ENV_INTERFACE,
	ENV_XENBUS_PATH,
	ENV_SCRIPT,
	ENV_BRIDGE,
	ENV_IP,
	ENV_NETDEV,
	ENV_NETWORK,
	ENV_ACCEPT,
	ENV_DIRECT,
	ENV_UDEV_CALL,
	ENV_KEYS,
};

struct env {
	const char *v[ENV_KEYS]; /* NULL or not empty */
	const char *word;	 /* the first without '=', the command */
	bool called;		 /* by a toolstack: not by QEMU */
	bool up;		 /* what one word alone means */
};

enum { ENV_LINE = 64 };

static const struct {
	const char *name;
	uint8_t mode;
	const char *word; /* the command it stands for, NULL = it is given */
} env_names[] = {
	{ "vif-bridge", HOTPLUG_BRIDGE, NULL },
	{ "vif-route", HOTPLUG_ROUTE, NULL },
	{ "vif-nat", HOTPLUG_NAT, NULL },
	{ "vif-setup", HOTPLUG_SETUP, NULL },
	{ "hotplug", HOTPLUG_BRIDGE, NULL }, /* vifctl hotplug */
	{ "qemu-ifup", HOTPLUG_BRIDGE, "online" },
	{ "qemu-ifdown", HOTPLUG_BRIDGE, "offline" },
};

static int env_find(const char *name)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(env_names); i++)
		if (!strcmp(env_names[i].name, name))
			return (int)i;
	return -1;
}

bool hotplug_is(const char *name)
{
	return env_find(name) >= 0 && strcmp(name, "hotplug") != 0;
}

static void env_put(struct env *env, const char *word)
{
	static const char *const key[ENV_KEYS] = {
		[ENV_TYPE_IF] = "type_if",
		[ENV_VIF] = "vif",
		[ENV_INTERFACE] = "INTERFACE",
		[ENV_XENBUS_PATH] = "XENBUS_PATH",
		[ENV_SCRIPT] = "script",
		[ENV_BRIDGE] = "bridge",
		[ENV_IP] = "ip",
		[ENV_NETDEV] = "netdev",
		[ENV_NETWORK] = "network",
		[ENV_ACCEPT] = "accept",
		[ENV_DIRECT] = "direct",
		[ENV_UDEV_CALL] = "UDEV_CALL",
	};
	const char *eq = strchr(word, '=');
	unsigned i;

	for (i = 0; eq && i < ENV_KEYS; i++)
		if (strlen(key[i]) == (size_t)(eq - word) &&
		    !memcmp(word, key[i], (size_t)(eq - word)))
			env->v[i] = eq[1] ? eq + 1 : NULL;
}

static void env_read(struct env *env, int argc, char **argv, char **environ_v)
{
	int i;

	memset(env, 0, sizeof(*env));
	for (; environ_v && *environ_v; environ_v++)
		env_put(env, *environ_v);
	for (i = 0; i < argc; i++) {
		env_put(env, argv[i]);
		if (!env->word && !strchr(argv[i], '='))
			env->word = argv[i];
	}
	env->called = env->v[ENV_XENBUS_PATH] || env->v[ENV_VIF];
}

/* Digits of a domain's number, as far as they go. */
static size_t env_digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* [/local/domain/B/]backend/vif/D/M */
static int env_path(struct hotplug *h, const char *s, struct err *e)
{
	static const char local[] = "/local/domain/", back[] = "backend/vif/";
	size_t len = strlen(s), n;
	const char *p = s;
	char name[16], *slash;

	while (len && s[len - 1] == '/')
		len--;
	if (!strncmp(p, local, strlen(local))) {
		n = env_digits(p + strlen(local));
		p += strlen(local) + n;
		p = n && *p == '/' ? p + 1 : "";
	}
	if (len >= sizeof(h->path) || strncmp(p, back, strlen(back)))
		goto bad;
	p += strlen(back);
	if (p > s + len ||
	    str_fmt(name, sizeof(name), "%.*s", (int)(s + len - p), p) < 0)
		goto bad;
	slash = strchr(name, '/');
	if (!slash || strchr(name, '.'))
		goto bad;
	*slash = '.';
	if (vif_parse_name(name, &h->domid, &h->handle, NULL))
		goto bad;
	memcpy(h->path, s, len);
	h->path[len] = '\0';
	return 0;
bad:
	return err_set(e, -EINVAL,
		       "XENBUS_PATH is not the backend directory of a vif; it "
		       "has the form backend/vif/DOMAIN/DEVICE, or that below "
		       "/local/domain/N");
}

/* "vif1.0" (or "vif1.0-emu"): the numbers. */
static int env_numbers(const char *name, bool tap, uint16_t *domid,
		       uint16_t *handle)
{
	static const char emu[] = "-emu";
	size_t n = strlen(name), cut = tap ? strlen(emu) : 0;
	char buf[IFNAMSIZ];

	if (strncmp(name, "vif", 3) || n < cut || n >= sizeof(buf) ||
	    strcmp(name + n - cut, tap ? emu : ""))
		return -EINVAL;
	memcpy(buf, name, n - cut);
	buf[n - cut] = '\0';
	return vif_parse_name(buf, domid, handle, NULL);
}

/* The kernel's name follows from the numbers; whoever renamed the device may tell
 * its new name here, but not another vif's.
 */
static int env_device(struct hotplug *h, const char *given, struct err *e)
{
	const char *var = h->tap ? "INTERFACE" : "vif";
	uint16_t d, n;
	bool named;

	if (!given)
		return err_set(e, -EINVAL,
			       "%s is not set; it names the device, as %s", var,
			       h->tap ? "vif1.0-emu" : "vif1.0");
	if (vif_check_devname(given, e)) {
		err_prefix(e, "%s", var);
		return -EINVAL;
	}
	named = !env_numbers(given, h->tap, &d, &n);
	if (h->path[0] && named && (d != h->domid || n != h->handle))
		return err_set(e, -EINVAL,
			       "%s is %s, but XENBUS_PATH is of device %u of "
			       "domain %u",
			       var, given, h->handle, h->domid);
	if (!h->path[0] && !named)
		return err_set(e, -EINVAL,
			       "%s: %s is no vif's name, and XENBUS_PATH is "
			       "not set",
			       var, given);
	if (!h->path[0]) {
		h->domid = d;
		h->handle = n;
		str_fmt(h->path, sizeof(h->path), "backend/vif/%u/%u", d, n);
	}
	if (str_fmt(h->dev, sizeof(h->dev), "vif%u.%u%s", h->domid, h->handle,
		    h->tap ? "-emu" : "") < 0)
		return err_set(e, -EINVAL,
			       "%s: vif%u.%u-emu is longer than a device's "
			       "name can be",
			       var, h->domid, h->handle);
	return 0;
}

/* QEMU's and libvirt's way: a word which is a device. */
static int env_one_word(struct hotplug *h, struct env *env, struct err *e)
{
	const char *dev = env->word;
	uint16_t d, n;

	h->on = env->up;
	if (vif_check_devname(dev, NULL))
		return err_set(e, -EINVAL,
			       "the first word is neither online, offline, "
			       "add, remove nor a device");
	h->tap = !env_numbers(dev, true, &d, &n);
	if (h->tap || !env_numbers(dev, false, &d, &n))
		return env_device(h, dev, e);
	h->stranger = true;
	return str_put(h->dev, sizeof(h->dev), dev);
}

/* 0, 1 = a pair that does not concern us, -EINVAL. */
static int env_pair(struct hotplug *h, const char *type, bool for_vif,
		    struct err *e)
{
	if (type && strcmp(type, "vif") && strcmp(type, "tap"))
		return err_set(e, -EINVAL,
			       "type_if is neither vif nor tap; libxl gives "
			       "one of them");
	h->tap = type && !strcmp(type, "tap");
	return h->tap == for_vif;
}

static int env_command(struct hotplug *h, struct env *env, struct err *e)
{
	static const struct {
		const char *name;
		bool on, vif;
	} row[] = {
		{ "online", true, true },
		{ "offline", false, true },
		{ "add", true, false },
		{ "remove", false, false },
	};
	unsigned i;
	int rc;

	if (!env->word)
		return err_set(e, -EINVAL,
			       "no command; say online, offline, add or "
			       "remove");
	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(row[i].name, env->word))
			break;
	if (i == ARRAY_SIZE(row) && env->called)
		return err_set(e, -EINVAL,
			       "the command is none of online, offline, add, "
			       "remove");
	if (i == ARRAY_SIZE(row))
		return env_one_word(h, env, e);
	h->on = row[i].on;
	rc = env_pair(h, env->v[ENV_TYPE_IF], row[i].vif, e);
	if (rc)
		return rc;
	if (!h->tap && !h->path[0])
		return err_set(e, -EINVAL,
			       "XENBUS_PATH is not set; it names the vif's "
			       "directory, as backend/vif/1/0");
	return env_device(h, env->v[h->tap ? ENV_INTERFACE : ENV_VIF], e);
}

/* vifctl hotplug is what libxl's script= would have been. */
static uint8_t env_script_mode(const char *script)
{
	const char *slash = script ? strrchr(script, '/') : NULL;
	int k = script ? env_find(slash ? slash + 1 : script) : -1;

	return k < 0 || env_names[k].mode == HOTPLUG_SETUP ? HOTPLUG_BRIDGE
							   : env_names[k].mode;
}

int hotplug_parse(struct hotplug *h, const char *name, int argc, char **argv,
		  char **environ_v, struct err *e)
{
	int k = env_find(name), rc = 0;
	const char *word;
	struct env env;

	memset(h, 0, sizeof(*h));
	env_read(&env, argc, argv, environ_v);
	env.up = true;
	if (k >= 0) {
		word = env_names[k].word;
		h->mode = env_names[k].mode;
		env.up = !word || !strcmp(word, "online");
		env.called = env.called && !word;
	}
	h->script = env.v[ENV_SCRIPT];
	if (!strcmp(name, "hotplug"))
		h->mode = env_script_mode(h->script);
	h->bridge = env.v[ENV_BRIDGE];
	h->ip = env.v[ENV_IP];
	h->netdev = env.v[ENV_NETDEV];
	h->network = env.v[ENV_NETWORK];
	h->accept = env.v[ENV_ACCEPT];
	h->direct = env.v[ENV_DIRECT];
	h->udev = env.v[ENV_UDEV_CALL];
	if (env.called && env.v[ENV_XENBUS_PATH])
		rc = env_path(h, env.v[ENV_XENBUS_PATH], e);
	return rc ? rc : env_command(h, &env, e);
}

int hotplug_nat_ip(struct vif *v, struct err *e)
{
	char word[ENV_LINE];

	if (v->handle >= 254)
		return err_set(e, -EINVAL,
			       "ip: device %u is past what 10.x.x.x has room "
			       "for; give it addresses with ip=",
			       v->handle);
	snprintf(word, sizeof(word), "ip=10.%d.%d.%d", v->domid / 256,
		 v->domid % 256, v->handle + 1);
	return vif_parse(v, word, e);
}

int hotplug_defaults(struct vif *v, struct err *e)
{
	const char *own = getenv("NETBACK_HOTPLUG");
	const char *path = own && own[0] ? own : "/etc/netback/hotplug";
	char word[ENV_LINE], rest;
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (!f && errno != ENOENT)
		return err_set(e, -errno, "%.200s: cannot read it: %s", path,
			       strerror(errno));
	while (f && !rc && fscanf(f, "%63s", word) == 1) {
		if (word[0] == '#') {
			while (fread(&rest, 1, 1, f) && rest != '\n')
				;
			continue;
		}
		rc = strncmp(word, "accept=", 7) && strncmp(word, "direct=", 7)
			     ? err_set(e, -EINVAL,
				       "'%s': only accept= and direct= may "
				       "stand there",
				       vif_show(word).s)
			     : vif_parse(v, word, e);
		if (rc)
			err_prefix(e, "%.200s", path);
	}
	if (f)
		fclose(f);
	return rc;
}
