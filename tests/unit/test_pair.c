// SPDX-License-Identifier: GPL-2.0-or-later
/* test_pair.c - our frontend and our backend, joined: what goes in comes back
 *
 * A socket pair stands for the tap of eth0, the backend's rings send every frame
 * back to where it came from. So each frame crosses pump, tx ring, tx parser, rx
 * writer, rx ring and pump again, and has to come out as it went in. Then the
 * same in two threads that sleep, so that a lost bell is a hang.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/num.h"
#include "frame.h"
#include "front/front.h"
#include "front/pump.h"
#include "hv.h"
#include "ring.h"
#include "survive.h"

enum { HDR = 10, EPOCH = 5, HEADERS = 54, TURNS = 8000 };

struct pair {
	int eth; /* our end of eth0 */
	struct pump pump;
	struct front_mem *mem;
	struct front_queue *q;
	/* backend */
	int keepfd;
	struct hv *hv;
	struct survive *keep;
	struct frame_pool *pool;
	struct ring *ring;
	uint64_t counts[RING_COUNTS];
	struct ring_features features;
	volatile bool stop;
	unsigned lives;
};

static uint8_t bytes[HDR + 65536];

static void back_open(struct pair *p)
{
	struct front_channel c[2];
	struct front_names n;
	struct hv_local l;
	struct ring_conf conf = {
		.counts = p->counts,
		.features = p->features,
		.mtu = 1500,
	};
	unsigned i, k = front_queue_channels(p->q, c);

	front_mem_describe(p->mem, &l);
	assert_int_equal(hv_local_open(&p->hv, &l, dup(front_mem_fd(p->mem))),
			 0);
	for (i = 0; i < k; i++)
		assert_int_equal(hv_local_port(p->hv, c[i].port,
					       dup(c[i].from_guest),
					       dup(c[i].to_guest)),
				 0);
	assert_int_equal(frame_pool_open(&p->pool, FRAME_BURST + 2, true), 0);
	assert_true(survive_open(&p->keep, p->keepfd, 1, EPOCH) >= 0);
	front_queue_names(p->q, &n);
	conf.names = (struct ring_names){ n.tx_ref, n.rx_ref, n.tx_port,
					  n.rx_port };
	conf.hv = p->hv;
	conf.pool = p->pool;
	conf.keep = &p->keep->q[0];
	assert_int_equal(ring_open(&p->ring, &conf), 0);
	p->lives++;
}

static void back_close(struct pair *p)
{
	ring_close(p->ring);
	hv_close(p->hv);
	survive_close(p->keep);
	frame_pool_close(p->pool);
}

/* Another frontend than ours, as a profile has it. */
static void pair_open_as(struct pair *p, const struct front_profile *as,
			 bool split)
{
	struct front_mem_conf mem = { 6000, 1024, 0 };
	struct front_queue_conf queue = {
		.split = split,
		.first_port = 1,
		.id_base = 0x7fff,
		.rx_buffers = as->rx_buffers,
		.rx_slots = as->features.sg ? FRONT_RX_SLOTS : 1,
		.features = as->features,
		.quirks = as->quirks,
	};
	const struct front_features *f = &as->features;
	int fd[2], size = 4 << 20;

	memset(p, 0, sizeof(*p));
	p->features = (struct ring_features){
		f->sg, f->gso4, f->gso6, f->csum4, f->csum6, f->rx_notify
	};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	/* A frame of 64 KiB at a time, and some of them. */
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	p->eth = fd[0];
	p->pump.tap = fd[1];
	assert_int_equal(front_mem_open(&p->mem, &mem), 0);
	queue.mem = p->mem;
	assert_int_equal(front_queue_open(&p->q, &queue), 0);
	p->pump.q = p->q;
	p->pump.offers = queue.features;
	p->keepfd = memfd_create("keep", MFD_CLOEXEC);
	assert_int_equal(ftruncate(p->keepfd, (off_t)survive_size(1)), 0);
	back_open(p);
}

static void pair_open(struct pair *p, bool split)
{
	pair_open_as(p, &front_profiles[0], split);
}

static void pair_close(struct pair *p)
{
	assert_string_equal(front_first_bad(p->q), "");
	back_close(p);
	assert_int_equal(front_queue_close(p->q), 0);
	front_mem_close(p->mem);
	close(p->keepfd);
	close(p->eth);
	close(p->pump.tap);
}

/* Sends back what came: 0 when there was nothing. */
static int back_turn(struct pair *p)
{
	struct frame *v[FRAME_BURST];
	int n = ring_pull(p->ring, v, FRAME_BURST);

	assert_true(n >= 0);
	if (n)
		assert_int_equal(ring_push(p->ring, v, (unsigned)n), n);
	assert_int_equal(ring_flush(p->ring), 0);
	return n;
}

/* A TCP frame of len bytes; header and checksum field do not matter to us. */
static void make_frame(uint8_t *f, unsigned len, uint32_t seed)
{
	unsigned i;

	for (i = 0; i < len; i++)
		f[i] = (uint8_t)(seed + i * 13 + i / 256);
	memset(f, 0, HEADERS);
	f[12] = 8;
	f[14] = 0x45;
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[23] = 6;
	f[46] = 0x50;
}

static void send_frame(struct pair *p, const struct virtio_net_hdr *h,
		       uint8_t *f, unsigned len)
{
	memcpy(f - HDR, h, sizeof(*h));
	assert_int_equal(write(p->eth, f - HDR, HDR + len), HDR + len);
}

/* The next frame of eth0 equals f; its header is returned. */
static struct virtio_net_hdr same_frame(struct pair *p, const uint8_t *f,
					unsigned len)
{
	static uint8_t got[HDR + 65537];
	struct virtio_net_hdr h;

	assert_int_equal(read(p->eth, got, sizeof(got)), HDR + len);
	assert_memory_equal(got + HDR, f, len);
	memcpy(&h, got, sizeof(h));
	return h;
}

static void around(struct pair *p)
{
	pump_turn(&p->pump);
	back_turn(p);
	pump_turn(&p->pump);
}

static void frames_come_back(void **state)
{
	static const unsigned len[] = { 54,   60,   100,   255,	  256,	 257,
					512,  513,  1514,  4032,  4033,	 8128,
					8129, 9014, 61504, 65535, 65534, 54 };
	struct virtio_net_hdr none = { 0 }, h;
	uint8_t *f = bytes + HDR;
	struct pair p;
	unsigned i;

	(void)state;
	pair_open(&p, true);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		make_frame(f, len[i], i);
		send_frame(&p, &none, f, len[i]);
		around(&p);
		h = same_frame(&p, f, len[i]);
		assert_int_equal(h.gso_type, 0);
		assert_int_equal(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	}
	pair_close(&p);
}

static void offloads_come_back(void **state)
{
	struct virtio_net_hdr sent = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = HEADERS,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16,
	}, h;
	uint8_t *f = bytes + HDR;
	struct pair p;

	(void)state;
	pair_open(&p, false);
	make_frame(f, 40000, 1);
	send_frame(&p, &sent, f, 40000);
	around(&p);
	h = same_frame(&p, f, 40000);
	assert_memory_equal(&h, &sent, sizeof(h));
	sent.gso_type = 0;
	sent.gso_size = sent.hdr_len = 0;
	make_frame(f, 1000, 1);
	send_frame(&p, &sent, f, 1000);
	around(&p);
	h = same_frame(&p, f, 1000);
	assert_memory_equal(&h, &sent, sizeof(h));
	assert_int_equal(p.pump.sums, 0);
	pair_close(&p);
}

/* netif cannot say where: the pump completes what is not the outermost. */
static void odd_checksums_are_completed(void **state)
{
	struct virtio_net_hdr sent = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = 70,
		.csum_offset = 16,
	}, h;
	uint8_t *f = bytes + HDR, copy[200];
	struct pair p;
	uint32_t sum = 0;
	unsigned i;

	(void)state;
	pair_open(&p, true);
	make_frame(f, 200, 3);
	memcpy(copy, f, 200);
	send_frame(&p, &sent, f, 200);
	for (i = 70; i < 200; i += 2)
		sum += (uint32_t)(copy[i] << 8 | copy[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	copy[86] = (uint8_t)(sum >> 8);
	copy[87] = (uint8_t)sum;
	around(&p);
	h = same_frame(&p, copy, 200);
	assert_int_equal(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	assert_int_equal(p.pump.sums, 1);
	pair_close(&p);
}

static void what_cannot_be_carried_is_counted(void **state)
{
	struct virtio_net_hdr none = { 0 };
	uint8_t *f = bytes + HDR;
	struct pair p;

	(void)state;
	pair_open(&p, true);
	make_frame(f, 65535, 0);
	send_frame(&p, &none, f, 65536);
	send_frame(&p, &none, f, 13);
	around(&p);
	assert_int_equal(p.pump.drops_up, 2);
	p.pump.offers.sg = false;
	send_frame(&p, &none, f, 5000);
	send_frame(&p, &none, f, 1514);
	around(&p);
	assert_int_equal(p.pump.drops_up, 3);
	assert_int_equal(front_counts(p.q)[FRONT_TX_FRAMES], 1);
	pair_close(&p);
}

/* Every few frames another backend takes over where the last one was. */
static void backends_follow_each_other(void **state)
{
	struct virtio_net_hdr none = { 0 };
	uint8_t *f = bytes + HDR;
	struct pair p;
	unsigned i;

	(void)state;
	pair_open(&p, true);
	for (i = 0; i < 3000; i++) {
		unsigned len = 60 + i * 37 % 9000;

		make_frame(f, len, i);
		send_frame(&p, &none, f, len);
		pump_turn(&p.pump);
		if (i % 7 == 0) {
			back_close(&p);
			back_open(&p);
		}
		back_turn(&p);
		pump_turn(&p.pump);
		same_frame(&p, f, len);
	}
	pair_close(&p);
}

/* --- two threads that sleep ----------------------------------------------- */

static void *back_main(void *arg)
{
	struct pair *p = arg;

	while (!p->stop) {
		struct pollfd v[2] = { { ring_fd_tx(p->ring), POLLIN, 0 },
				       { ring_fd_rx(p->ring), POLLIN, 0 } };

		if (back_turn(p) || ring_arm(p->ring, 0))
			continue;
		poll(v, 2, -1);
		ring_clear(p->ring, -1);
	}
	return NULL;
}

/* Serves the guest's side until `frames` came back; false: seconds of silence.
 */
static bool front_until(struct pair *p, uint64_t frames)
{
	struct pollfd v[3] = { { front_fd_rx(p->q), POLLIN, 0 },
			       { front_fd_tx(p->q), POLLIN, 0 },
			       { p->pump.tap, POLLIN, 0 } };
	int more;

	for (;;) {
		more = pump_turn(&p->pump);
		if (front_counts(p->q)[FRONT_RX_FRAMES] >= frames)
			return true;
		if (more || pump_arm(&p->pump))
			continue;
		if (poll(v, p->pump.blocked ? 2 : 3, 60000) <= 0)
			return false;
		front_clear(p->q);
	}
}

/* `turns` bursts of up to `most` frames, there and back, between sleepers. */
static void sleepers(const struct front_profile *as, bool split, unsigned turns,
		     unsigned most)
{
	struct virtio_net_hdr none = { 0 };
	uint8_t *f = bytes + HDR;
	uint64_t spurious;
	struct pair p;
	pthread_t th;
	unsigned i, k, sent = 0;

	pair_open_as(&p, as, split);
	front_clear(p.q);
	spurious = front_counts(p.q)[FRONT_SPURIOUS];
	assert_int_equal(pthread_create(&th, NULL, back_main, &p), 0);
	for (i = 0; i < turns; i++) {
		/* As many out as fit beside each other in both rings. */
		unsigned burst = 1 + i % most;

		for (k = 0; k < burst; k++, sent++) {
			make_frame(f, 60 + sent % 1400, sent);
			send_frame(&p, &none, f, 60 + sent % 1400);
		}
		assert_true(front_until(&p, sent));
		for (k = sent - burst; k < sent; k++) {
			make_frame(f, 60 + k % 1400, k);
			same_frame(&p, f, 60 + k % 1400);
		}
	}
	p.stop = true;
	front_kick(p.q);
	pthread_join(th, NULL);
	front_clear(p.q);
	assert_int_equal(front_counts(p.q)[FRONT_SPURIOUS], spurious);
	pair_close(&p);
}

static void sleepers_are_woken(void **state)
{
	sleepers(&front_profiles[0], *(bool *)*state, TURNS, 13);
}

/* What the ring cannot carry is not sent: no SG, no more than a page. */
static void as_this_frontend(void **state)
{
	static const unsigned len[] = { 54, 60, 256, 1514, 4000, 9014, 65535 };
	const struct front_profile *as = *state;
	struct virtio_net_hdr none = { 0 };
	uint8_t *f = bytes + HDR;
	struct pair p;
	unsigned i, k, sent = 0;

	pair_open_as(&p, as, as->split);
	for (k = 0; k < 200; k++) {
		for (i = 0; i < ARRAY_SIZE(len); i++) {
			if (len[i] > 4000 && !as->features.sg)
				continue;
			make_frame(f, len[i], sent++);
			send_frame(&p, &none, f, len[i]);
			around(&p);
			same_frame(&p, f, len[i]);
		}
	}
	assert_int_equal(front_counts(p.q)[FRONT_RX_FRAMES], sent);
	pair_close(&p);
	/* Fewer frames at a time than it has buffers. */
	sleepers(as, as->split, TURNS / 8,
		 as->rx_buffers < 13 ? as->rx_buffers : 13);
}

static int start(void **state)
{
	(void)state;
	return hv_init();
}

int main(void)
{
	static bool one = false, two = true;
	static struct CMUnitTest tests[64] = {
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(offloads_come_back),
		cmocka_unit_test(odd_checksums_are_completed),
		cmocka_unit_test(what_cannot_be_carried_is_counted),
		cmocka_unit_test(backends_follow_each_other),
		cmocka_unit_test_prestate(sleepers_are_woken, &two),
		cmocka_unit_test_prestate(sleepers_are_woken, &one),
	};

	unsigned n = 7, i;

	for (i = 0; i < front_nprofiles; i++)
		tests[n++] = (struct CMUnitTest){ front_profiles[i].name,
						  as_this_frontend, NULL, NULL,
						  (void *)&front_profiles[i] };
	return _cmocka_run_group_tests("pair", tests, n, start, NULL);
}
