// SPDX-License-Identifier: GPL-2.0-or-later
/* vifguest.c - a guest in a network namespace, its eth0 on a vif's rings
 *
 * One process moves frames and follows the store; COMMAND is its child. The
 * namespace has no name: it is gone with the last process in it.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "err.h"
#include "front/bus.h"
#include "front/guest.h"
#include "front/private.h"
#include "front/pump.h"
#include "vif.h"

enum {
	GUEST_IPS = 16,
	GUEST_WAIT_MS = 10000,
	GUEST_NO_SG_MTU = 1500,
	EXIT_USAGE = 2,
	EXIT_NO_GUEST = 125, /* ours, as env(1) and timeout(1) have it */
	EXIT_NO_EXEC = 126,
	EXIT_NO_COMMAND = 127,
};

/* A queue of eth0 and the queue of the vif that it goes to. */
struct lane {
	struct pump pump;
	struct loop_fd *tap_src, *rx_src, *tx_src;
	bool rang, tap_on;
	bool unused; /* the kernel gives it no frames */
};

struct vifguest {
	/* asked for */
	uint16_t domid, handle;
	const char *run, *dev;
	const char *ip[GUEST_IPS];
	unsigned nip;
	bool has_mac, stats;
	uint32_t queues;
	uint8_t mac[6];
	uint32_t mtu;
	unsigned wait_ms;
	struct front_profile as; /* with what the options took away */
	struct steer_wish wish;
	char **command;
	struct private private; /* without --vif */
	/* is */
	struct loop *loop;
	struct loop_fd *sig_src;
	struct bus *bus;
	struct lane lane[BUS_QUEUES];
	unsigned lanes; /* that are connected: lane[0].. */
	int sig;
	bool stop;
	pid_t child;
	int status;
	char name[IFNAMSIZ];
};

static const struct option vifguest_options[] = {
	{ "vif", required_argument, NULL, 'v' },
	{ "ip", required_argument, NULL, 'i' },
	{ "host-ip", required_argument, NULL, 'H' },
	{ "mac", required_argument, NULL, 'm' },
	{ "mtu", required_argument, NULL, 't' },
	{ "run", required_argument, NULL, 'r' },
	{ "dev", required_argument, NULL, 'd' },
	{ "wait", required_argument, NULL, 'w' },
	{ "profile", required_argument, NULL, 'p' },
	{ "single-channel", no_argument, NULL, '1' },
	{ "queues", required_argument, NULL, 'q' },
	{ "no-sg", no_argument, NULL, 'S' },
	{ "no-gso", no_argument, NULL, 'G' },
	{ "no-csum", no_argument, NULL, 'C' },
	{ "no-rx-notify", no_argument, NULL, 'N' },
	{ "hash", no_argument, NULL, STEER_HASH },
	{ "hash-map", required_argument, NULL, STEER_HASH_MAP },
	{ "static-grants", no_argument, NULL, STEER_GRANTS },
	{ "headroom", required_argument, NULL, STEER_HEADROOM },
	{ "group", required_argument, NULL, STEER_GROUP },
	{ "stats", no_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char vifguest_usage[] =
	"usage: vifguest [--vif N.M] [--ip ADDR/LEN].. [--mac MAC] [--mtu "
	"BYTES]\n"
	"                [--run DIR] [--dev NAME] [--wait SECONDS]\n"
	"                [--host-ip ADDR/LEN]\n"
	"                [--profile NAME] [--queues N] [--single-channel]\n"
	"                [--no-sg] [--no-gso] [--no-csum] [--no-rx-notify]\n"
	"                [--hash] [--hash-map QUEUE,..] [--static-grants]\n"
	"                [--headroom BYTES] [--group MAC]..\n"
	"                [--stats] [--verbose]\n"
	"                [-- COMMAND [ARG]..]\n";

/* --- frames -------------------------------------------------------------- */

static void vifguest_on_bell(void *arg, int fd, uint32_t events)
{
	struct lane *l = arg;

	(void)fd;
	(void)events;
	l->rang = true;
}

static void vifguest_on_tap(void *arg, int fd, uint32_t events)
{
	(void)arg;
	(void)fd;
	(void)events; /* the turn of the pump that follows reads it */
}

static void vifguest_poll_tap(struct vifguest *g, struct lane *l)
{
	bool on = l->pump.q && !l->pump.blocked;

	if (on == l->tap_on)
		return;
	l->tap_on = on;
	loop_mod(g->loop, l->tap_src, on ? EPOLLIN : 0);
}

/* Sums over all queues. */
static void vifguest_print_counts(const struct vifguest *g)
{
	uint64_t sum[FRONT_COUNTS] = { 0 }, sums = 0, up = 0, down = 0;
	unsigned i, k;

	for (i = 0; i < g->lanes; i++) {
		const struct pump *p = &g->lane[i].pump;
		const uint64_t *v = front_counts(p->q);

		for (k = 0; k < FRONT_COUNTS; k++)
			sum[k] += v[k];
		sums += p->sums;
		up += p->drops_up;
		down += p->drops_down;
	}
	for (k = 0; k < FRONT_COUNTS; k++)
		fprintf(stderr, "%s %llu\n", front_count_name(k),
			(unsigned long long)sum[k]);
	fprintf(stderr, "sums %llu\ndrops_up %llu\ndrops_down %llu\n",
		(unsigned long long)sums, (unsigned long long)up,
		(unsigned long long)down);
}

/* Lets go of the queues: pulls the cable, too. */
static void vifguest_disconnected(struct vifguest *g)
{
	unsigned i;

	guest_carrier(g->lane[0].pump.tap, false);
	for (i = 0; i < g->lanes; i++) {
		struct lane *l = &g->lane[i];

		loop_del(g->loop, l->rx_src);
		loop_del(g->loop, l->tx_src);
		l->rx_src = l->tx_src = NULL;
		/* What was answered since the last turn. */
		front_tx_reap(l->pump.q);
		if (front_bad(l->pump.q))
			log_warn("%s: the backend did what it may not: %s",
				 g->name, front_first_bad(l->pump.q));
	}
	if (g->stats && g->lanes)
		vifguest_print_counts(g);
	for (i = 0; i < g->lanes; i++) {
		g->lane[i].pump.q = NULL;
		vifguest_poll_tap(g, &g->lane[i]);
	}
	g->lanes = 0;
}

/* A turn of each queue: 1 more may wait, 0, -EPROTO. */
static int vifguest_pump(struct vifguest *g)
{
	int rc, more = 0;
	unsigned i;

	for (i = 0; i < g->lanes; i++) {
		struct lane *l = &g->lane[i];

		if (l->rang)
			front_clear(l->pump.q);
		l->rang = false;
		rc = pump_turn(&l->pump);
		if (rc < 0)
			return rc;
		if (!rc)
			rc = pump_arm(&l->pump);
		more |= rc;
		vifguest_poll_tap(g, l);
	}
	return more;
}

static void vifguest_turn(struct vifguest *g)
{
	int rc = vifguest_pump(g);

	if (rc < 0)
		vifguest_disconnected(g);
	rc = loop_turn(g->loop, rc > 0 ? 0 : -1);
	if (rc) {
		log_error("%s: event loop: %s", g->name, strerror(-rc));
		g->stop = true;
	}
}

static int vifguest_open_lane(struct vifguest *g, struct lane *l,
			      struct front_queue *q,
			      const struct front_features *o)
{
	int rc;

	l->pump.q = q;
	l->pump.offers = *o;
	l->pump.blocked = false;
	rc = loop_add(g->loop, front_fd_rx(q), EPOLLIN, vifguest_on_bell, l,
		      &l->rx_src);
	if (!rc && front_fd_tx(q) != front_fd_rx(q))
		rc = loop_add(g->loop, front_fd_tx(q), EPOLLIN,
			      vifguest_on_bell, l, &l->tx_src);
	return rc;
}

/* A backend may offer fewer queues than eth0 has. */
static void vifguest_use_lanes(struct vifguest *g, unsigned n)
{
	unsigned i;

	for (i = 1; i < g->queues; i++) {
		struct lane *l = &g->lane[i];

		if (l->unused == (i >= n))
			continue;
		l->unused = i >= n;
		guest_tap_use(l->pump.tap, !l->unused);
	}
}

static void vifguest_changed(void *arg, struct front_queue *q,
			     const struct front_features *o)
{
	struct front_queue *const *v;
	struct vifguest *g = arg;
	unsigned i, n;
	int rc = 0;

	vifguest_disconnected(g);
	if (!q)
		return;
	v = bus_queues(g->bus, &n);
	vifguest_use_lanes(g, n);
	for (i = 0; i < n && !rc; i++)
		g->lane[i].pump.number = i;
	for (i = 0; i < n && !rc; i++)
		rc = vifguest_open_lane(g, &g->lane[i], v[i], o);
	g->lanes = i;
	if (!rc)
		rc = guest_offload(g->lane[0].pump.tap, o->csum4, o->gso4,
				   o->gso6);
	if (!rc)
		rc = guest_carrier(g->lane[0].pump.tap, true);
	if (rc)
		log_error("%s: %s: %s", g->name, g->dev, strerror(-rc));
}

/* --- life ---------------------------------------------------------------- */

static void vifguest_reap(struct vifguest *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != g->child)
			continue;
		g->child = 0;
		g->stop = true;
		g->status = WIFEXITED(status) ? WEXITSTATUS(status)
					      : 128 + WTERMSIG(status);
	}
}

static void vifguest_on_signal(void *arg, int fd, uint32_t events)
{
	struct vifguest *g = arg;
	struct signalfd_siginfo si;

	(void)events;
	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		vifguest_reap(g);
	else if (si.ssi_signo == SIGUSR1 && g->lanes)
		vifguest_print_counts(g);
	else if (si.ssi_signo == SIGUSR1)
		return;
	else if (!g->child)
		g->stop = true;
	else if (si.ssi_signo != SIGINT) /* the terminal told it, too */
		kill(g->child, (int)si.ssi_signo);
}

static int vifguest_signals(struct vifguest *g)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	g->sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g->sig < 0)
		return -errno;
	return loop_add(g->loop, g->sig, EPOLLIN, vifguest_on_signal, g,
			&g->sig_src);
}

static int vifguest_spawn(struct vifguest *g, struct err *e)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid < 0)
		return err_set(e, -errno, "fork: %s", strerror(errno));
	if (pid) {
		g->child = pid;
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NO_GUEST);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(g->command[0], g->command);
	log_error("%s: %s", g->command[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NO_COMMAND : EXIT_NO_EXEC);
}

/* eth0 as the store and the command line say, up and with carrier. */
static int vifguest_address(struct vifguest *g, struct err *e)
{
	const uint8_t *mac = g->has_mac ? g->mac : bus_mac(g->bus);
	uint32_t mtu = g->mtu ? g->mtu : bus_mtu(g->bus);
	unsigned i;
	int rc;

	if (!bus_offers(g->bus)->sg && mtu > GUEST_NO_SG_MTU)
		mtu = GUEST_NO_SG_MTU;
	rc = guest_link(g->dev, mac, mtu, e);
	for (i = 0; i < g->nip && !rc; i++)
		rc = guest_addr(g->dev, i, g->ip[i], e);
	if (!rc)
		rc = guest_up(g->dev, e);
	return rc ? rc : guest_up("lo", e);
}

static int vifguest_connect(struct vifguest *g, struct err *e)
{
	uint64_t end = clock_ns() + g->wait_ms * 1000000ull;
	struct bus_conf conf = {
		.run = g->run,
		.domid = g->domid,
		.handle = g->handle,
		.split = g->as.split,
		.queues = g->queues,
		.rx_buffers = g->as.rx_buffers,
		.want = g->as.features,
		.quirks = g->as.quirks,
		.wish = g->wish,
		.wait_ms = g->wait_ms,
		.loop = g->loop,
		.changed = vifguest_changed,
		.arg = g,
	};
	int rc = bus_open(&g->bus, &conf, e);

	while (!rc && !bus_up(g->bus) && !g->stop && clock_ns() < end)
		rc = loop_turn(g->loop, 100);
	if (!rc && !bus_up(g->bus)) {
		bus_explain(g->bus, e);
		rc = -ETIMEDOUT;
	}
	return rc;
}

static int vifguest_taps(struct vifguest *g, struct err *e)
{
	int fd[BUS_QUEUES], rc;
	unsigned i;

	for (i = 0; i < g->queues; i++)
		fd[i] = -1;
	rc = guest_tap(g->dev, fd, g->queues, e);
	for (i = 0; i < g->queues; i++)
		g->lane[i].pump.tap = fd[i];
	return rc;
}

static int vifguest_start(struct vifguest *g, struct err *e)
{
	unsigned i;
	int rc = g->private.vif ? private_open(&g->private, e) : 0;

	if (g->private.vif)
		g->run = g->private.run;
	if (!rc)
		rc = guest_unshare(CLONE_NEWNET, e);
	if (!rc)
		rc = vifguest_taps(g, e);
	if (rc)
		return rc;
	rc = loop_open(&g->loop);
	if (!rc)
		rc = vifguest_signals(g);
	for (i = 0; i < g->queues && !rc; i++)
		rc = loop_add(g->loop, g->lane[i].pump.tap, 0, vifguest_on_tap,
			      g, &g->lane[i].tap_src);
	if (rc)
		return err_set(e, rc, "event loop: %s", strerror(-rc));
	rc = vifguest_connect(g, e);
	if (!rc)
		rc = vifguest_address(g, e);
	return rc;
}

static int vifguest_serve(struct vifguest *g, struct err *e)
{
	int rc = 0;

	if (g->command) {
		rc = vifguest_spawn(g, e);
	} else {
		pid_t pid = g->private.outer ? g->private.outer : getpid();

		printf("%s: connected, netns pid %d\n", g->name, (int)pid);
		fflush(stdout);
	}
	while (!rc && !g->stop)
		vifguest_turn(g);
	return rc;
}

static void vifguest_close(struct vifguest *g)
{
	unsigned i;

	bus_close(g->bus);
	if (g->sig >= 0)
		close(g->sig);
	for (i = 0; i < g->queues; i++) {
		if (g->lane[i].pump.tap >= 0)
			close(g->lane[i].pump.tap);
	}
	loop_close(g->loop);
}

/* --- command line --------------------------------------------------------- */

static int vifguest_number(const char *option, const char *s, uint32_t max,
			   uint32_t *out, struct err *e)
{
	int rc = num_parse(s, max, out);

	return rc ? err_set(e, rc, "--%s %s: not a number from 0 to %u", option,
			    s, max)
		  : 0;
}

/* Options that switch something off. */
static void vifguest_without(struct vifguest *g, int c)
{
	struct front_features *w = &g->as.features;

	if (c == '1')
		g->as.split = false;
	if (c == 'N')
		w->rx_notify = false;
	if (c == 'S')
		w->sg = false;
	if (c == 'C')
		w->csum4 = w->csum6 = false;
	/* A large segment needs many slots, and a blank checksum. */
	if (c == 'S' || c == 'C' || c == 'G')
		w->gso4 = w->gso6 = false;
}

static int vifguest_profile(struct vifguest *g, struct err *e)
{
	const struct front_profile *p = front_profile(optarg);
	char names[128] = "";
	size_t at = 0;
	unsigned i;

	if (p) {
		g->as = *p;
		return 0;
	}
	for (i = 0; i < front_nprofiles && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, " %s",
				       front_profiles[i].name);
	return err_set(e, -EINVAL, "--profile %s: there are:%s", optarg, names);
}

static int vifguest_queues(struct vifguest *g, struct err *e)
{
	if (!num_parse(optarg, BUS_QUEUES, &g->queues) && g->queues)
		return 0;
	return err_set(e, -EINVAL, "--queues %s: not a number from 1 to %d",
		       optarg, BUS_QUEUES);
}

static int vifguest_option(struct vifguest *g, int c, struct err *e)
{
	uint32_t n;
	int rc = 0;

	switch (c) {
	case 'v':
		rc = vif_parse_name(optarg, &g->domid, &g->handle, e);
		snprintf(g->name, sizeof(g->name), "vif%u.%u", g->domid,
			 g->handle);
		break;
	case 'i':
		if (g->nip == GUEST_IPS)
			return err_set(e, -E2BIG, "--ip: at most %d of them",
				       GUEST_IPS);
		g->ip[g->nip++] = optarg;
		break;
	case 'H':
		g->private.host_ip = optarg;
		break;
	case 'm':
		g->has_mac = true;
		if (vif_parse_mac(optarg, g->mac))
			rc = err_set(e, -EINVAL, "--mac %s: not a unicast MAC",
				     optarg);
		break;
	case 't':
		rc = vifguest_number("mtu", optarg, FRONT_LEN_MAX, &g->mtu, e);
		break;
	case 'r':
		g->run = optarg;
		break;
	case 'p':
		rc = vifguest_profile(g, e);
		break;
	case 'd':
		g->dev = optarg;
		rc = vif_check_devname(optarg, e);
		break;
	case 'w':
		rc = vifguest_number("wait", optarg, 3600, &n, e);
		if (!rc)
			g->wait_ms = n * 1000;
		break;
	case 'q':
		rc = vifguest_queues(g, e);
		break;
	case 's':
		g->stats = true;
		break;
	case 'V':
		log_open("vifguest", LOG_DEBUG);
		break;
	default:
		if (c >= STEER_HASH)
			rc = steer_option(&g->wish, c, optarg, e);
		else
			vifguest_without(g, c);
	}
	return rc;
}

/* Without --vif: a host of our own. */
static void vifguest_go_private(struct vifguest *g)
{
	g->domid = 1;
	g->handle = 0;
	str_put(g->name, sizeof(g->name), "vif1.0");
	g->private.vif = g->name;
	if (!g->private.host_ip)
		g->private.host_ip = "10.99.0.1/24";
	if (!g->nip)
		g->ip[g->nip++] = "10.99.0.2/24";
}

static int vifguest_parse(struct vifguest *g, int argc, char **argv,
			  struct err *e)
{
	struct vif_addr a;
	unsigned i;
	int c;

	while ((c = getopt_long(argc, argv, "+h", vifguest_options, NULL)) !=
	       -1) {
		if (c == 'h' || c == '?') {
			fputs(vifguest_usage, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : EXIT_USAGE);
		}
		if (vifguest_option(g, c, e))
			return -EINVAL;
	}
	for (i = 0; i < g->nip; i++)
		if (vif_parse_addr(g->ip[i], &a))
			return err_set(e, -EINVAL,
				       "--ip %s: not an address (as in "
				       "10.0.0.1/24)",
				       g->ip[i]);
	if (argv[optind])
		g->command = argv + optind;
	if (g->name[0] && g->private.host_ip)
		return err_set(
			e, -EINVAL,
			"--host-ip: only where the host is ours, without "
			"--vif");
	if (!g->name[0])
		vifguest_go_private(g);
	return 0;
}

int main(int argc, char **argv)
{
	/* Static: a pump has room for a frame's head. */
	static struct vifguest g = {
		.dev = "eth0",
		.wait_ms = GUEST_WAIT_MS,
		.queues = 1,
		.sig = -1,
	};
	struct err e = { "" };
	unsigned i;
	int rc;

	log_open("vifguest", LOG_WARN);
	for (i = 0; i < BUS_QUEUES; i++)
		g.lane[i].pump.tap = -1;
	g.as = front_profiles[0];
	g.run = getenv("NETBACK_RUN");
	if (!g.run)
		g.run = "/run/netback";
	if (vifguest_parse(&g, argc, argv, &e)) {
		log_error("%s", e.text);
		return EXIT_USAGE;
	}
	rc = vifguest_start(&g, &e);
	if (!rc)
		rc = vifguest_serve(&g, &e);
	if (rc && !g.stop) {
		private_print_logs(&g.private);
		log_error("%s", e.text);
	}
	vifguest_close(&g);
	return rc ? EXIT_NO_GUEST : g.status;
}
