// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_set.c - set and move: an attached vif changes while its guest runs */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/attach.h"
#include "ctl/hooks.h"
#include "ctl/host.h"
#include "ctl/net.h"

static const char set_default[] = "default";

/* Is `word` KEY=VALUE for that key? The value, or NULL. */
static const char *set_value(const char *word, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(word, key, n) && word[n] == '=' ? word + n + 1 : NULL;
}

/* Every word must name a key, once. "default" is no value to parse. */
static int set_words(struct vif *v, int argc, char **argv, struct err *e)
{
	const char *value;
	char empty[40];
	unsigned k;
	int i, rc;

	for (i = 0; i < argc; i++) {
		for (k = 0, value = NULL; vif_keys[k] && !value; k++)
			value = set_value(argv[i], vif_keys[k]);
		if (!value || strcmp(value, set_default)) {
			rc = vif_parse(v, argv[i], e);
			if (rc)
				return rc;
			continue;
		}
		if (v->given & 1u << (k - 1)) { /* its sentence says it */
			snprintf(empty, sizeof(empty), "%s=", vif_keys[k - 1]);
			return vif_parse(v, empty, e);
		}
		v->given |= 1u << (k - 1);
	}
	return 0;
}

/* The words, and what is there for every other key. */
static int set_lay(struct vif *v, const struct vif *now, int argc, char **argv,
		   struct err *e)
{
	char word[VIF_TEXT + 32];
	unsigned i;
	int n, rc;

	vif_init(v, now->domid, now->handle);
	rc = set_words(v, argc, argv, e);
	for (i = 0; !rc && vif_keys[i]; i++) {
		if (v->given & 1u << i)
			continue;
		n = snprintf(word, sizeof(word), "%s=", vif_keys[i]);
		rc = vif_get(now, vif_keys[i], word + n,
			     sizeof(word) - (size_t)n);
		if (rc > 0)
			rc = vif_parse(v, word, e);
	}
	return rc;
}

static int set_locked(struct ctl *c, struct vif *v, int argc, char **argv,
		      struct err *e)
{
	struct vif want;
	struct hooks_event ev = { .what = "set", .before = true, .v = &want };
	struct nodes n;
	struct err no;
	bool was;
	int rc = nodes_read(c->store, v->domid, v->handle, &n, e);

	if (!rc)
		rc = nodes_whole(&n, e);
	if (rc)
		return rc;
	if (!n.back || !n.front || !n.online)
		return err_set(e, -ENOENT,
			       "it is not attached; vifctl show lists what is");
	if (strcmp(n.hotplug, "connected"))
		return err_set(e, -EBUSY,
			       "hotplug-status is \"%s\", it is not attached "
			       "wholly; attach it again",
			       n.hotplug);
	rc = set_lay(&want, &n.vif, argc, argv, e);
	if (!rc && !want.has_mac) { /* mac=default: the one made for it */
		char id[64];

		ctl_host_id(id, sizeof(id));
		ctl_make_mac(&want, id);
	}
	if (!rc)
		rc = vif_check(&want, e);
	if (rc)
		return CTL_USAGE;
	if (strcmp(want.network, n.vif.network))
		return err_set(e, -EBUSY,
			       "network: it is attached with \"%s\", and that "
			       "cannot change while the guest holds it; detach "
			       "it first",
			       n.vif.network);
	if (want.network[0])
		rc = net_join(c, &want, &was, e);
	if (!rc)
		rc = hooks_run(&ev, e);
	if (!rc)
		rc = attach_other(c, &n, &want, true, e);
	if (rc && want.network[0]) /* the lease that it had */
		net_join(c, &n.vif, &was, &no);
	if (want.network[0])
		dns_reload(c, want.network);
	ev.before = false;
	if (!rc)
		hooks_run(&ev, e);
	if (!rc && (strcmp(n.vif.bridge, want.bridge) ||
		    n.vif.accept != want.accept || n.vif.direct != want.direct))
		host_warn(&want);
	return rc;
}

int verb_set(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct vif v, scratch;
	int lock, rc = ctl_name(&v, argc > 0, argv, e);

	if (rc)
		return rc;
	if (argc < 2)
		return err_set(e, CTL_USAGE,
			       "vif%u.%u: what is to change? say key=value, "
			       "as mtu=1400",
			       v.domid, v.handle);
	/* bad words first: they need no store */
	vif_init(&scratch, v.domid, v.handle);
	rc = set_words(&scratch, argc - 1, argv + 1, e) ? CTL_USAGE : 0;
	if (!rc) {
		rc = lock = attach_lock(c, &v, e);
		if (lock >= 0) {
			rc = set_locked(c, &v, argc - 1, argv + 1, e);
			attach_unlock(c, &v, lock);
		}
	}
	if (rc)
		ctl_prefix(&v, e);
	return rc;
}

int verb_move(struct ctl *c, int argc, char **argv, struct err *e)
{
	if (argc != 2 || !set_value(argv[1], "bridge"))
		return err_set(e, CTL_USAGE,
			       "move: a vif and bridge=NAME are expected");
	return verb_set(c, argc, argv, e);
}
