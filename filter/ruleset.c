// SPDX-License-Identifier: GPL-2.0-or-later
/* ruleset.c - a file of rules for vifs, read */
#include "ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "rules_line.h"

enum { RULESET_VIFS = 65536, RULESET_SETS = 1000, RULESET_CHAINS = 1000 };

struct ruleset_in {
	struct ruleset *s;
	const char *name;
	unsigned line;
	struct rules_line l;
	bool table; /* between *filter and COMMIT */
	char (*chain)[RULES_CHAIN];
	size_t nchain;
	struct err *e;
};

static int ruleset_bad(struct ruleset_in *in, int word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int ruleset_bad(struct ruleset_in *in, int word, const char *fmt, ...)
{
	char why[ERR_SIZE - 100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(in->e, -EINVAL, "%s:%u:%u: %s", in->name, in->line,
		       rules_line_col(&in->l, word), why);
}

/* --- whom, sets ----------------------------------------------------------- */

static int ruleset_vif(struct ruleset_in *in)
{
	struct ruleset *s = in->s;
	int i;

	for (i = 1; i < in->l.n; i++) {
		const char *w = in->l.word[i];
		void *v;

		if (!*w || strlen(w) >= IFNAMSIZ || strpbrk(w, "/ \t:"))
			return ruleset_bad(in, i,
					   "'%.40s' is not the name of a "
					   "device",
					   w);
		if (!strcmp(w, "+"))
			return ruleset_bad(in, i,
					   "'+' is every device; say how their "
					   "names begin, as vif+");
		if (s->nvif == RULESET_VIFS)
			return ruleset_bad(in, i, "more than %d vifs",
					   RULESET_VIFS);
		v = reallocarray(s->vif, s->nvif + 1, sizeof(*s->vif));
		if (!v)
			return -ENOMEM;
		s->vif = v;
		memset(s->vif[s->nvif], 0, IFNAMSIZ);
		strcpy(s->vif[s->nvif++], w);
	}
	return in->l.n > 1 ? 0 : ruleset_bad(in, 0, "vif: which?");
}

static int ruleset_engine_said(struct ruleset_in *in)
{
	static const char *const name[] = { [RULESET_AUTO] = "auto",
					    [RULESET_VIF] = "vif",
					    [RULESET_IPTABLES] = "iptables" };
	unsigned i;

	for (i = 0; in->l.n == 2 && i < ARRAY_SIZE(name); i++)
		if (!strcmp(in->l.word[1], name[i])) {
			in->s->engine = i;
			return 0;
		}
	return ruleset_bad(in, 1, "engine: auto, vif or iptables");
}

static int ruleset_set_put(char **to, const char *w)
{
	size_t had = *to ? strlen(*to) : 0;
	char *s = realloc(*to, had + strlen(w) + 2);

	if (!s)
		return -ENOMEM;
	sprintf(s + had, "%s%s", had ? "," : "", w);
	*to = s;
	return 0;
}

/* 0 IPv4 or a port, 1 IPv6, -EINVAL. */
static int ruleset_set_kind(bool port, const char *w)
{
	const char *slash = strchr(w, '/');
	char addr[INET6_ADDRSTRLEN];
	uint8_t bits[16];
	uint32_t a, b, len;
	const char *colon = strchr(w, ':');
	int six;

	if (port) {
		size_t n = colon ? (size_t)(colon - w) : strlen(w);

		if (n >= sizeof(addr))
			return -EINVAL;
		memcpy(addr, w, n);
		addr[n] = '\0';
		if (num_parse(addr, 65535, &a) ||
		    (colon && (num_parse(colon + 1, 65535, &b) || b < a)))
			return -EINVAL;
		return 0;
	}
	six = colon != NULL;
	if (str_fmt(addr, sizeof(addr), "%.*s",
		    (int)(slash ? (size_t)(slash - w) : strlen(w)), w) < 0 ||
	    inet_pton(six ? AF_INET6 : AF_INET, addr, bits) != 1 ||
	    (slash && num_parse(slash + 1, six ? 128 : 32, &len)))
		return -EINVAL;
	return six;
}

static struct ruleset_set *ruleset_set_find(struct ruleset *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->nset; i++)
		if (!strcmp(s->set[i].name, name))
			return &s->set[i];
	return NULL;
}

static int ruleset_set_new(struct ruleset_in *in, struct ruleset_set **out)
{
	struct ruleset *s = in->s;
	bool port = in->l.n > 2 && !strcmp(in->l.word[2], "port");
	struct ruleset_set *set;

	if (in->l.n < 4 || (!port && strcmp(in->l.word[2], "addr")))
		return ruleset_bad(in, in->l.n - 1,
				   "set: a name, addr or port, and members");
	set = ruleset_set_find(s, in->l.word[1]);
	if (set && set->port != port)
		return ruleset_bad(in, 2, "set %s is of the other kind",
				   set->name);
	if (!set) {
		if (strlen(in->l.word[1]) >= RULES_NAME || !*in->l.word[1])
			return ruleset_bad(in, 1,
					   "a set's name has 1 to %d bytes",
					   RULES_NAME - 1);
		if (s->nset == RULESET_SETS)
			return ruleset_bad(in, 1, "more than %d sets",
					   RULESET_SETS);
		set = reallocarray(s->set, s->nset + 1, sizeof(*set));
		if (!set)
			return -ENOMEM;
		s->set = set;
		set += s->nset++;
		memset(set, 0, sizeof(*set));
		strcpy(set->name, in->l.word[1]);
		set->port = port;
	}
	*out = set;
	return 0;
}

static int ruleset_set(struct ruleset_in *in)
{
	struct ruleset_set *set = NULL;
	int i, rc = ruleset_set_new(in, &set);

	for (i = 3; !rc && i < in->l.n; i++) {
		int kind = ruleset_set_kind(set->port, in->l.word[i]);

		if (kind < 0)
			return ruleset_bad(in, i, "'%.60s' is not %s",
					   in->l.word[i],
					   set->port ? "a port or range, as 80 "
						       "or 8000:8080"
						     : "an address or prefix");
		rc = ruleset_set_put(&set->text[kind], in->l.word[i]);
	}
	return rc;
}

/* --- chains and rules ----------------------------------------------------- */

static bool ruleset_chain_known(const struct ruleset_in *in, const char *name)
{
	size_t i;

	if (!strcmp(name, "from-guest") || !strcmp(name, "to-guest"))
		return true;
	for (i = 0; i < in->nchain; i++)
		if (!strcmp(in->chain[i], name))
			return true;
	return false;
}

/* ":name policy [counters]": what iptables-save writes, too. */
static int ruleset_chain(struct ruleset_in *in)
{
	const char *name = in->l.word[0] + 1;
	size_t most = RULES_CHAIN_MOST - strlen("nb--") - strlen(in->s->name);
	void *v;

	if (!in->table)
		return ruleset_bad(in, 0, "a chain before *filter");
	if (!*name || strlen(name) > most || *name == '-' ||
	    strpbrk(name, "/!\" \t"))
		return ruleset_bad(in, 0,
				   "'%.40s' is not a chain's name of at most "
				   "%zu bytes",
				   name, most);
	if (in->l.n > 1 && strcmp(in->l.word[1], "-"))
		return ruleset_bad(in, 1,
				   "a chain of a file has no policy; say -");
	if (ruleset_chain_known(in, name))
		return 0;
	if (in->nchain == RULESET_CHAINS)
		return ruleset_bad(in, 0, "more than %d chains",
				   RULESET_CHAINS);
	v = reallocarray(in->chain, in->nchain + 1, sizeof(*in->chain));
	if (!v)
		return -ENOMEM;
	in->chain = v;
	memset(in->chain[in->nchain], 0, RULES_CHAIN);
	strcpy(in->chain[in->nchain++], name);
	return 0;
}

/* 4, 6 or 0 for both: by -4 and -6, else by what the words show. */
static int ruleset_family(const struct ruleset_in *in)
{
	bool four = false, six = false;
	int i;

	for (i = 0; i < in->l.n; i++) {
		const char *w = in->l.word[i],
			   *was = i ? in->l.word[i - 1] : "";
		bool addr = !strcmp(was, "-s") || !strcmp(was, "-d") ||
			    !strcmp(was, "--source") || !strcmp(was, "--src") ||
			    !strcmp(was, "--destination") ||
			    !strcmp(was, "--dst");
		bool proto = !strcmp(was, "-p") || !strcmp(was, "--protocol");

		if (!strcmp(w, "-4") || (addr && *w != '@' && strchr(w, '.')) ||
		    (proto && !strcmp(w, "icmp")) || strstr(w, "--icmp-"))
			four = true;
		if (!strcmp(w, "-6") || (addr && *w != '@' && strchr(w, ':')) ||
		    (proto && (!strcmp(w, "icmpv6") || !strcmp(w, "icmp6") ||
			       !strcmp(w, "ipv6-icmp"))))
			six = true;
	}
	return four == six ? 0 : four ? 4 : 6;
}

/* Words with sets in place. 1: a set has no member of this family. */
static int ruleset_expand(struct ruleset_in *in, bool ip6, const char **argv)
{
	int i;

	for (i = 0; i < in->l.n; i++) {
		const char *w = in->l.word[i], *text;
		struct ruleset_set *set;

		argv[i] = w;
		if (*w != '@')
			continue;
		set = ruleset_set_find(in->s, w + 1);
		if (!set)
			return ruleset_bad(in, i,
					   "there is no set %.40s; make it "
					   "above with: set %.40s addr|port ..",
					   w + 1, w + 1);
		text = set->text[set->port ? 0 : ip6];
		if (!text)
			return 1;
		argv[i] = text;
	}
	return 0;
}

/* What a file's rule may do: nothing that would pass over the administrator's
 * own rules, or reach chains of his.
 */
static int ruleset_allowed(struct ruleset_in *in, const struct rule *r)
{
	const char *j = r->jump;

	if (r->verb != RULES_APPEND)
		return ruleset_bad(in, 0, "only -A stands in a file");
	if (strcmp(r->table, "filter"))
		return ruleset_bad(in, 0, "only table filter");
	if (!ruleset_chain_known(in, r->chain))
		return ruleset_bad(in, 0,
				   "there is no chain %s here; from-guest, "
				   "to-guest, or make it: :%s - [0:0]",
				   r->chain, r->chain);
	if (!strcmp(j, "ACCEPT"))
		return ruleset_bad(in, in->l.n - 1,
				   "ACCEPT would pass over the administrator's "
				   "own rules; RETURN lets pass what they let "
				   "pass");
	if (*j && strcmp(j, "DROP") && strcmp(j, "RETURN") &&
	    (!ruleset_chain_known(in, j) || !strcmp(j, "from-guest") ||
	     !strcmp(j, "to-guest")))
		return ruleset_bad(in, in->l.n - 1,
				   "-j %s: no target that this host knows, and "
				   "no chain of this file",
				   j);
	if (rules_match(r, "physdev"))
		return ruleset_bad(in, 0,
				   "-m physdev is not said in a file: `vif` "
				   "says whom it is for");
	if (r->in[0] || r->out[0])
		return ruleset_bad(in, 0,
				   "-i and -o are bridges here, not vifs; "
				   "`vif` says whom the file is for");
	return 0;
}

/* What a rule logs begins with its id and, where its chain tells, the way. */
static int ruleset_id(struct ruleset_in *in, struct rule *r)
{
	struct xt_nflog_info *l = (void *)r->target.info;
	char was[sizeof(l->prefix)];

	if (strcmp(r->target.name, "NFLOG"))
		return 0;
	memcpy(was, l->prefix, sizeof(was));
	was[sizeof(was) - 1] = '\0';
	memset(l->prefix, 0, sizeof(l->prefix));
	if (str_fmt(l->prefix, sizeof(l->prefix), "%s:%u%s%s%s", in->s->name,
		    in->line,
		    !strcmp(r->chain, "from-guest") ? "f"
		    : !strcmp(r->chain, "to-guest") ? "t"
						    : "",
		    *was ? " " : "", was) < 0)
		return ruleset_bad(in, in->l.n - 1,
				   "the prefix is too long beside the rule's "
				   "id, %s:%u",
				   in->s->name, in->line);
	return 0;
}

static int ruleset_rule_of(struct ruleset_in *in, int family)
{
	struct rules *rs = &in->s->rules;
	const char *argv[RULES_WORDS];
	struct err why = { "" };
	size_t had = rs->n;
	int rc = ruleset_expand(in, family == 6, argv);

	if (rc)
		return rc > 0 ? 0 : rc;
	rc = rules_parse(in->l.n, argv, family, rs, &why);
	if (rc)
		return ruleset_bad(in, rules_parse_word(), "%s", why.text);
	if (rs->n > RULESET_RULES)
		return ruleset_bad(in, 0, "more than %d rules", RULESET_RULES);
	for (; !rc && had < rs->n; had++) {
		rs->v[had].line = in->line;
		rc = ruleset_allowed(in, &rs->v[had]);
		if (!rc && rules_never(&rs->v[had], &why))
			rc = ruleset_bad(in, 0, "%s", why.text);
		if (!rc)
			rc = ruleset_id(in, &rs->v[had]);
	}
	return rc;
}

static int ruleset_rule(struct ruleset_in *in)
{
	uint64_t count[2];
	int family, rc;

	if (!in->table)
		return ruleset_bad(in, 0, "a rule before *filter");
	/* as -save -c writes: not ours to set */
	if (rules_line_counters(&in->l, &count[0], &count[1]) < 0)
		return ruleset_bad(in, 0, "[packets:bytes]: two numbers");
	family = ruleset_family(in);
	if (family)
		return ruleset_rule_of(in, family);
	rc = ruleset_rule_of(in, 4);
	return rc ? rc : ruleset_rule_of(in, 6);
}

static int ruleset_line(struct ruleset_in *in)
{
	const char *w = in->l.n ? in->l.word[0] : "";

	if (!*w)
		return 0;
	if (!strcmp(w, "vif"))
		return ruleset_vif(in);
	if (!strcmp(w, "engine"))
		return ruleset_engine_said(in);
	if (!strcmp(w, "group") && in->l.n == 1) {
		in->s->group = true;
		return 0;
	}
	if (!strcmp(w, "set"))
		return ruleset_set(in);
	if (!strcmp(w, "*filter") && in->l.n == 1) {
		in->table = true;
		return 0;
	}
	if (!strcmp(w, "COMMIT") && in->l.n == 1 && in->table) {
		in->table = false;
		return 0;
	}
	if (*w == ':')
		return ruleset_chain(in);
	if (*w == '-' || *w == '[')
		return ruleset_rule(in);
	return ruleset_bad(
		in, 0,
		"'%.40s' begins no line; vif, group, engine, set, *filter, "
		":CHAIN, -A or COMMIT",
		w);
}

static int ruleset_named(struct ruleset *s, const char *name, struct err *e)
{
	const char *base = strrchr(name, '/');
	size_t n;

	base = base ? base + 1 : name;
	n = strlen(base);
	if (n > 6 && !strcmp(base + n - 6, ".rules"))
		n -= 6;
	if (!n || n >= RULESET_NAME ||
	    strspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_-.") < n)
		return err_set(e, -EINVAL,
			       "%s: the name before .rules becomes part of "
			       "chains' names: 1 to %d letters, digits, - _ .",
			       name, RULESET_NAME - 1);
	memcpy(s->name, base, n);
	return 0;
}

int ruleset_parse(const char *name, const char *text, size_t size,
		  struct ruleset **out, struct err *e)
{
	struct ruleset_in *in = calloc(1, sizeof(*in));
	struct ruleset *s = calloc(1, sizeof(*s));
	struct err why = { "" };
	size_t at = 0;
	int rc = -ENOMEM;

	if (!in || !s)
		goto out;
	in->s = s;
	in->name = name;
	in->e = e;
	rc = ruleset_named(s, name, e);
	while (!rc && at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t n = end ? (size_t)(end - text) - at : size - at;

		in->line++;
		rc = rules_line(&in->l, text + at, n, RULES_QUOTES_FREE, &why);
		rc = rc ? ruleset_bad(in, in->l.n - 1, "%s", why.text)
			: ruleset_line(in);
		at += n + 1;
	}
	if (!rc && in->table)
		rc = ruleset_bad(in, 0, "*filter has no COMMIT");
	if (!rc && !s->nvif && !s->group)
		rc = ruleset_bad(in, 0,
				 "no line says whom it is for, as: vif "
				 "vif1.0; or group, for attach's rules=");
out:
	if (rc == -ENOMEM)
		err_set(e, rc, "%s: out of memory", name);
	if (in)
		free(in->chain);
	free(in);
	if (rc)
		ruleset_free(s);
	else
		*out = s;
	return rc;
}

void ruleset_free(struct ruleset *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->nset; i++) {
		free(s->set[i].text[0]);
		free(s->set[i].text[1]);
	}
	free(s->set);
	free(s->vif);
	rules_free(&s->rules);
	free(s);
}
