// SPDX-License-Identifier: GPL-2.0-or-later
/* ops.c - what a client may ask, and xenstored's answers to it */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "store/conn.h"

/* One request. */
struct req {
	struct conn *c;
	const struct xsd_sockmsg *h;
	char *body; /* h->len bytes and a NUL */
	struct txn *x;
	struct txn own;
	char path[TREE_PATH]; /* canonical, once ops_path was asked */
};

static void ops_reply(struct req *r, const void *body, size_t n)
{
	struct xsd_sockmsg h = *r->h;

	h.len = (uint32_t)n;
	conn_send(r->c, &h, body);
}

static int ops_ok(struct req *r)
{
	ops_reply(r, "OK", 3);
	return 0;
}

static void ops_error(struct req *r, int rc)
{
	struct xsd_sockmsg h = *r->h;
	const char *text = "EINVAL";
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++) {
		if (xsd_errors[i].errnum == -rc)
			text = xsd_errors[i].errstring;
	}
	h.type = XS_ERROR;
	h.len = (uint32_t)strlen(text) + 1;
	conn_send(r->c, &h, text);
}

/* Exactly one string: one NUL, the last byte. NULL otherwise. */
static char *ops_one(const struct req *r)
{
	if (!r->h->len || strlen(r->body) + 1 != r->h->len)
		return NULL;
	return r->body;
}

/* The string after the one at s; NULL when there is no whole one. */
static char *ops_after(const struct req *r, char *s)
{
	char *end = r->body + r->h->len, *next = s + strlen(s) + 1;

	if (next >= end || !memchr(next, 0, (size_t)(end - next)))
		return NULL;
	return next;
}

static char *ops_first(const struct req *r)
{
	return memchr(r->body, 0, r->h->len) ? r->body : NULL;
}

/* A refusal says nothing about nodes below what the client may see. */
static int ops_hide(struct req *r, int rc, unsigned bits)
{
	char up[TREE_PATH];
	const struct node *n;

	memcpy(up, r->path, sizeof(up));
	do {
		tree_parent(up, up);
		n = tree_find(r->x->tree.root, up);
	} while (!n);
	return perm_bits(r->c->dom, n) & bits ? rc : -EACCES;
}

/* The node at path (as sent) which the client may use as `bits` says. */
static int ops_node(struct req *r, const char *path, unsigned bits,
		    const struct node **out)
{
	const struct node *n;

	if (!path || path_canon(r->c, path, r->path) || !path_valid(r->path))
		return -EINVAL;
	n = txn_find(r->x, r->path);
	if (!n)
		return ops_hide(r, -ENOENT, bits);
	if ((perm_bits(r->c->dom, n) & bits) != bits)
		return ops_hide(r, -EACCES, bits);
	*out = n;
	return 0;
}

static int ops_read(struct req *r)
{
	const struct node *n;
	int rc = ops_node(r, ops_one(r), TREE_READ, &n);

	if (!rc)
		ops_reply(r, n->value, n->len);
	return rc;
}

/* All names of children, each with its NUL, from byte `off`, at most `most`
 * bytes of whole names. Returns the bytes.
 */
static size_t ops_names(const struct node *n, size_t off, size_t most,
			char *out)
{
	size_t at = 0, got = 0;
	uint32_t i;

	for (i = 0; i < n->nchild; i++) {
		size_t k = strlen(n->child[i]->name) + 1;

		if (at >= off) {
			if (got + k > most)
				break;
			memcpy(out + got, n->child[i]->name, k);
			got += k;
		}
		at += k;
	}
	return got;
}

static int ops_directory(struct req *r)
{
	char names[XENSTORE_PAYLOAD_MAX];
	const struct node *n;
	int rc = ops_node(r, ops_one(r), TREE_READ, &n);

	if (rc)
		return rc;
	if (n->names > sizeof(names))
		return -E2BIG; /* the client asks for parts then */
	ops_reply(r, names, ops_names(n, 0, sizeof(names), names));
	return 0;
}

static int ops_directory_part(struct req *r)
{
	char out[XENSTORE_PAYLOAD_MAX], *path = ops_first(r), *from;
	const struct node *n;
	uint32_t off;
	size_t k, got;
	int rc;

	from = path ? ops_after(r, path) : NULL;
	if (!from || ops_after(r, from) || num_parse(from, UINT32_MAX, &off))
		return -EINVAL;
	rc = ops_node(r, path, TREE_READ, &n);
	if (rc)
		return rc;
	k = (size_t)sprintf(out, "%" PRIu64, n->gen) + 1;
	got = ops_names(n, off, sizeof(out) - k - 1, out + k);
	if (off + got >= n->names)
		out[k + got++] = '\0';
	ops_reply(r, out, k + got);
	return 0;
}

/* Would this node be larger than its owner may have? */
static bool ops_large(const struct req *r, uint32_t len, uint32_t names,
		      unsigned nperm)
{
	size_t size = 24 + (size_t)len + names + 8 * (size_t)nperm;

	return r->c->dom && size >= CONN_NODE_SIZE;
}

static bool ops_txn_full(const struct req *r)
{
	return r->c->dom && (r->x->ntouch >= CONN_TXN_NODES ||
			     r->x->buf.n >= CONN_TXN_BYTES);
}

/* One new node below an existing one, with its parent's permissions. */
static int ops_make_one(struct req *r, const char *path,
			const struct tree_state *what)
{
	struct tree_perm perm[TREE_PERMS];
	struct tree_state s = { .perm = perm };
	const struct node *up;
	char dir[TREE_PATH];
	uint16_t dom = r->c->dom;

	tree_parent(path, dir);
	up = txn_find(r->x, dir);
	s.nperm = up->nperm;
	memcpy(perm, up->perm, up->nperm * sizeof(*perm));
	if (dom)
		perm[0].id = dom; /* a guest owns what it makes */
	if (what) {
		s.value = what->value;
		s.len = what->len;
	}
	if (dom && txn_nodes(r->x, dom) >= CONN_NODES)
		return -ENOSPC;
	if (ops_large(r, s.len, 0, s.nperm) ||
	    ops_large(r, up->len,
		      up->names + (uint32_t)strlen(path) -
			      (uint32_t)strlen(dir),
		      up->nperm))
		return -ENOSPC;
	return txn_set(r->x, path, &s);
}

/* The node and the parents it lacks, or none of them. */
static int ops_make(struct req *r, const struct tree_state *what)
{
	char path[TREE_PATH], *slash = path, *first = NULL;
	int rc = 0;

	memcpy(path, r->path, sizeof(path));
	while (!rc && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (!tree_find(r->x->tree.root, path)) {
			rc = ops_make_one(r, path, NULL);
			if (!rc && !first)
				first = slash;
		}
		*slash = '/';
	}
	if (!rc)
		rc = ops_make_one(r, path, what);
	if (rc && first) {
		*first = '\0';
		txn_unmake(r->x, path);
	}
	return rc;
}

static int ops_write(struct req *r)
{
	struct tree_state s = { 0 };
	char *path = ops_first(r);
	const struct node *n;
	int rc = ops_node(r, path, TREE_WRITE, &n);

	if (rc && rc != -ENOENT)
		return rc;
	s.value = path + strlen(path) + 1;
	s.len = r->h->len - (uint32_t)strlen(path) - 1;
	if (rc) {
		rc = ops_make(r, &s);
	} else if (ops_large(r, s.len, n->names, n->nperm)) {
		rc = -ENOSPC;
	} else {
		struct tree_perm perm[TREE_PERMS];

		memcpy(perm, n->perm, n->nperm * sizeof(*perm));
		s.perm = perm;
		s.nperm = n->nperm;
		rc = txn_set(r->x, r->path, &s);
	}
	if (!rc)
		txn_event(r->x, r->path, false);
	return rc;
}

static int ops_mkdir(struct req *r)
{
	const struct node *n;
	int rc = ops_node(r, ops_one(r), TREE_WRITE, &n);

	if (rc != -ENOENT)
		return rc;
	rc = ops_make(r, NULL);
	if (!rc)
		txn_event(r->x, r->path, false);
	return rc;
}

static int ops_rm(struct req *r)
{
	const struct node *n;
	char up[TREE_PATH];
	int rc = ops_node(r, ops_one(r), TREE_WRITE, &n);

	if (rc == -ENOENT) {
		tree_parent(r->path, up);
		return txn_find(r->x, up) ? 0 : rc;
	}
	return rc ? rc : txn_rm(r->x, r->path);
}

static int ops_get_perms(struct req *r)
{
	static const char letter[] = { 'n', 'r', 'w', 'b' };
	char out[TREE_PERMS * 8];
	const struct node *n;
	size_t at = 0;
	unsigned i;
	int rc = ops_node(r, ops_one(r), TREE_READ, &n);

	for (i = 0; !rc && i < n->nperm; i++) {
		if (at + 8 > XENSTORE_PAYLOAD_MAX)
			rc = -E2BIG;
		else
			at += (size_t)sprintf(out + at, "%c%u",
					      letter[n->perm[i].bits & 3],
					      n->perm[i].id) +
			      1;
	}
	if (!rc)
		ops_reply(r, out, at);
	return rc;
}

static int ops_perm(const char *s, struct tree_perm *p)
{
	static const char letter[] = "nrwb";
	const char *at = s[0] ? strchr(letter, s[0]) : NULL;
	uint32_t id;

	if (!at || num_parse(s + 1, UINT16_MAX, &id))
		return -EINVAL;
	p->bits = (uint16_t)(at - letter);
	p->id = (uint16_t)id;
	return 0;
}

static int ops_set_perms(struct req *r)
{
	struct tree_perm perm[TREE_PERMS];
	struct tree_state s = { .perm = perm };
	char *path = ops_first(r), *at = path;
	const struct node *n;
	int rc;

	while (at && (at = ops_after(r, at))) {
		if (s.nperm == TREE_PERMS || ops_perm(at, &perm[s.nperm]))
			return -EINVAL;
		s.nperm++;
	}
	if (!s.nperm)
		return -EINVAL;
	if (r->c->dom && s.nperm > CONN_NODE_PERMS)
		return -ENOSPC;
	rc = ops_node(r, path, TREE_WRITE, &n);
	if (rc)
		return rc;
	/* Only the owner may, and a guest cannot give its node away. */
	if (r->c->dom && n->perm[0].id != r->c->dom)
		return ops_hide(r, -EACCES, TREE_WRITE);
	if (r->c->dom && perm[0].id != r->c->dom)
		return -EPERM;
	if (ops_large(r, n->len, n->names, s.nperm))
		return -ENOSPC;
	s.len = n->len;
	s.value = n->value;
	rc = txn_set(r->x, r->path, &s);
	if (!rc)
		txn_event(r->x, r->path, false);
	return rc;
}

static int ops_watch(struct req *r)
{
	char *path = ops_first(r);
	char *token = path ? ops_after(r, path) : NULL;
	int rc = token ? watch_add(r->c, path, token) : -EINVAL;

	if (rc)
		return rc;
	ops_ok(r);
	watch_first(r->c);
	return 0;
}

static int ops_unwatch(struct req *r)
{
	char *path = ops_first(r);
	char *token = path ? ops_after(r, path) : NULL;
	int rc = token ? watch_del(r->c, path, token) : -EINVAL;

	return rc ? rc : ops_ok(r);
}

static int ops_reset(struct req *r)
{
	conn_drop_all(r->c);
	return ops_ok(r);
}

static struct txn **ops_txn(struct conn *c, uint32_t id)
{
	struct txn **at = &c->txns;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static int ops_txn_start(struct req *r)
{
	struct dom *d = &r->c->server->dom[r->c->dom];
	char text[16];
	struct txn *x;

	if (r->h->tx_id)
		return -EBUSY;
	if (r->c->dom && d->ntxn >= CONN_TXNS)
		return -ENOSPC;
	x = tree_alloc(NULL, sizeof(*x));
	txn_open(x, &r->c->server->db);
	do {
		x->id = ++r->c->last_txn;
	} while (!x->id || *ops_txn(r->c, x->id));
	x->next = r->c->txns;
	r->c->txns = x;
	d->ntxn++;
	ops_reply(r, text, (size_t)sprintf(text, "%u", x->id) + 1);
	return 0;
}

/* Commits, and tells who watches. */
static int ops_commit(struct conn *c, struct txn *x)
{
	struct node *before;
	int rc;

	x->guest = c->dom;
	rc = txn_commit(x, &before);
	if (!rc)
		watch_fire(c, x, before);
	tree_unref(before);
	return rc;
}

static int ops_txn_end(struct req *r)
{
	struct txn *x, **at = ops_txn(r->c, r->h->tx_id);
	char *end = ops_one(r);
	int rc = 0;

	if (!end || (strcmp(end, "T") && strcmp(end, "F")))
		return -EINVAL;
	x = *at;
	if (!x || !x->id)
		return -ENOENT;
	*at = x->next;
	r->c->server->dom[r->c->dom].ntxn--;
	if (end[0] == 'T' && r->c->dom && x->tree.use.n &&
	    txn_nodes(x, r->c->dom) > CONN_NODES)
		rc = -ENOSPC;
	else if (end[0] == 'T')
		rc = ops_commit(r->c, x);
	txn_close(x);
	free(x);
	return rc ? rc : ops_ok(r);
}

static int ops_domid(const char *s, uint16_t *out)
{
	uint32_t id;

	if (!s || num_parse(s, CONN_DOMS - 1, &id))
		return -EINVAL;
	*out = (uint16_t)id;
	return 0;
}

static int ops_home(struct req *r)
{
	char home[32];
	uint16_t id;

	if (ops_domid(ops_one(r), &id))
		return -EINVAL;
	ops_reply(r, home, path_home(id, home) + 1);
	return 0;
}

static int ops_is_introduced(struct req *r)
{
	uint16_t id;

	if (ops_domid(ops_one(r), &id))
		return -EINVAL;
	ops_reply(r, !id || r->c->server->dom[id].introduced ? "T" : "F", 2);
	return 0;
}

static int ops_introduce(struct req *r)
{
	struct server *s = r->c->server;
	uint16_t id;
	int rc = 0;

	if (ops_domid(ops_first(r), &id) || !id)
		return -EINVAL;
	if (!s->dom[id].introduced) {
		rc = s->introduce(s, id);
		if (rc)
			return -EIO;
		s->dom[id].introduced = true;
		watch_special(s, "@introduceDomain");
	}
	return ops_ok(r);
}

/* What a domain leaves behind: its nodes, and rights in those of others. */
struct ops_leaving {
	struct txn *x;
	uint16_t id;
};

static void ops_leave(void *arg, const char *path, const struct node *n)
{
	struct ops_leaving *l = arg;
	struct tree_perm perm[TREE_PERMS];
	struct tree_state s = { .perm = perm,
				.len = n->len,
				.value = n->value };
	unsigned i;

	if (!tree_find(l->x->tree.root, path))
		return; /* went with its parent */
	if (n->perm[0].id == l->id && strcmp(path, "/")) {
		txn_rm(l->x, path);
		return;
	}
	for (i = 0; i < n->nperm; i++) {
		if (!i || n->perm[i].id != l->id)
			perm[s.nperm++] = n->perm[i];
	}
	if (!perm[0].id || perm[0].id != l->id) {
		if (s.nperm != n->nperm)
			txn_set(l->x, path, &s);
	}
}

static int ops_release(struct req *r)
{
	struct server *s = r->c->server;
	struct ops_leaving l = { .x = r->x };
	struct conn *c;
	int rc;

	if (ops_domid(ops_one(r), &l.id) || !l.id)
		return -EINVAL;
	if (!s->dom[l.id].introduced)
		return -ENOENT;
	tree_walk(r->x->base, "/", ops_leave, &l);
	rc = ops_commit(r->c, r->x);
	if (rc)
		return rc;
	s->release(s, l.id);
	s->dom[l.id].introduced = false;
	for (c = s->conns; c; c = c->next) {
		if (c->dom == l.id)
			conn_kill(c);
	}
	watch_special(s, "@releaseDomain");
	return ops_ok(r);
}

static int ops_no(struct req *r)
{
	(void)r;
	return -ENOSYS;
}

enum ops_flag {
	OPS_PRIV = 1,  /* domain 0 only */
	OPS_WRITE = 2, /* changes the tree; answered with OK */
	OPS_NOTX = 4,  /* takes no notice of tx_id */
};

static const struct {
	int (*fn)(struct req *r);
	unsigned flags;
} ops_table[XS_TYPE_COUNT] = {
	[XS_DIRECTORY] = { ops_directory, 0 },
	[XS_DIRECTORY_PART] = { ops_directory_part, 0 },
	[XS_READ] = { ops_read, 0 },
	[XS_GET_PERMS] = { ops_get_perms, 0 },
	[XS_WATCH] = { ops_watch, OPS_NOTX },
	[XS_UNWATCH] = { ops_unwatch, OPS_NOTX },
	[XS_RESET_WATCHES] = { ops_reset, OPS_NOTX },
	[XS_TRANSACTION_START] = { ops_txn_start, OPS_NOTX },
	[XS_TRANSACTION_END] = { ops_txn_end, OPS_NOTX },
	[XS_INTRODUCE] = { ops_introduce, OPS_PRIV | OPS_NOTX },
	[XS_RELEASE] = { ops_release, OPS_PRIV | OPS_NOTX },
	[XS_GET_DOMAIN_PATH] = { ops_home, OPS_NOTX },
	[XS_IS_DOMAIN_INTRODUCED] = { ops_is_introduced, OPS_PRIV | OPS_NOTX },
	[XS_WRITE] = { ops_write, OPS_WRITE },
	[XS_MKDIR] = { ops_mkdir, OPS_WRITE },
	[XS_RM] = { ops_rm, OPS_WRITE },
	[XS_SET_PERMS] = { ops_set_perms, OPS_WRITE },
	[XS_CONTROL] = { ops_no, OPS_PRIV },
	[XS_SET_TARGET] = { ops_no, OPS_PRIV },
	[XS_RESUME] = { ops_no, OPS_PRIV },
};

static int ops_run(struct req *r, unsigned type)
{
	unsigned flags = ops_table[type].flags;
	int rc;

	if (ops_txn_full(r))
		return -ENOSPC;
	rc = ops_table[type].fn(r);
	if (rc || !(flags & OPS_WRITE))
		return rc;
	if (r->x == &r->own) {
		rc = ops_commit(r->c, r->x);
		if (rc)
			return rc;
	}
	return ops_ok(r);
}

void ops_handle(struct conn *c, const struct xsd_sockmsg *h, char *body)
{
	struct req r = { .c = c, .h = h, .body = body };
	int rc;

	txn_open(&r.own, &c->server->db);
	r.x = &r.own;
	if (h->type >= XS_TYPE_COUNT || !ops_table[h->type].fn) {
		rc = -ENOSYS;
		goto out;
	}
	rc = -EACCES;
	if ((ops_table[h->type].flags & OPS_PRIV) && c->dom)
		goto out;
	if (h->tx_id && !(ops_table[h->type].flags & OPS_NOTX)) {
		r.x = *ops_txn(c, h->tx_id);
		rc = -ENOENT;
		if (!r.x)
			goto out;
	}
	rc = ops_run(&r, h->type);
out:
	if (rc)
		ops_error(&r, rc);
	txn_close(&r.own);
}
