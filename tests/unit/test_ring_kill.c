// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_kill.c - a worker killed at every single instruction of publishing
 *
 * A child, which shares the guest's memory and the survival memory, handles packets
 * both ways and flushes, stepped through ring_flush one machine instruction at
 * a time. What a kill leaves behind is those two memories as they are, so
 * after each instruction they are copied and another worker takes over the copy. It
 * is judged as the guest would: every request answered once, with its own id,
 * in order; nothing sent that was not asked for; woken if it waits. Some
 * children are really killed, and their own memories taken over.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "ring_guest.h"

enum { SENT = 5, GIVEN = 3, POSTED = 8, COPY_PAGES = DATA_PAGE + 60 };

/* The guest's side: SENT packets of two slots each, room to receive. */
static void guest_acts(struct guest *g)
{
	unsigned i;

	for (i = 0; i < SENT; i++) {
		fill(page_of(g, DATA_PAGE + i), 100, i);
		tx_slot(g, ref_of(DATA_PAGE + i), 0, 100, NETTXF_more_data,
			0x100 + 2 * i);
		tx_slot(g, ref_of(DATA_PAGE + i), 60, 40, 0, 0x101 + 2 * i);
	}
	rx_post(g, DATA_PAGE + 50, POSTED);
}

/* The worker's turn, up to its flush; stops itself before and after that. */
static void worker_acts(struct guest *g)
{
	struct frame *v[FRAME_BURST];
	unsigned i, n;

	if (hv_init())
		_exit(1);
	n = (unsigned)ring_pull(g->ring, v, FRAME_BURST);
	put_all(v, n);
	for (i = 0; i < GIVEN; i++) {
		v[0] = make(g, 200, i);
		ring_push(g->ring, v, 1);
	}
	raise(SIGSTOP);
	ring_flush(g->ring);
	_exit(n == SENT ? 0 : 1);
}

static pid_t worker_start(struct guest *g)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		worker_acts(g);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* One instruction: 0, or 1 when the child has ended. */
static int worker_step(pid_t pid)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		return 0;
	assert_int_equal(WEXITSTATUS(status), 0);
	return 1;
}

/* Before the takeover: all of a packet was answered, or none of it. */
static void expect_whole(struct guest *g)
{
	assert_true(g->tx->rsp_prod == 0 || g->tx->rsp_prod == 2 * SENT);
	assert_true(g->rx->rsp_prod == 0 || g->rx->rsp_prod == GIVEN);
}

static void expect_answers(struct guest *g)
{
	unsigned i;

	assert_int_equal(g->tx->rsp_prod, 2 * SENT);
	for (i = 0; i < 2 * SENT; i++) {
		assert_int_equal(tx_rsp(g, i)->id, 0x100 + i);
		assert_int_equal(tx_rsp(g, i)->status, NETIF_RSP_OKAY);
	}
}

/* What the next worker sends again is what the guest sent. */
static unsigned expect_frames(struct guest *g)
{
	struct frame *v[FRAME_BURST];
	unsigned i, n = pull_all(g, v);
	uint8_t want[100];

	assert_true(n == 0 || n == SENT);
	for (i = 0; i < n; i++) {
		fill(want, 100, i);
		assert_int_equal(v[i]->len, 100);
		assert_memory_equal(v[i]->head, want, 60);
	}
	put_all(v, n);
	return n;
}

static void expect_given(struct guest *g)
{
	uint8_t want[200];
	unsigned i;

	for (i = 0; i < g->rx->rsp_prod; i++) {
		fill(want, sizeof(want), i);
		assert_int_equal(rx_rsp(g, i)->id, 1000 + DATA_PAGE + 50 + i);
		assert_int_equal(rx_rsp(g, i)->status, 200);
		assert_memory_equal(page_of(g, DATA_PAGE + 50 + i), want, 200);
	}
	/* what was not given yet can be: the request is still there */
	for (; i < POSTED; i++)
		assert_int_equal(g->rx->ring[i].req.gref,
				 ref_of(DATA_PAGE + 50 + i));
}

/* The next worker takes over g's memories; heard: bells rung before. Returns 1
 * when it had to send the packets again.
 */
static unsigned judge(struct guest *g, const unsigned heard[2])
{
	unsigned again;

	expect_whole(g);
	assert_int_equal(backend_open(g, EPOCH), 0);
	again = expect_frames(g) > 0;
	assert_int_equal(ring_flush(g->ring), 0);
	expect_answers(g);
	expect_given(g);
	/* rsp_event is 1: it waits for the first, and must be rung */
	assert_true(heard[0] + bells(g, 0) > 0);
	assert_true(!g->rx->rsp_prod || heard[1] + bells(g, 1) > 0);
	backend_close(g);
	return again;
}

static void copy_memories(struct guest *to, struct guest *from)
{
	uint8_t keep[sizeof(struct survive) + sizeof(struct survive_queue)];

	memcpy(to->mem, from->mem, COPY_PAGES * HV_PAGE);
	assert_int_equal(pread(from->keepfd, keep, sizeof(keep), 0),
			 sizeof(keep));
	assert_int_equal(pwrite(to->keepfd, keep, sizeof(keep), 0),
			 sizeof(keep));
}

static void at_every_instruction(void **state)
{
	unsigned n = 0, again = 0, heard[2] = { 0, 0 };
	struct guest *g = *state, *copy;
	void *own;
	pid_t pid;

	setup_guest(&own, g->copies);
	copy = own;
	backend_close(copy);
	guest_acts(g);
	pid = worker_start(g);
	while (!worker_step(pid)) {
		heard[0] += bells(g, 0);
		heard[1] += bells(g, 1);
		copy_memories(copy, g);
		again += judge(copy, heard);
		n++;
	}
	/* both kinds of takeover were seen: before the intent, and after */
	assert_true(n > 100);
	assert_true(again > 10);
	assert_true(again < n - 10);
	printf("# %u instructions, sent again after %u of them\n", n, again);
	assert_int_equal(backend_open(copy, EPOCH), 0);
	teardown(&own);
}

/* A guest whose worker, another process, was killed after n steps. */
static struct guest *killed_after(unsigned n, void **own)
{
	struct guest *g;
	unsigned i;
	pid_t pid;

	setup_guest(own, n & 1);
	g = *own;
	guest_acts(g);
	pid = worker_start(g);
	for (i = 0; i < n; i++)
		assert_int_equal(worker_step(pid), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	backend_close(g);
	return g;
}

static void killed_for_real(void **state)
{
	static const unsigned none[2];
	unsigned n;

	(void)state;
	for (n = 1; n < 1000; n += 83) {
		void *own;
		struct guest *g = killed_after(n, &own);

		judge(g, none);
		assert_int_equal(backend_open(g, EPOCH), 0);
		teardown(&own);
	}
}

/* --- other rings -------------------------------------------------------------- */

enum { NEW_TX = COPY_PAGES, NEW_RX, NEW_DATA, NEW_EPOCH = EPOCH + 1 };

/* The guest starts over on other pages; all of the old are still granted. */
static void guest_reconnects(struct guest *g)
{
	g->tx = (void *)page_of(g, NEW_TX);
	g->rx = (void *)page_of(g, NEW_RX);
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
	g->conf.names.tx_ref = ref_of(NEW_TX);
	g->conf.names.rx_ref = ref_of(NEW_RX);
	assert_int_equal(backend_open(g, NEW_EPOCH), 0);
}

/* What the guest kept of its old pages, rings first. */
static uint8_t *old_pages(struct guest *g)
{
	return page_of(g, TX_PAGE);
}

enum { OLD = (COPY_PAGES - TX_PAGE) * HV_PAGE };

/* The new rings at work: one packet out, one in, nothing else. */
static void works(struct guest *g, unsigned turn)
{
	struct frame *v[FRAME_BURST];
	uint8_t want[100];

	fill(page_of(g, NEW_DATA), 100, 50 + turn);
	tx_slot(g, ref_of(NEW_DATA), 0, 100, 0, 7 + turn);
	rx_post(g, NEW_DATA + 1, 1);
	assert_int_equal(pull_all(g, v), 1);
	fill(want, 100, 50 + turn);
	assert_memory_equal(v[0]->head, want, 100);
	put_all(v, 1);
	v[0] = make(g, 100, 90 + turn);
	assert_int_equal(ring_push(g->ring, v, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(ring_arm(g->ring, 1), 0);
	assert_int_equal(g->tx->rsp_prod, turn + 1);
	assert_int_equal(g->rx->rsp_prod, turn + 1);
	assert_int_equal(tx_rsp(g, turn)->id, 7 + turn);
	fill(want, 100, 90 + turn);
	assert_memory_equal(page_of(g, NEW_DATA + 1), want, 100);
}

/* Killed somewhere in publishing; the guest comes back with other rings. The old
 * pages are as the dead left them, and stay so; what the guest writes there then
 * is read by nobody.
 */
static void old_rings_are_left_alone(void **state)
{
	uint8_t *kept = malloc(OLD);
	unsigned n, i;

	(void)state;
	assert_non_null(kept);
	for (n = 1; n < 1000; n += 83) {
		void *own;
		struct guest *g = killed_after(n, &own);

		memcpy(kept, old_pages(g), OLD);
		guest_reconnects(g);
		assert_int_equal(count(g, RING_REPLAYED), 0);
		works(g, 0);
		assert_memory_equal(old_pages(g), kept, OLD);
		for (i = 1; i < 20; i++) {
			memset(old_pages(g), (int)(i * 37), OLD);
			memcpy(kept, old_pages(g), OLD);
			works(g, i);
			assert_memory_equal(old_pages(g), kept, OLD);
		}
		teardown(&own);
	}
	free(kept);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(at_every_instruction),
		cmocka_unit_test(killed_for_real),
		cmocka_unit_test(old_rings_are_left_alone),
	};

	return cmocka_run_group_tests_name("ring_kill", tests, NULL, NULL);
}
