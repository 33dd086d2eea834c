// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_network.c - vifctl network: add, set, delete, list, show, apply */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "filter.h"
#include "mode.h"

/* --- add ---------------------------------------------------------------------------*/

/* The asked-for subnet, or the first that nobody's route leads to. */
static int net_subnet(struct network *n, int six, struct err *e)
{
	char dev[IFNAMSIZ], text[64], id[64];
	unsigned i;
	int rc = 0;

	if (n->no[six])
		return 0;
	if (n->addr[six].family) {
		rc = mode_network_taken(&n->addr[six], n->bridge, dev, e);
		vif_print_addr(&n->addr[six], text, sizeof(text));
		return rc == 1 ? err_set(e, -EADDRINUSE,
					 "subnet%s: %s is in use, %s leads "
					 "there (ip route); choose another, or "
					 "leave it out",
					 six ? "6" : "", text, dev)
			       : rc;
	}
	ctl_host_id(id, sizeof(id));
	for (i = 0; i < NETWORK_TRIES; i++) {
		network_subnet(n->name, id, six ? AF_INET6 : AF_INET, i,
			       &n->addr[six]);
		rc = mode_network_taken(&n->addr[six], n->bridge, dev, e);
		if (rc != 1)
			return rc;
	}
	return err_set(e, -EADDRINUSE,
		       "subnet: this host has routes to all that could be "
		       "chosen; name one with subnet=");
}

static int net_undo(struct ctl *c, const struct network *n, bool all,
		    struct err *e)
{
	struct err later;
	int rc = mode_network_down(n, e), r;

	if (rc == -EBUSY)
		return rc;
	r = dns_stop(c, n->name, rc ? &later : e);
	rc = rc ? rc : r;
	r = filter_network(n, false, rc ? &later : e);
	rc = rc ? rc : r;
	r = net_forget(c, n, all, rc ? &later : e);
	return rc ? rc : r;
}

int net_up(struct ctl *c, const struct network *n, struct err *e)
{
	int rc = mode_network_up(n, e);

	if (!rc)
		rc = filter_network(n, true, e);
	if (!rc && !n->no_dhcp)
		rc = dns_start(c, n, e);
	return rc;
}

/* keep: it is to come back with the host, and perhaps it does just now: with the
 * subnets that it had, if they are free.
 */
static void net_subnets_again(struct ctl *c, struct network *n)
{
	char dev[IFNAMSIZ];
	struct network was;
	unsigned i;

	if (net_load_kept(c, n->name, &was))
		return;
	for (i = 0; i < 2; i++)
		if (!n->no[i] && !n->addr[i].family && was.addr[i].family &&
		    !mode_network_taken(&was.addr[i], n->bridge, dev, NULL))
			n->addr[i] = was.addr[i];
}

static int net_new(struct ctl *c, struct network *n, bool keep, struct err *e)
{
	struct err no;
	int rc;

	if (keep)
		net_subnets_again(c, n);
	rc = net_subnet(n, 0, e);
	if (!rc)
		rc = net_subnet(n, 1, e);
	if (!rc)
		rc = network_check(n, e);
	if (!rc && keep)
		rc = net_keep(c, n->name, e);
	if (!rc)
		rc = net_save(c, n, e);
	if (!rc)
		rc = net_up(c, n, e);
	if (rc)
		net_undo(c, n, false, &no);
	return rc;
}

/* Words that are given once more say the same, or they are refused. */
static int net_again(struct ctl *c, const struct network *now, int argc,
		     char **argv, struct err *e)
{
	char a[NETWORK_TEXT], b[NETWORK_TEXT];
	struct network want = *now;
	int i, rc = 0;

	for (i = 1; i < argc && !rc; i++) {
		struct network one;

		want.given = 0;
		if (!strncmp(argv[i], "forward=", 8))
			want.nforward = 0;
		if (!strncmp(argv[i], "dns=", 4))
			want.ndns = 0;
		rc = network_init(&one, now->name, e);
		if (!rc)
			rc = network_parse(&want, argv[i], e);
	}
	if (rc)
		return rc;
	network_print(now, a, sizeof(a));
	network_print(&want, b, sizeof(b));
	if (strcmp(a, b))
		return err_set(e, -EEXIST,
			       "network %s: it is there, as %.300s; delete it "
			       "first to change it",
			       now->name, a);
	return net_up(c, now, e);
}

static int net_add(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct network n, now;
	int i, rc = network_init(&n, argv[0], e), lock;

	for (i = 1; i < argc && !rc; i++)
		rc = network_parse(&n, argv[i], e);
	if (!rc)
		rc = network_check(&n, e);
	if (rc)
		return CTL_USAGE;
	rc = n.no_dhcp ? 0 : dns_there(e);
	if (rc)
		return rc;
	run_hold_signals();
	rc = lock = net_lock(c, n.name, e);
	if (lock < 0)
		return rc;
	rc = net_load(c, n.name, &now, e);
	if (!rc)
		rc = net_again(c, &now, argc, argv, e);
	else if (rc == -ENOENT)
		rc = net_new(c, &n, false, e);
	net_unlock(c, n.name, lock);
	if (!rc)
		net_warn(c, n.name);
	return rc;
}

static int net_delete(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct network n;
	int rc = network_init(&n, argv[0], e), lock;

	(void)argc;
	if (rc)
		return CTL_USAGE;
	run_hold_signals();
	rc = lock = net_lock(c, n.name, e);
	if (lock < 0)
		return rc;
	rc = net_load(c, argv[0], &n, e);
	if (!rc)
		rc = net_undo(c, &n, true, e);
	net_unlock(c, n.name, lock);
	return rc;
}

/* --- set -----------------------------------------------------------------------------*/

/* What guests stand on. */
static int net_fixed(const struct network *now, const struct network *want,
		     struct err *e)
{
	const char *key = NULL;

	if (now->kind != want->kind)
		key = "kind";
	if (memcmp(&now->addr[0], &want->addr[0], sizeof(now->addr[0])) ||
	    now->no[0] != want->no[0])
		key = "subnet";
	if (memcmp(&now->addr[1], &want->addr[1], sizeof(now->addr[1])) ||
	    now->no[1] != want->no[1])
		key = "subnet6";
	return key ? err_set(e, -EBUSY,
			     "network %s: %s cannot change while there are "
			     "guests that stand on it; delete the network, and "
			     "make it anew",
			     now->name, key)
		   : 0;
}

/* dnsmasq reads its configuration when it starts; guests keep what they have. */
static int net_dns_again(struct ctl *c, const struct network *was,
			 const struct network *now, struct err *e)
{
	bool same = was->no_dhcp == now->no_dhcp && was->ndns == now->ndns &&
		    !memcmp(was->dns, now->dns,
			    now->ndns * sizeof(now->dns[0])) &&
		    !strcmp(was->tftp, now->tftp) &&
		    !strcmp(was->boot, now->boot);
	int rc = same ? 0 : dns_stop(c, now->name, e);

	return rc || now->no_dhcp ? rc : dns_start(c, now, e);
}

/* All of it, or as it was. 1: something changed. */
static int net_to(struct ctl *c, const struct network *now,
		  const struct network *want, struct err *e)
{
	char a[NETWORK_TEXT], b[NETWORK_TEXT];
	struct err no;
	int rc = net_fixed(now, want, e);

	if (!rc)
		rc = network_check(want, e);
	if (!rc && !want->no_dhcp)
		rc = dns_there(e);
	if (!rc)
		rc = mode_network_up(want, e);
	if (!rc)
		rc = filter_network(now, true, e);
	if (rc)
		return rc;
	rc = filter_forwards(now, want, e);
	if (rc)
		return rc;
	rc = net_dns_again(c, now, want, e);
	if (!rc)
		rc = net_save(c, want, e);
	if (rc) {
		filter_forwards(want, now, &no);
		net_dns_again(c, want, now, &no);
		return rc;
	}
	network_print(now, a, sizeof(a));
	network_print(want, b, sizeof(b));
	return strcmp(a, b) != 0;
}

static int net_set(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct network now, want;
	int i, lock, rc = network_init(&want, argv[0], e);

	if (rc)
		return CTL_USAGE;
	run_hold_signals();
	rc = lock = net_lock(c, argv[0], e);
	if (lock < 0)
		return rc;
	rc = net_load(c, argv[0], &now, e);
	want = now;
	for (i = 1; !rc && i < argc; i++)
		if (network_change(&want, argv[i], e))
			rc = CTL_USAGE;
	if (!rc)
		rc = net_to(c, &now, &want, e);
	net_unlock(c, argv[0], lock);
	return rc == 1 && !e->text[0] ? 0 : rc;
}

/* --- apply ---------------------------------------------------------------------------*/

/* Words of a file for a network which is there: as they say, and where they say
 * nothing of a subnet the one that it has.
 */
static int net_apply_locked(struct ctl *c, struct network *n, struct err *e)
{
	struct network now;
	unsigned i;
	int rc = net_load(c, n->name, &now, e);

	if (rc == -ENOENT) {
		e->text[0] = '\0';
		rc = net_new(c, n, true, e);
		return rc ? rc : 1;
	}
	for (i = 0; i < 2; i++)
		if (!n->no[i] && !n->addr[i].family)
			n->addr[i] = now.addr[i];
	return rc ? rc : net_to(c, &now, n, e);
}

int net_apply(struct ctl *c, const char *name, int argc, char **argv,
	      struct err *e)
{
	struct network n;
	int i, lock, rc = network_init(&n, name, e);

	for (i = 0; i < argc && !rc; i++)
		rc = network_parse(&n, argv[i], e);
	if (!rc)
		rc = network_check(&n, e);
	if (!rc && !n.no_dhcp)
		rc = dns_there(e);
	if (rc)
		return rc;
	rc = lock = net_lock(c, name, e);
	if (lock >= 0) {
		rc = net_apply_locked(c, &n, e);
		net_unlock(c, name, lock);
	}
	return rc;
}

/* --- show --------------------------------------------------------------------------*/

struct net_shown {
	struct ctl *c;
	struct out *out;
	struct err *e;
};

static int net_show_one(void *arg, const char *name)
{
	static const char *const key[] = { "subnet", "subnet6" };
	struct net_shown *s = arg;
	char text[NETWORK_TEXT];
	struct network n;
	unsigned i;
	int pid, rc = net_load(s->c, name, &n, s->e);

	if (rc)
		return rc;
	out_begin(s->out, n.name);
	out_str(s->out, "kind", network_kind_name(n.kind));
	out_str(s->out, "bridge", n.bridge);
	for (i = 0; i < 2; i++)
		if (n.addr[i].family &&
		    vif_print_addr(&n.addr[i], text, sizeof(text)) > 0)
			out_str(s->out, key[i], text);
	pid = dns_pid(s->c, n.name);
	if (pid)
		out_num(s->out, "dnsmasq", pid);
	else
		out_null(s->out, "dnsmasq");
	if (network_print(&n, text, sizeof(text)) > 0)
		out_str(s->out, "words", text);
	out_end(s->out);
	return 0;
}

/* A line of dnsmasq's: expiry MAC address name id; "duid .." before IPv6's. */
static void net_show_lease(struct net_shown *s, const char *network, char *line)
{
	char *word[5] = { NULL }, *save;
	unsigned n = 0;

	for (line = strtok_r(line, " \n", &save); line && n < 5;
	     line = strtok_r(NULL, " \n", &save))
		word[n++] = line;
	if (n < 4 || !strcmp(word[0], "duid"))
		return;
	out_begin(s->out, strcmp(word[3], "*") ? word[3] : word[2]);
	out_str(s->out, "network", network);
	out_str(s->out, "ip", word[2]);
	out_str(s->out, strchr(word[1], ':') ? "mac" : "iaid", word[1]);
	out_str(s->out, "expires", word[0]);
	out_end(s->out);
}

static int net_show_leases(struct net_shown *s, const char *name)
{
	char path[NET_PATH], line[512];
	FILE *f;
	int rc = net_path(s->c, name, "leases", path);

	f = rc ? NULL : fopen(path, "re");
	if (!f)
		return 0; /* none yet */
	while (fgets(line, sizeof(line), f))
		net_show_lease(s, name, line);
	fclose(f);
	return 0;
}

static int net_show(struct ctl *c, const char *name, struct err *e)
{
	struct out out;
	struct net_shown s = { .c = c, .out = &out, .e = e };
	int rc;

	if (out_open(&out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = name ? net_show_one(&s, name) : net_each(c, net_show_one, &s);
	if (!rc && name)
		rc = net_show_leases(&s, name);
	if (rc)
		out_drop(&out);
	else if (out_close(&out))
		rc = err_set(e, -EIO, "cannot write to stdout");
	return rc;
}

int verb_network(struct ctl *c, int argc, char **argv, struct err *e)
{
	const char *verb = argc ? argv[0] : "";

	if (!strcmp(verb, "list") && argc == 1)
		return net_show(c, NULL, e);
	if (!strcmp(verb, "show") && argc == 2)
		return net_show(c, argv[1], e);
	if (!strcmp(verb, "add") && argc > 1)
		return net_add(c, argc - 1, argv + 1, e);
	if (!strcmp(verb, "set") && argc > 2)
		return net_set(c, argc - 1, argv + 1, e);
	if (!strcmp(verb, "apply") && argc <= 2)
		return apply_networks(c, argc > 1 ? argv[1] : NULL, e);
	if (!strcmp(verb, "delete") && argc == 2)
		return net_delete(c, argc - 1, argv + 1, e);
	return err_set(e, CTL_USAGE,
		       "network: say add NAME [key=value ..], set NAME "
		       "key=value .., delete NAME, list, show NAME, or apply "
		       "[DIR]");
}
