// SPDX-License-Identifier: GPL-2.0-or-later
/* tap.c - the host's network stack as a port: a tap with virtio_net_hdr
 *
 * The header written to the tap is built from what we parsed ourselves (law 5:
 * no guest number reaches the kernel). A frame that fits the header area leaves
 * in one contiguous write; the others by writev from the private header
 * and wherever the payload lies. Frames read come by readv into the header area
 * and what follows it: a frame's own body, or pages lent by the other port.
 *
 * #syscalls worker: read readv write writev close
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/num.h"
#include "frame.h"
#include "port.h"

enum { TAP_HDR = sizeof(struct virtio_net_hdr) };
_Static_assert(TAP_HDR == 10, "what TUNGETVNETHDRSZ says by default");
_Static_assert((int)TAP_HDR <= (int)FRAME_VNET, "it stands before head");
_Static_assert(offsetof(struct frame, head) ==
		       offsetof(struct frame, vnet) + FRAME_VNET,
	       "header and head are contiguous");

struct port_tap {
	struct port p;
	struct frame_pool *pool;
	int fd;
	bool told;  /* somebody polls fd and says when it is readable .. */
	bool empty; /* .. and has not since it was */
};

static struct port_tap *port_tap_of(const struct port *p)
{
	return container_of(p, struct port_tap, p);
}

static uint8_t *tap_hdr(struct frame *f)
{
	return f->vnet + FRAME_VNET - TAP_HDR;
}

/* Frame -> header. Everything here was set or checked by our parser. */
static void tap_describe(struct frame *f)
{
	struct virtio_net_hdr h = { 0 };

	if (f->flags & FRAME_CSUM_BLANK) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = f->csum_start;
		h.csum_offset = f->csum_off;
	} else if (f->flags & FRAME_CSUM_VALID) {
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (f->gso_type) {
		h.gso_type = f->gso_type == FRAME_GSO_TCPV4
				     ? VIRTIO_NET_HDR_GSO_TCPV4
				     : VIRTIO_NET_HDR_GSO_TCPV6;
		h.gso_size = f->gso_size;
		h.hdr_len = f->hdr_len;
	}
	memcpy(tap_hdr(f), &h, TAP_HDR);
}

/* Header -> frame. The kernel's word; only forms we asked for are accepted. */
static int tap_understand(struct frame *f)
{
	struct virtio_net_hdr h;

	memcpy(&h, tap_hdr(f), TAP_HDR);
	f->flags = 0;
	f->gso_type = FRAME_GSO_NONE;
	f->gso_size = 0;
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		f->flags = FRAME_CSUM_BLANK;
		f->csum_start = h.csum_start;
		f->csum_off = h.csum_offset;
	} else if (h.flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		f->flags = FRAME_CSUM_VALID;
	}
	switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		f->gso_type = FRAME_GSO_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		f->gso_type = FRAME_GSO_TCPV6;
		break;
	default:
		return -EPROTONOSUPPORT;
	}
	f->gso_size = h.gso_size;
	f->hdr_len = h.hdr_len;
	return 0;
}

/* A frame whose body is its own is one piece: head and body meet. */
static bool tap_in_one(const struct frame *f)
{
	return f->nseg == 1 && f->seg[0].base == f->head + FRAME_HEAD;
}

static ssize_t tap_write(int fd, struct frame *f)
{
	struct iovec iov[1 + FRAME_SEGS];
	unsigned i;

	if (!f->nseg || tap_in_one(f))
		return write(fd, tap_hdr(f), TAP_HDR + f->len);
	iov[0].iov_base = tap_hdr(f);
	iov[0].iov_len = TAP_HDR + f->head_len;
	for (i = 0; i < f->nseg; i++) {
		iov[i + 1].iov_base = f->seg[i].base;
		iov[i + 1].iov_len = f->seg[i].len;
	}
	return writev(fd, iov, (int)f->nseg + 1);
}

static int port_tap_push(struct port *p, struct frame **v, unsigned n)
{
	struct port_tap *t = port_tap_of(p);
	unsigned i, k = 0;

	for (i = 0; i < n; i++) {
		tap_describe(v[i]);
		/* EIO: the link is down; EAGAIN: its queue is full; EFAULT: the
		 * guest's page went away. Each costs this frame alone.
		 */
		if (tap_write(t->fd, v[i]) > 0) {
			p->stat.out_bytes += v[i]->len;
			k++;
		}
		frame_put(v[i]);
	}
	p->stat.out += k;
	p->stat.out_drop += n - k;
	return (int)k;
}

static ssize_t tap_readv(int fd, struct frame *f)
{
	struct iovec iov[FRAME_SEGS + 2];
	uint8_t more;
	unsigned i;

	iov[0].iov_base = tap_hdr(f);
	iov[0].iov_len = TAP_HDR + FRAME_HEAD;
	for (i = 0; i < f->nseg; i++) {
		iov[i + 1].iov_base = f->seg[i].base;
		iov[i + 1].iov_len = f->seg[i].len;
	}
	iov[i + 1].iov_base = &more;
	iov[i + 1].iov_len = 1;
	return readv(fd, iov, (int)f->nseg + 2);
}

/* Reads one frame into f's header area and segments. One byte more is offered
 * than there is room, so that a frame too long is seen: counted and passed over.
 */
static int port_tap_fill(struct port *p, struct frame *f)
{
	struct port_tap *t = port_tap_of(p);
	bool one = tap_in_one(f);
	uint32_t room = FRAME_HEAD;
	unsigned i;
	ssize_t r;

	if (t->empty)
		return 0;
	for (i = 0; i < f->nseg; i++)
		room += f->seg[i].len;
	for (;;) {
		r = one ? read(t->fd, tap_hdr(f), TAP_HDR + room + 1)
			: tap_readv(t->fd, f);
		f->len = 0;
		t->empty = t->told && r < 0 && errno == EAGAIN;
		if (r < 0)
			return errno == EAGAIN || errno == EINTR || errno == EIO
				       ? 0
				       : -errno;
		p->stat.in++;
		if (r >= TAP_HDR + FRAME_ETH && r <= TAP_HDR + (ssize_t)room &&
		    !tap_understand(f))
			break;
		p->stat.in_drop++;
	}
	f->len = (uint32_t)r - TAP_HDR;
	f->head_len = (uint16_t)(f->len < FRAME_HEAD ? f->len : FRAME_HEAD);
	p->stat.in_bytes += f->len;
	return 1;
}

static int port_tap_pull(struct port *p, struct frame **v, unsigned n)
{
	struct port_tap *t = port_tap_of(p);
	unsigned k = 0;
	int rc = 0;

	while (k < n) {
		struct frame *f = frame_get(t->pool);

		if (!f)
			break;
		f->seg[0] = (struct frame_seg){ f->body,
						FRAME_MAX - FRAME_HEAD };
		f->nseg = 1;
		rc = port_tap_fill(p, f);
		if (rc <= 0) {
			frame_put(f);
			break;
		}
		frame_trim(f, f->len);
		v[k++] = f;
	}
	return rc < 0 && !k ? rc : (int)k;
}

static int port_tap_fits(struct port *p, const struct frame *f)
{
	(void)p, (void)f;
	return 1;
}

static int port_tap_lend(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return -EOPNOTSUPP;
}

static int port_tap_settle(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return 0;
}

static int port_tap_flush(struct port *p)
{
	(void)p;
	return 0;
}

static int port_tap_arm(struct port *p, const struct frame *waits)
{
	(void)p, (void)waits;
	return 0; /* level-triggered: what waits is seen by poll */
}

static int port_tap_poll(struct port *p, const struct frame *waits)
{
	(void)p, (void)waits;
	return 0; /* nobody knows without a system call */
}

static void port_tap_ready(struct port *p, int fd)
{
	struct port_tap *t = port_tap_of(p);

	(void)fd;
	t->told = true;
	t->empty = false;
}

static int port_tap_fds(const struct port *p, int fd[PORT_FDS])
{
	fd[0] = port_tap_of(p)->fd;
	return 1;
}

static void port_tap_close(struct port *p)
{
	close(port_tap_of(p)->fd);
	free(port_tap_of(p));
}

static const struct port_ops port_tap_ops = {
	.kind = "tap",
	.pull = port_tap_pull,
	.push = port_tap_push,
	.fits = port_tap_fits,
	.lend = port_tap_lend,
	.fill = port_tap_fill,
	.settle = port_tap_settle,
	.flush = port_tap_flush,
	.arm = port_tap_arm,
	.poll = port_tap_poll,
	.ready = port_tap_ready,
	.fds = port_tap_fds,
	.close = port_tap_close,
};

bool port_tap_empty(const struct port *p)
{
	return port_tap_of(p)->empty;
}

void port_tap_frames(struct port *p, struct frame_pool *pool)
{
	port_tap_of(p)->pool = pool;
}

int port_tap_open(struct port **out, const char *name, int fd,
		  struct frame_pool *pool)
{
	struct port_tap *t = calloc(1, sizeof(*t));

	if (!t || str_put(t->p.name, sizeof(t->p.name), name)) {
		free(t);
		close(fd);
		return t ? -ENAMETOOLONG : -ENOMEM;
	}
	t->p.ops = &port_tap_ops;
	t->pool = pool;
	t->fd = fd;
	*out = &t->p;
	return 0;
}
