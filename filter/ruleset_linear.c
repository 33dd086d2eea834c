// SPDX-License-Identifier: GPL-2.0-or-later
/* ruleset_linear.c - engine iptables: files of rules as chains of the host's own
 *
 *   INPUT, FORWARD -> netback-rules -> nb-i (by input port), nb-o (by output)
 *   nb-i -> nb-i-vif1 (vif1..) -> .. -> nb-FILE-from-guest
 *
 * physdev has no map, so ports are found by their names' beginnings: a tree in
 * which a thousand ports are some four short chains deep. A leaf goes (-g) to the
 * file's chain, whose end is then the end of the tree. Nothing here accepts.
 */
#include "ruleset_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

enum { LINEAR_WORDS = 12 };

/* A vif's name and the file that is for it. */
struct linear_leaf {
	const char *vif;
	const struct ruleset *s;
};

struct linear {
	struct rules *out;
	bool ip6;
	struct linear_leaf *v;
	size_t n;
	struct err *e;
};

static int linear_add(struct linear *l, const char *chain, const char *test,
		      const char *value, bool goes, const char *to)
{
	const char *argv[LINEAR_WORDS] = { "-A", chain };
	int argc = 2;

	if (test) {
		argv[argc++] = "-m";
		argv[argc++] = "physdev";
		argv[argc++] = test;
		if (value)
			argv[argc++] = value;
	}
	argv[argc++] = goes ? "-g" : "-j";
	argv[argc++] = to;
	return rules_parse(argc, argv, l->ip6 ? 6 : 4, l->out, l->e);
}

static void linear_chain(char to[RULES_CHAIN], const struct ruleset *s,
			 const char *name)
{
	str_fmt(to, RULES_CHAIN, "nb-%s-%s", s->name, name);
}

static bool linear_wild(const char *vif)
{
	size_t n = strlen(vif);

	return n && vif[n - 1] == '+';
}

static int linear_cmp(const void *a, const void *b)
{
	const struct linear_leaf *x = a, *y = b;
	int rc = strcmp(x->vif, y->vif);

	return rc ? rc : strcmp(x->s->name, y->s->name);
}

/* way: 'i' by input port, 'o' by output port. */
static int linear_leaf_add(struct linear *l, const char *chain, char way,
			   const struct linear_leaf *leaf, bool last)
{
	char to[RULES_CHAIN];

	linear_chain(to, leaf->s, way == 'i' ? "from-guest" : "to-guest");
	return linear_add(l, chain,
			  way == 'i' ? "--physdev-in" : "--physdev-out",
			  leaf->vif, last, to);
}

/* How many characters leaves first..end-1 have in common. */
static size_t linear_common(const struct linear *l, size_t first, size_t end)
{
	const char *a = l->v[first].vif, *b = l->v[end - 1].vif;
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* The chain of names that begin with the first c characters of leaf i's. */
static void linear_sub(const struct linear *l, char way, size_t i, size_t c,
		       char sub[RULES_CHAIN])
{
	str_fmt(sub, RULES_CHAIN, "nb-%c-%.*s", way, (int)c, l->v[i].vif);
}

/* The leaves behind i that one rule of a chain is for: one vif's (it may have
 * several files), or all that have the next character in common. *c: how many
 * characters they share.
 */
static size_t linear_group(const struct linear *l, size_t same, size_t i,
			   size_t end, size_t *c)
{
	size_t k = i + 1;

	while (k < end && l->v[k].vif[same] == l->v[i].vif[same])
		k++;
	*c = linear_common(l, i, k);
	if (!l->v[i].vif[*c])
		for (k = i + 1; k < end && !strcmp(l->v[k].vif, l->v[i].vif);)
			k++;
	return k;
}

/* Leaves i..k-1 as one branch of a chain, or as its leaves. */
static int linear_branch(struct linear *l, const char *chain, char way,
			 size_t i, size_t k, size_t c)
{
	char sub[RULES_CHAIN], prefix[IFNAMSIZ + 1];
	int rc = 0;

	if (l->v[i].vif[c]) {
		linear_sub(l, way, i, c, sub);
		str_fmt(prefix, sizeof(prefix), "%.*s+", (int)c, l->v[i].vif);
		return linear_add(l, chain,
				  way == 'i' ? "--physdev-in" : "--physdev-out",
				  prefix, true, sub);
	}
	for (; !rc && i < k; i++) /* the last may be gone to */
		rc = linear_leaf_add(l, chain, way, &l->v[i], i + 1 == k);
	return rc;
}

/* The rules of one chain, then those of the chains below it: leaves
 * first..end-1 have their first `same` characters in common.
 */
static int linear_tree(struct linear *l, const char *chain, char way,
		       size_t same, size_t first, size_t end)
{
	size_t i, k, c;
	int rc = 0;

	for (i = first; !rc && i < end; i = k) {
		k = linear_group(l, same, i, end, &c);
		rc = linear_branch(l, chain, way, i, k, c);
	}
	for (i = first; !rc && i < end; i = k) {
		char sub[RULES_CHAIN];

		k = linear_group(l, same, i, end, &c);
		if (!l->v[i].vif[c])
			continue;
		linear_sub(l, way, i, c, sub);
		rc = linear_tree(l, sub, way, c, i, k);
	}
	return rc;
}

/* Ports by name in a tree; names with a wildcard stand before it, in a row. */
static int linear_ports(struct linear *l, const struct ruleset *const *s,
			size_t n, char way)
{
	const char root[] = { 'n', 'b', '-', way, '\0' };
	const char *test = way == 'i' ? "--physdev-in" : "--physdev-out";
	char to[RULES_CHAIN];
	size_t i, k;
	int rc = 0;

	for (i = 0; i < n; i++)
		for (k = 0; !rc && k < s[i]->nvif; k++) {
			if (!linear_wild(s[i]->vif[k]))
				continue;
			linear_chain(to, s[i],
				     way == 'i' ? "from-guest" : "to-guest");
			rc = linear_add(l, root, test, s[i]->vif[k], false, to);
		}
	if (!rc && l->n)
		rc = linear_tree(l, root, way, 0, 0, l->n);
	return rc;
}

/* A file's own chains, each in one piece. */
static int linear_file(struct linear *l, const struct ruleset *s)
{
	char(*done)[RULES_CHAIN] = calloc(s->rules.n + 1, RULES_CHAIN);
	size_t i, k, ndone = 0;
	int rc = done ? 0 : -ENOMEM;

	for (i = 0; !rc && i < s->rules.n; i++) {
		const char *chain = s->rules.v[i].chain;

		for (k = 0; k < ndone && strcmp(done[k], chain); k++)
			;
		if (k < ndone)
			continue;
		strcpy(done[ndone++], chain);
		for (k = i; !rc && k < s->rules.n; k++) {
			struct rule r = s->rules.v[k];

			if (strcmp(r.chain, chain) || r.ip6 != l->ip6)
				continue;
			linear_chain(r.chain, s, chain);
			if (r.jump[0] && strcmp(r.jump, "DROP") &&
			    strcmp(r.jump, "RETURN"))
				linear_chain(r.jump, s, s->rules.v[k].jump);
			rc = rules_add(l->out, &r);
		}
	}
	free(done);
	return rc;
}

static int linear_leaves(struct linear *l, const struct ruleset *const *s,
			 size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < s[i]->nvif; k++)
			l->n += !linear_wild(s[i]->vif[k]);
	l->v = calloc(l->n + 1, sizeof(*l->v));
	if (!l->v)
		return -ENOMEM;
	for (l->n = i = 0; i < n; i++)
		for (k = 0; k < s[i]->nvif; k++)
			if (!linear_wild(s[i]->vif[k]))
				l->v[l->n++] = (struct linear_leaf){
					s[i]->vif[k], s[i]
				};
	qsort(l->v, l->n, sizeof(*l->v), linear_cmp);
	return 0;
}

/* The whole of what engine iptables wants in one family. */
static int linear_want(const struct ruleset *const *s, size_t n, bool ip6,
		       struct rules *out, struct err *e)
{
	struct linear l = { .out = out, .ip6 = ip6, .e = e };
	size_t i;
	int rc = linear_leaves(&l, s, n);

	if (!rc)
		rc = linear_add(&l, LINEAR_ROOT, "--physdev-is-in", NULL, false,
				"nb-i");
	if (!rc)
		rc = linear_add(&l, LINEAR_ROOT, "--physdev-is-bridged", NULL,
				false, "nb-o");
	if (!rc)
		rc = linear_ports(&l, s, n, 'i');
	if (!rc)
		rc = linear_ports(&l, s, n, 'o');
	for (i = 0; !rc && i < n; i++)
		rc = linear_file(&l, s[i]);
	free(l.v);
	return rc;
}

/* --- against what is there ------------------------------------------------ */

/* Chains of ours and their rules as iptables lists them. */
struct linear_have {
	char *text;
	char **line; /* "-A CHAIN ..": sorted by chain, in order in each */
	size_t n, room;
	char **chain; /* of ours */
	size_t nchain, chainroom;
	bool input, forward; /* the jump to our root is there */
};

static int linear_push(char ***v, size_t *n, size_t *room, char *s)
{
	if (*n == *room) {
		size_t more = *room ? 2 * *room : 64;
		char **to = reallocarray(*v, more, sizeof(*to));

		if (!to)
			return -ENOMEM;
		*v = to;
		*room = more;
	}
	(*v)[(*n)++] = s;
	return 0;
}

static bool linear_ours(const char *chain)
{
	size_t n = strcspn(chain, " ");

	return !strncmp(chain, "nb-", 3) ||
	       (n == strlen(LINEAR_ROOT) && !strncmp(chain, LINEAR_ROOT, n));
}

static int linear_have_line(struct linear_have *h, char *s)
{
	if (!strcmp(s, "-A INPUT -j " LINEAR_ROOT))
		h->input = true;
	if (!strcmp(s, "-A FORWARD -j " LINEAR_ROOT))
		h->forward = true;
	if (strlen(s) < 4 || !linear_ours(s + 3))
		return 0;
	if (s[1] == 'N')
		return linear_push(&h->chain, &h->nchain, &h->chainroom, s + 3);
	return s[1] == 'A' ? linear_push(&h->line, &h->n, &h->room, s) : 0;
}

static void linear_have_close(struct linear_have *h)
{
	free(h->text);
	free(h->line);
	free(h->chain);
}

static int linear_have_open(bool ip6, enum rules_variant v,
			    struct linear_have *h, struct err *e)
{
	size_t size;
	FILE *f = open_memstream(&h->text, &size);
	char *s, *save = NULL;
	int rc;

	if (!f)
		return -ENOMEM;
	rc = rules_list(ip6, "filter", "", v, f, e);
	if (fclose(f) && !rc)
		rc = -ENOMEM;
	for (s = rc ? NULL : strtok_r(h->text, "\n", &save); s && !rc;
	     s = strtok_r(NULL, "\n", &save))
		rc = linear_have_line(h, s);
	return rc;
}

static bool linear_of(const char *line, const char *chain)
{
	size_t n = strlen(chain);

	return !strncmp(line + 3, chain, n) &&
	       (!line[3 + n] || line[3 + n] == ' ');
}

/* Are rules first..end-1 of want what the chain holds? */
static bool linear_same(const struct linear_have *h, const struct rules *want,
			size_t first, size_t end)
{
	const char *chain = want->v[first].chain;
	char text[RULES_TEXT];
	size_t i = 0;

	while (i < h->n && !linear_of(h->line[i], chain))
		i++; /* each chain's lines follow one another */
	for (; first < end; first++, i++)
		if (i == h->n ||
		    rules_print(&want->v[first], text, sizeof(text)) < 0 ||
		    strcmp(text, h->line[i]))
			return false;
	return i == h->n || !linear_of(h->line[i], chain);
}

static int linear_op(struct rules *ops, bool ip6, enum rules_verb verb,
		     const char *chain, const char *jump)
{
	struct rule r = { .verb = (uint8_t)verb, .ip6 = ip6 };

	strcpy(r.table, "filter");
	str_put(r.chain, sizeof(r.chain), chain);
	str_put(r.jump, sizeof(r.jump), jump);
	return rules_add(ops, &r);
}

/* 2 there are rules for it, 1 it is only gone to, 0 it is not wanted. */
static int linear_wants(const struct rules *want, const char *chain)
{
	size_t i;
	int how = 0;

	for (i = 0; how < 2 && i < want->n; i++) {
		if (!strcmp(want->v[i].chain, chain))
			how = 2;
		else if (!strcmp(want->v[i].jump, chain))
			how = 1;
	}
	return how;
}

static bool linear_is(const struct linear_have *h, const char *chain)
{
	size_t i;

	for (i = 0; i < h->nchain; i++)
		if (!strcmp(h->chain[i], chain))
			return true;
	return false;
}

/* Chains first: a rule may go to one that comes later. */
static int linear_make(const struct linear_have *h, const struct rules *want,
		       bool ip6, struct rules *ops)
{
	const char *was = "";
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < want->n; i++) {
		const struct rule *r = &want->v[i];

		if (strcmp(r->chain, was) && !linear_is(h, r->chain))
			rc = linear_op(ops, ip6, RULES_NEW, r->chain, "");
		was = r->chain;
		if (!rc && r->jump[0] && linear_ours(r->jump) &&
		    !linear_is(h, r->jump))
			rc = linear_op(ops, ip6, RULES_NEW, r->jump, "");
	}
	return rc;
}

static int linear_fill(const struct linear_have *h, const struct rules *want,
		       bool ip6, struct rules *ops, unsigned *changed)
{
	size_t i, k;
	int rc = 0;

	for (i = 0; !rc && i < want->n; i = k) {
		for (k = i + 1;
		     k < want->n && !strcmp(want->v[k].chain, want->v[i].chain);
		     k++)
			;
		if (linear_same(h, want, i, k))
			continue;
		++*changed;
		rc = linear_op(ops, ip6, RULES_EMPTY, want->v[i].chain, "");
		for (; !rc && i < k; i++)
			rc = rules_add(ops, &want->v[i]);
	}
	return rc;
}

static bool linear_empty(const struct linear_have *h, const char *chain)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (linear_of(h->line[i], chain))
			return false;
	return true;
}

/* Chains without rules of ours any more: emptied, all of them, then removed. */
static int linear_clean(const struct linear_have *h, const struct rules *want,
			bool ip6, struct rules *ops, unsigned *changed)
{
	size_t i;
	int rc = 0, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; !rc && i < h->nchain; i++) {
			int how = linear_wants(want, h->chain[i]);

			if (how == 2 ||
			    (how && (pass || linear_empty(h, h->chain[i]))))
				continue;
			*changed += !pass;
			rc = linear_op(ops, ip6,
				       pass ? RULES_REMOVE : RULES_EMPTY,
				       h->chain[i], "");
		}
	return rc;
}

static int linear_hooks(const struct linear_have *h, bool wanted, bool ip6,
			struct rules *ops)
{
	static const char *const hook[] = { "INPUT", "FORWARD" };
	const bool has[] = { h->input, h->forward };
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(hook); i++)
		if (has[i] != wanted)
			rc = linear_op(ops, ip6,
				       wanted ? RULES_INSERT : RULES_DELETE,
				       hook[i], LINEAR_ROOT);
	return rc;
}

static int linear_family(const struct ruleset *const *s, size_t n, bool ip6,
			 enum rules_variant v, struct rules *ops,
			 unsigned *changed, struct err *e)
{
	struct linear_have h = { .text = NULL };
	struct rules want = { 0 };
	int rc = linear_have_open(ip6, v, &h, e);

	if (!rc && n)
		rc = linear_want(s, n, ip6, &want, e);
	if (!rc && !n)
		rc = linear_hooks(&h, false, ip6, ops);
	if (!rc)
		rc = linear_make(&h, &want, ip6, ops);
	if (!rc)
		rc = linear_fill(&h, &want, ip6, ops, changed);
	if (!rc)
		rc = linear_clean(&h, &want, ip6, ops, changed);
	if (!rc && n)
		rc = linear_hooks(&h, true, ip6, ops);
	rules_free(&want);
	linear_have_close(&h);
	return rc;
}

int linear_apply(const struct ruleset *const *s, size_t n, enum rules_variant v,
		 FILE *say, struct err *e)
{
	struct rules ops = { 0 };
	unsigned changed = 0;
	int rc = linear_family(s, n, false, v, &ops, &changed, e);

	if (!rc)
		rc = linear_family(s, n, true, v, &ops, &changed, e);
	if (!rc)
		rc = rules_do(&ops, v, e);
	if (!rc && say && changed)
		fprintf(say, "iptables (%s): %u chains changed\n",
			rules_variant_name(v), changed);
	rules_free(&ops);
	return rc;
}

int ruleset_print(const struct ruleset *s, FILE *out, struct err *e)
{
	char text[RULES_TEXT];
	int rc = 0, six;
	size_t i;

	for (six = 0; !rc && six < 2; six++) {
		struct rules want = { 0 };

		rc = linear_want(&s, 1, six, &want, e);
		for (i = 0; !rc && i < want.n; i++)
			if (rules_print(&want.v[i], text, sizeof(text)) > 0)
				fprintf(out, "-%c %s\n", six ? '6' : '4', text);
		rules_free(&want);
	}
	return rc;
}
