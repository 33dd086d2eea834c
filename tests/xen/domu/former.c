// SPDX-License-Identifier: GPL-2.0-or-later
/* former.c - in a guest of real Xen: who had its card 0 before Linux's netfront
 *
 *   former ipxe	 opens the card, talks and closes it as iPXE's netfront.c
 *			 does, and again with nothing but what it must have
 *   former crash	 connects with two queues, talks, and says nothing more;
 *			 another kernel finds the card so and takes it back. The
 *			 old one's memory stays, and so do its grants and ports: a
 *			 process has them until it is killed
 *   former kexec	 the same, but grants and ports are over before that, as
 *			 when Xen resets a domain
 *
 * Afterwards the frontend is Initialising, the backend InitWait: as the driver of
 * the guest's system wants it. To talk is to ask for dom0's address, 10.0.0.1, of
 * which the answers come into few buffers. Exit status 0: all was as it should.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ufront.h"

#include <xen/io/xenbus.h>

enum {
	FORMER_QUEUES = 2,
	FORMER_BUFS = 4,   /* of each queue: iPXE had no more until 2015 */
	FORMER_ASKS = 300, /* goes once around both rings */
	FORMER_ARP = 42,
};

/* A card: n queues, the first of which speaks to the store. */
struct former {
	unsigned n;
	struct ufront q[FORMER_QUEUES];
	uint8_t mac[6];
};

static int former_open(struct former *f, unsigned queues)
{
	unsigned i;
	char text[32];
	int rc = 0;

	f->n = queues;
	for (i = 0; i < queues && !rc; i++)
		rc = ufront_say("no card", ufront_open(&f->q[i]));
	if (rc)
		return rc;
	ufront_own(&f->q[0], "mac", text, sizeof(text));
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &f->mac[0],
		   &f->mac[1], &f->mac[2], &f->mac[3], &f->mac[4],
		   &f->mac[5]) != 6)
		rc = ufront_say("mac", -EINVAL);
	return rc;
}

static void former_close(struct former *f)
{
	unsigned i;

	for (i = 0; i < f->n; i++)
		ufront_close(&f->q[i]);
}

/* --- talk ------------------------------------------------------------------------- */

static void former_fill(struct former *f)
{
	unsigned i, k;

	for (i = 0; i < f->n; i++) {
		for (k = 0; k < FORMER_BUFS; k++)
			ufront_post(&f->q[i], UFRONT_BUF + k);
		ufront_posted(&f->q[i]);
	}
}

/* Who has 10.0.0.1? 10.0.0.9 wants to know. */
static void former_ask(struct former *f, struct ufront *g)
{
	static const uint8_t arp[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
	static const uint8_t own[] = { 10, 0, 0, 9 }, its[] = { 10, 0, 0, 1 };
	uint8_t *p = g->page[UFRONT_DATA].at;

	memset(p, 0, FORMER_ARP);
	memset(p, 0xff, 6);
	memcpy(p + 6, f->mac, 6);
	memcpy(p + 12, arp, sizeof(arp));
	memcpy(p + 22, f->mac, 6);
	memcpy(p + 28, own, sizeof(own));
	memcpy(p + 38, its, sizeof(its));
	ufront_slot(g, g->page[UFRONT_DATA].ref, 0, FORMER_ARP);
	ufront_push(g);
}

/* Is this dom0's answer to us? */
static bool former_is_answer(const struct former *f, const uint8_t *p, int size)
{
	static const uint8_t arp[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 };
	static const uint8_t its[] = { 10, 0, 0, 1 };

	return size >= FORMER_ARP && !memcmp(p, f->mac, 6) &&
	       !memcmp(p + 12, arp, sizeof(arp)) &&
	       !memcmp(p + 28, its, sizeof(its));
}

/* What has come, into whichever queue: its buffers are posted again. */
static unsigned former_hear(struct former *f)
{
	unsigned i, page, heard = 0;
	bool some;
	int size;

	for (i = 0; i < f->n; i++) {
		struct ufront *g = &f->q[i];

		for (some = false; ufront_came(g, &page, &size); some = true) {
			heard += former_is_answer(f, g->page[page].at, size);
			ufront_post(g, page);
		}
		if (some)
			ufront_posted(g);
	}
	return heard;
}

static int former_talk(struct former *f)
{
	unsigned i;
	int rc = 0, status;

	former_fill(f);
	for (i = 0; i < FORMER_ASKS && !rc; i++) {
		struct ufront *g = &f->q[i % f->n];
		uint64_t end = ufront_ms() + UFRONT_MS;

		former_ask(f, g);
		rc = ufront_answered(g, &status);
		if (!rc && status != NETIF_RSP_OKAY)
			rc = -EIO;
		while (!rc && !former_hear(f)) {
			if (ufront_ms() > end)
				rc = -ETIMEDOUT;
			usleep(500);
		}
	}
	return rc;
}

/* --- iPXE ------------------------------------------------------------------------- */

static const char *const former_ipxe_yes[] = {
	"request-rx-copy",
	"feature-no-csum-offload",
	"feature-sg",
	"feature-rx-notify",
};
enum { FORMER_ALL = 4, FORMER_MUST = 2 };

/* What it never writes: somebody else's. */
static const char *const former_others[] = {
	"event-channel-tx",
	"event-channel-rx",
	"multi-queue-num-queues",
};

/* netfront_reset(): Closed, unless nobody was connected; then both at their start. */
static int former_ipxe_reset(struct ufront *g)
{
	char state[16];
	int rc = 0;

	ufront_get(g, "state", state, sizeof(state));
	if (strcmp(state, "2")) {
		rc = ufront_state(g, XenbusStateClosed);
		if (!rc)
			rc = ufront_wait(g, 1u << XenbusStateClosed);
	}
	if (!rc)
		rc = ufront_state(g, XenbusStateInitialising);
	return rc ? rc : ufront_wait(g, 1u << XenbusStateInitWait);
}

/* netfront_open(): one channel for both rings */
static int former_ipxe_open(struct ufront *g, unsigned yes)
{
	unsigned i;
	int rc = former_ipxe_reset(g);

	if (!rc)
		rc = ufront_fresh(g);
	if (rc)
		return rc;
	ufront_unport(g, &g->port[1]);
	g->port[1] = g->port[0];
	rc = ufront_put(g, "tx-ring-ref", "%u", g->key_ref[0]);
	if (!rc)
		rc = ufront_put(g, "rx-ring-ref", "%u", g->key_ref[1]);
	if (!rc)
		rc = ufront_put(g, "event-channel", "%u", g->port[0]);
	for (i = 0; i < yes && !rc; i++)
		rc = ufront_put(g, former_ipxe_yes[i], "1");
	if (!rc)
		rc = ufront_state(g, XenbusStateConnected);
	return rc ? rc : ufront_wait(g, 1u << XenbusStateConnected);
}

/* netfront_close(): its keys go when the backend waits for the next one */
static int former_ipxe_close(struct ufront *g)
{
	unsigned i;
	int rc = former_ipxe_reset(g);

	for (i = 0; i < FORMER_ALL; i++)
		ufront_rm(g, former_ipxe_yes[i]);
	ufront_rm(g, "event-channel");
	ufront_rm(g, "rx-ring-ref");
	ufront_rm(g, "tx-ring-ref");
	ufront_drop(g);
	return rc;
}

static int former_ipxe_once(struct former *f, unsigned yes)
{
	int rc = ufront_say("open", former_ipxe_open(&f->q[0], yes));

	if (!rc)
		rc = ufront_say("talk", former_talk(f));
	return rc ? rc : ufront_say("close", former_ipxe_close(&f->q[0]));
}

static int former_ipxe(struct former *f)
{
	int rc = former_open(f, 1), i;

	for (i = 0; i < 3 && !rc; i++)
		ufront_rm(&f->q[0], former_others[i]);
	if (!rc)
		rc = former_ipxe_once(f, FORMER_ALL);
	if (!rc)
		rc = former_ipxe_once(f, FORMER_MUST);
	former_close(f);
	return rc;
}

/* --- a kernel that is gone -------------------------------------------------------- */

static int former_connect(struct former *f)
{
	struct ufront *g = &f->q[0];
	char prefix[24];
	unsigned i;
	int rc = ufront_begin(g);

	for (i = 0; i < f->n && !rc; i++) {
		rc = ufront_fresh(&f->q[i]);
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
		if (!rc)
			rc = ufront_keys(&f->q[i], prefix);
	}
	if (!rc)
		rc = ufront_put(g, "multi-queue-num-queues", "%u", f->n);
	if (!rc)
		rc = ufront_put(g, "request-rx-copy", "1");
	if (!rc)
		rc = ufront_put(g, "feature-rx-notify", "1");
	if (!rc)
		rc = ufront_state(g, XenbusStateConnected);
	return rc ? rc : ufront_wait(g, 1u << XenbusStateConnected);
}

/* In the middle of its talk: what was asked last is answered to nobody. */
static int former_run(struct former *f)
{
	int rc = former_open(f, FORMER_QUEUES);

	if (!rc)
		rc = ufront_say("connect", former_connect(f));
	if (rc)
		return rc;
	rc = ufront_say("talk", former_talk(f));
	former_ask(f, &f->q[0]);
	former_ask(f, &f->q[1]);
	return rc;
}

/* What the next kernel does with a card that it finds connected: Linux's
 * xenbus_reset_frontend(), which waits five seconds for each answer.
 */
static int former_reset(void)
{
	static const uint8_t step[][2] = {
		{ XenbusStateClosing, XenbusStateClosing },
		{ XenbusStateClosed, XenbusStateClosed },
		{ XenbusStateInitialising, XenbusStateInitWait },
	};
	struct ufront g = { 0 };
	uint64_t from = ufront_ms();
	unsigned i;
	int rc = ufront_open(&g);

	for (i = 0; i < 3 && !rc; i++) {
		rc = ufront_state(&g, step[i][0]);
		if (!rc)
			rc = ufront_wait(&g, 1u << step[i][1]);
	}
	printf("reset in %u ms\n", (unsigned)(ufront_ms() - from));
	ufront_close(&g);
	return ufront_say("reset", rc);
}

/* The old kernel is a process of its own; `stays`: what it granted does. */
static int former_kernel(struct former *f, bool stays)
{
	char done = 0;
	int fd[2], rc;
	pid_t pid;

	if (pipe(fd))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		done = !former_run(f);
		(void)!write(fd[1], &done, 1);
		for (;;)
			pause();
	}
	rc = read(fd[0], &done, 1) == 1 && done ? 0 : -EIO;
	if (rc || !stays) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return rc ? rc : former_reset();
}

int main(int argc, char **argv)
{
	static struct former f;
	const char *who = argc == 2 ? argv[1] : "";

	if (!strcmp(who, "ipxe"))
		return former_ipxe(&f) ? 1 : 0;
	if (!strcmp(who, "crash") || !strcmp(who, "kexec"))
		return former_kernel(&f, !strcmp(who, "crash")) ? 1 : 0;
	fputs("usage: former ipxe | crash | kexec\n", stderr);
	return 2;
}
