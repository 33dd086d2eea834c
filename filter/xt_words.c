// SPDX-License-Identifier: GPL-2.0-or-later
/* xt_words.c - a command line of iptables to rules
 *
 * The frame (addresses, devices, protocol, verdict) is read here; -m and -j
 * words by the host's extensions, which then add their own options. An option
 * that nobody knows yet makes the protocol's own match come, as in iptables.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "xt.h"

struct xt_words {
	int argc, family;
	char **argv;
	struct rules *out;
	int rc; /* of out: -ENOMEM */
	struct rule r;
	union xt_entry *entry; /* what extensions see of it */
	struct xtables_rule_match *matches;
	struct xtables_target *target;
	const char *proto; /* the word after -p */
	bool proto_match;  /* its own match came by itself */
	bool not ;	   /* a '!' stands before */
	bool again;	   /* the word is to be read again */
	bool verb, jump;   /* said already */
	char *src, *dst;   /* may be lists */
	/* the library's arrays while rules are made of them */
	void *addr[2], *mask[2];
	unsigned naddr[2];
};

static void xt_chain(struct xt_words *w, char chain[RULES_CHAIN])
{
	(void)w;
	if (!*optarg || *optarg == '-' || strpbrk(optarg, " \t\n\"!/"))
		xt_fail("'%.40s' is not the name of a chain", optarg);
	if (strlen(optarg) > RULES_CHAIN_MOST)
		xt_fail("'%.40s' is longer than a chain's name may be, 28 "
			"characters",
			optarg);
	str_put(chain, RULES_CHAIN, optarg);
}

/* -I, -D and -R may have a line's number behind the chain. */
static void xt_number(struct xt_words *w, bool must)
{
	const char *s = optind < w->argc ? w->argv[optind] : "";

	if (*s && *s != '-' && *s != '!') {
		if (num_parse(s, UINT32_MAX, &w->r.num) || !w->r.num)
			xt_fail("'%.40s' is not the number of a rule, which "
				"begin at 1",
				s);
		optind++;
	} else if (must) {
		xt_fail("-R %s: which rule? Say its number", w->r.chain);
	}
}

static void xt_verb(struct xt_words *w, int c)
{
	static const char letter[] = { [RULES_APPEND] = 'A',
				       [RULES_INSERT] = 'I',
				       [RULES_DELETE] = 'D',
				       [RULES_REPLACE] = 'R',
				       [RULES_CHECK] = 'C' };
	unsigned i;

	if (w->verb)
		xt_fail("-%c: there is a command already; one of -A, -I, -D, "
			"-R, -C",
			c);
	w->verb = true;
	for (i = 0; i < sizeof(letter); i++)
		if (c == letter[i])
			w->r.verb = (uint8_t)i;
	xt_chain(w, w->r.chain);
	if (c == 'I' || c == 'D' || c == 'R')
		xt_number(w, c == 'R');
}

static void xt_table(struct xt_words *w)
{
	if (rules_table_known(optarg)) {
		strcpy(w->r.table, optarg);
		return;
	}
	xt_fail("-t %.40s: there is no such table; filter, nat, mangle, raw, "
		"security",
		optarg);
}

static void xt_proto(struct xt_words *w)
{
	char *s;

	if (w->proto)
		xt_fail("-p %.40s: there is a protocol already", optarg);
	for (s = optarg; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	w->proto = optarg;
	w->r.proto = (uint8_t)xtables_parse_protocol(optarg);
	w->r.not_proto = w->not ;
	if (!w->r.proto && w->not )
		xt_fail("! -p %.40s: such a rule would never match", optarg);
	xt_entry_fill(&w->r, w->entry);
}

static void xt_dev(struct xt_words *w, char name[IFNAMSIZ], bool *no)
{
	char to[IFNAMSIZ];
	unsigned char mask[IFNAMSIZ];

	if (name[0])
		xt_fail("%.40s: there is a device already", optarg);
	if (!*optarg)
		xt_fail("the name of a device is empty");
	xtables_parse_interface(optarg, to, mask);
	memcpy(name, to, IFNAMSIZ);
	*no = w->not ;
	xt_entry_fill(&w->r, w->entry);
}

static void xt_addr(struct xt_words *w, char **to, bool *no)
{
	if (*to)
		xt_fail("%.40s: there is such an address already", optarg);
	if (!*optarg ||
	    strspn(optarg, "0123456789abcdefABCDEF.:/,") != strlen(optarg))
		xt_fail("'%.60s' is not an address or prefix; names of hosts "
			"are not resolved here",
			optarg);
	if (w->not &&strchr(optarg, ','))
		xt_fail("! cannot stand before several addresses, %.60s",
			optarg);
	*to = optarg;
	*no = w->not ;
}

static void xt_counts(struct xt_words *w)
{
	const char *word[2] = { optarg, NULL };
	uint64_t *to[2] = { &w->r.packets, &w->r.bytes };
	unsigned i;

	if (optind < w->argc)
		word[1] = w->argv[optind++];
	for (i = 0; i < 2; i++) {
		uintmax_t v;
		char *end;

		if (!word[i] ||
		    !xtables_strtoul(word[i], &end, &v, 0, UINT64_MAX) || *end)
			xt_fail("-c: two numbers, of packets and of bytes");
		*to[i] = v;
	}
}

static void xt_merge_options(const struct xt_option_entry *x6,
			     const struct option *extra, unsigned *offset)
{
	struct option *o;

	if (!x6 && !extra)
		return;
	o = x6 ? xtables_options_xfrm(xt_params->orig_opts, xt_params->opts, x6,
				      offset)
	       : xtables_merge_options(xt_params->orig_opts, xt_params->opts,
				       extra, offset);
	if (!o)
		xt_fail("out of memory");
	xt_params->opts = o;
}

static void xt_match(struct xt_words *w, const char *name,
		     enum xtables_tryload how)
{
	struct xtables_match *m;

	if (strchr(name, '/') || strlen(name) >= XT_EXTENSION_MAXNAMELEN)
		xt_fail("-m %.40s: there is no such match", name);
	m = xtables_find_match(name, how, &w->matches);
	if (!m)
		return;
	xt_match_room(m);
	/* a second one of a kind has the first's options */
	if (m != m->next)
		xt_merge_options(m->x6_options, m->extra_opts,
				 &m->option_offset);
}

static void xt_target(struct xt_words *w, bool goes)
{
	struct xtables_target *t;

	if (w->jump)
		xt_fail("-j %.40s: there is a target already", optarg);
	w->jump = true;
	w->r.goes = goes;
	xt_chain(w, w->r.jump);
	if (goes || !strcmp(optarg, "ACCEPT") || !strcmp(optarg, "DROP") ||
	    !strcmp(optarg, "RETURN"))
		return;
	t = xtables_find_target(optarg, XTF_TRY_LOAD);
	if (!t)
		return; /* a chain */
	w->target = t;
	xt_target_room(t, optarg);
	xt_merge_options(t->x6_options, t->extra_opts, &t->option_offset);
}

/* The match of -p's protocol comes once, and only where it is not there. */
static bool xt_proto_load(struct xt_words *w)
{
	struct xtables_rule_match *before = w->matches;
	const struct xtables_rule_match *i;
	const struct protoent *p;
	const char *name = w->proto;
	uint32_t n;

	if (!name || w->proto_match)
		return false;
	if (!num_parse(name, 255, &n)) {
		p = getprotobynumber((int)n);
		if (!p)
			return false;
		name = p->p_name;
	}
	if (!strcmp(name, "icmpv6") || !strcmp(name, "ipv6-icmp"))
		name = "icmp6";
	for (i = before; i; i = i->next)
		if (!strcmp(i->match->name, name))
			return false;
	xt_match(w, name, XTF_TRY_LOAD);
	for (i = w->matches; i; i = i->next)
		if (!strcmp(i->match->name, name)) {
			w->proto_match = true;
			return true;
		}
	return false;
}

/* An option of an extension. True: it was understood. */
static bool xt_option(struct xt_words *w, int c)
{
	struct xtables_target *t = w->target;
	const struct xtables_rule_match *i;
	unsigned n = (unsigned)c;

	if (t && (t->x6_parse || t->parse) && n >= t->option_offset &&
	    n < t->option_offset + 256) {
		xtables_option_tpcall(n, w->argv, w->not, t, w->entry);
		return true;
	}
	for (i = w->matches; i; i = i->next) {
		struct xtables_match *m = i->match;

		if (i->completed || (!m->x6_parse && !m->parse) ||
		    n < m->option_offset || n >= m->option_offset + 256)
			continue;
		xtables_option_mpcall(n, w->argv, w->not, m, w->entry);
		return true;
	}
	return false;
}

static void xt_other(struct xt_words *w, int c)
{
	const char *word = w->argv[optind - 1];

	if (xt_option(w, c))
		return;
	if (xt_proto_load(w)) {
		optind--; /* the same word, now with more options known */
		w->again = true;
		return;
	}
	if (c == ':')
		xt_fail("%.60s: what follows it is missing", word);
	if (!strncmp(word, "--physdev", 9))
		xt_fail("%.60s: say -m physdev before it", word);
	if (strstr(word, "port"))
		xt_fail("%.60s: say -p tcp or -p udp first", word);
	xt_fail("'%.60s' is not a word of iptables, or of an extension that "
		"was named",
		word);
}

static void xt_word(struct xt_words *w, int c)
{
	static const char no_not[] = "AIDRCtmjgcw46";

	if (w->not &&c < 128 && strchr(no_not, c))
		xt_fail("! cannot stand before -%c", c);
	switch (c) {
	case 'A':
	case 'I':
	case 'D':
	case 'R':
	case 'C':
		xt_verb(w, c);
		break;
	case 't':
		xt_table(w);
		break;
	case 's':
		xt_addr(w, &w->src, &w->r.src.not );
		break;
	case 'd':
		xt_addr(w, &w->dst, &w->r.dst.not );
		break;
	case 'i':
		xt_dev(w, w->r.in, &w->r.not_in);
		break;
	case 'o':
		xt_dev(w, w->r.out, &w->r.not_out);
		break;
	case 'p':
		xt_proto(w);
		break;
	case 'f':
		if (w->r.ip6)
			xt_fail("-f is a word of IPv4's rules");
		w->r.frag = !w->not ;
		w->r.not_frag = w->not ;
		break;
	case 'm':
		xt_match(w, optarg, XTF_LOAD_MUST_SUCCEED);
		break;
	case 'j':
	case 'g':
		xt_target(w, c == 'g');
		break;
	case 'c':
		xt_counts(w);
		break;
	case 'w': /* iptables' lock: taken, and waited for, anyway */
	case '4':
	case '6':
		break;
	default: /* not our enum: whatever extensions have added */
		xt_other(w, c);
	}
}

static void xt_ext(struct rules_ext *x, const char *name, uint8_t rev,
		   const void *info, size_t size, size_t user)
{
	str_put(x->name, sizeof(x->name), name);
	x->rev = rev;
	x->size = (uint16_t)size;
	x->user = (uint16_t)user;
	x->info = xtables_calloc(1, size ? size : 1);
	memcpy(x->info, info, size);
}

/* The kernel would read another protocol's header as this one's. */
static void xt_proto_check(const struct rule *r)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} of[] = { { "tcp", IPPROTO_TCP },
		   { "udp", IPPROTO_UDP },
		   { "icmp", IPPROTO_ICMP },
		   { "icmp6", IPPROTO_ICMPV6 } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(of); i++)
		if (rules_match(r, of[i].name) && r->proto != of[i].proto)
			xt_fail("-m %s: say -p %s, too", of[i].name,
				of[i].name);
}

/* What the extensions made, into the rule. */
static void xt_finish(struct xt_words *w)
{
	const struct xtables_rule_match *i;
	struct rule *r = &w->r;

	for (i = w->matches; i; i = i->next)
		xtables_option_mfcall(i->match);
	if (w->target)
		xtables_option_tfcall(w->target);
	for (i = w->matches; i; i = i->next) {
		const struct xtables_match *m = i->match;

		if (r->n == RULES_MATCHES)
			xt_fail("more than %d matches in one rule",
				RULES_MATCHES);
		xt_ext(&r->match[r->n++], m->m->u.user.name,
		       m->m->u.user.revision, m->m->data, m->size,
		       m->userspacesize);
	}
	xt_proto_check(r);
	if (!strcmp(r->table, "nat") && !strcmp(r->jump, "DROP"))
		xt_fail("The \"nat\" table is not intended for filtering, the "
			"use of DROP is therefore inhibited");
	if (w->target) {
		const struct xtables_target *t = w->target;

		r->jump[0] = '\0';
		xt_ext(&r->target, t->t->u.user.name, t->t->u.user.revision,
		       t->t->data, t->size, t->userspacesize);
	}
}

static void xt_addrs(struct xt_words *w, unsigned i, char *s)
{
	if (!s)
		return;
	if (w->r.ip6)
		xtables_ip6parse_multiple(s, (struct in6_addr **)&w->addr[i],
					  (struct in6_addr **)&w->mask[i],
					  &w->naddr[i]);
	else
		xtables_ipparse_multiple(s, (struct in_addr **)&w->addr[i],
					 (struct in_addr **)&w->mask[i],
					 &w->naddr[i]);
}

static void xt_addr_n(const struct xt_words *w, unsigned i, unsigned n,
		      struct rules_addr *a)
{
	size_t size = w->r.ip6 ? 16 : 4;

	if (!w->naddr[i])
		return;
	memcpy(a->addr, (char *)w->addr[i] + n * size, size);
	memcpy(a->mask, (char *)w->mask[i] + n * size, size);
}

/* One rule for each pair of addresses. */
static void xt_emit(struct xt_words *w)
{
	unsigned s, d, n[2], i;

	xt_addrs(w, 0, w->src);
	xt_addrs(w, 1, w->dst);
	for (i = 0; i < 2; i++)
		n[i] = w->naddr[i] ? w->naddr[i] : 1;
	if (n[0] > RULES_PAIRS / n[1])
		xtables_error(PARAMETER_PROBLEM,
			      "%u addresses of -s with %u of -d are more than "
			      "%d rules",
			      n[0], n[1], RULES_PAIRS);
	for (s = 0; !w->rc && s < n[0]; s++)
		for (d = 0; !w->rc && d < n[1]; d++) {
			xt_addr_n(w, 0, s, &w->r.src);
			xt_addr_n(w, 1, d, &w->r.dst);
			w->rc = rules_add(w->out, &w->r);
		}
}

static void xt_words_read(void *arg)
{
	struct xt_words *w = arg;
	int c;

	xt_family(w->r.ip6);
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(w->argc, w->argv,
				"-:A:I:D:R:C:t:s:d:i:o:p:fm:j:g:c:w::46",
				xt_params->opts ? xt_params->opts
						: xt_params->orig_opts,
				NULL)) != -1) {
		if (c != 1) {
			w->again = false;
			xt_word(w, c);
			w->not = w->not &&w->again;
		} else if (strcmp(optarg, "!")) {
			xt_fail("'%.60s' is a word too many, or what stands "
				"before it takes none",
				optarg);
		} else if (w->not ) {
			xt_fail("! is there twice");
		} else {
			w->not = true;
			optarg[0] = '\0'; /* as extensions expect it */
		}
	}
	if (w->not )
		xt_fail("!: what follows it is missing");
	if (optind < w->argc)
		xt_fail("'%.60s' is a word too many", w->argv[optind]);
	if (!w->verb)
		xt_fail("no command; begin with -A, -I, -D, -R or -C and a "
			"chain, as -A FORWARD");
	xt_finish(w);
	xt_emit(w);
}

/* -6, or --ipv6, anywhere; the words of extensions need a family first. */
static int xt_family_said(int argc, const char *const *argv, int family,
			  struct err *e)
{
	int i, said = 0;

	for (i = 0; i < argc; i++) {
		int f = 0;

		if (!strcmp(argv[i], "-4") || !strcmp(argv[i], "--ipv4"))
			f = 4;
		if (!strcmp(argv[i], "-6") || !strcmp(argv[i], "--ipv6"))
			f = 6;
		if (f && ((said && said != f) || (family && family != f)))
			return err_set(e, -EINVAL, "%s: the family is IPv%d",
				       argv[i], said ? said : family);
		said = f ? f : said;
	}
	return said ? said : family ? family : 4;
}

static void xt_words_close(struct xt_words *w)
{
	unsigned i;
	int k;

	if (w->matches)
		xtables_rule_matches_free(&w->matches);
	if (w->target) {
		free(w->target->t);
		w->target->t = NULL;
		/* a target's own list of clones would hold on to it */
		if (w->target == w->target->next)
			free(w->target);
	}
	if (xt_params)
		xtables_free_opts(1);
	for (i = 0; i < 2; i++) {
		free(w->addr[i]);
		free(w->mask[i]);
	}
	for (i = 0; i < w->r.n; i++)
		free(w->r.match[i].info);
	free(w->r.target.info);
	for (k = 1; k < w->argc; k++)
		free(w->argv[k]);
	free(w->argv);
}

/* getopt's first word is not one of the rule's. */
int rules_parse_word(void)
{
	return optind > 2 ? optind - 2 : 0;
}

int xt_words(int argc, const char *const *argv, int family, struct rules *out,
	     struct err *e)
{
	union xt_entry entry;
	struct xt_words w = { .out = out, .entry = &entry };
	size_t had = out->n;
	int i, rc;

	if (argc > RULES_WORDS)
		return err_set(e, -E2BIG, "more than %d words in one rule",
			       RULES_WORDS);
	family = xt_family_said(argc, argv, family, e);
	if (family < 0)
		return family;
	w.r.ip6 = family == 6;
	strcpy(w.r.table, "filter");
	xt_entry_fill(&w.r, &entry);
	/* getopt's first word is the program's */
	w.argv = calloc((size_t)argc + 2, sizeof(*w.argv));
	if (!w.argv)
		return err_set(e, -ENOMEM, "out of memory");
	w.argv[0] = (char *)"vifctl";
	for (i = 0, w.argc = 1; i < argc; i++, w.argc++) {
		w.argv[w.argc] = strdup(argv[i]);
		if (!w.argv[w.argc])
			break;
	}
	rc = i < argc ? err_set(e, -ENOMEM, "out of memory")
		      : xt_try(xt_words_read, &w, e);
	if (!rc && w.rc)
		rc = err_set(e, w.rc, "out of memory");
	while (rc && out->n > had)
		rules_free_last(out);
	xt_words_close(&w);
	return rc;
}
