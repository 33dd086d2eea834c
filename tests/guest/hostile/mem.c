// SPDX-License-Identifier: GPL-2.0-or-later
/* mem.c - memory that goes away, and guests that do */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "base/loop.h"
#include "liar.h"

enum {
	EARLY_MS = 10000,
	EARLY_LOOK_US = 200,
	LATE_MS = 2500, /* a connect waits 2 s for its channels */
};

/* variant: by the file or by the mapping. */
static int punch(struct liar *g, unsigned page, unsigned n)
{
	int rc;

	if (g->variant % 2)
		rc = madvise(page_of(g, page), n * (size_t)HV_PAGE,
			     MADV_REMOVE);
	else
		rc = fallocate(front_mem_fd(g->mem),
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)page * HV_PAGE, (off_t)n * HV_PAGE);
	return rc ? -errno : 0;
}

/* Indices read as 0, which is far from where they were. */
static int punch_rings(struct liar *g)
{
	int rc = liar_show(g);

	if (!rc)
		rc = punch(g, TX_PAGE, 2);
	liar_ring(g, 0);
	liar_ring(g, 1);
	return rc;
}

static int punch_data(struct liar *g)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < 100 && !rc; i++) {
		make_plain(page_of(g, DATA_PAGE), HV_PAGE);
		tx_slot(g, ref_of(DATA_PAGE), 0, 4000, 0);
		tx_push(g);
		rc = punch(g, DATA_PAGE, LIAR_PAGES - DATA_PAGE);
		if (!rc)
			rc = tx_wait(g);
	}
	return rc;
}

static int punch_grants(struct liar *g)
{
	int rc = punch(g, 0, 2);

	tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
	tx_push(g);
	return rc ? rc : tx_wait(g);
}

/* All of it, again and again, while it sends. */
static int punch_all(struct liar *g)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < 300 && !rc; i++) {
		tx_slot(g, ref_of(DATA_PAGE), 0, 4000, 0);
		tx_push(g);
		rc = punch(g, (unsigned)(liar_rand() % 300), 300);
		if (i % 10 == 0)
			liar_sleep(1);
	}
	return rc;
}

/* Dies with the ring full and more being written: everything it has is closed
 * by the kernel. variant: how long it lived.
 */
static int killed(struct liar *g)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		for (;;) {
			tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
			if (g->tx_prod % 3 == 0)
				tx_push(g);
		}
	}
	liar_sleep(g->variant * 7);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	liar_drop(g); /* .. and ours of them */
	return 0;
}

/* Says 4 twice before there is anything to connect to, and is gone as soon as it
 * is connected: nobody asks for that any more, so it stays closed. arg: ms of that.
 */
static int gone_early(struct liar *g)
{
	uint64_t end = clock_ns() + EARLY_MS * 1000000ull;
	int rc = liar_fresh(g);

	if (!rc)
		rc = liar_keys(g);
	if (!rc)
		rc = liar_state(g, "4");
	if (!rc)
		rc = liar_link(g);
	while (!rc && liar_wait_state(g, 1u << XenbusStateConnected, 0)) {
		if (clock_ns() > end)
			rc = -ETIMEDOUT;
		usleep(EARLY_LOOK_US);
	}
	liar_drop(g);
	if (!rc)
		rc = liar_wait_state(g, 1u << XenbusStateClosed, EARLY_MS);
	liar_sleep((unsigned)g->lie->arg);
	return rc;
}

const struct lie lies_mem[] = {
	{ .name = "mem-punch-rings",
	  .id = "XSA-361",
	  .due = DUE_FATAL,
	  .why = "the guest",
	  .tell = punch_rings,
	  .variants = 2 },
	{ .name = "mem-punch-data",
	  .id = "XSA-361",
	  .due = DUE_NONE,
	  .tell = punch_data,
	  .variants = 2 },
	{ .name = "mem-punch-grants",
	  .id = "XSA-361",
	  .due = DUE_DROP,
	  .count = "tx_bad_grant",
	  .tell = punch_grants,
	  .variants = 2,
	  .skip = LIE_NO_SHOW },
	{ .name = "mem-punch-all",
	  .id = "XSA-361 XSA-155",
	  .due = DUE_ANY,
	  .tell = punch_all,
	  .variants = 2 },
	{ .name = "guest-killed",
	  .id = "CVE-2010-3699 XSA-374 XSA-424 XSA-441 P25",
	  .due = DUE_GONE,
	  .tell = killed,
	  .variants = 8 },
	{ .name = "guest-gone-early",
	  .id = "CVE-2010-3699 P25",
	  .due = DUE_GONE,
	  .tell = gone_early,
	  .variants = 8,
	  .arg = 10 },
	{ .name = "guest-gone-late",
	  .id = "CVE-2010-3699 P25",
	  .due = DUE_GONE,
	  .tell = gone_early,
	  .arg = LATE_MS },
};
const unsigned nlies_mem = ARRAY_SIZE(lies_mem);
