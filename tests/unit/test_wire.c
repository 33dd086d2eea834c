// SPDX-License-Identifier: GPL-2.0-or-later
/* test_wire.c - the wire between two memory ports, and capture on one of them */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/bucket.h"
#include "base/loop.h"
#include "base/num.h"
#include "cap.h"
#include "frame.h"
#include "port.h"
#include "sw.h"

enum { DEPTH = 100 };

struct bench {
	struct frame_pool *pool;
	struct port *in, *a, *b, *out; /* in = a -wire- b = out */
	struct sw *sw;
};

static struct bench t;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(frame_pool_open(&t.pool, 2 * DEPTH, true), 0);
	assert_int_equal(port_mem_open(&t.in, &t.a, DEPTH), 0);
	assert_int_equal(port_mem_open(&t.b, &t.out, DEPTH), 0);
	assert_int_equal(sw_wire_open(&t.sw, t.pool), 0);
	assert_int_equal(sw_add(t.sw, t.a), 0);
	assert_int_equal(sw_add(t.sw, t.b), 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sw_close(t.sw);
	port_close(t.in);
	port_close(t.a);
	port_close(t.b);
	port_close(t.out);
	frame_pool_close(t.pool);
	return 0;
}

static void put(struct port *p, unsigned len, unsigned seed)
{
	struct frame *f = frame_get(t.pool);

	assert_non_null(f);
	f->len = len;
	f->head_len = (uint16_t)(len < FRAME_HEAD ? len : FRAME_HEAD);
	f->nseg = len > FRAME_HEAD;
	f->flags = f->gso_type = 0;
	memset(f->head, (int)seed, f->head_len);
	if (f->nseg) {
		memset(f->body, (int)seed + 1, len - FRAME_HEAD);
		f->seg[0] = (struct frame_seg){ f->body, len - FRAME_HEAD };
	}
	assert_int_equal(p->ops->push(p, &f, 1), 1);
	assert_int_equal(p->ops->flush(p), 0);
}

static unsigned get(struct port *p, unsigned seed)
{
	struct frame *f;
	unsigned len;

	if (p->ops->pull(p, &f, 1) != 1)
		return 0;
	len = f->len;
	assert_int_equal(f->head[0], (uint8_t)seed);
	if (f->nseg)
		assert_int_equal(f->seg[0].base[len - FRAME_HEAD - 1],
				 (uint8_t)(seed + 1));
	frame_put(f);
	return len;
}

static void run_dry(void)
{
	struct port *bad;
	int rc, n = 0;

	while ((rc = sw_run(t.sw, &bad)) == 1)
		assert_true(++n < 100);
	assert_int_equal(rc, 0);
}

static void both_ways_in_order(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 90; i++) {
		put(t.in, 60 + i * 40, i);
		put(t.out, 14 + i, i);
	}
	run_dry();
	for (i = 0; i < 90; i++) {
		assert_int_equal(get(t.out, i), 60 + i * 40);
		assert_int_equal(get(t.in, i), 14 + i);
	}
	assert_int_equal(get(t.out, 0), 0);
	assert_int_equal(t.a->stat.in, 90);
	assert_int_equal(t.b->stat.out, 90);
}

static void a_wire_has_two_ends(void **state)
{
	(void)state;
	assert_int_equal(sw_add(t.sw, t.in), -ENOSPC);
	sw_del(t.sw, t.b);
	assert_int_equal(sw_lookup(t.sw, NULL, 0), SW_DROP);
	put(t.in, 60, 1);
	run_dry();
	assert_int_equal(sw_add(t.sw, t.b), 1);
	run_dry();
	assert_int_equal(get(t.out, 1), 60);
}

/* A limit stops both ways, lets neither eat it alone, and loses nothing. */
static void a_limit_is_for_both_ways(void **state)
{
	uint64_t paid = 0, start, took;
	unsigned i, up = 0, down = 0;
	struct port *bad;
	struct bucket b;
	int rc;

	(void)state;
	bucket_set(&b, &paid, 10000, 10000, clock_ns()); /* 1 MB/s, 10 ms */
	paid = clock_ns() + 3600ull * 1000000000;
	sw_limit(t.sw, &b);
	for (i = 0; i < 90; i++) {
		put(t.in, 1000, i);
		put(t.out, 1000, i);
	}
	assert_int_equal(sw_run(t.sw, &bad), SW_LATER);
	assert_int_equal(get(t.out, 0) + get(t.in, 0), 0);
	start = clock_ns();
	paid = start - 9000000; /* 9 ms of credit: 9 frames and one more */
	do
		rc = sw_run(t.sw, &bad);
	while (rc == 1);
	took = clock_ns() - start;
	while (get(t.out, up))
		up++;
	while (get(t.in, down))
		down++;
	assert_true(rc == SW_LATER || up + down == 180);
	assert_in_range(up + down, 10, 11 + took / 1000000);
	assert_in_range(up + 1, down, down + 2);
	sw_limit(t.sw, NULL);
	run_dry();
	for (; up < 90; up++)
		assert_int_equal(get(t.out, up), 1000);
	for (; down < 90; down++)
		assert_int_equal(get(t.in, down), 1000);
}

/* What a full receiver cannot take is counted, not lost from sight. */
static void in_is_out_plus_drops(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 3 * DEPTH; i++) {
		put(t.in, 60, 1);
		if (i % 50 == 49)
			run_dry();
	}
	assert_int_equal(t.a->stat.in, 3 * DEPTH);
	assert_int_equal(t.b->stat.out, DEPTH);
	assert_int_equal(t.b->stat.out_drop, 2 * DEPTH);
}

/* As a tap and a vif: nothing is lent, so fill is never called. */
static int fill_nothing(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return 0;
}

static int arm_by_clock(struct port *p, const struct frame *waits)
{
	(void)p;
	return waits ? PORT_LOOK : 0;
}

/* One frame waits for room, the others where they came from; none is lost. */
static void a_full_sink_holds_its_source(void **state)
{
	static struct port_ops source;
	struct port *bad;
	unsigned i;

	(void)state;
	source = *t.a->ops;
	source.fill = fill_nothing;
	t.a->ops = &source;
	for (i = 0; i < DEPTH; i++)
		put(t.in, 60, i);
	run_dry();
	assert_false(sw_held(t.sw, t.a)); /* full, but nothing waits */
	assert_int_equal(sw_waiting(t.sw), 0);
	for (i = 0; i < 3; i++)
		put(t.in, 61, DEPTH + i);
	assert_int_not_equal(sw_run(t.sw, &bad), -EPROTO);
	assert_true(sw_held(t.sw, t.a));
	assert_false(sw_held(t.sw, t.b));
	assert_int_equal(sw_waiting(t.sw), 1);
	for (i = 0; i < DEPTH; i++)
		assert_int_equal(get(t.out, i), 60);
	run_dry();
	assert_false(sw_held(t.sw, t.a));
	for (i = 0; i < 3; i++)
		assert_int_equal(get(t.out, DEPTH + i), 61);
	assert_int_equal(t.b->stat.out_drop, 0);
}

/* A sink that never has room is passed by until it has. */
static void a_stalled_sink_is_given_up(void **state)
{
	static struct port_ops source, sink;
	struct port *bad;
	unsigned i;

	(void)state;
	source = *t.a->ops;
	source.fill = fill_nothing;
	sink = *t.b->ops;
	sink.arm = arm_by_clock;
	t.a->ops = &source;
	t.b->ops = &sink;
	for (i = 0; i < DEPTH; i++)
		put(t.in, 60, i);
	while (sw_run(t.sw, &bad) == 1)
		;
	put(t.in, 61, 1);
	assert_int_equal(sw_run(t.sw, &bad), PORT_LOOK);
	assert_int_equal(sw_run(t.sw, &bad), PORT_LOOK);
	assert_int_equal(t.b->stat.out_drop, 0);
	sw_give_up(t.sw);
	assert_int_equal(sw_run(t.sw, &bad), 0);
	assert_int_equal(t.b->stat.out_drop, 1);
	put(t.in, 61, 1);
	assert_int_equal(sw_run(t.sw, &bad), 0);
	assert_int_equal(t.b->stat.out_drop, 2);
	assert_int_equal(get(t.out, 0), 60); /* it has room for one again */
	put(t.in, 62, 7);
	put(t.in, 62, 8);
	assert_int_equal(sw_run(t.sw, &bad), PORT_LOOK);
	assert_int_equal(t.b->stat.out_drop, 2);
	assert_int_equal(sw_waiting(t.sw), 1);
}

static struct {
	unsigned looks, arms;
	int from,
		most; /* from this look on there is work: one more each, to most */
} eye;

static int look(struct port *p, const struct frame *waits)
{
	(void)p, (void)waits;
	int n = (int)++eye.looks - eye.from + 1;

	if (!eye.from || n < 0)
		return 0;
	return n < eye.most ? n : eye.most;
}

static int count_arm(struct port *p, const struct frame *waits)
{
	(void)p, (void)waits;
	eye.arms++;
	return 0;
}

/* It looks on before it arms, but not for nothing, nor while others wait. */
static void lingers_after_work(void **state)
{
	static struct port_ops source;
	struct port *bad;

	(void)state;
	source = *t.a->ops;
	source.poll = look;
	source.arm = count_arm;
	t.a->ops = &source;
	memset(&eye, 0, sizeof(eye));
	assert_int_equal(sw_run(t.sw, &bad), 0);
	assert_int_equal(eye.looks, 0);
	assert_int_equal(eye.arms, 1);
	put(t.in, 60, 1);
	eye.from = eye.most = 1;
	assert_int_equal(sw_run(t.sw, &bad), 1);
	assert_in_range(eye.looks, 1, 2); /* the second found no more */
	assert_int_equal(eye.arms, 1);	  /* not asked to be woken */
	put(t.in, 60, 2);
	eye.from = 0;
	assert_int_equal(sw_run(t.sw, &bad), 0);
	assert_int_equal(eye.arms, 2);
	eye.looks = 0;
	sw_hurry(t.sw, true);
	put(t.in, 60, 3);
	assert_int_equal(sw_run(t.sw, &bad), 0);
	assert_int_equal(eye.looks, 0);
	assert_int_equal(eye.arms, 3);
}

/* Who is told when a tap is readable reads it until it is empty, then no more. */
static void empty_tap_is_left_alone(void **state)
{
	static const uint8_t b[10 + 60]; /* with virtio_net_hdr */
	struct port *tap;
	struct frame *f;
	int fd[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(port_tap_open(&tap, "tap", fd[1], t.pool), 0);
	assert_int_equal(tap->ops->pull(tap, &f, 1), 0);
	assert_int_equal(write(fd[0], b, sizeof(b)), sizeof(b));
	assert_int_equal(tap->ops->pull(tap, &f, 1), 1); /* not told */
	frame_put(f);
	tap->ops->ready(tap, -1);
	assert_int_equal(tap->ops->pull(tap, &f, 1), 0);
	assert_int_equal(write(fd[0], b, sizeof(b)), sizeof(b));
	assert_int_equal(write(fd[0], b, sizeof(b)), sizeof(b));
	assert_int_equal(tap->ops->pull(tap, &f, 1), 0);
	tap->ops->ready(tap, -1);
	assert_int_equal(tap->ops->pull(tap, &f, 1), 1);
	frame_put(f);
	assert_int_equal(tap->ops->pull(tap, &f, 1), 1);
	frame_put(f);
	close(fd[0]);
	port_close(tap);
}

static int reader(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd);
}

/* Whole records of 2000 bytes only: how many. */
static unsigned count_records(const uint8_t *got, ssize_t n)
{
	struct cap_record rec;
	unsigned k = 0;
	ssize_t at;

	for (at = 0; at < n; at += CAP_RECORD + 2000, k++) {
		assert_true(n - at >= CAP_RECORD + 2000);
		memcpy(&rec, got + at, sizeof(rec));
		assert_int_equal(rec.caplen, 2000);
	}
	return k;
}

static void capture_filters_and_copies(void **state)
{
	struct bpf_program prog;
	uint8_t got[4096];
	struct cap_stats st;
	struct cap_record rec;
	struct cap *c;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, CAP_SNAP);
	int fd[2];

	(void)state;
	assert_int_equal(pcap_compile(dead, &prog, "greater 300", 1, 0), 0);
	assert_int_equal(reader(fd), 0);
	assert_int_equal(cap_open(&c, fd[1], prog.bf_insns, prog.bf_len, 1000),
			 0);
	t.a->tee = cap_tee(c);
	put(t.in, 60, 1);
	put(t.in, 2000, 7);
	put(t.out, 301, 9);
	run_dry();
	assert_int_equal(cap_flush(c), 0);
	cap_stat(c, &st);
	assert_int_equal(st.seen, 3);
	assert_int_equal(st.matched, 2);
	assert_int_equal(st.lost, 0);
	/* One message with two whole records */
	assert_int_equal(read(fd[0], got, sizeof(got)),
			 2 * CAP_RECORD + 1000 + 301);
	memcpy(&rec, got, sizeof(rec));
	assert_int_equal(rec.len, 2000);
	assert_int_equal(rec.caplen, 1000);
	assert_int_equal(got[CAP_RECORD + 255], 7);
	assert_int_equal(got[CAP_RECORD + 999], 8);
	memcpy(&rec, got + CAP_RECORD + 1000, sizeof(rec));
	assert_int_equal(rec.caplen, 301);
	assert_int_equal(st.sent, 2);
	t.a->tee = NULL;
	cap_close(c);
	close(fd[0]);
	pcap_freecode(&prog);
	pcap_close(dead);
}

/* Nobody reads: the wire goes on, losses are counted, records stay whole. */
static void capture_never_waits(void **state)
{
	static uint8_t got[CAP_MESSAGE];
	struct cap_stats st;
	struct cap *c;
	unsigned i, n = 0;
	int fd[2];
	ssize_t r;

	(void)state;
	assert_int_equal(reader(fd), 0);
	assert_int_equal(cap_open(&c, fd[1], NULL, 0, CAP_SNAP), 0);
	t.a->tee = cap_tee(c);
	for (i = 0; i < 1000; i++) {
		put(t.in, 2000, 7);
		run_dry();
		cap_flush(c);
		assert_int_equal(get(t.out, 7), 2000);
	}
	assert_int_equal(cap_flush(c), 1);
	cap_stat(c, &st);
	assert_int_equal(st.seen, 1000);
	assert_int_equal(st.matched, 1000);
	assert_true(st.lost > 0);
	assert_true(st.sent > 0 && st.sent + st.lost < 1000);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	while ((r = read(fd[0], got, sizeof(got))) > 0) {
		n += count_records(got, r);
		cap_flush(c);
	}
	cap_stat(c, &st);
	assert_int_equal(n, st.sent);
	assert_int_equal(n, st.matched - st.lost);
	close(fd[0]);
	put(t.in, 60, 7);
	run_dry();
	assert_int_equal(cap_flush(c), -EPIPE);
	t.a->tee = NULL;
	cap_close(c);
}

/* Counting goes on where a killed worker's last turn ended. */
static void capture_counts_on(void **state)
{
	struct cap_stats was = {
		.seen = 9, .matched = 7, .lost = 1, .sent = 4
	};
	struct cap_stats st;
	struct cap *c;
	int fd[2];

	(void)state;
	assert_int_equal(reader(fd), 0);
	assert_int_equal(cap_open(&c, fd[1], NULL, 0, CAP_SNAP), 0);
	cap_resume(c, &was);
	t.a->tee = cap_tee(c);
	put(t.in, 60, 1);
	run_dry();
	assert_int_equal(cap_flush(c), 0);
	cap_stat(c, &st);
	assert_int_equal(st.seen, 10);
	assert_int_equal(st.matched, 8);
	assert_int_equal(st.sent, 5);
	assert_int_equal(st.lost, 3);
	t.a->tee = NULL;
	cap_close(c);
	close(fd[0]);
}

static void capture_checks_its_program(void **state)
{
	struct bpf_insn loop_back = BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff);
	struct cap *c;
	int fd[2];

	(void)state;
	assert_int_equal(reader(fd), 0);
	assert_int_equal(cap_open(&c, fd[1], &loop_back, 1, 100), -EINVAL);
	assert_int_equal(fcntl(fd[1], F_GETFD), -1); /* taken over */
	close(fd[0]);
	assert_int_equal(cap_open(&c, -1, NULL, 0, 100), -EINVAL);
}

/* libpcap's validator passes codes at which its interpreter aborts: what is taken
 * here runs.
 */
static void capture_runs_what_it_takes(void **state)
{
	struct bpf_insn prog[] = {
		BPF_STMT(0, 1), /* each code */
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
	};
	struct frame f = { .len = 64, .head_len = 64 };
	unsigned code, taken = 0;
	struct cap_stats st;
	struct cap *c;
	int fd[2];

	(void)state;
	for (code = 0; code < 0x180; code++) {
		prog[0].code = (u_short)code;
		assert_int_equal(reader(fd), 0);
		if (!cap_open(&c, fd[1], prog, ARRAY_SIZE(prog), 100)) {
			taken++;
			cap_tee(c)->see(cap_tee(c), &f, true);
			cap_stat(c, &st);
			assert_int_equal(st.seen, 1);
			cap_close(c);
		}
		close(fd[0]);
	}
	/* 13 loads, 2 stores, 21 sums, 9 jumps, 2 ends, 2 moves */
	assert_int_equal(taken, 13 + 2 + 21 + 9 + 2 + 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_limit_is_for_both_ways),	 T(both_ways_in_order),
		T(a_wire_has_two_ends),		 T(in_is_out_plus_drops),
		T(a_full_sink_holds_its_source), T(a_stalled_sink_is_given_up),
		T(lingers_after_work),		 T(empty_tap_is_left_alone),
		T(capture_filters_and_copies),	 T(capture_never_waits),
		T(capture_checks_its_program),	 T(capture_counts_on),
		T(capture_runs_what_it_takes),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
