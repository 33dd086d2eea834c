// SPDX-License-Identifier: GPL-2.0-or-later
/* worker.c - the process that touches guests: one loop, orders, guests' memory
 *
 *   supervisor --orders--> worker: struct wdom (guest memory, channels)
 *                                  struct wvif (survival, rings, tap, wire)
 *
 * Everything received over the socket is the supervisor's word and believed;
 * everything a guest can write is checked where it is read (hv, ring).
 *
 * #syscalls worker: epoll_create1 epoll_ctl epoll_wait epoll_pwait
 * #syscalls worker: clock_gettime recvmsg sendmsg close write
 * #syscalls worker: brk mmap munmap mremap madvise futex exit exit_group
 * #syscalls worker: rt_sigreturn rt_sigaction restart_syscall getrandom pread64
 * #syscalls worker-san: sigaltstack rt_sigprocmask gettid
 * #syscalls worker-san: getpid mprotect sched_yield prctl readlink openat tgkill
 */
#include "daemon/worker_own.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "cap.h"
#include "frame.h"
#include "hv.h"

struct wdom *worker_dom(struct worker *w, uint16_t domid)
{
	struct wdom *d;

	for (d = w->doms; d && d->domid != domid;)
		d = d->next;
	return d;
}

struct frame_pool *worker_frames(struct worker *w, const struct hv *hv)
{
	if (hv_can_reach(hv))
		return w->pool;
	if (!w->bodies)
		frame_pool_open(&w->bodies, 2 * FRAME_BURST + 2, true);
	return w->bodies;
}

static struct wvif *worker_vif(struct worker *w, const struct worker_msg *m)
{
	struct wvif *v;

	for (v = w->vifs; v; v = v->next) {
		if (v->domid == m->domid && v->handle == m->handle)
			break;
	}
	return v;
}

static int worker_dom_new(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wdom *d;
	int rc;

	if (worker_dom(w, m->domid) || fd[0] < 0)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->domid = m->domid;
	if (m->type == WORKER_DOM_XEN)
		rc = hv_xen_open(&d->hv, m->domid, fd[0]);
	else
		rc = hv_local_open(&d->hv, &m->dom, fd[0]);
	fd[0] = -1;
	if (rc) {
		free(d);
		return rc;
	}
	d->next = w->doms;
	w->doms = d;
	return 0;
}

static int worker_dom_gone(struct worker *w, uint16_t domid)
{
	struct wdom **at = &w->doms, *d;
	struct wvif *v;

	for (v = w->vifs; v; v = v->next) {
		if (v->domid == domid)
			wvif_disconnect(v);
	}
	while (*at && (*at)->domid != domid)
		at = &(*at)->next;
	d = *at;
	if (!d)
		return 0;
	*at = d->next;
	hv_close(d->hv);
	free(d);
	return 0;
}

static int worker_channel(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wdom *d = worker_dom(w, m->domid);
	int rc;

	if (!d || fd[0] < 0)
		return -EINVAL;
	if (fd[1] < 0)
		rc = hv_xen_port(d->hv, m->port, fd[0]);
	else
		rc = hv_local_port(d->hv, m->port, fd[0], fd[1]);
	fd[0] = fd[1] = -1;
	return rc;
}

/* One order for a vif that must exist. */
static int worker_vif_order(struct worker *w, struct worker_msg *m, int *fd)
{
	struct wvif *v = worker_vif(w, m);

	if (!v)
		return -ENOENT;
	switch (m->type) {
	case WORKER_CONNECT:
		return wvif_connect(v, m);
	case WORKER_TELL:
		wvif_tell(v, m);
		return 0;
	case WORKER_RUN:
		return wvif_run(v);
	case WORKER_DISCONNECT:
		wvif_disconnect(v);
		return 0;
	case WORKER_VIF_GONE:
		wvif_close(v);
		return 0;
	case WORKER_STATS:
		wvif_stats(v, m);
		return 0;
	case WORKER_RATE:
		wvif_rate(v, m->rate.bytes, m->rate.usecs);
		return 0;
	case WORKER_DIRECT:
		wdirect_set(v, &m->direct);
		return 0;
	case WORKER_CAPTURE:
		return wvif_capture(v, m, fd);
	case WORKER_CAPTURE_END:
		if (!v->cap)
			return -ENOENT;
		cap_stat(v->cap, &m->capture.stats);
		wvif_capture_end(v);
		return 0;
	default:
		return -EINVAL;
	}
}

static int worker_order(struct worker *w, struct worker_msg *m, int *fd)
{
	switch (m->type) {
	case WORKER_DOM:
	case WORKER_DOM_XEN:
		return worker_dom_new(w, m, fd);
	case WORKER_CHANNEL:
		return worker_channel(w, m, fd);
	case WORKER_DOM_GONE:
		return worker_dom_gone(w, m->domid);
	case WORKER_VIF:
		return worker_vif(w, m) ? -EINVAL : wvif_open(w, m, fd);
	default:
		return worker_vif_order(w, m, fd);
	}
}

static void worker_on_order(void *arg, int sock, uint32_t events)
{
	struct worker *w = arg;
	struct worker_msg m;
	int fd[MSG_FDS] = { -1, -1, -1, -1, -1, -1, -1, -1 }, n;
	unsigned nfd = MSG_FDS;

	(void)events;
	n = msg_recv(sock, &m, sizeof(m), fd, &nfd);
	if (n == -EAGAIN)
		return;
	if (n != sizeof(m)) {
		loop_stop(w->loop, n ? 1 : 0);
		return;
	}
	m.rc = worker_order(w, &m, fd);
	msg_close_all(fd, MSG_FDS);
	if ((m.type != WORKER_STATS && m.type != WORKER_CAPTURE_END) || m.rc) {
		m.type = WORKER_DONE;
		snprintf(m.text, sizeof(m.text), "%s",
			 m.rc ? strerror(-m.rc) : "");
	}
	if (msg_send(sock, &m, sizeof(m), NULL, 0))
		loop_stop(w->loop, 1);
}

static void worker_close(struct worker *w)
{
	while (w->vifs)
		wvif_close(w->vifs);
	while (w->doms)
		worker_dom_gone(w, w->doms->domid);
	frame_pool_close(w->pool);
	frame_pool_close(w->bodies);
	loop_close(w->loop);
	close(w->sock);
}

int worker_main(int sock)
{
	struct worker w = { .sock = sock };
	int rc;

	fair_init(&w.fair);
	signal(SIGPIPE, SIG_IGN); /* a capture's reader may go */
	rc = hv_init();
	if (!rc)
		rc = loop_open(&w.loop);
	if (!rc)
		rc = frame_pool_open(&w.pool, FRAME_BURST + 2, false);
	if (!rc)
		rc = loop_add(w.loop, sock, EPOLLIN, worker_on_order, &w, NULL);
	while (!rc && !loop_stopped(w.loop)) {
		rc = loop_turn(w.loop, fair_empty(&w.fair) ? -1 : 0);
		worker_round(&w);
	}
	if (rc)
		log_error("worker: %s", strerror(-rc));
	worker_close(&w);
	return rc ? 1 : 0;
}
