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
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
	PUMP_BURST = 64,
	PUMP_HDR = sizeof(struct virtio_net_hdr),
	PUMP_SMALL = 512, /* bytes copied rather than gathered by the kernel */
	PUMP_READ = PUMP_HDR + FRONT_LEN_MAX + 1, /* one more: is it longer? */
	PUMP_NO_SG = HV_PAGE - FRONT_ROOM,
};
static_assert(PUMP_HDR == 10, "TUNSETVNETHDRSZ of the tap");

static unsigned pump_be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Where a blank checksum is, as the backend will understand it. */
static int pump_locate(struct pump *p, const uint8_t *head, unsigned n,
		       struct frame_l4 *l4)
{
	if (n > FRAME_HEAD)
		n = FRAME_HEAD;
	memcpy(p->look.head, head, n);
	p->look.head_len = (uint16_t)n;
	return frame_locate(&p->look, l4);
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
	bool blank = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, ours;
	struct frame_l4 l4 = { 0 };

	*m = (struct front_meta){
		.validated = h->flags & VIRTIO_NET_HDR_F_DATA_VALID,
	};
	if (!blank)
		return h->gso_type ? -EINVAL : 0;
	ours = !pump_locate(p, f, n, &l4) && h->csum_start == l4.l4 &&
	       h->csum_offset == l4.csum_off;
	if (h->gso_type) {
		m->gso_type = l4.ip == 6 ? FRAME_GSO_TCPV6 : FRAME_GSO_TCPV4;
		m->gso_size = h->gso_size;
		m->csum_blank = true;
		return ours ? 0 : -EINVAL;
	}
	m->csum_blank = ours &&
			(l4.ip == 6 ? p->offers.csum6 : p->offers.csum4);
	if (m->csum_blank)
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

static int pump_header(struct pump *p, const uint8_t *head, unsigned n,
		       const struct front_meta *m, struct virtio_net_hdr *h)
{
	struct frame_l4 l4;

	memset(h, 0, sizeof(*h));
	if (m->validated)
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (!m->csum_blank)
		return 0;
	if (pump_locate(p, head, n, &l4))
		return -EINVAL;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = l4.l4;
	h->csum_offset = l4.csum_off;
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

	if (f->meta.hashed)
		log_debug("queue %u: hash type %u value 0x%08x", p->number,
			  f->meta.hash_type, f->meta.hash);
	if (n < FRAME_HEAD) {
		head = small + PUMP_HDR;
		n = pump_gather(f, small + PUMP_HDR, PUMP_SMALL);
	}
	if (pump_header(p, head, n, &f->meta, &h)) {
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
