// SPDX-License-Identifier: GPL-2.0-or-later
/* pump.c - moves frames between a guest's eth0 (a tap) and its rings
 *
 * eth0 to ring: one read puts vnet header and frame into lent guest memory, the
 * header in the room before it. Ring to eth0: one write; small frames are copied
 * behind their header first, which is cheaper than a vector of two.
 *
 * netif has no offset for a checksum: "blank" means the outermost TCP or UDP.
 * What the kernel leaves blank anywhere else is completed here.
 */
#include "front/pump.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"

enum {
	PUMP_BURST = 64,
	PUMP_HDR = sizeof(struct virtio_net_hdr),
	PUMP_LOOK = 256,  /* bytes looked at for headers */
	PUMP_SMALL = 512, /* bytes copied rather than gathered by the kernel */
	PUMP_READ = PUMP_HDR + FRONT_LEN_MAX + 1, /* one more: is it longer? */
	PUMP_NO_SG = HV_PAGE - FRONT_ROOM,
};
static_assert(PUMP_HDR == 10, "TUNSETVNETHDRSZ of the tap");

struct pump_l4 {
	uint16_t at, off, end; /* header, checksum field in it, payload */
	uint8_t ip;
};

static unsigned pump_be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static int pump_transport(const uint8_t *p, unsigned n, unsigned proto,
			  struct pump_l4 *l4)
{
	if (proto == IPPROTO_UDP && n >= l4->at + 8u) {
		l4->off = 6;
		l4->end = (uint16_t)(l4->at + 8);
		return 0;
	}
	if (proto != IPPROTO_TCP || n < l4->at + 20u)
		return -ENOENT;
	l4->off = 16;
	l4->end = (uint16_t)(l4->at + (p[l4->at + 12] >> 4) * 4);
	return l4->end < l4->at + 20 || l4->end > n ? -ENOENT : 0;
}

/* Finds TCP or UDP directly in IP behind at most two tags; no extension
 * headers: for those we complete checksums ourselves.
 */
static int pump_locate(const uint8_t *p, unsigned n, struct pump_l4 *l4)
{
	unsigned at = 12, tags = 0, type;

	for (;; at += 4) {
		if (at + 2 > n || tags++ > 2)
			return -ENOENT;
		type = pump_be16(p + at);
		if (type != 0x8100 && type != 0x88a8)
			break;
	}
	at += 2;
	if (type == 0x0800 && at + 20 <= n) {
		if (pump_be16(p + at + 6) & 0x3fff)
			return -ENOENT; /* a fragment */
		l4->ip = 4;
		l4->at = (uint16_t)(at + (p[at] & 15u) * 4);
		return pump_transport(p, n, p[at + 9], l4);
	}
	if (type == 0x86dd && at + 40 <= n) {
		l4->ip = 6;
		l4->at = (uint16_t)(at + 40);
		return pump_transport(p, n, p[at + 6], l4);
	}
	return -ENOENT;
}

/* Completes a checksum whose field holds the pseudo-header's sum. */
static int pump_sum(uint8_t *p, unsigned n, unsigned start, unsigned off)
{
	uint64_t sum = 0;
	unsigned i;

	if (start + off + 2 > n)
		return -EINVAL;
	for (i = start; i + 1 < n; i += 2)
		sum += pump_be16(p + i);
	if (i < n)
		sum += (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum ^= 0xffff;
	if (!sum && off == 6)
		sum = 0xffff; /* UDP: 0 would mean "none" */
	p[start + off] = (uint8_t)(sum >> 8);
	p[start + off + 1] = (uint8_t)sum;
	return 0;
}

/* --- eth0 to ring -------------------------------------------------------- */

static int pump_meta(struct pump *p, uint8_t *f, unsigned n,
		     const struct virtio_net_hdr *h, struct front_meta *m)
{
	struct pump_l4 l4;
	bool found = pump_locate(f, n < PUMP_LOOK ? n : PUMP_LOOK, &l4) == 0;
	bool ours = found && h->csum_start == l4.at && h->csum_offset == l4.off;
	bool can = ours && (l4.ip == 6 ? p->offers.csum6 : p->offers.csum4);

	*m = (struct front_meta){ 0 };
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		if (!ours)
			return -EINVAL;
		m->gso_type = l4.ip == 6 ? FRAME_GSO_TCPV6 : FRAME_GSO_TCPV4;
		m->gso_size = h->gso_size;
		m->csum_blank = true;
		return 0;
	}
	if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		m->validated = true;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	m->csum_blank = can;
	if (can)
		return 0;
	m->validated = true;
	p->sums++;
	return pump_sum(f, n, h->csum_start, h->csum_offset);
}

static void pump_send(struct pump *p, uint8_t *f, size_t n)
{
	struct virtio_net_hdr h;
	struct front_meta meta;

	memcpy(&h, f - PUMP_HDR, sizeof(h));
	if (n < FRAME_ETH || n > FRONT_LEN_MAX ||
	    (!p->offers.sg && n > PUMP_NO_SG) ||
	    pump_meta(p, f, (unsigned)n, &h, &meta)) {
		p->drops_up++;
		return;
	}
	front_tx_commit(p->q, (uint32_t)n, &meta);
}

/* Returns 1 after a full burst, 0 when the tap is empty or the ring is full. */
static int pump_up(struct pump *p)
{
	unsigned i;

	if (front_tx_reap(p->q) < 0)
		return -EPROTO;
	for (i = 0; i < PUMP_BURST; i++) {
		uint8_t *f = front_tx_lend(p->q);
		ssize_t r;

		p->blocked = !f;
		if (!f)
			return 0;
		r = read(p->tap, f - PUMP_HDR, PUMP_READ);
		if (r <= PUMP_HDR)
			return 0; /* EAGAIN; others come back by poll */
		pump_send(p, f, (size_t)r - PUMP_HDR);
	}
	return 1;
}

/* --- ring to eth0 -------------------------------------------------------- */

/* The first bytes of a packet in one piece. */
static unsigned pump_gather(const struct front_frame *f, uint8_t *to,
			    unsigned size)
{
	unsigned i, n = 0;

	for (i = 0; i < f->nseg && n < size; i++) {
		size_t k = f->seg[i].iov_len;

		if (k > size - n)
			k = size - n;
		memcpy(to + n, f->seg[i].iov_base, k);
		n += (unsigned)k;
	}
	return n;
}

static int pump_header(const uint8_t *head, unsigned n,
		       const struct front_meta *m, struct virtio_net_hdr *h)
{
	struct pump_l4 l4;

	memset(h, 0, sizeof(*h));
	if (m->validated)
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (!m->csum_blank)
		return 0;
	if (pump_locate(head, n, &l4))
		return -EINVAL;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = l4.at;
	h->csum_offset = l4.off;
	if (!m->gso_type)
		return 0;
	h->gso_type = m->gso_type == FRAME_GSO_TCPV6 ? VIRTIO_NET_HDR_GSO_TCPV6
						     : VIRTIO_NET_HDR_GSO_TCPV4;
	h->gso_size = m->gso_size;
	h->hdr_len = l4.end;
	return 0;
}

static void pump_deliver(struct pump *p, const struct front_frame *f)
{
	struct iovec v[1 + FRONT_RX_SLOTS];
	uint8_t small[PUMP_HDR + PUMP_SMALL];
	const uint8_t *head = f->seg[0].iov_base;
	unsigned n = (unsigned)f->seg[0].iov_len;
	struct virtio_net_hdr h;
	ssize_t r;

	if (n < PUMP_LOOK) {
		head = small + PUMP_HDR;
		n = pump_gather(f, small + PUMP_HDR, PUMP_SMALL);
	}
	if (pump_header(head, n < PUMP_LOOK ? n : PUMP_LOOK, &f->meta, &h)) {
		p->drops_down++;
		return;
	}
	if (f->len <= PUMP_SMALL) {
		if (head != small + PUMP_HDR)
			pump_gather(f, small + PUMP_HDR, PUMP_SMALL);
		memcpy(small, &h, sizeof(h));
		r = write(p->tap, small, PUMP_HDR + f->len);
	} else {
		v[0] = (struct iovec){ &h, PUMP_HDR };
		memcpy(v + 1, f->seg, f->nseg * sizeof(v[0]));
		r = writev(p->tap, v, (int)f->nseg + 1);
	}
	/* eth0 may be down: that is what a cable is for. */
	if (r < 0)
		p->drops_down++;
}

static int pump_down(struct pump *p)
{
	struct front_frame v[PUMP_BURST];
	int i, n = front_rx_take(p->q, v, PUMP_BURST);

	for (i = 0; i < n; i++)
		pump_deliver(p, &v[i]);
	if (n >= 0)
		front_rx_done(p->q);
	return n < 0 ? n : n == PUMP_BURST;
}

int pump_turn(struct pump *p)
{
	int down, up;

	if (!p->q)
		return 0;
	down = pump_down(p);
	if (down < 0)
		return down;
	up = pump_up(p);
	if (up < 0)
		return up;
	front_push(p->q);
	return down || up;
}

int pump_arm(struct pump *p)
{
	return p->q ? front_arm(p->q, p->blocked) : 0;
}
