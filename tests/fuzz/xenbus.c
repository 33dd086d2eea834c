// SPDX-License-Identifier: GPL-2.0-or-later
/* xenbus.c - fuzz the whole xenbus machine by what happens around it
 *
 * Each byte is something that happens: a frontend writes a state or a key, right or
 * odd, or takes its directory away; a guest comes, names channels, goes; the
 * toolstack makes, changes, removes a vif; a watch fires late, twice, for nothing;
 * the store's connection ends or one call fails, somebody else writes in the middle
 * of a transaction; the worker is slow, refuses, dies; netbackd starts again.
 * netbackd's own files run between models of its borders (xenbus/), which abort
 * when they are asked for what must not be: a step back between states, a state
 * in which frontends take back pages that are mapped, orders without sense, a
 * second watch of a vif, a removed directory made again.
 *
 * At the end everybody is honest: each vif connects again, then is removed,
 * and nothing is left of any.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "daemon/domain.h"
#include "daemon/estate.h"
#include "daemon/keep.h"
#include "daemon/life.h"
#include "store.h"
#include "xenbus/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum {
	XENBUS_TURNS = 4096, /* more callbacks without time: it spins */
	XENBUS_WAIT_MS = 70000,
	XENBUS_FDS = 64,
	XENBUS_STEPS = 600,
};

static const struct card {
	unsigned domid, handle;
} card[] = { { 1, 0 }, { 1, 1 }, { 2, 0 } };

static struct supervisor sup;
static struct supervisor_conf conf = { .workers = 1, .stall = 60 };
static char run[64];

/* --- input ------------------------------------------------------------------- */

static const uint8_t *in;
static size_t left;

static unsigned next(unsigned n)
{
	if (!left)
		return 0;
	left--;
	return *in++ % n;
}

/* --- paths ------------------------------------------------------------------- */

static const char *back(const struct card *c, const char *key)
{
	static char path[WORLD_PATH];

	snprintf(path, sizeof(path), WORLD_ROOT "/%u/%u%s%s", c->domid,
		 c->handle, *key ? "/" : "", key);
	return path;
}

static const char *front(const struct card *c, const char *key)
{
	static char path[WORLD_PATH];

	snprintf(path, sizeof(path), "/local/domain/%u/device/vif/%u%s%s",
		 c->domid, c->handle, *key ? "/" : "", key);
	return path;
}

/* A guest cannot make its directory again. */
static void front_set(const struct card *c, const char *key, const char *text)
{
	if (tree_has(front(c, "")))
		tree_set(front(c, key), TREE_TEXT, text);
}

static void back_set(const struct card *c, const char *key, const char *text)
{
	if (tree_has(back(c, "")))
		tree_set(back(c, key), TREE_TEXT, text);
}

/* --- netbackd ---------------------------------------------------------------- */

static void watched_once(void)
{
	const struct sup_dev *v;
	unsigned n = 0;

	for (v = sup.devs; v; v = v->next) {
		struct card c = { device_domid(v->dev), device_handle(v->dev) };

		must(tree_watches(front(&c, "")) == 1);
		n++;
	}
	must(tree_watches(NULL) <= n + 1);
}

static void turns(void)
{
	unsigned i;

	for (i = 0; i < XENBUS_TURNS && world_turn(); i++)
		watched_once();
	must(i < XENBUS_TURNS);
}

static void start(void)
{
	sup = (struct supervisor){ .conf = &conf, .workers = 1, .lock = -1 };
	must(!estate_open(&sup.hub.estate));
	sup.hub.keep = keep_dir(run);
	must(sup.hub.keep >= 0);
	sup.hub.again = sup_again;
	sup.hub.leaving = sup_leaving;
	sup.hub.arg = &sup;
	sup.hub.stall_ms = conf.stall * 1000;
	sup_store_open(&sup);
}

/* As a kill would: nothing is undone. */
static void stop(void)
{
	sup.worker[0].orders = NULL;
	world_forget();
	while (sup.devs) {
		struct sup_dev *v = sup.devs;

		sup.devs = v->next;
		device_close(v->dev);
		free(v);
	}
	while (sup.doms) {
		struct sup_dom *d = sup.doms;

		sup.doms = d->next;
		domain_close(d->dom);
		free(d);
	}
	store_close(sup.hub.store);
	estate_close(sup.hub.estate);
	close(sup.hub.keep);
	world_forget();
}

/* --- what happens ------------------------------------------------------------ */

static const char *const odd[] = {
	"",	 "0",	       "-1",	     "4294967296",
	"1 ",	 " 1",	       "0x1",	     "1",
	"2",	 "01",	       "4294967295", "18446744073709551617",
	"65536", "nonsense\\", "+5",
};
static const char *const front_key[] = {
	"tx-ring-ref",
	"rx-ring-ref",
	"event-channel",
	"event-channel-tx",
	"event-channel-rx",
	"request-rx-copy",
	"feature-sg",
	"feature-gso-tcpv4",
	"feature-rx-notify",
	"multi-queue-num-queues",
	"queue-0/tx-ring-ref",
	"queue-1/rx-ring-ref",
	"ctrl-ring-ref",
	"event-channel-ctrl",
	"xdp-headroom",
	"request-multicast-control",
	"mac",
	"state",
};

static const struct card *some_card(void)
{
	return &card[next(ARRAY_SIZE(card))];
}

static void make(const struct card *c)
{
	char text[WORLD_PATH];

	tree_set(front(c, ""), TREE_TEXT, "");
	tree_set(back(c, ""), TREE_TEXT, "");
	snprintf(text, sizeof(text), "%s", front(c, ""));
	back_set(c, "frontend", text);
	snprintf(text, sizeof(text), "%u", c->domid);
	back_set(c, "frontend-id", text);
	back_set(c, "mac", "00:16:3e:00:00:01");
	snprintf(text, sizeof(text), "vif%u.%u", c->domid, c->handle);
	back_set(c, "vifname", text);
	back_set(c, "online", "1");
	world_made(c->domid, c->handle);
	back_set(c, "state", "1");
	front_set(c, "state", "1");
}

static void unmake(const struct card *c)
{
	tree_rm(back(c, ""));
	tree_rm(front(c, ""));
}

static void unplug(const struct card *c)
{
	back_set(c, "online", "0");
	world_unplugged(c->domid, c->handle);
	back_set(c, "state", "5");
}

/* As Linux would. */
static void good_keys(const struct card *c)
{
	char port[8], tx[8], rx[8];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(front_key); i++) {
		if (strcmp(front_key[i], "state"))
			tree_rm(front(c, front_key[i]));
	}
	snprintf(port, sizeof(port), "%u", c->handle + 1);
	snprintf(tx, sizeof(tx), "%u", 8 + 2 * c->handle);
	snprintf(rx, sizeof(rx), "%u", 9 + 2 * c->handle);
	front_set(c, "request-rx-copy", "1");
	front_set(c, "feature-sg", "1");
	front_set(c, "tx-ring-ref", tx);
	front_set(c, "rx-ring-ref", rx);
	front_set(c, "event-channel", port);
}

static void guest_comes(const struct card *c)
{
	world_hello(c->domid);
	world_port(c->domid, c->handle + 1);
}

static void do_front_state(void)
{
	const struct card *c = some_card();
	unsigned n = next(16);
	char text[4];

	snprintf(text, sizeof(text), "%u", n);
	front_set(c, "state", n < 10 ? text : odd[next(ARRAY_SIZE(odd))]);
}

static void do_front_key(void)
{
	const struct card *c = some_card();
	const char *key = front_key[next(ARRAY_SIZE(front_key))];
	unsigned n = next(ARRAY_SIZE(odd) + 4);

	if (!tree_has(front(c, "")))
		return;
	if (n < ARRAY_SIZE(odd))
		tree_set(front(c, key), TREE_TEXT, odd[n]);
	else if (n == ARRAY_SIZE(odd))
		tree_rm(front(c, key));
	else
		tree_set(front(c, key), (enum tree_kind)(n - ARRAY_SIZE(odd)),
			 "");
}

static void do_front_right(void)
{
	const struct card *c = some_card();

	good_keys(c);
	guest_comes(c);
}

static void do_front_gone(void)
{
	tree_rm(front(some_card(), ""));
}

static void do_guest(void)
{
	unsigned n = next(8), domid = 1 + next(WORLD_DOMS);

	if (n == 0)
		world_guest_gone(domid);
	else if (n == 1)
		world_hello(domid);
	else
		world_port(domid, n - 1);
}

static void do_make(void)
{
	const struct card *c = some_card();

	if (next(2))
		unmake(c);
	make(c);
}

static void do_unmake(void)
{
	const struct card *c = some_card();

	switch (next(4)) {
	case 0:
		tree_rm(back(c, ""));
		break;
	case 1:
		unmake(c);
		break;
	default:
		unplug(c);
		break;
	}
}

static void do_toolstack(void)
{
	static const char *const row[][2] = {
		{ "online", "0" },
		{ "online", "1" },
		{ "hotplug-status", "connected" },
		{ "hotplug-status", "error" },
		{ "rate", "1000,50000" },
		{ "rate", "nonsense" },
		{ "rate", "" },
	};
	const struct card *c = some_card();
	unsigned n = next(ARRAY_SIZE(row));

	back_set(c, row[n][0], row[n][1]);
}

static void do_turn(void)
{
	unsigned n = next(8);

	while (n-- && world_turn())
		watched_once();
}

static void do_later(void)
{
	static const uint32_t ms[] = { 1, 20, 100, 1000, 2000, 5000, 64000 };

	world_later(ms[next(ARRAY_SIZE(ms))]);
	turns();
}

static void do_work(void)
{
	unsigned n = next(8);

	while (n-- && world_work(&sup, 0))
		;
}

static void do_refuse(void)
{
	static const int rc[] = { -EINVAL, -ESTALE, -ENOMEM, -EFAULT };

	world_work(&sup, rc[next(ARRAY_SIZE(rc))]);
}

static void do_worker(void)
{
	const struct card *c = some_card();
	unsigned n = next(5);
	struct crew_death d = { .pid = 1, .status = 11 };

	d.noticed_ns = clock_ns();
	d.often = n & 1;
	d.blamed = n & 2;
	d.domid = (uint16_t)c->domid;
	d.handle = (uint16_t)c->handle;
	if (n < 4)
		world_worker_dies(&sup, &d);
	else
		world_worker_up(&sup);
}

static void do_fatal(void)
{
	const struct card *c = some_card();
	unsigned n = next(3);

	if (n)
		world_stall(&sup, c->domid, c->handle, n == 1);
	else
		world_fatal(&sup, c->domid, c->handle);
}

static void do_away(void)
{
	unsigned n = next(32);

	if (n < 2)
		tree_away(n);
	else
		tree_lose_in(n - 1);
}

static void do_watch(void)
{
	const struct card *c = some_card();
	char token[16];

	snprintf(token, sizeof(token), "vif%u.%u", c->domid, c->handle);
	switch (next(5)) {
	case 0:
		tree_event(front(c, ""), token);
		break;
	case 1:
		tree_event(front(c, "state"), token);
		break;
	case 2:
		tree_event(back(c, "state"), "back");
		break;
	case 3:
		tree_event(WORLD_ROOT, "back");
		break;
	default:
		tree_event(WORLD_ROOT "/4294967297/0x1/state", "back");
		break;
	}
}

static void do_restart(void)
{
	stop();
	start();
}

static void stranger(void *arg)
{
	const struct card *c = arg;

	if (c->handle)
		tree_rm(back(c, ""));
	else
		front_set(c, "state", "4");
}

static void do_conflict(void)
{
	tree_conflict(stranger, (void *)(uintptr_t)some_card());
}

static void do_fail(void)
{
	static const int rc[] = { -ENOSPC, -EACCES, -E2BIG };
	unsigned n = next(16);

	if (n < 12)
		tree_fail_in(n + 1, rc[n % ARRAY_SIZE(rc)]);
	else
		world_tap_fail_in(n - 11);
}

/* So that what comes next happens to a vif that is connected. */
static void do_well(void)
{
	const struct card *c = some_card();
	unsigned i;

	if (!tree_has(back(c, "")))
		make(c);
	good_keys(c);
	back_set(c, "hotplug-status", "connected");
	world_worker_up(&sup);
	for (i = 0; i < 4; i++) {
		turns();
		guest_comes(c);
		while (world_work(&sup, 0))
			;
		if (i == 1)
			front_set(c, "state", "4");
	}
}

static void (*const happens[])(void) = {
	do_well,   do_front_state, do_front_key,  do_front_right, do_turn,
	do_work,   do_later,	   do_front_gone, do_guest,	  do_make,
	do_unmake, do_toolstack,   do_refuse,	  do_worker,	  do_fatal,
	do_away,   do_watch,	   do_restart,	  do_conflict,	  do_fail,
};

/* --- the honest end ---------------------------------------------------------- */

/* All that can be done without waiting. */
static void rest(void)
{
	unsigned i;

	for (i = 0; i < XENBUS_TURNS; i++) {
		turns();
		if (!world_work(&sup, 0))
			break;
	}
	must(i < XENBUS_TURNS);
}

static bool says(const struct card *c, const char *state)
{
	return !strcmp(tree_text(back(c, "state")), state);
}

/* In any time that is due. */
static void until(const struct card *c, const char *state)
{
	unsigned ms;

	rest();
	for (ms = 0; ms < XENBUS_WAIT_MS && !says(c, state); ms += 500) {
		world_later(500);
		rest();
	}
	must(says(c, state));
}

/* A frontend whose device is in the store comes back by itself; else the
 * toolstack makes it again.
 */
static void return_of(const struct card *c)
{
	bool there = tree_has(back(c, "state")) && tree_has(front(c, ""));

	back_set(c, "online", "1");
	back_set(c, "hotplug-status", "connected");
	front_set(c, "state", "6");
	rest();
	world_later(XENBUS_WAIT_MS);
	rest();
	if (!there || !tree_has(front(c, "state"))) {
		unmake(c);
		rest();
		make(c);
		back_set(c, "hotplug-status", "connected");
		rest();
	} else {
		until(c, "6");
		front_set(c, "state", "1");
	}
	until(c, "2");
	good_keys(c);
	rest();
	guest_comes(c);
	rest();
	front_set(c, "state", "4");
	until(c, "4");
	rest();
	must(world_running(c->domid, c->handle));
}

static void removal_of(const struct card *c)
{
	unplug(c);
	rest();
	until(c, "6");
	unmake(c);
	rest();
}

static void honest_end(void)
{
	unsigned i;

	tree_away(false);
	tree_lose_in(0);
	tree_fail_in(0, 0);
	tree_conflict(NULL, NULL);
	world_tap_fail_in(0);
	rest();
	world_worker_up(&sup);
	rest();
	for (i = 0; i < ARRAY_SIZE(card); i++)
		return_of(&card[i]);
	for (i = 0; i < ARRAY_SIZE(card); i++)
		must(world_running(card[i].domid, card[i].handle));
	watched_once();
	for (i = 0; i < ARRAY_SIZE(card); i++)
		removal_of(&card[i]);
}

static unsigned kept(void)
{
	DIR *d = fdopendir(openat(sup.hub.keep, ".", O_RDONLY | O_CLOEXEC));
	struct dirent *e;
	unsigned n = 0;

	must(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void nothing_left(void)
{
	world_later(XENBUS_WAIT_MS);
	rest();
	must(!sup.devs && !sup.doms);
	must(tree_watches(NULL) == 1);
	must(world_idle());
	must(!world_taps() && !world_timers());
	must(!kept());
}

static unsigned fds(void)
{
	struct pollfd p[XENBUS_FDS];
	unsigned i, n = 0;

	for (i = 0; i < XENBUS_FDS; i++)
		p[i] = (struct pollfd){ .fd = (int)i };
	must(poll(p, XENBUS_FDS, 0) >= 0);
	for (i = 0; i < XENBUS_FDS; i++)
		n += !(p[i].revents & POLLNVAL);
	return n;
}

static void clean(void)
{
	char path[sizeof(run) + 8];

	snprintf(path, sizeof(path), "%s/keep", run);
	rmdir(path);
	rmdir(run);
}

static void begin(void)
{
	snprintf(run, sizeof(run), "%s/nb-xenbus.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	must(mkdtemp(run));
	conf.run = run;
	atexit(clean);
}

/* The same inputs each time, unless told: whoever lands a change is not to meet
 * what others have left. -seed=0 looks further.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *with[32], seed[] = "-seed=1";
	int i, n = *argc;

	for (i = 0; i < n; i++) {
		if (i + 2 >= (int)ARRAY_SIZE(with) ||
		    !strncmp((*argv)[i], "-seed", 5))
			return 0;
		with[i] = (*argv)[i];
	}
	with[n] = seed;
	*argv = with;
	*argc = n + 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned steps, before;

	if (!run[0])
		begin();
	in = data;
	left = size;
	before = fds();
	tree_reset();
	world_reset();
	start();
	for (steps = 0; left && steps < XENBUS_STEPS; steps++)
		happens[next(ARRAY_SIZE(happens))]();
	honest_end();
	nothing_left();
	stop();
	must(fds() == before);
	return 0;
}
