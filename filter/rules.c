// SPDX-License-Identifier: GPL-2.0-or-later
/* rules.c - iptables' words to a rule, and back; pure but for rules_bridge */
#include "rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "physdev.h"

struct rules_words {
	int argc;
	const char *const *argv;
	int i;	       /* of the word being read */
	bool not ;     /* a '!' stands before it */
	bool physdev;  /* -m physdev was said */
	uint8_t ports; /* -m tcp or udp was said: its protocol */
	bool verb;     /* -A, -I, -D or -C was said */
	char letter;   /* second of the word's short form */
	struct err *e;
};

static int rules_next(struct rules_words *w, const char **out)
{
	const char *word = w->argv[w->i];

	*out = "";
	if (w->i + 1 == w->argc)
		return err_set(w->e, -EINVAL, "%s: what follows it is missing",
			       word);
	*out = w->argv[++w->i];
	return 0;
}

static int rules_bad(struct rules_words *w, const char *word, const char *why)
{
	return err_set(w->e, -EINVAL, "%s '%s': %s", word, w->argv[w->i], why);
}

static int rules_take_chain(struct rules_words *w, char chain[RULES_CHAIN])
{
	const char *word = w->argv[w->i], *s;
	int rc = rules_next(w, &s);

	if (!rc && (!*s || *s == '-' || strpbrk(s, " \t\n\"!")))
		rc = rules_bad(w, word, "not the name of a chain");
	else if (!rc && str_put(chain, RULES_CHAIN, s))
		rc = rules_bad(w, word, "longer than 28 characters");
	return rc;
}

static int rules_take_verb(struct rules_words *w, struct rule *r)
{
	static const char letter[] = { [RULES_APPEND] = 'A',
				       [RULES_INSERT] = 'I',
				       [RULES_DELETE] = 'D',
				       [RULES_CHECK] = 'C' };
	unsigned i;

	if (w->verb)
		return err_set(w->e, -EINVAL,
			       "%s: there is a command already; one of -A, "
			       "-I, -D, -C",
			       w->argv[w->i]);
	w->verb = true;
	for (i = 0; i < sizeof(letter); i++)
		if (w->letter == letter[i])
			r->verb = (uint8_t)i;
	return rules_take_chain(w, r->chain);
}

static int rules_take_table(struct rules_words *w, struct rule *r)
{
	const char *s;
	int rc = rules_next(w, &s);

	(void)r;
	if (!rc && strcmp(s, "filter"))
		rc = err_set(w->e, -EOPNOTSUPP,
			     "-t %s: only table filter is known here; use "
			     "iptables itself",
			     s);
	return rc;
}

static int rules_take_addr(struct rules_words *w, struct rules_addr *a)
{
	const char *word = w->argv[w->i], *s, *slash;
	uint32_t len = 32;
	char buf[INET_ADDRSTRLEN];
	unsigned i;
	int rc = rules_next(w, &s);

	if (rc)
		return rc;
	slash = strchr(s, '/');
	if (a->given)
		return rules_bad(w, word, "is there twice");
	if ((slash && num_parse(slash + 1, 32, &len)) ||
	    snprintf(buf, sizeof(buf), "%.*s",
		     (int)(slash ? (size_t)(slash - s) : strlen(s)),
		     s) >= (int)sizeof(buf) ||
	    inet_pton(AF_INET, buf, a->addr) != 1)
		return rules_bad(w, word,
				 "not an IPv4 address or prefix, as 10.0.0.2 "
				 "or 10.0.0.0/24");
	a->given = len > 0 || w->not ; /* iptables leaves out 0.0.0.0/0 */
	a->not = w->not ;
	a->len = (uint8_t)len;
	for (i = len; i < 32; i++)
		a->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return 0;
}

static int rules_take_src(struct rules_words *w, struct rule *r)
{
	return rules_take_addr(w, &r->src);
}

static int rules_take_dst(struct rules_words *w, struct rule *r)
{
	return rules_take_addr(w, &r->dst);
}

static int rules_take_proto(struct rules_words *w, struct rule *r)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = { { "tcp", IPPROTO_TCP },
		      { "udp", IPPROTO_UDP },
		      { "icmp", IPPROTO_ICMP } };
	const char *word = w->argv[w->i], *s;
	uint32_t n = 0;
	unsigned i;
	int rc = rules_next(w, &s);

	if (rc)
		return rc;
	if (r->proto)
		return rules_bad(w, word, "there is a protocol already");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(s, known[i].name))
			n = known[i].proto;
	if (!n && (num_parse(s, 255, &n) || !n))
		return rules_bad(w, word, "tcp, udp, icmp or 1..255 is known");
	r->proto = (uint8_t)n;
	r->not_proto = w->not ;
	return 0;
}

static int rules_take_match(struct rules_words *w, struct rule *r)
{
	const char *s;
	int rc = rules_next(w, &s);

	if (rc)
		return rc;
	if (!strcmp(s, "physdev")) {
		w->physdev = true;
		return 0;
	}
	if (strcmp(s, "tcp") && strcmp(s, "udp"))
		return err_set(w->e, -EOPNOTSUPP,
			       "-m %s: only physdev, tcp and udp are known "
			       "here; use iptables itself",
			       s);
	w->ports = !strcmp(s, "tcp") ? IPPROTO_TCP : IPPROTO_UDP;
	if (r->proto != w->ports || r->not_proto)
		return err_set(w->e, -EINVAL, "-m %s: say -p %s before it", s,
			       s);
	r->ports_first = !w->physdev;
	return 0;
}

static int rules_take_port(struct rules_words *w, struct rule *r)
{
	const char *word = w->argv[w->i], *s;
	bool src = !strcmp(word, "--sport") || !strcmp(word, "--source-port");
	struct rules_port *p = src ? &r->sport : &r->dport;
	uint32_t n;
	int rc = rules_next(w, &s);

	if (rc)
		return rc;
	if ((r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP) ||
	    r->not_proto)
		return err_set(w->e, -EINVAL, "%s: say -p tcp or -p udp first",
			       word);
	if (p->given)
		return rules_bad(w, word, "is there twice");
	if (strchr(s, ':'))
		return err_set(w->e, -EOPNOTSUPP,
			       "%s %s: ranges are not known here; use "
			       "iptables itself",
			       word, s);
	if (num_parse(s, 65535, &n))
		return rules_bad(w, word, "not a port, 0..65535");
	if (!r->sport.given && !r->dport.given && !w->ports)
		r->ports_first = !w->physdev;
	p->given = true;
	p->not = w->not ;
	p->port = (uint16_t)n;
	return 0;
}

static int rules_take_dev(struct rules_words *w, char name[IFNAMSIZ])
{
	const char *word = w->argv[w->i], *s;
	int rc = rules_next(w, &s);

	if (rc)
		return rc;
	if (!*s || strpbrk(s, " \t\n/!\""))
		return rules_bad(w, word, "not the name of a device");
	if (!strcmp(s, "+"))
		return rules_bad(w, word,
				 "matches every port; say which, or leave it "
				 "out");
	if (str_put(name, IFNAMSIZ, s))
		return rules_bad(w, word, "longer than 15 characters");
	return 0;
}

static int rules_take_physdev(struct rules_words *w, struct rule *r)
{
	static const struct {
		const char *word;
		uint8_t bit;
	} known[] = {
		{ "--physdev-in", RULES_IN },
		{ "--physdev-out", RULES_OUT },
		{ "--physdev-is-in", RULES_IS_IN },
		{ "--physdev-is-out", RULES_IS_OUT },
		{ "--physdev-is-bridged", RULES_BRIDGED },
	};
	const char *word = w->argv[w->i];
	uint8_t bit = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(word, known[i].word))
			bit = known[i].bit;
	if (!w->physdev)
		return err_set(w->e, -EINVAL, "%s: say -m physdev before it",
			       word);
	if (r->physdev & bit)
		return err_set(w->e, -EINVAL, "%s is there twice", word);
	r->physdev |= bit;
	if (w->not )
		r->not_physdev |= bit;
	if (bit == RULES_IN)
		return rules_take_dev(w, r->in);
	return bit == RULES_OUT ? rules_take_dev(w, r->out) : 0;
}

static int rules_take_target(struct rules_words *w, struct rule *r)
{
	static const char *const other[] = { "REJECT", "LOG", "NFLOG",
					     "MARK",   "CT",  "NFQUEUE" };
	unsigned i;
	int rc = rules_take_chain(w, r->target);

	for (i = 0; !rc && i < ARRAY_SIZE(other); i++)
		if (!strcmp(r->target, other[i]))
			rc = err_set(w->e, -EOPNOTSUPP,
				     "-j %s: only ACCEPT, DROP, RETURN and "
				     "chains are known here; use iptables "
				     "itself",
				     r->target);
	return rc;
}

struct rules_word {
	const char *a, *b; /* short and long */
	bool may_not;	   /* '!' may stand before it */
	int (*take)(struct rules_words *w, struct rule *r);
};

static const struct rules_word rules_known[] = {
	{ "-A", "--append", false, rules_take_verb },
	{ "-I", "--insert", false, rules_take_verb },
	{ "-D", "--delete", false, rules_take_verb },
	{ "-C", "--check", false, rules_take_verb },
	{ "-t", "--table", false, rules_take_table },
	{ "-s", "--source", true, rules_take_src },
	{ "-d", "--destination", true, rules_take_dst },
	{ "-p", "--protocol", true, rules_take_proto },
	{ "-m", "--match", false, rules_take_match },
	{ "-j", "--jump", false, rules_take_target },
	{ "--sport", "--source-port", true, rules_take_port },
	{ "--dport", "--destination-port", true, rules_take_port },
	{ "--physdev-in", NULL, true, rules_take_physdev },
	{ "--physdev-out", NULL, true, rules_take_physdev },
	{ "--physdev-is-in", NULL, true, rules_take_physdev },
	{ "--physdev-is-out", NULL, true, rules_take_physdev },
	{ "--physdev-is-bridged", NULL, true, rules_take_physdev },
};

static int rules_word(struct rules_words *w, struct rule *r)
{
	const char *s = w->argv[w->i];
	const struct rules_word *k = NULL;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(rules_known); i++)
		if (!strcmp(s, rules_known[i].a) ||
		    (rules_known[i].b && !strcmp(s, rules_known[i].b)))
			k = &rules_known[i];
	if (!k)
		return err_set(w->e, -EOPNOTSUPP,
			       "'%s' is not known here; vifctl(8) lists the "
			       "words that are, iptables knows the others",
			       s);
	if (w->not &&!k->may_not)
		return err_set(w->e, -EINVAL, "! cannot stand before %s", s);
	w->letter = k->a[1];
	return k->take(w, r);
}

int rules_parse(int argc, const char *const *argv, struct rule *out,
		struct err *e)
{
	struct rules_words w = { .argc = argc, .argv = argv, .e = e };
	struct rule r = { 0 };
	int rc = 0;

	for (; !rc && w.i < argc; w.i++) {
		if (!strcmp(argv[w.i], "!")) {
			rc = w.not ? err_set(e, -EINVAL, "! is there twice")
				   : 0;
			w.not = true;
			continue;
		}
		rc = rules_word(&w, &r);
		w.not = false;
	}
	if (!rc && w.not )
		rc = err_set(e, -EINVAL, "!: what follows it is missing");
	if (!rc && !w.verb)
		rc = err_set(e, -EINVAL,
			     "no command; begin with -A, -I, -D or -C and a "
			     "chain, as -A FORWARD");
	if (!rc && w.physdev && !r.physdev)
		rc = err_set(e, -EINVAL,
			     "-m physdev: say at least one of its options, as "
			     "--physdev-in vif1.0");
	if (!rc && r.sport.not &&r.dport.not )
		rc = err_set(e, -EOPNOTSUPP,
			     "! --sport with ! --dport: iptables-nft 1.8 "
			     "writes it as 'not both'; make two rules of it");
	if (!rc)
		rc = physdev_check(&r, e);
	if (!rc)
		*out = r;
	return rc;
}

/* --- text ----------------------------------------------------------------- */

struct rules_out {
	char *buf;
	size_t size, len;
};

static void rules_say(struct rules_out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void rules_say(struct rules_out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->len >= o->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->size - o->len, fmt, ap);
	va_end(ap);
	o->len += n < 0 ? o->size : (size_t)n;
}

static void rules_say_addr(struct rules_out *o, const struct rules_addr *a,
			   const char *word)
{
	if (a->given)
		rules_say(o, "%s %s %u.%u.%u.%u/%u", a->not ? " !" : "", word,
			  a->addr[0], a->addr[1], a->addr[2], a->addr[3],
			  a->len);
}

/* iptables, too, looks into /etc/protocols. */
static const char *rules_proto(uint8_t proto, char buf[4])
{
	const struct protoent *p = getprotobynumber(proto);

	if (p)
		return p->p_name;
	snprintf(buf, 4, "%u", proto);
	return buf;
}

static void rules_say_bit(struct rules_out *o, const struct rule *r,
			  uint8_t bit, const char *word, const char *name)
{
	if (r->physdev & bit)
		rules_say(o, "%s --physdev-%s%s%s",
			  r->not_physdev & bit ? " !" : "", word,
			  *name ? " " : "", name);
}

static void rules_say_physdev(struct rules_out *o, const struct rule *r)
{
	if (!r->physdev)
		return;
	rules_say(o, " -m physdev");
	rules_say_bit(o, r, RULES_IS_IN, "is-in", "");
	rules_say_bit(o, r, RULES_IN, "in", r->in);
	rules_say_bit(o, r, RULES_IS_OUT, "is-out", "");
	rules_say_bit(o, r, RULES_OUT, "out", r->out);
	rules_say_bit(o, r, RULES_BRIDGED, "is-bridged", "");
}

static void rules_say_ports(struct rules_out *o, const struct rule *r)
{
	if (!r->sport.given && !r->dport.given)
		return;
	rules_say(o, " -m %s", r->proto == IPPROTO_TCP ? "tcp" : "udp");
	if (r->sport.given)
		rules_say(o, "%s --sport %u", r->sport.not ? " !" : "",
			  r->sport.port);
	if (r->dport.given)
		rules_say(o, "%s --dport %u", r->dport.not ? " !" : "",
			  r->dport.port);
}

int rules_print(const struct rule *r, char *buf, size_t size)
{
	struct rules_out o = { buf, size, 0 };
	char num[4];

	rules_say(&o, "-A %s", r->chain);
	rules_say_addr(&o, &r->src, "-s");
	rules_say_addr(&o, &r->dst, "-d");
	if (r->proto)
		rules_say(&o, "%s -p %s", r->not_proto ? " !" : "",
			  rules_proto(r->proto, num));
	if (r->ports_first)
		rules_say_ports(&o, r);
	rules_say_physdev(&o, r);
	if (!r->ports_first)
		rules_say_ports(&o, r);
	if (r->target[0])
		rules_say(&o, " -j %s", r->target);
	return o.len < o.size ? (int)o.len : -ENOSPC;
}

/* --- br_netfilter --------------------------------------------------------- */

static int rules_bridge_on(const char *bridge, struct err *e)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path),
		 "/sys/class/net/%s/bridge/nf_call_iptables", bridge);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, -EOPNOTSUPP,
			       "%s: this kernel has no br_netfilter, so "
			       "bridged frames meet no iptables rule; load "
			       "the module br_netfilter (it switches itself on "
			       "for every bridge: set "
			       "net.bridge.bridge-nf-call-iptables=0 then)",
			       bridge);
	if (fd < 0 || write(fd, "1", 1) != 1)
		rc = err_set(e, -errno, "%s: cannot set nf_call_iptables: %s",
			     bridge, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

int rules_bridge(const char *port, char bridge[IFNAMSIZ], struct err *e)
{
	char path[128], to[256];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/brport/bridge", port);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return err_set(e, -ENOENT,
			       "%s is not a port of a bridge now; attach it, "
			       "then add the rule again or set "
			       "nf_call_iptables on its bridge",
			       port);
	to[n] = '\0';
	name = strrchr(to, '/');
	name = name ? name + 1 : to;
	if (str_put(bridge, IFNAMSIZ, name))
		return err_set(e, -EINVAL, "%s: a bridge without a name", port);
	return rules_bridge_on(bridge, e);
}

static int rules_bridge_of(const char *port, struct err *note, struct err *e)
{
	char bridge[IFNAMSIZ];
	struct err own = { "" };
	size_t n = strlen(port);
	int rc;

	if (!n || port[n - 1] == '+')
		return 0;
	rc = rules_bridge(port, bridge, &own);
	if (rc == -ENOENT)
		return err_set(note, 0, "%s", own.text);
	return rc ? err_set(e, rc, "%s", own.text) : 0;
}

int rules_run(int argc, const char *const *argv, struct err *note,
	      struct err *e)
{
	struct rule r;
	int rc = rules_parse(argc, argv, &r, e);

	if (!rc && (r.verb == RULES_APPEND || r.verb == RULES_INSERT)) {
		rc = rules_bridge_of(r.in, note, e);
		if (!rc)
			rc = rules_bridge_of(r.out, note, e);
	}
	return rc ? rc : rules_do(&r, e);
}
