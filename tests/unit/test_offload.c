// SPDX-License-Identifier: GPL-2.0-or-later
/* test_offload.c - what one side leaves undone and the other cannot do, we do
 *
 * Sender x tap x receiver: a guest sends a stream of TCP as plain packets, as
 * packets with blank checksums, or as one large segment; a socket pair stands
 * for the tap, where it is handed on in each of these forms; a guest receives
 * it that takes nothing, checksums, TSO of IPv4, TSO of IPv6. And sender x
 * receiver, ring to ring.
 *
 * The oracle never cuts and never sees our code: it writes each packet of the
 * stream from the stream's description. Whatever arrives must be, byte for byte,
 * one of the forms that it wrote.
 */
#include <linux/virtio_net.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/front.h"
#include "hv.h"
#include "packet.h"
#include "port.h"
#include "ring.h"
#include "survive.h"
#include "sw.h"

enum { HDR = 10, MTU = 1500, MOST = 9000 };

enum form { PLAIN, BLANK, WHOLE, FORMS };
enum { FIN = 1, PSH = 8, ACK = 16, ECE = 64, CWR = 128 };

struct stream {
	const char *name;
	bool v6;
	unsigned tags, ipopts, exts, tcpopts;
	unsigned flags, id, payload, mss;
	uint32_t seq;
};

/* --- the oracle ------------------------------------------------------------- */

static unsigned add(const uint8_t *b, unsigned n)
{
	unsigned long sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? b[i] : b[i] * 256ul;
	return (unsigned)(sum % 65535);
}

static void set16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

/* Over the pseudo-header; 2001:db8::2 is the end of each route. */
static unsigned pseudo(const struct pkt *p, bool v6)
{
	unsigned n = p->len - p->l4;
	const uint8_t *ip = p->b + p->l3;

	if (!v6)
		return (add(ip + 12, 8) + 6 + n) % 65535;
	return (add(ip + 8, 32) + 6 + n / 65536 + n % 65536) % 65535;
}

static unsigned payload_byte(uint32_t at)
{
	return (at * 2654435761u >> 13) & 255;
}

/* Bytes [at, at + n) of the stream in one packet: the nth, the last or not. */
static void oracle(const struct stream *s, enum form form, unsigned at,
		   unsigned n, struct pkt *p)
{
	bool last = at + n == s->payload;
	unsigned flags = s->flags, i, sum;
	uint8_t *tcp;

	put_eth(p, s->tags, tags_adq + (s->tags == 1), s->v6 ? 0x86dd : 0x0800);
	if (s->v6) {
		put_ip6(p, s->exts ? 0 : 6);
		if (s->exts) {
			put_ext(p, 60, 0, 8);
			put_ext(p, 43, 1, 16);
			put_ext(p, 6, 2, 24);
			p->b[p->l3 + 40 + 8 + 3] = 0; /* no segments left */
		}
	} else {
		put_ip4(p, s->ipopts, 0x4000, 6);
		set16(p->b + p->l3 + 4,
		      (s->id + (form == WHOLE ? 0 : at / s->mss)) & 0xffff);
	}
	put_tcp(p, s->tcpopts, 0);
	tcp = p->b + p->l4;
	for (i = 0; i < n; i++)
		p->b[p->len++] = (uint8_t)payload_byte(at + i);
	put_length(p);
	set16(tcp + 4, (s->seq + at) >> 16);
	set16(tcp + 6, (s->seq + at) & 0xffff);
	if (form != WHOLE && at)
		flags &= ~(unsigned)CWR;
	if (form != WHOLE && !last)
		flags &= ~(unsigned)(FIN | PSH);
	tcp[13] = (uint8_t)flags;
	if (!s->v6)
		set16(p->b + p->l3 + 10,
		      65535 - add(p->b + p->l3, 20 + s->ipopts));
	set16(tcp + 16, 0);
	sum = pseudo(p, s->v6);
	if (form == PLAIN)
		sum = 65535 - (sum + add(tcp, p->len - p->l4)) % 65535;
	set16(tcp + 16, sum);
}

/* Two sums are the same if they differ by 65535. */
static void same_packet(const struct stream *s, const struct pkt *want,
			const uint8_t *got, unsigned len)
{
	static uint8_t b[FRAME_MAX];
	unsigned at = want->l4 + 16;

	if (len != want->len)
		fail_msg("%s: %u bytes, not %u", s->name, len, want->len);
	memcpy(b, got, len);
	if ((b[at] << 8 | b[at + 1]) % 65535 ==
	    (want->b[at] << 8 | want->b[at + 1]) % 65535)
		memcpy(b + at, want->b + at, 2);
	if (memcmp(b, want->b, len)) {
		for (at = 0; b[at] == want->b[at];)
			at++;
		fail_msg("%s: byte %u is %02x, not %02x", s->name, at, b[at],
			 want->b[at]);
	}
}

/* --- a guest and its vif ----------------------------------------------------- */

struct end {
	struct front_mem *mem;
	struct front_queue *q;
	struct hv *hv;
	int keepfd;
	struct survive *keep;
	struct port *vif;
	struct front_features takes;
	uint64_t counts[RING_COUNTS];
};

static struct frame_pool *pool;
static const struct front_features takes[] = {
	{ .sg = true, .rx_notify = true },
	{ .sg = true, .csum4 = true, .csum6 = true, .rx_notify = true },
	{ .sg = true, .csum4 = true, .gso4 = true, .rx_notify = true },
	{ .sg = true, .csum6 = true, .gso6 = true, .rx_notify = true },
	{ .sg = true,
	  .csum4 = true,
	  .csum6 = true,
	  .gso4 = true,
	  .gso6 = true,
	  .rx_notify = true },
	{ .sg = false, .rx_notify = true },
};

static void end_open(struct end *e, const struct front_features *f)
{
	struct front_mem_conf mem = { 6000, 1024, 0 };
	struct front_queue_conf queue = {
		.first_port = 1,
		.rx_buffers = FRONT_RING,
		.rx_slots = f->sg ? FRONT_RX_SLOTS : 1,
		.features = *f,
	};
	struct ring_conf conf = {
		.pool = pool,
		.counts = e->counts,
		.features = { f->sg, f->gso4, f->gso6, f->csum4, f->csum6,
			      f->rx_notify },
		.mtu = MTU,
	};
	struct front_channel c[2];
	struct front_names n;
	struct hv_local l;
	struct ring *ring;

	memset(e, 0, sizeof(*e));
	e->takes = *f;
	assert_int_equal(front_mem_open(&e->mem, &mem), 0);
	queue.mem = e->mem;
	assert_int_equal(front_queue_open(&e->q, &queue), 0);
	assert_int_equal(front_queue_channels(e->q, c), 1);
	front_mem_describe(e->mem, &l);
	assert_int_equal(hv_local_open(&e->hv, &l, dup(front_mem_fd(e->mem))),
			 0);
	assert_int_equal(hv_local_port(e->hv, c[0].port, dup(c[0].from_guest),
				       dup(c[0].to_guest)),
			 0);
	e->keepfd = memfd_create("keep", MFD_CLOEXEC);
	assert_int_equal(ftruncate(e->keepfd, (off_t)survive_size(1)), 0);
	assert_int_equal(survive_open(&e->keep, e->keepfd, 1, 5), 0);
	front_queue_names(e->q, &n);
	conf.names = (struct ring_names){ n.tx_ref, n.rx_ref, n.tx_port,
					  n.rx_port };
	conf.hv = e->hv;
	conf.keep = &e->keep->q[0];
	assert_int_equal(ring_open(&ring, &conf), 0);
	assert_int_equal(port_vif_open(&e->vif, "vif", ring), 0);
}

static void end_close(struct end *e)
{
	assert_string_equal(front_first_bad(e->q), "");
	port_close(e->vif);
	hv_close(e->hv);
	survive_close(e->keep);
	close(e->keepfd);
	assert_int_equal(front_queue_close(e->q), 0);
	front_mem_close(e->mem);
}

/* The guest sends one packet, in slots of whatever size. */
static void end_send(struct end *e, const struct pkt *p,
		     const struct front_meta *m)
{
	struct front_piece v[FRONT_TX_SLOTS];
	unsigned n = 0, at = 0, cut = 60 + p->len % 50;

	for (; at < p->len; at += v[n++].len) {
		unsigned left = p->len - at;

		v[n].base = p->b + at;
		v[n].off = 0;
		v[n].len = (uint16_t)(n < 2 && left > cut ? cut
				      : left > 4096	  ? 4096
							  : left);
	}
	assert_int_equal(front_tx_send(e->q, m, v, n), 0);
	front_push(e->q);
}

static void turn(struct sw *sw)
{
	struct port *bad;
	int rc, n = 0;

	while ((rc = sw_run(sw, &bad)) == 1)
		assert_true(++n < 100);
	assert_int_equal(rc, 0);
}

/* --- sending and looking ----------------------------------------------------- */

static unsigned pieces(const struct stream *s, enum form form)
{
	return form == WHOLE ? 1 : (s->payload + s->mss - 1) / s->mss;
}

static void write_form(const struct stream *s, enum form form, unsigned i,
		       struct pkt *p)
{
	unsigned at = i * s->mss, n = s->payload - at;

	if (form != WHOLE && n > s->mss)
		n = s->mss;
	oracle(s, form, at, n, p);
}

static void send_all(struct end *e, const struct stream *s, enum form form,
		     struct sw *sw)
{
	static struct pkt p;
	unsigned i;

	for (i = 0; i < pieces(s, form); i++) {
		struct front_meta m = { .csum_blank = form != PLAIN };

		if (form == WHOLE) {
			m.gso_type = s->v6 ? FRAME_GSO_TCPV6 : FRAME_GSO_TCPV4;
			m.gso_size = (uint16_t)s->mss;
		}
		write_form(s, form, i, &p);
		end_send(e, &p, &m);
		turn(sw);
		front_tx_reap(e->q);
	}
}

/* What came to the guest is the stream, in forms that it takes. */
static void receive_all(struct end *e, const struct stream *s, struct sw *sw)
{
	static uint8_t got[FRAME_MAX];
	static struct pkt want;
	struct front_frame v[64];
	unsigned next = 0, k;
	int n, i;

	while (turn(sw), n = front_rx_take(e->q, v, 64), n > 0) {
		for (i = 0; i < n; i++) {
			const struct front_frame *f = &v[i];
			enum form form = f->meta.gso_type     ? WHOLE
					 : f->meta.csum_blank ? BLANK
							      : PLAIN;
			unsigned len = 0;

			for (k = 0; k < f->nseg; k++) {
				memcpy(got + len, f->seg[k].iov_base,
				       f->seg[k].iov_len);
				len += (unsigned)f->seg[k].iov_len;
			}
			if (form == WHOLE)
				assert_int_equal(f->meta.gso_size, s->mss);
			if (form != PLAIN)
				assert_true(s->v6 ? e->takes.csum6
						  : e->takes.csum4);
			write_form(s, form, next, &want);
			same_packet(s, &want, got, len);
			next += form == WHOLE ? pieces(s, PLAIN) : 1;
		}
		front_rx_done(e->q);
		front_push(e->q);
	}
	assert_int_equal(n, 0);
	if (next != pieces(s, PLAIN))
		fail_msg("%s: %u packets of %u", s->name, next,
			 pieces(s, PLAIN));
}

/* --- a tap -------------------------------------------------------------------- */

struct tap {
	int host;
	struct port *port;
};

static void tap_open(struct tap *t)
{
	int fd[2], size = 4 << 20;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	t->host = fd[0];
	assert_int_equal(port_tap_open(&t->port, "tap", fd[1], pool), 0);
}

/* What the host got is what the guest sent, and says so. */
static void host_reads(struct tap *t, const struct stream *s, enum form form)
{
	static uint8_t b[HDR + FRAME_MAX + 1];
	static struct pkt want;
	struct virtio_net_hdr h;
	unsigned i;

	for (i = 0; i < pieces(s, form); i++) {
		ssize_t r = read(t->host, b, sizeof(b));

		assert_true(r > HDR);
		memcpy(&h, b, HDR);
		write_form(s, form, i, &want);
		same_packet(s, &want, b + HDR, (unsigned)r - HDR);
		assert_int_equal(h.flags,
				 form == PLAIN ? 0
					       : VIRTIO_NET_HDR_F_NEEDS_CSUM);
		if (form != PLAIN) {
			assert_int_equal(h.csum_start, want.l4);
			assert_int_equal(h.csum_offset, 16);
		}
		assert_int_equal(h.gso_type,
				 form != WHOLE ? VIRTIO_NET_HDR_GSO_NONE
				 : s->v6       ? VIRTIO_NET_HDR_GSO_TCPV6
					       : VIRTIO_NET_HDR_GSO_TCPV4);
		if (form == WHOLE) {
			assert_int_equal(h.gso_size, s->mss);
			assert_int_equal(h.hdr_len, want.l4 + 20 + s->tcpopts);
		}
	}
	assert_int_equal(read(t->host, b, sizeof(b)), -1);
}

static void host_writes(struct tap *t, const struct stream *s, enum form form,
			struct sw *sw)
{
	static uint8_t b[HDR + FRAME_MAX];
	static struct pkt p;
	struct virtio_net_hdr h = { 0 };
	unsigned i;

	for (i = 0; i < pieces(s, form); i++) {
		write_form(s, form, i, &p);
		if (form != PLAIN) {
			h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			h.csum_start = (uint16_t)p.l4;
			h.csum_offset = 16;
		}
		if (form == WHOLE) {
			h.gso_type = s->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
					   : VIRTIO_NET_HDR_GSO_TCPV4;
			if (s->flags & CWR)
				h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
			h.gso_size = (uint16_t)s->mss;
			h.hdr_len = (uint16_t)(p.l4 + 20 + s->tcpopts);
		}
		memcpy(b, &h, HDR);
		memcpy(b + HDR, p.b, p.len);
		assert_int_equal(write(t->host, b, HDR + p.len), HDR + p.len);
		turn(sw);
	}
}

/* --- the matrix ---------------------------------------------------------------- */

static const struct stream streams[] = {
	{ "plain4", false, 0, 0, 0, 12, ACK | PSH, 7, 8000, 1448, 1 },
	{ "fin4", false, 0, 0, 0, 0, ACK | FIN | PSH, 65530, 7301, 1460,
	  0xfffff000 },
	{ "cwr4", false, 0, 0, 0, 12, ACK | CWR | ECE, 0, 5001, 1001, 99 },
	{ "opts4", false, 0, 12, 0, 40, ACK | CWR | FIN, 1, 5000, 999, 5 },
	{ "tag4", false, 1, 0, 0, 12, ACK, 3, 3000, 1448, 5 },
	{ "tags4", false, 2, 40, 0, 40, ACK | PSH, 3, 3000, 1380, 5 },
	{ "small4", false, 0, 0, 0, 20, ACK | PSH | CWR, 9, 701, 8, 7 },
	{ "large4", false, 0, 0, 0, 12, ACK | PSH, 9, 65000, 1448, 7 },
	{ "one4", false, 0, 0, 0, 12, ACK | PSH | CWR, 9, 1448, 1448, 7 },
	{ "plain6", true, 0, 0, 0, 12, ACK | PSH, 0, 8000, 1428, 1 },
	{ "fin6", true, 0, 0, 0, 0, ACK | FIN | PSH, 0, 7301, 1440,
	  0xfffff000 },
	{ "cwr6", true, 1, 0, 0, 12, ACK | CWR | ECE, 0, 5001, 333, 99 },
	{ "exts6", true, 0, 0, 1, 12, ACK | CWR | PSH, 0, 9000, 1379, 4 },
	{ "exts6 tag", true, 2, 0, 1, 40, ACK | FIN, 0, 2000, 777, 4 },
	{ "large6", true, 0, 0, 0, 12, ACK | PSH, 0, 65003, 1428, 9 },
};

static bool sg_needed(const struct front_features *f, const struct stream *s)
{
	return !f->sg && s->mss > 4000;
}

static void by_tap(const struct stream *s, enum form sends, enum form host,
		   const struct front_features *f)
{
	struct end from = { 0 }, to = { 0 };
	struct tap up, down;
	struct sw *a, *b;

	end_open(&from, &takes[0]);
	end_open(&to, f);
	tap_open(&up);
	tap_open(&down);
	assert_int_equal(sw_wire_open(&a, pool), 0);
	assert_int_equal(sw_wire_open(&b, pool), 0);
	sw_add(a, from.vif);
	sw_add(a, up.port);
	sw_add(b, to.vif);
	sw_add(b, down.port);
	/* One packet of one segment is plain before it leaves */
	send_all(&from, s, sends, a);
	host_reads(&up, s,
		   sends == WHOLE && s->payload <= s->mss ? BLANK : sends);
	host_writes(&down, s, host, b);
	receive_all(&to, s, b);
	sw_close(a);
	sw_close(b);
	port_close(up.port);
	port_close(down.port);
	close(up.host);
	close(down.host);
	end_close(&from);
	end_close(&to);
}

static void by_ring(const struct stream *s, enum form sends,
		    const struct front_features *f)
{
	struct end from = { 0 }, to = { 0 };
	struct sw *sw;

	end_open(&from, &takes[0]);
	end_open(&to, f);
	assert_int_equal(sw_wire_open(&sw, pool), 0);
	sw_add(sw, from.vif);
	sw_add(sw, to.vif);
	send_all(&from, s, sends, sw);
	receive_all(&to, s, sw);
	sw_close(sw);
	end_close(&from);
	end_close(&to);
}

static void sender_tap_receiver(void **state)
{
	unsigned i, sends, host, f;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(streams); i++) {
		const struct stream *s = &streams[i];

		for (f = 0; f < ARRAY_SIZE(takes); f++) {
			for (host = PLAIN; host < FORMS; host++) {
				/* a host sends no segment of one packet; a
				 * frame beyond a page needs sg to be read */
				if (host == WHOLE && s->payload <= s->mss)
					continue;
				if (sg_needed(&takes[f], s))
					continue;
				for (sends = PLAIN; sends < FORMS; sends++)
					by_tap(s, (enum form)sends,
					       (enum form)host, &takes[f]);
			}
		}
	}
}

static void sender_receiver(void **state)
{
	unsigned i, sends, f;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(streams); i++) {
		for (f = 0; f < ARRAY_SIZE(takes); f++) {
			for (sends = PLAIN; sends < FORMS; sends++)
				by_ring(&streams[i], (enum form)sends,
					&takes[f]);
		}
	}
}

/* --- what cannot be made right -------------------------------------------------- */

struct wrong {
	const char *why;
	bool v6, exts;
	unsigned form;
	int l3_off, l4_off; /* a byte there, -1: none .. */
	unsigned byte;	    /* .. becomes this */
	unsigned gso_type, gso_size;
};

static void is_refused(const struct wrong *w)
{
	const struct stream s = { "wrong",   w->v6, 0,	  0,	w->exts, 12,
				  ACK | PSH, 1,	    4000, 1000, 1 };
	struct front_meta m = { .csum_blank = true,
				.gso_type = (uint8_t)w->gso_type,
				.gso_size = (uint16_t)w->gso_size };
	static struct pkt p;
	struct end e = { 0 };
	struct tap t;
	struct sw *sw;
	uint8_t b[64];

	end_open(&e, &takes[0]);
	tap_open(&t);
	assert_int_equal(sw_wire_open(&sw, pool), 0);
	sw_add(sw, e.vif);
	sw_add(sw, t.port);
	write_form(&s, (enum form)w->form, 0, &p);
	if (w->l3_off >= 0)
		p.b[p.l3 + (unsigned)w->l3_off] = (uint8_t)w->byte;
	if (w->l4_off >= 0)
		p.b[p.l4 + (unsigned)w->l4_off] = (uint8_t)w->byte;
	end_send(&e, &p, &m);
	turn(sw);
	if (read(t.host, b, sizeof(b)) != -1)
		fail_msg("%s: reached the host", w->why);
	assert_int_equal(e.counts[RING_TX_BAD_OFFLOAD], 1);
	front_tx_reap(e.q);
	assert_int_equal(front_counts(e.q)[FRONT_TX_ERROR], 1);
	sw_close(sw);
	port_close(t.port);
	close(t.host);
	end_close(&e);
}

static void wrong_ones_are_refused(void **state)
{
	static const struct wrong row[] = {
		{ "SYN", false, false, WHOLE, -1, 13, 0x12, 1, 1000 },
		{ "RST", false, false, WHOLE, -1, 13, 0x14, 1, 1000 },
		{ "URG", true, false, WHOLE, -1, 13, 0x30, 2, 1000 },
		{ "beyond the MTU", false, false, WHOLE, -1, -1, 0, 1, 1449 },
		{ "far beyond the MTU", false, false, WHOLE, -1, -1, 0, 1,
		  0xffff },
		{ "tiny segments", false, false, WHOLE, -1, -1, 0, 1, 7 },
		{ "TSO4 of IPv6", true, false, WHOLE, -1, -1, 0, 1, 1000 },
		{ "TSO6 of IPv4", false, false, WHOLE, -1, -1, 0, 2, 1000 },
		{ "UDP", false, false, WHOLE, 9, -1, 17, 1, 1000 },
		{ "longer than it is, IPv4", false, false, WHOLE, 2, -1, 0x7f,
		  1, 1000 },
		{ "longer than it is, IPv6", true, false, WHOLE, 4, -1, 0x7f, 2,
		  1000 },
		{ "shorter than its header", false, false, BLANK, 2, -1, 0, 0,
		  0 },
		{ "a fragment's header, whole", true, true, WHOLE, 6, -1, 44, 2,
		  1000 },
		{ "no TCP, blank", false, false, BLANK, 9, -1, 50, 0, 0 },
		{ "first of two fragments, blank", false, false, BLANK, 6, -1,
		  0x20, 0, 0 },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++)
		is_refused(&row[i]);
}

/* --- frames as they come, one by one --------------------------------------------- */

/* Padding is no part of the packet, and not of its sum. */
static void padding_is_cut_off(void **state)
{
	const struct stream s = {
		"padded", false, 0, 0, 0, 0, ACK, 1, 1, 1, 1
	};
	struct frame_pool *few;
	uint64_t fixed = 0;
	struct pkt p, want;
	struct frame *f;

	(void)state;
	assert_int_equal(frame_pool_open(&few, 1, false), 0);
	write_form(&s, BLANK, 0, &p);
	write_form(&s, PLAIN, 0, &want);
	put_fill(&p, 60 - p.len);
	f = frame_of(few, &p, 0);
	f->flags = FRAME_CSUM_BLANK;
	assert_int_equal(frame_check_offload(f, MTU, &fixed), 0);
	assert_int_equal(f->len, want.len);
	frame_checksum(f);
	same_packet(&s, &want, f->head, f->len);
	frame_drop(f);
	frame_pool_close(few);
}

/* A large send of Windows has no IP length. */
static void missing_length_is_written(void **state)
{
	unsigned v6, i;

	(void)state;
	for (v6 = 0; v6 < 3; v6++) {
		struct stream s = streams[v6 == 2 ? 12 : v6 ? 9 : 0];
		struct frame_pool *few;
		uint64_t fixed = 0;
		static struct pkt p, want;
		struct frame *f;

		assert_int_equal(frame_pool_open(&few, 1, false), 0);
		write_form(&s, WHOLE, 0, &want);
		p = want;
		memset(p.b + p.l3 + (v6 ? 4 : 2), 0, 2);
		f = frame_of(few, &p, 4096);
		f->flags = FRAME_CSUM_BLANK;
		f->gso_type = v6 ? FRAME_GSO_TCPV6 : FRAME_GSO_TCPV4;
		f->gso_size = (uint16_t)s.mss;
		/* behind other headers it could be told there */
		assert_int_equal(frame_check_offload(f, MTU, &fixed),
				 v6 == 2 ? -EINVAL : 0);
		for (i = 0; v6 < 2 && i < want.l4 + 32; i++)
			assert_int_equal(f->head[i], want.b[i]);
		frame_drop(f);
		frame_pool_close(few);
	}
}

static int start(void **state)
{
	(void)state;
	if (hv_init())
		return -1;
	return frame_pool_open(&pool, 2 * FRAME_BURST, true);
}

static int stop(void **state)
{
	bool whole = frame_pool_free(pool) == 2 * FRAME_BURST;

	(void)state;
	frame_pool_close(pool);
	return whole ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_tap_receiver),
		cmocka_unit_test(sender_receiver),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(padding_is_cut_off),
		cmocka_unit_test(missing_length_is_written),
	};

	return cmocka_run_group_tests_name("offload", tests, start, stop);
}
