// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_doctor.c - doctor: what this kernel and host can do, tried one by one
 *
 * What would change the host is tried by a child in a network namespace of its
 * own, which goes with it; the rest is looked at.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/control.h"
#include "ctl/ctl.h"
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "drops.h"
#include "filter.h"
#include "mode.h"
#include "rules.h"

/* What the child finds: 0 or -errno each. */
struct found {
	int netns, tap, guard;
	char guard_text[ERR_SIZE];
	struct mode_probe mode;
	int feature[FILTER_FEATURES];
};

struct doctor {
	struct ctl *c;
	struct out out;
	struct found f;
	bool sick; /* something that every vif needs is missing */
};

/* --- the child ---------------------------------------------------------------*/

static const char doctor_dev[] = "nbprobe2";

static int doctor_tap(void)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	str_put(r.ifr_name, sizeof(r.ifr_name), doctor_dev);
	if (!ioctl(fd, TUNSETIFF, &r))
		return fd; /* open as long as the child lives */
	rc = -errno;
	close(fd);
	return rc;
}

/* A guard with all that a guard can have: whatever our rules need. */
static int doctor_guard(struct found *f)
{
	struct policy p = { .bridged = true, .has_mac = true, .naddr = 3 };
	struct err e = { "" };
	int rc;

	str_put(p.dev, sizeof(p.dev), doctor_dev);
	vif_parse_mac("00:16:3e:00:00:01", p.mac);
	vif_parse_addr("192.0.2.1", &p.addr[0]);
	vif_parse_addr("198.51.100.0/24", &p.addr[1]);
	vif_parse_addr("2001:db8::1", &p.addr[2]);
	rc = filter_apply(&p, &e);
	str_put(f->guard_text, sizeof(f->guard_text), e.text);
	return rc;
}

static void doctor_child(struct found *f)
{
	unsigned i;
	int rc;

	f->netns = unshare(CLONE_NEWNET) ? -errno : 0;
	if (f->netns)
		return;
	rc = doctor_tap();
	f->tap = rc < 0 ? rc : 0;
	if (mode_probe(doctor_dev, &f->mode, NULL))
		f->mode.bridge = f->mode.port = f->mode.vlan = -EIO;
	for (i = 0; i < FILTER_FEATURES; i++)
		f->feature[i] = filter_probe((enum filter_feature)i,
					     doctor_dev);
	f->guard = f->tap ? f->tap : doctor_guard(f);
}

static int doctor_probe(struct found *f, struct err *e)
{
	int p[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return err_set(e, -errno, "doctor: no pipe");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		doctor_child(f);
		n = write(p[1], f, sizeof(*f));
		_exit(n != (ssize_t)sizeof(*f));
	}
	close(p[1]);
	n = pid < 0 ? -1 : read(p[0], f, sizeof(*f));
	close(p[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return n == (ssize_t)sizeof(*f)
		       ? 0
		       : err_set(e, -EIO, "doctor: the probe did not answer");
}

/* --- saying ------------------------------------------------------------------*/

/* One record. rc 0: fine; means and help are for when it is not. */
static void doctor_say(struct doctor *d, const char *what, bool needed, int rc,
		       const char *found, const char *means, const char *help)
{
	struct out *o = &d->out;

	out_begin(o, what);
	out_str(o, "state", !rc ? "ok" : needed ? "missing" : "limited");
	out_str(o, "found",
		found && found[0] ? found
		: rc < 0	  ? strerror(-rc)
				  : "yes");
	if (rc) {
		out_str(o, "means", means);
		out_str(o, "help", help);
	}
	out_end(o);
	d->sick |= rc && needed;
}

/* --- what the kernel can -----------------------------------------------------*/

static void doctor_links(struct doctor *d)
{
	static const char *const flag[MODE_PROBE_FLAGS] = {
		"locked", "learning", "isolated", "hairpin",
		"flood",  "mcast",    "bcast",
	};
	const struct mode_probe *m = &d->f.mode;
	char missing[96] = "";
	size_t n = 0;
	unsigned i;

	doctor_say(d, "tap", true, d->f.tap, NULL,
		   "netbackd cannot make a vif's device",
		   "modprobe tun; /dev/net/tun must be there");
	doctor_say(d, "bridge", true, m->bridge ? m->bridge : m->port, NULL,
		   "mode=bridge does not work",
		   "modprobe bridge (CONFIG_BRIDGE)");
	for (i = 1; i < MODE_PROBE_FLAGS && !m->port; i++)
		if (m->flag[i])
			n += (size_t)snprintf(missing + n, sizeof(missing) - n,
					      "no %s ", flag[i]);
	doctor_say(d, "locked-ports", false, m->flag[0], NULL,
		   "the guard alone refuses other MACs, the bridge does not",
		   "Linux 5.18 or later");
	doctor_say(d, "port-switches", false, n ? -EOPNOTSUPP : 0, missing,
		   "isolated=, hairpin= or flood= is refused",
		   "a later kernel");
	doctor_say(d, "vlan-filtering", false, m->vlan, NULL,
		   "vlan= is refused",
		   "a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or a bridge "
		   "for each VLAN");
	doctor_say(d, "ipv6", false, m->ipv6, NULL,
		   "IPv6 addresses of routed guests are refused",
		   "boot without ipv6.disable=1");
	doctor_say(d, "ipv6-forwarding-of-one", false, m->force6, NULL,
		   "mode=route with IPv6 switches forwarding on for all "
		   "devices",
		   "Linux 6.17 or later");
}

static void doctor_filter(struct doctor *d)
{
	const int *f = d->f.feature;

	doctor_say(d, "nft-netdev-ingress", true, f[FILTER_NETDEV_INGRESS],
		   NULL, "no vif can have a guard",
		   "a kernel with CONFIG_NF_TABLES_NETDEV");
	doctor_say(d, "nft-netdev-egress", false, f[FILTER_NETDEV_EGRESS], NULL,
		   "what is sent to a guest cannot be judged",
		   "Linux 5.16 or later with CONFIG_NETFILTER_EGRESS");
	doctor_say(d, "guard", true, d->f.guard, d->f.guard_text,
		   "vifs are not attached: there is none without a guard",
		   "a kernel with nf_tables, its sets and counters");
	doctor_say(d, "nft-nat", false, f[FILTER_NAT], NULL,
		   "mode=nat does not work", "modprobe nft_chain_nat nft_masq");
	doctor_say(d, "nft-bridge", false, f[FILTER_BRIDGE], NULL,
		   "no rules of the bridge family",
		   "modprobe nf_tables_bridge "
		   "(CONFIG_NF_TABLES_BRIDGE)");
	doctor_say(d, "nft-bridge-conntrack", false, f[FILTER_BRIDGE_CT], NULL,
		   "bridged connections are followed by br_netfilter only",
		   "modprobe nf_conntrack_bridge "
		   "(CONFIG_NF_CONNTRACK_BRIDGE)");
	doctor_say(d, "nft-bridge-name", false, f[FILTER_BRIDGE_NAME], NULL,
		   "rules of the bridge family cannot name a bridge",
		   "modprobe nft_meta_bridge (CONFIG_NFT_BRIDGE_META)");
	doctor_say(d, "nft-bridge-reject", false, f[FILTER_BRIDGE_REJECT], NULL,
		   "such rules can only drop",
		   "modprobe nft_reject_bridge (CONFIG_NFT_BRIDGE_REJECT)");
	doctor_say(d, "physdev", false, f[FILTER_PHYSDEV], NULL,
		   "vifctl rule cannot add rules with -m physdev to iptables' "
		   "nft variant",
		   "modprobe nft_compat xt_physdev");
}

/* --- what the host is like ---------------------------------------------------*/

static void doctor_br_netfilter(struct doctor *d)
{
	int fd = open("/proc/sys/net/bridge/bridge-nf-call-iptables",
		      O_RDONLY | O_CLOEXEC);
	char c = '0';
	bool there = fd >= 0;

	if (there && read(fd, &c, 1) != 1)
		c = '0';
	if (there)
		close(fd);
	doctor_say(d, "br_netfilter", false, there ? 0 : -ENOENT,
		   there ? "loaded" : "not loaded",
		   "iptables sees no bridged frame: physdev rules never match",
		   "modprobe br_netfilter, or vifctl rule --load-modules");
	if (there)
		doctor_say(d, "br_netfilter-everywhere", false,
			   c == '0' ? 0 : 1,
			   c == '0' ? "off, a bridge is told by itself"
				    : "on for every bridge",
			   "iptables' rules meet the frames of all bridges, "
			   "guests' or not",
			   "sysctl net.bridge.bridge-nf-call-iptables=0 (and "
			   "-ip6tables, -arptables); vifctl rule switches "
			   "single bridges");
}

static void doctor_iptables(struct doctor *d)
{
	struct rules_host h;
	struct err e = { "" };
	int rc = rules_host(&h, &e);
	bool both = !rc && h.nft && h.legacy;

	if (rc) {
		doctor_say(d, "iptables", false, rc, e.text,
			   "vifctl rule may not work", "see the reason");
		return;
	}
	doctor_say(d, "iptables", false, h.has_binary ? 0 : -ENOENT, h.text,
		   "vifctl rule does without it; you cannot look at its rules",
		   "apt-get install iptables");
	doctor_say(d, "iptables-one-variant", false, both,
		   both ? "both variants hold rules" : "yes",
		   "each packet meets both; a rule is seen by one of the tools "
		   "only",
		   "move the rules to one: iptables-legacy-save | "
		   "iptables-nft-restore, then flush the other");
}

static bool doctor_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[512], *copy, *dir, *save = NULL;
	bool found = false;

	copy = strdup(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	for (dir = copy ? strtok_r(copy, ":", &save) : NULL; dir && !found;
	     dir = strtok_r(NULL, ":", &save))
		found = str_fmt(file, sizeof(file), "%s/%s", dir, name) > 0 &&
			!access(file, X_OK);
	free(copy);
	return found;
}

static void doctor_drops(struct doctor *d)
{
	struct err e = { "" };
	int rc = drops_probe(&e);

	doctor_say(d, "drop-monitor", false, rc, rc ? strerror(-rc) : "",
		   "vifctl drops cannot say what the kernel drops",
		   "modprobe drop_monitor (CONFIG_NET_DROP_MONITOR), and the "
		   "host's own network namespace");
}

static void doctor_forwarding(struct doctor *d)
{
	bool on4 = num_switch("/proc/sys/net/ipv4/ip_forward");
	bool on6 = num_switch("/proc/sys/net/ipv6/conf/all/forwarding");
	char found[64];

	snprintf(found, sizeof(found), "IPv4 %s, IPv6 %s", on4 ? "on" : "off",
		 on6 ? "on" : "off");
	doctor_say(d, "forwarding", false, !on4, found,
		   "routed guests reach what their gatewaydev leads to, and "
		   "nothing else",
		   "nothing, or sysctl net.ipv4.ip_forward=1");
}

/* Every bridge, and what is routed. */
static void doctor_forward_policy(struct doctor *d)
{
	struct err note = { "" };
	struct dirent *e;
	char path[300];
	bool drops = filter_forward("", false, &note) == 1;
	DIR *dir = opendir("/sys/class/net");

	doctor_say(d, "forward-policy", false, drops, drops ? note.text : "",
		   "mode=route and mode=nat guests are cut off",
		   "accept their packets there");
	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/net/%.255s/bridge",
			 e->d_name);
		if (e->d_name[0] == '.' || access(path, F_OK) ||
		    filter_forward(e->d_name, false, &note) != 1)
			continue;
		snprintf(path, sizeof(path), "forward-policy-%.255s",
			 e->d_name);
		doctor_say(d, path, false, 1, note.text,
			   "guests of that bridge may hear nothing",
			   "accept their frames there, or leave the bridge "
			   "out of br_netfilter");
	}
	if (dir)
		closedir(dir);
}

static int doctor_network(void *arg, const char *name)
{
	struct doctor *d = arg;
	struct network n;
	struct err note = { "" };
	char what[VIF_NETWORK + 16];

	if (net_load(d->c, name, &n, &note) ||
	    filter_input(&n, d->c->legacy, &note) != 1)
		return 0;
	str_fmt(what, sizeof(what), "network-input-%s", name);
	doctor_say(d, what, false, 1, note.text,
		   "guests of that network get no address, or resolve no name",
		   "accept it there");
	return 0;
}

static void doctor_stores(struct doctor *d)
{
	bool xen = !access("/proc/xen/capabilities", F_OK);
	struct store *s = NULL;
	struct err e = { "" };
	int rc = run_store(d->c, &e);

	doctor_say(d, "store", false, rc, rc ? e.text : "",
		   "no local guests (vifctl attach)",
		   "netbackd --store --run DIR, or netback-store.service");
	rc = control_alive(d->c, &e);
	doctor_say(d, "netbackd", false, rc, rc ? e.text : "",
		   "no local guests (vifctl attach)",
		   "netbackd --run DIR, or netbackd.service");
	rc = store_open(&s, NULL, 0);
	store_close(s);
	doctor_say(d, "xenstore", xen, rc, NULL,
		   "no guests of Xen's toolstacks (vif-bridge)",
		   xen ? "start xenstored" : "nothing, where there is no Xen");
}

static void doctor_all(struct doctor *d)
{
	int ns = d->f.netns;

	doctor_say(d, "privilege", true, ns,
		   ns ? "no new network namespace" : "",
		   "nothing could be tried, and no vif can be attached",
		   "run as root (CAP_NET_ADMIN, CAP_SYS_ADMIN)");
	if (!ns) {
		doctor_links(d);
		doctor_filter(d);
	}
	doctor_br_netfilter(d);
	doctor_iptables(d);
	doctor_drops(d);
	doctor_forwarding(d);
	doctor_forward_policy(d);
	doctor_say(d, "dnsmasq", false, doctor_in_path("dnsmasq") ? 0 : -ENOENT,
		   NULL, "networks (vifctl network) have neither DHCP nor DNS",
		   "apt-get install dnsmasq-base");
	net_each(d->c, doctor_network, d);
	doctor_stores(d);
}

int verb_doctor(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct doctor d = { .c = c };
	int rc;

	if (argc)
		return err_set(e, CTL_USAGE,
			       "doctor: \"%.40s\": no word is expected",
			       argv[0]);
	rc = doctor_probe(&d.f, e);
	if (rc)
		return rc;
	if (out_open(&d.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	doctor_all(&d);
	if (out_close(&d.out))
		return err_set(e, -EIO, "cannot write to stdout");
	return d.sick ? CTL_DIFFERS : 0;
}
