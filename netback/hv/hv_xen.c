// SPDX-License-Identifier: GPL-2.0-or-later
/* hv_xen.c - a guest of Xen: the kernel's gntdev and evtchn devices
 *
 * Spoken to by ioctl, not through libxengnttab and libxenevtchn: those open the
 * devices by path, which a worker in an empty root cannot, and refuse a
 * descriptor from elsewhere. So the supervisor opens them, one gntdev for a
 * guest and one evtchn for a channel, and what a dead worker held ends with
 * its descriptors: its pages are unmapped, its ports are closed, and the guest's
 * ports wait to be bound again. (gntdev takes a descriptor from another
 * process since Linux 5.5.)
 *
 * Ring pages are mapped. Packets are copied by the hypervisor, many pieces in
 * one call, each with a status of its own; nothing of a packet is ever mapped.
 * An evtchn that was restricted can bind ports of its guest only. A call that the
 * kernel fails as a whole is about our memory, not the guest's: it is made again
 * while memory is short, and else ends one connection; the handle is as good as
 * it was.
 *
 * An event masks its port until it is written back: that is hv_clear, so a guest
 * which nobody listens to for a while can interrupt once, not more.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

#include <xen/evtchn.h>
#include <xen/gntdev.h>

#include "hv/hv_ops.h"

enum {
	XEN_MAPS = HV_CHANNELS, /* 2 x 64 rings, the control ring, a spare */
	XEN_BATCH = 64,	 /* pieces in one call; the kernel makes hypercalls of
			  * 16 of them */
	XEN_TRIES = 100, /* of a page that is being paged in, or of a call for
			  * which there is no memory */
};

static const char xen_gntdev_path[] = "/dev/xen/gntdev";
static const char xen_evtchn_path[] = "/dev/xen/evtchn";

const unsigned long hv_xen_ioctls[] = {
	IOCTL_GNTDEV_MAP_GRANT_REF, IOCTL_GNTDEV_UNMAP_GRANT_REF,
	IOCTL_GNTDEV_GRANT_COPY,    IOCTL_EVTCHN_BIND_INTERDOMAIN,
	IOCTL_EVTCHN_NOTIFY,	    0,
};

struct xen_map {
	void *page; /* NULL = free */
	uint64_t index;
};

struct xen_port {
	uint32_t port;	/* the guest's */
	uint32_t local; /* ours, while bound */
	int fd;		/* -1 = free */
	bool bound;
};

struct xen {
	struct hv hv; /* first: a struct hv * is a struct xen * */
	uint16_t domid;
	int gnt;
	bool handing; /* ports are being given, for one connection */
	struct xen_port port[HV_CHANNELS];
	struct xen_map map[XEN_MAPS];
	struct gntdev_grant_copy_segment seg[XEN_BATCH];
};
static_assert(offsetof(struct xen, hv) == 0, "cast both ways");

static struct xen *xen_of(struct hv *hv)
{
	return (struct xen *)hv;
}

/* --- what the supervisor opens ------------------------------------------- */

bool hv_xen_here(void)
{
	return !access(xen_gntdev_path, R_OK | W_OK) &&
	       !access(xen_evtchn_path, R_OK | W_OK);
}

int hv_xen_gntdev(void)
{
	int fd = open(xen_gntdev_path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int hv_xen_evtchn(uint16_t domid)
{
	struct ioctl_evtchn_restrict_domid r = { .domid = domid };
	int fd = open(xen_evtchn_path, O_RDWR | O_NONBLOCK | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &r))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* --- grants ---------------------------------------------------------------- */

static void xen_fill(const struct xen *x, enum hv_dir dir,
		     const struct hv_seg *v,
		     struct gntdev_grant_copy_segment *s)
{
	memset(s, 0, sizeof(*s));
	s->len = v->len;
	if (dir == HV_TO_GUEST) {
		s->source.virt = v->local;
		s->dest.foreign.ref = v->ref;
		s->dest.foreign.offset = v->off;
		s->dest.foreign.domid = x->domid;
		s->flags = GNTCOPY_dest_gref;
	} else {
		s->source.foreign.ref = v->ref;
		s->source.foreign.offset = v->off;
		s->source.foreign.domid = x->domid;
		s->dest.virt = v->local;
		s->flags = GNTCOPY_source_gref;
	}
}

static int xen_ioctl_copy(struct xen *x, struct gntdev_grant_copy_segment *s,
			  unsigned n)
{
	struct ioctl_gntdev_grant_copy c = { .count = n, .segments = s };
	int i, rc = -ENOMEM;

	for (i = 0; i < XEN_TRIES && (rc == -ENOMEM || rc == -EINTR); i++)
		rc = ioctl(x->gnt, IOCTL_GNTDEV_GRANT_COPY, &c) ? -errno : 0;
	return rc;
}

/* The page is on its way from the host's swap: rare, and soon over. */
static int xen_again(struct xen *x, struct gntdev_grant_copy_segment *s)
{
	int i, rc = 0;

	for (i = 0; i < XEN_TRIES && !rc && s->status == GNTST_eagain; i++)
		rc = xen_ioctl_copy(x, s, 1);
	return rc;
}

static int xen_batch(struct xen *x, enum hv_dir dir, struct hv_seg *v,
		     unsigned n)
{
	struct hv_seg *of[XEN_BATCH];
	unsigned i, k = 0;
	int bad = 0, rc = 0;

	for (i = 0; i < n; i++) {
		v[i].status = 0;
		/* One that crosses its page would have the kernel refuse all. */
		if ((unsigned)v[i].off + v[i].len > HV_PAGE) {
			v[i].status = -EINVAL;
			bad++;
		} else if (v[i].len) {
			xen_fill(x, dir, &v[i], &x->seg[k]);
			of[k++] = &v[i];
		}
	}
	if (k)
		rc = xen_ioctl_copy(x, x->seg, k);
	for (i = 0; i < k && !rc; i++) {
		rc = xen_again(x, &x->seg[i]);
		if (x->seg[i].status == GNTST_okay)
			continue;
		of[i]->status = -EACCES;
		bad++;
	}
	return rc ? rc : bad;
}

static int xen_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		    unsigned n)
{
	struct xen *x = xen_of(hv);
	unsigned i, k;
	int bad = 0;

	for (i = 0; i < n; i += k) {
		int rc;

		k = n - i < XEN_BATCH ? n - i : XEN_BATCH;
		rc = xen_batch(x, dir, v + i, k);
		if (rc < 0)
			goto failed;
		bad += rc;
	}
	return bad;
failed:
	for (i = 0; i < n; i++)
		v[i].status = -EREMOTEIO;
	return -EREMOTEIO;
}

static void xen_forget(struct xen *x, uint64_t index)
{
	struct ioctl_gntdev_unmap_grant_ref u = { .index = index, .count = 1 };

	ioctl(x->gnt, IOCTL_GNTDEV_UNMAP_GRANT_REF, &u);
}

/* #syscalls worker: ioctl read write munmap close */
static int xen_map(struct hv *hv, uint32_t ref, void **out)
{
	struct xen *x = xen_of(hv);
	struct ioctl_gntdev_map_grant_ref g = {
		.count = 1,
		.refs = { { .domid = x->domid, .ref = ref } },
	};
	struct xen_map *m = x->map;
	void *page;

	x->handing = false;
	while (m < x->map + XEN_MAPS && m->page)
		m++;
	if (m == x->map + XEN_MAPS)
		return -ENOSPC;
	if (ioctl(x->gnt, IOCTL_GNTDEV_MAP_GRANT_REF, &g))
		return -errno;
	page = mmap(NULL, HV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, x->gnt,
		    (off_t)g.index);
	if (page == MAP_FAILED) {
		xen_forget(x, g.index);
		return -EACCES; /* whatever the reason: not ours to map */
	}
	*m = (struct xen_map){ .page = page, .index = g.index };
	*out = page;
	return 0;
}

static void xen_map_close(struct xen *x, struct xen_map *m)
{
	munmap(m->page, HV_PAGE);
	xen_forget(x, m->index);
	m->page = NULL;
}

static void xen_unmap(struct hv *hv, void *page)
{
	struct xen *x = xen_of(hv);
	int i;

	for (i = 0; i < XEN_MAPS; i++) {
		if (x->map[i].page == page) {
			xen_map_close(x, &x->map[i]);
			return;
		}
	}
	assert(false && "hv_unmap of what was not mapped");
}

/* --- bells ----------------------------------------------------------------- */

static void xen_port_close(struct xen_port *p)
{
	if (p->fd >= 0)
		close(p->fd); /* and with it the port */
	*p = (struct xen_port){ .fd = -1 };
}

static struct xen_port *xen_port(struct xen *x, uint32_t port, bool bound)
{
	int i;

	for (i = 0; i < HV_CHANNELS; i++) {
		struct xen_port *p = &x->port[i];

		if (p->fd >= 0 && p->port == port && p->bound == bound)
			return p;
	}
	return NULL;
}

static struct xen_port *xen_port_free(struct xen *x)
{
	int i;

	for (i = 0; i < HV_CHANNELS; i++) {
		if (x->port[i].fd < 0)
			return &x->port[i];
	}
	return NULL;
}

/* A connection that failed has left some, and names other ports the next time. */
static void xen_ports_left(struct xen *x)
{
	int i;

	for (i = 0; i < HV_CHANNELS; i++) {
		if (!x->port[i].bound)
			xen_port_close(&x->port[i]);
	}
}

int hv_xen_port(struct hv *hv, uint32_t port, int evtchn)
{
	struct xen *x = xen_of(hv);
	struct xen_port *p;

	if (!x->handing)
		xen_ports_left(x);
	x->handing = true;
	p = xen_port(x, port, false);
	if (!p)
		p = xen_port_free(x);
	if (!p) {
		close(evtchn);
		return -ENOSPC;
	}
	xen_port_close(p);
	*p = (struct xen_port){ .port = port, .fd = evtchn };
	return 0;
}

static int xen_bind(struct hv *hv, uint32_t port)
{
	struct xen *x = xen_of(hv);
	struct ioctl_evtchn_bind_interdomain b = {
		.remote_domain = x->domid,
		.remote_port = port,
	};
	struct xen_port *p = xen_port(x, port, false);
	int local;

	if (!p)
		return xen_port(x, port, true) ? -EBUSY : -ENOENT;
	local = ioctl(p->fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &b);
	if (local < 0)
		return -errno;
	p->local = (uint32_t)local;
	p->bound = true;
	return (int)(p - x->port);
}

static void xen_unbind(struct hv *hv, int chan)
{
	xen_port_close(&xen_of(hv)->port[chan]);
}

static int xen_fd(const struct hv *hv, int chan)
{
	return ((const struct xen *)hv)->port[chan].fd;
}

static int xen_bell(struct hv *hv, int chan)
{
	const struct xen_port *p = &xen_of(hv)->port[chan];
	struct ioctl_evtchn_notify n = { .port = p->local };

	return ioctl(p->fd, IOCTL_EVTCHN_NOTIFY, &n) ? -errno : 0;
}

static int xen_clear(struct hv *hv, int chan)
{
	const struct xen_port *p = &xen_of(hv)->port[chan];
	uint32_t port;

	if (read(p->fd, &port, sizeof(port)) != sizeof(port))
		return errno == EAGAIN ? 0 : -errno;
	return write(p->fd, &port, sizeof(port)) < 0 ? -errno : 1;
}

/* --- open and close -------------------------------------------------------- */

/* No memory of the guest's is ours that could go away under us. */
static bool xen_dead(const struct hv *hv)
{
	(void)hv;
	return false;
}

static void xen_close(struct hv *hv)
{
	struct xen *x = xen_of(hv);
	int i;

	for (i = 0; i < XEN_MAPS; i++) {
		if (x->map[i].page)
			xen_map_close(x, &x->map[i]);
	}
	for (i = 0; i < HV_CHANNELS; i++)
		xen_port_close(&x->port[i]);
	close(x->gnt);
	free(x);
}

static const struct hv_ops xen_ops = {
	.map = xen_map,
	.unmap = xen_unmap,
	.copy = xen_copy,
	.bind = xen_bind,
	.unbind = xen_unbind,
	.fd = xen_fd,
	.bell = xen_bell,
	.clear = xen_clear,
	.dead = xen_dead,
	.close = xen_close,
};

int hv_xen_open(struct hv **out, uint16_t domid, int gntdev)
{
	struct xen *x = calloc(1, sizeof(*x));
	int i;

	if (!x) {
		close(gntdev);
		return -ENOMEM;
	}
	x->hv.ops = &xen_ops;
	x->domid = domid;
	x->gnt = gntdev;
	for (i = 0; i < HV_CHANNELS; i++)
		x->port[i].fd = -1;
	*out = &x->hv;
	return 0;
}
