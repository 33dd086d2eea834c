// SPDX-License-Identifier: GPL-2.0-or-later
/* vifctl.c - the control plane: a table of verbs; runs, does and exits */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/hotplug.h"
#include "ctl/rulefiles.h"

#ifndef NETBACK_VERSION
#define NETBACK_VERSION "0.1"
#endif

enum { WAIT_S = 10, WAIT_MAX_S = 3600, USAGE_ARGS = 29 };

struct verb {
	const char *name, *args;
	ctl_verb_fn *run;
	const char *what; /* one line */
	const char *more; /* for help VERB */
};

static int verb_hotplug(struct ctl *c, int argc, char **argv, struct err *e)
{
	return hotplug_run(c, "hotplug", argc, argv, e);
}

static const struct verb verbs[] = {
	{ "attach", "vifN.M [key=value ..]", verb_attach,
	  "make the vif, put its guard in place, bring it up",
	  "The words are the whole configuration: a key left out has its\n"
	  "default, except mac, which stays. Attaching twice equals once; of\n"
	  "an attached vif all may change but mac, mode, gatewaydev, gateway\n"
	  "and vifname.\n"
	  "With --dry-run only the plan is printed; with -v also.\n" },
	{ "set", "vifN.M key=value ..", verb_set,
	  "change an attached vif while its guest runs",
	  "Keys that are not named stay; key=default puts one back to its\n"
	  "default. All changes are made, or none. mac= is what the guest may\n"
	  "send from now on: it has to change its card, too. mode, vifname,\n"
	  "gatewaydev and gateway cannot change.\n" },
	{ "apply", "[DIR]", verb_apply,
	  "attach the vifs that files name, as at boot",
	  "DIR: /etc/netback/vifs.d. Each file vifN.M.vif holds the words of\n"
	  "one vif; '#' begins a comment. One bad file does not stop "
	  "others.\n" },
	{ "move", "vifN.M bridge=NAME", verb_move,
	  "to another bridge, without unplugging it",
	  "As set with bridge= alone. The guard stands all the time.\n" },
	{ "detach", "vifN.M", verb_detach,
	  "undo all of attach; what is gone already is fine",
	  "Asks the guest to let go, waits (see --wait), then takes\n"
	  "away the host's side and both directories.\n" },
	{ "plan", "vifN.M [key=value ..]", verb_plan,
	  "print the steps and the guard's rules, do nothing",
	  "Without words: the plan of the vif as it is attached.\n" },
	{ "show", "[stats|ring|metrics] [vifN.M]", verb_show,
	  "one record for each vif; stats: every counter by name",
	  "Text: a line of key=value words. --json: an array of objects.\n" },
	{ "check", "[vifN.M]", verb_check,
	  "does the host still look as attach left it?",
	  "Exit status 0: yes. 3: no, with a line for each difference.\n" },
	{ "repair", "[vifN.M]", verb_repair, "mend what check finds",
	  "A line for each difference, and whether it is mended. What cannot\n"
	  "be mended, such as a device that is gone: exit status 1.\n" },
	{ "doctor", "", verb_doctor,
	  "what this kernel and host can do, and what to do about the rest",
	  "Each is tried, in a network namespace that is thrown away. Exit\n"
	  "status 3: something is missing that every vif needs.\n" },
	{ "gc", "", verb_gc,
	  "remove what killed programs left and nobody holds",
	  "Guards of devices that are gone, bridges made by create=yes "
	  "without\n"
	  "a port, vifs half attached or half detached, their taps and locks.\n"
	  "With --dry-run nothing is removed, exit status 3 if there is "
	  "any.\n" },
	{ "network", "add|set|delete|show NAME, ..", verb_network,
	  "networks of guests: addresses, NAT, DHCP, DNS, by name",
	  "add NAME [kind=nat|hostonly|isolated|open] [subnet=ADDR/LEN|none]\n"
	  "  [subnet6=ADDR/64|none] [forward=tcp:PORT:ADDR:PORT,..] [dhcp=no]\n"
	  "  [dns=ADDR,..] [tftp=DIR] [boot=FILE]\n"
	  "A guest is in it by mode=nat network=NAME. Adding twice equals "
	  "once,\n"
	  "and starts a dnsmasq that died. show: its guests' leases, too.\n"
	  "set NAME forward+=.. forward-=.. dns=.. dhcp=.. tftp=.. boot=..:\n"
	  "while its guests run; KEY=default as a new one has it. list.\n"
	  "apply [DIR]: those of DIR/NAME.network, which come back at boot;\n"
	  "default: /etc/netback/networks.d.\n" },
	{ "rules", "check|print|apply|add [FILE ..]", verb_rules,
	  "files of rules for vifs, all or nothing",
	  "Default: /etc/netback/rules.d. check: touches nothing, and says\n"
	  "line and column of what is wrong, or which engine carries each\n"
	  "file. print: the rules as iptables would have them. apply: what\n"
	  "the files ask for, and nothing else of theirs, is in place. add:\n"
	  "these files alone (engine vif), others are left as they are.\n"
	  "A folder stands for its *.rules.\n" },
	{ "rule", "add|delete|list|.. -- WORDS", verb_rule,
	  "an administrator's rules for bridged ports, as iptables has them",
	  "WORDS: what would follow `iptables`, such as\n"
	  "  -A FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged\n"
	  "  -p tcp --dport 5201 -j DROP\n"
	  "The rule is iptables' own: -S, -C and -D know it. The bridge of\n"
	  "the ports named is told to call iptables; no other bridge is.\n"
	  "check: exit status 3 when there is no such rule.\n"
	  "  add, insert, delete, replace, check [options] -- WORDS\n"
	  "  list [options] [-t TABLE] [CHAIN]; save [options] [-t TABLE]\n"
	  "  restore [options] [--noflush] [--test] [FILE]\n"
	  "  flush [options] [-t TABLE] CHAIN; variant\n"
	  "options: -4, -6, --variant nft|legacy, --force (a rule that can\n"
	  "never match is added, with a warning), --load-modules (may load\n"
	  "br_netfilter, and leaves it off for every other bridge).\n" },
	{ "daemon", "upgrade [PROGRAM]", verb_daemon,
	  "another netbackd takes over from the one that runs",
	  "PROGRAM: the netbackd beside vifctl. Guests stay connected and see\n"
	  "a pause. Under a service manager restart it there instead.\n" },
	{ "import", "FILE [key=value ..]", verb_import,
	  "what a file of xl, xend or libvirt would attach",
	  "FILE: xl's domain file or xl.conf, xend-config.sxp, libvirt's "
	  "domain\n"
	  "XML, - for standard input. It is read, never run.\n"
	  "  conf=FILE       defaults, as xl.conf has them (none: of no file)\n"
	  "  strict=yes      refuse what xl only happens to take\n"
	  "  domain=N        for the vifs' names\n"
	  "  attach=yes      attach those whose backend is this host\n" },
	{ "explain", "--in DEV [--out DEV] ..", verb_explain,
	  "what the live ruleset does with a frame, and whose rule",
	  "  vifctl explain --in vif1.0 --out vif2.0 \\\n"
	  "      tcp 10.0.0.2:1234 '>' 10.0.0.3:22\n"
	  "Without --out: for the host. Protocols: tcp, udp, icmp, icmp6,\n"
	  "arp, or a number without ports. MACs are those of the vifs, or\n"
	  "  --smac MAC  --dmac MAC  --mark NUMBER\n"
	  "Instead of words:\n"
	  "  --hex HEX      a frame from its destination MAC on\n"
	  "  --pcap FILE    each frame of it\n"
	  "A line for each rule that applies, then the verdict.\n" },
	{ "watch", "guard|hotplug", verb_watch,
	  "stay, and put back guards, or serve a toolstack's vifs",
	  "hotplug: what xl devd does for vifs in a driver domain: online and\n"
	  "offline for each backend/vif directory whose script is one of "
	  "ours,\n"
	  "in this process. A line for each.\n"
	  "guard: a line for each time: which vif, which process did it, and "
	  "how\n"
	  "long it took. A rule that is not ours is never put back. Ends by\n"
	  "SIGINT or SIGTERM.\n" },
	{ "guard", "pause|resume vifN.M", verb_guard,
	  "let watch leave a guard alone; have it back",
	  "pause changes no rule: it says that whoever removes the guard\n"
	  "means it. resume puts it back where it is missing.\n" },
	{ "bridge", "close BRIDGE [PORT|router=PORT ..]|open BRIDGE|show",
	  verb_bridge,
	  "let frames pass on a bridge only for ports that are known",
	  "Known are vifs with a guard, and the ports named; when a bridge\n"
	  "is closed first, those it has. Who comes later, or is renamed, is\n"
	  "shut until it is a vif of ours or close is told its name. What\n"
	  "is a vif's own, MAC and addresses, passes from it alone; behind\n"
	  "router=PORT is a router that passes on what guests send.\n" },
	{ "log", "[-g GROUP] [-w FILE] [DEVICE]", verb_log,
	  "what rules with -j NFLOG say, as JSON lines or pcap",
	  "  -g GROUP  the rules' --nflog-group, default 0\n"
	  "  -c COUNT  to end after\n"
	  "  -w FILE   packets as pcap instead; - for stdout\n"
	  "A line has time, vif, way, rule (FILE:LINE, of vifctl rules),\n"
	  "prefix, addresses and ports. Ends by ^C.\n" },
	{ "drops", "[-c COUNT] [--json] [DEVICE]", verb_drops,
	  "each packet of vifs that the kernel drops, and why",
	  "  -c COUNT  to end after\n"
	  "A line has time, vif, way, the kernel's reason and place, the\n"
	  "packet, and by which rule, as explain finds it. Needs the\n"
	  "kernel's drop monitor (modprobe drop_monitor). Ends by ^C.\n" },
	{ "hotplug", "online|offline|.. [VAR=VAL ..]", verb_hotplug,
	  "what Xen's toolstack runs when a vif comes or goes",
	  "As the program vif-bridge, which is a link to this one; the\n"
	  "environment and the words are a hotplug script's. See\n"
	  "vif-bridge(8).\n" },
	{ "capture", "vifN.M [-w FILE] [filter ..]", verb_capture,
	  "frames that pass the vif, as pcap",
	  "  -w FILE   where to; - or nothing: stdout, as tcpdump -r - reads "
	  "it\n"
	  "  -s BYTES  to keep of each frame, default all\n"
	  "  -c FRAMES to end after\n"
	  "The filter is libpcap's, see pcap-filter(7). Options stand before\n"
	  "it. Ends by ^C, or when the vif is detached.\n" },
};

static const char keys_text[] =
	"keys:\n"
	"  mac=xx:xx:xx:xx:xx:xx  the guest's address (default: generated)\n"
	"  mode=bridge|route|nat  how the host's side is attached\n"
	"  network=NAME           mode=nat: a card in that network\n"
	"  bridge=NAME            default xenbr0\n"
	"  gatewaydev=NAME        mode=route: the device to the world\n"
	"  gateway=ADDR[,ADDR]    mode=route: the host's address on the vif\n"
	"  vifname=NAME           the host's device, default vifN.M\n"
	"  ip=ADDR[/LEN][,..]     the only sources the guest may use; what\n"
	"                         mode=route routes to it; learn: the first\n"
	"                         it sends from; dhcp: what it is given\n"
	"  pair=MAC/ADDR[,..]     one more source each, as VRRP's\n"
	"  allow=dhcp-server,router,shared  what else no guest may be, have\n"
	"  mtu=BYTES              default: the bridge's, the gatewaydev's\n"
	"  isolated=yes|no        may it reach other isolated vifs?\n"
	"  hairpin, flood, mcast_flood, bcast_flood=yes|no  of its port\n"
	"  vlan=10p/20-30u        the port's VLANs\n"
	"  rate=10Mb/s[@20ms]     what may pass, both ways together\n"
	"  create=yes|no          make the bridge if there is none\n"
	"  link=up|down           down: no frame passes\n"
	"  packets=N/s            at most so many frames from the guest\n"
	"  connections=N/s        .. and new connections of TCP\n"
	"  rules=FILE[,..]        files of rules that come and go with it\n"
	"  accept=auto|always     rules that accept, where the host drops\n"
	"  direct=yes|no          frames to others with it pass by the host\n";

static const struct verb *verb_find(const char *name)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* What it does stands in a column; behind longer words, in the next line. */
static void usage_verb(FILE *f, const char *name, const char *args,
		       const char *what)
{
	bool longer = strlen(args) >= USAGE_ARGS;

	fprintf(f, "  %-8s%-*s%s", name, USAGE_ARGS, args, longer ? "\n" : "");
	fprintf(f, "%*s%s\n", longer ? 10 + USAGE_ARGS : 0, "", what);
}

static void usage(FILE *f)
{
	unsigned i;

	fputs("usage: vifctl [--run DIR] [--wait SECONDS] [--json] [-v] "
	      "[--dry-run] VERB ..\n",
	      f);
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		usage_verb(f, verbs[i].name, verbs[i].args, verbs[i].what);
	usage_verb(f, "help", "[VERB]", "more about one verb");
	fputs(keys_text, f);
	fputs("exit status: 0 done, 1 failed, 2 bad usage or bad words, "
	      "3 check found differences\n",
	      f);
}

static int help(int argc, char **argv, struct err *e)
{
	const struct verb *v;

	if (!argc) {
		usage(stdout);
		return 0;
	}
	v = verb_find(argv[0]);
	if (!v)
		return err_set(e, CTL_USAGE,
			       "help: there is no verb \"%.40s\"; see vifctl "
			       "help",
			       argv[0]);
	printf("usage: vifctl %s %s\n%s.\n\n%s", v->name, v->args, v->what,
	       v->more);
	return 0;
}

static int set_run(struct ctl *c, const char *dir, struct err *e)
{
	if (!dir[0] || str_put(c->run, sizeof(c->run), dir))
		return err_set(e, CTL_USAGE,
			       "--run: a directory's name of 1 to %d bytes is "
			       "expected",
			       CTL_RUN - 1);
	return 0;
}

static int set_wait(struct ctl *c, const char *text, struct err *e)
{
	uint32_t n;

	if (num_parse(text, WAIT_MAX_S, &n))
		return err_set(e, CTL_USAGE,
			       "--wait: seconds are expected, 0 to %d",
			       WAIT_MAX_S);
	c->wait_ms = n * 1000;
	return 0;
}

/* Returns 0 to go on, 1 when all is done, CTL_USAGE. */
static int options(struct ctl *c, int argc, char **argv, const char *shorts,
		   struct err *e)
{
	static const struct option longs[] = {
		{ "run", required_argument, NULL, 'r' },
		{ "wait", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int o, rc = 0;

	opterr = optind = 0; /* begin anew */
	while (!rc && (o = getopt_long(argc, argv, shorts, longs, NULL)) >= 0)
		switch (o) {
		case 'r':
			rc = set_run(c, optarg, e);
			break;
		case 'w':
			rc = set_wait(c, optarg, e);
			break;
		case 'j':
			c->json = true;
			break;
		case 'v':
			c->verbose = true;
			break;
		case 'n':
			c->dry_run = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		case 'V':
			puts("vifctl (netback) " NETBACK_VERSION);
			return 1;
		default:
			return err_set(e, CTL_USAGE,
				       "bad option \"%.40s\"; see vifctl "
				       "--help",
				       argv[optind - 1]);
		}
	return rc;
}

static int dispatch(struct ctl *c, int argc, char **argv, struct err *e)
{
	const struct verb *v;

	if (!argc)
		return err_set(e, CTL_USAGE, "no verb; see vifctl --help");
	if (!strcmp(argv[0], "help"))
		return help(argc - 1, argv + 1, e);
	v = verb_find(argv[0]);
	if (!v)
		return err_set(e, CTL_USAGE,
			       "there is no verb \"%.40s\"; see vifctl --help",
			       argv[0]);
	if (c->dry_run && v->run != verb_attach && v->run != verb_plan &&
	    v->run != verb_gc)
		return err_set(e, CTL_USAGE,
			       "--dry-run: only attach and gc have one; see "
			       "vifctl plan");
	return v->run(c, argc - 1, argv + 1, e);
}

/* Options before the verb; those behind it too, unless it has its own. *argc and
 * *argv become the verb and its words.
 */
static int words(struct ctl *c, int *argc, char ***argv, struct err *e)
{
	int rc = options(c, *argc, *argv, "+r:w:jvnhV", e);
	const struct verb *v;
	char *verb;

	*argc -= optind;
	*argv += optind;
	if (rc || !*argc)
		return rc;
	verb = **argv;
	v = verb_find(verb);
	if (v && (v->run == verb_capture || v->run == verb_rule ||
		  v->run == verb_explain || v->run == verb_log ||
		  v->run == verb_drops))
		return 0;
	rc = options(c, *argc, *argv, "r:w:jvnhV", e);
	*argc -= optind - 1;
	*argv += optind - 1;
	**argv = verb;
	return rc;
}

int main(int argc, char **argv)
{
	const char *run = getenv("NETBACK_RUN");
	struct ctl c = { .wait_ms = WAIT_S * 1000, .legacy = explain_legacy };
	struct err e = { "" };
	int rc;

	log_open("vifctl", LOG_WARN);
	host_rules_use(&rulefiles_host);
	rc = set_run(&c, run && run[0] ? run : "/run/netback", &e);
	if (!rc)
		rc = words(&c, &argc, &argv, &e);
	if (rc == 1)
		return CTL_DONE;
	if (!rc)
		rc = dispatch(&c, argc, argv, &e);
	store_close(c.store);
	if (e.text[0] && rc && rc != CTL_DIFFERS)
		fprintf(stderr, "vifctl: %s\n", e.text);
	return rc < 0 ? CTL_FAILED : rc;
}
