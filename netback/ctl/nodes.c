// SPDX-License-Identifier: GPL-2.0-or-later
/* nodes.c - a vif's two directories in the store, as a toolstack makes them */
#include "ctl/nodes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/num.h"
#include "base/vif_key.h"
#include "ctl/run.h"

enum {
	NODES_PATH = 128,
	NODES_KEY = 64,
	NODES_POLL_MS = 100, /* a watch wakes us; this is for a lost one */
	NODES_STATE_MAX = 31,
};

/* What one transaction needs; it may run again after a conflict. */
struct nodes_txn {
	const struct vif *v;
	uint32_t mtu;
	bool last; /* out: the domain has no vif left */
};

const char *nodes_state_name(uint32_t state)
{
	static const char *const word[] = {
		"none",	       "initialising",	"initwait",
		"initialised", "connected",	"closing",
		"closed",      "reconfiguring", "reconfigured",
	};

	return state < ARRAY_SIZE(word) ? word[state] : "unknown";
}

static void nodes_domain(const struct vif *v, const char *rest, char *path)
{
	snprintf(path, NODES_PATH, "/local/domain/%u%s", v->domid, rest);
}

static void nodes_front(const struct vif *v, const char *key, char *path)
{
	snprintf(path, NODES_PATH, "/local/domain/%u/device/vif/%u%s%s",
		 v->domid, v->handle, key[0] ? "/" : "", key);
}

static void nodes_back(const struct vif *v, const char *key, char *path)
{
	snprintf(path, NODES_PATH, "/local/domain/0/backend/vif/%u/%u%s%s",
		 v->domid, v->handle, key[0] ? "/" : "", key);
}

/* A key's own node. What "direct" says there is for the data path. */
static void nodes_key(const struct vif *v, const char *key, char *path)
{
	nodes_back(v, strcmp(key, "direct") ? key : "direct-asked", path);
}

static bool nodes_have(struct store *s, const char *path)
{
	char value[STORE_VALUE];
	int rc = store_read(s, path, value, sizeof(value));

	return rc >= 0 || rc == -E2BIG || rc == -EINVAL || rc == -EACCES;
}

static int nodes_fail(int rc, const char *doing, const char *path,
		      struct err *e)
{
	return err_set(e, rc, "store: cannot %s %s: %s; %s", doing, path,
		       strerror(-rc),
		       rc == -ENOTCONN
			       ? "is netbackd --store running?"
			       : "see its permissions with xenstore-ls");
}

/* --- reading ----------------------------------------------------------------- */

/* One key. -EINVAL with a sentence: it makes no sense; -ENOTCONN. */
static int nodes_read_key(struct store *s, const char *key, struct vif *v,
			  struct err *e)
{
	char path[NODES_PATH], word[NODES_KEY + STORE_VALUE];
	int n = snprintf(word, NODES_KEY, "%s=", key), rc;
	struct vif with = *v;

	nodes_key(v, key, path);
	rc = store_read(s, path, word + n, sizeof(word) - (size_t)n);
	if (rc == -ENOENT || !rc)
		return 0;
	if (rc < 0) {
		nodes_fail(rc, "read", path, e);
		return rc == -ENOTCONN ? rc : -EINVAL;
	}
	if (vif_parse(&with, word, e)) {
		err_prefix(e, "store: %s", path);
		return -EINVAL;
	}
	*v = with;
	return 0;
}

/* A key that makes no sense is left out: who would detach the vif, or write
 * another, must be able to read the rest. A rate limits nothing then, as netbackd
 * has it.
 */
static int nodes_read_vif(struct store *s, struct nodes *to, struct err *e)
{
	struct vif *v = &to->vif;
	struct err why = { "" };
	char path[NODES_PATH];
	unsigned i;
	int rc;

	for (i = 0; vif_keys[i]; i++) {
		rc = nodes_read_key(s, vif_keys[i], v, &why);
		if (rc == -ENOTCONN)
			return err_set(e, rc, "%s", why.text);
		if (rc && !strcmp(vif_keys[i], "rate"))
			to->bad_rate = true;
		else if (rc && !to->bad.text[0])
			to->bad = why;
	}
	/* a hotplug program's defaults have no node */
	nodes_back(v, "direct", path);
	if (to->script && !v->direct && nodes_have(s, path))
		v->direct = true;
	return 0;
}

int nodes_whole(const struct nodes *n, struct err *e)
{
	return n->bad.text[0] ? err_set(e, -EINVAL, "%s", n->bad.text) : 0;
}

int nodes_read(struct store *s, uint16_t domid, uint16_t handle,
	       struct nodes *n, struct err *e)
{
	char path[NODES_PATH];
	struct vif *v = &n->vif;
	uint32_t online;
	int rc;

	memset(n, 0, sizeof(*n));
	vif_init(v, domid, handle);
	nodes_front(v, "", path);
	n->front = nodes_have(s, path);
	nodes_back(v, "", path);
	n->back = nodes_have(s, path);
	nodes_front(v, "state", path);
	store_read_u32(s, path, NODES_STATE_MAX, &n->front_state);
	nodes_back(v, "state", path);
	store_read_u32(s, path, NODES_STATE_MAX, &n->back_state);
	nodes_back(v, "carrier", path);
	n->has_carrier = !store_read_u32(s, path, 1, &n->carrier);
	nodes_back(v, "online", path);
	n->online = !store_read_u32(s, path, 1, &online) && online;
	nodes_back(v, "script", path);
	n->script = nodes_have(s, path);
	nodes_back(v, "hotplug-status", path);
	rc = store_read(s, path, n->hotplug, sizeof(n->hotplug));
	if (rc == -ENOTCONN)
		return nodes_fail(rc, "read", path, e);
	if (rc < 0)
		n->hotplug[0] = '\0';
	return n->back ? nodes_read_vif(s, n, e) : 0;
}

void nodes_why(struct store *s, const struct vif *v, char *buf, size_t size)
{
	char path[NODES_PATH];

	snprintf(path, sizeof(path),
		 "/local/domain/0/error/backend/vif/%u/%u/error", v->domid,
		 v->handle);
	if (store_read(s, path, buf, size) < 0)
		buf[0] = '\0';
}

/* --- all of them ------------------------------------------------------------- */

struct nodes_list {
	struct store *s;
	uint16_t domid;
	unsigned n, room;
	uint32_t *v; /* domid << 16 | handle */
};

static int nodes_list_add(struct nodes_list *l, uint32_t id)
{
	uint32_t *v;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		v = realloc(l->v, l->room * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l->v = v;
	}
	l->v[l->n++] = id;
	return 0;
}

/* Names which are no numbers are not ours: passed over. */
static int nodes_list_handle(void *arg, const char *name)
{
	struct nodes_list *l = arg;
	uint32_t n;

	if (num_parse(name, VIF_HANDLE_MAX, &n))
		return 0;
	return nodes_list_add(l, (uint32_t)l->domid << 16 | n);
}

static int nodes_list_domain(void *arg, const char *name)
{
	struct nodes_list *l = arg;
	char path[NODES_PATH];
	uint32_t n;
	int rc;

	if (num_parse(name, VIF_DOMID_MAX, &n))
		return 0;
	l->domid = (uint16_t)n;
	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u", n);
	rc = store_each(l->s, path, nodes_list_handle, l);
	return rc == -ENOENT ? 0 : rc;
}

static int nodes_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int nodes_each(struct store *s, nodes_fn *fn, void *arg, struct err *e)
{
	static const char top[] = "/local/domain/0/backend/vif";
	struct nodes_list l = { .s = s };
	unsigned i;
	int rc = store_each(s, top, nodes_list_domain, &l);

	if (rc == -ENOENT)
		rc = 0;
	if (rc < 0)
		nodes_fail(rc, "list", top, e);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), nodes_order);
	for (i = 0; !rc && i < l.n; i++)
		rc = fn(arg, (uint16_t)(l.v[i] >> 16), (uint16_t)l.v[i]);
	free(l.v);
	return rc;
}

/* --- writing ----------------------------------------------------------------- */

/* A directory with its own owner and reader, unless it is there. */
static int nodes_mkdir(struct store *s, const char *path, uint16_t owner,
		       uint16_t reader)
{
	char perm[2][NODES_WORD];
	const char *const perms[] = { perm[0], perm[1] };
	int rc;

	if (nodes_have(s, path))
		return 0;
	rc = store_mkdir(s, path);
	if (rc)
		return rc;
	snprintf(perm[0], sizeof(perm[0]), "n%u", owner);
	snprintf(perm[1], sizeof(perm[1]), "r%u", reader);
	return store_chmod(s, path, perms, 2);
}

/* A frontend node which the guest may read and not write. */
static int nodes_write_ro(struct store *s, const struct vif *v, const char *key,
			  const char *value)
{
	char path[NODES_PATH], reader[NODES_WORD];
	const char *const perms[] = { "n0", reader };
	int rc;

	nodes_front(v, key, path);
	snprintf(reader, sizeof(reader), "r%u", v->domid);
	rc = store_write(s, path, value);
	return rc ? rc : store_chmod(s, path, perms, 2);
}

struct nodes_row {
	const char *key, *value;
};

/* What generic xenbus wants of a frontend; its owner is the guest. */
static int nodes_write_front(struct store *s, const struct nodes_txn *t)
{
	char back[NODES_PATH], handle[NODES_WORD], mac[18], mtu[NODES_WORD];
	char path[NODES_PATH];
	const struct nodes_row row[] = {
		{ "backend", back },  { "backend-id", "0" },
		{ "handle", handle }, { "trusted", "1" },
		{ "state", "1" },
	};
	unsigned i;
	int rc = 0;

	nodes_back(t->v, "", back);
	snprintf(handle, sizeof(handle), "%u", t->v->handle);
	snprintf(mtu, sizeof(mtu), "%u", t->mtu);
	vif_print_mac(t->v->mac, mac);
	nodes_domain(t->v, "/device/vif", path);
	rc = nodes_mkdir(s, path, 0, t->v->domid);
	nodes_front(t->v, "", path);
	if (!rc)
		rc = nodes_mkdir(s, path, t->v->domid, 0);
	for (i = 0; !rc && i < ARRAY_SIZE(row); i++) {
		nodes_front(t->v, row[i].key, path);
		if (!nodes_have(s, path)) /* it may be connected already */
			rc = store_write(s, path, row[i].value);
	}
	if (!rc)
		rc = nodes_write_ro(s, t->v, "mac", mac);
	return rc ? rc : nodes_write_ro(s, t->v, "mtu", mtu);
}

/* The vif's own keys, in the words which attach was given. */
static int nodes_write_keys(struct store *s, const struct vif *v)
{
	char path[NODES_PATH], value[VIF_TEXT];
	unsigned i;
	int rc;

	for (i = 0; vif_keys[i]; i++) {
		nodes_key(v, vif_keys[i], path);
		rc = vif_get(v, vif_keys[i], value, sizeof(value));
		if (rc < 0)
			return rc;
		rc = value[0] ? store_write(s, path, value) : store_rm(s, path);
		if (rc)
			return rc;
	}
	return 0;
}

static int nodes_write_back(struct store *s, const struct nodes_txn *t)
{
	char front[NODES_PATH], domid[NODES_WORD], handle[NODES_WORD];
	char path[NODES_PATH];
	const struct nodes_row row[] = {
		{ "frontend", front }, { "frontend-id", domid },
		{ "handle", handle },  { "type", "vif" },
		{ "state", "1" },      { "hotplug-status", "" },
	};
	unsigned i;
	int rc;

	nodes_front(t->v, "", front);
	snprintf(domid, sizeof(domid), "%u", t->v->domid);
	snprintf(handle, sizeof(handle), "%u", t->v->handle);
	nodes_back(t->v, "", path);
	rc = nodes_mkdir(s, path, 0, t->v->domid);
	for (i = 0; !rc && i < ARRAY_SIZE(row); i++) {
		nodes_back(t->v, row[i].key, path);
		if (!nodes_have(s, path))
			rc = store_write(s, path, row[i].value);
	}
	nodes_back(t->v, "online", path);
	if (!rc)
		rc = store_write(s, path, "1");
	return rc ? rc : nodes_write_keys(s, t->v);
}

static int nodes_create_txn(struct store *s, void *arg)
{
	struct nodes_txn *t = arg;
	char path[NODES_PATH];
	int rc;

	nodes_domain(t->v, "", path);
	rc = nodes_mkdir(s, path, 0, t->v->domid);
	nodes_domain(t->v, "/device", path);
	if (!rc)
		rc = nodes_mkdir(s, path, 0, t->v->domid);
	if (!rc)
		rc = nodes_write_front(s, t);
	return rc ? rc : nodes_write_back(s, t);
}

static int nodes_update_txn(struct store *s, void *arg)
{
	struct nodes_txn *t = arg;
	char mtu[NODES_WORD], mac[18];
	int rc = nodes_write_keys(s, t->v);

	snprintf(mtu, sizeof(mtu), "%u", t->mtu);
	vif_print_mac(t->v->mac, mac);
	if (!rc)
		rc = nodes_write_ro(s, t->v, "mac", mac);
	return rc ? rc : nodes_write_ro(s, t->v, "mtu", mtu);
}

static int nodes_any(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

/* Removes `path` and what stands above it down to `keep` bytes of it, as long as
 * nothing is left inside. Returns 1 when it came that far, 0, -errno.
 */
static int nodes_prune(struct store *s, char *path, size_t keep)
{
	int rc;

	while (strlen(path) > keep) {
		rc = store_each(s, path, nodes_any, NULL);
		if (rc && rc != -ENOENT)
			return rc < 0 ? rc : 0;
		rc = store_rm(s, path);
		if (rc)
			return rc;
		*strrchr(path, '/') = '\0';
	}
	return 1;
}

static int nodes_remove_txn(struct store *s, void *arg)
{
	struct nodes_txn *t = arg;
	char path[NODES_PATH];
	int rc;

	nodes_front(t->v, "", path);
	rc = store_rm(s, path);
	nodes_back(t->v, "", path);
	if (!rc)
		rc = store_rm(s, path);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/0/error/backend/vif/%u/%u",
		 t->v->domid, t->v->handle);
	rc = store_rm(s, path);
	*strrchr(path, '/') = '\0';
	if (!rc)
		rc = nodes_prune(s, path, strlen("/local/domain"));
	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u",
		 t->v->domid);
	if (rc >= 0)
		rc = nodes_prune(s, path, strlen("/local/domain"));
	nodes_domain(t->v, "/device/vif", path);
	if (rc >= 0)
		rc = nodes_prune(s, path, strlen("/local/domain/"));
	t->last = rc == 1;
	return rc < 0 ? rc : 0;
}

/* Two vifs of one domain may come and go at once: the domain's own lock covers
 * the moments when it is made and released.
 */
static int nodes_locked(struct ctl *c, struct nodes_txn *t,
			int (*fn)(struct store *s, void *arg), bool come,
			struct err *e)
{
	char lock[NODES_WORD];
	int rc = 0, fd;

	snprintf(lock, sizeof(lock), "dom%u", t->v->domid);
	fd = run_lock(c, lock, e);
	if (fd < 0)
		return fd;
	if (come)
		rc = store_introduce(c->store, t->v->domid);
	if (rc) {
		err_set(e, rc, "store: cannot introduce domain %u: %s",
			t->v->domid, strerror(-rc));
		goto out;
	}
	rc = store_txn(c->store, fn, t);
	if (rc)
		nodes_fail(rc, come ? "write" : "remove",
			   "the vif's directories", e);
	if (!rc && t->last)
		store_release(c->store, t->v->domid);
out:
	run_unlock(c, lock, fd);
	return rc;
}

int nodes_create(struct ctl *c, const struct vif *v, uint32_t mtu,
		 struct err *e)
{
	struct nodes_txn t = { .v = v, .mtu = mtu };

	return nodes_locked(c, &t, nodes_create_txn, true, e);
}

int nodes_update(struct ctl *c, const struct vif *v, uint32_t mtu,
		 struct err *e)
{
	struct nodes_txn t = { .v = v, .mtu = mtu };
	int rc = store_txn(c->store, nodes_update_txn, &t);

	return rc ? nodes_fail(rc, "write", "the vif's keys", e) : 0;
}

int nodes_direct(struct store *s, const struct vif *v, bool on, struct err *e)
{
	char path[NODES_PATH];

	nodes_back(v, "", path);
	return on ? shortcut_on(s, path, v, e) : shortcut_off(s, path, e);
}

int nodes_direct_now(struct store *s, const struct vif *v, struct direct *out)
{
	char path[NODES_PATH];

	nodes_back(v, "", path);
	return shortcut_get(s, path, out);
}

int nodes_check(struct store *s, const struct vif *v, uint32_t mtu, FILE *out)
{
	char path[NODES_PATH], is[STORE_VALUE], mac[18] = "", num[NODES_WORD];
	const struct nodes_row row[] = { { "mtu", num }, { "mac", mac } };
	unsigned i;
	int differ = 0;

	snprintf(num, sizeof(num), "%u", mtu);
	if (v->has_mac)
		vif_print_mac(v->mac, mac);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		nodes_front(v, row[i].key, path);
		if (store_read(s, path, is, sizeof(is)) < 0)
			strcpy(is, "missing");
		if (!row[i].value[0] || !strcmp(is, row[i].value))
			continue;
		fprintf(out, "vif%u.%u: the guest's %s is %s, should be %s\n",
			v->domid, v->handle, row[i].key, vif_show(is).s,
			row[i].value);
		differ = 1;
	}
	nodes_back(v, "", path);
	return differ | shortcut_check(s, path, v, out);
}

int nodes_remove(struct ctl *c, const struct vif *v, struct err *e)
{
	struct nodes_txn t = { .v = v };

	return nodes_locked(c, &t, nodes_remove_txn, false, e);
}

int nodes_set(struct store *s, const struct vif *v, const char *key,
	      const char *value, struct err *e)
{
	char path[NODES_PATH];
	int rc;

	nodes_back(v, key, path);
	rc = store_write(s, path, value);
	return rc ? nodes_fail(rc, "write", path, e) : 0;
}

/* --- waiting ----------------------------------------------------------------- */

static void nodes_drain(struct store *s, unsigned wait_ms)
{
	char path[STORE_PATH], token[NODES_WORD];
	struct pollfd p = { .fd = store_fd(s), .events = POLLIN };

	poll(&p, 1, (int)wait_ms);
	while (store_event(s, path, sizeof(path), token, sizeof(token)) == 1)
		;
}

int nodes_wait(struct store *s, const struct vif *v, uint32_t want,
	       unsigned wait_ms, uint32_t *got)
{
	uint64_t end = clock_ns() + wait_ms * UINT64_C(1000000);
	char path[NODES_PATH];
	int rc;

	nodes_back(v, "state", path);
	rc = store_watch(s, path, "wait");
	if (rc)
		return rc;
	for (;;) {
		*got = NODES_NONE;
		rc = store_read_u32(s, path, NODES_STATE_MAX, got);
		if (rc == -ENOENT)
			rc = 0;
		if (rc == -ENOTCONN || (!rc && (want & 1u << *got)))
			break;
		rc = run_interrupted()	 ? -EINTR
		     : clock_ns() >= end ? -ETIMEDOUT
					 : 0;
		if (rc)
			break;
		nodes_drain(s, NODES_POLL_MS);
	}
	store_unwatch(s, path, "wait");
	return rc;
}
