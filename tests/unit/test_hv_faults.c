// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hv_faults.c - each thing asked of the hypervisor fails once
 *
 * A worker's own files serve a vif over hv_local, with a provider between them that
 * counts what is asked, each piece of a copy by itself, and lets the n-th fail,
 * for every n and each error that it may have: while the vif connects, runs, is
 * adopted by the next worker and disconnects. It is served to the end, or
 * disconnected with a reason; nothing is mapped, bound or open then, and the
 * next connect works.
 */
#include "ring_guest.h"

#include <sys/socket.h>

#include "base/loop.h"
#include "base/msg.h"
#include "daemon/worker_own.h"
#include "hv/hv_ops.h"

enum {
	TURNS = 12,
	BUFFERS = 24, /* RX pages from here on */
	RX_DATA = 100,
	FAULTS = 400, /* more than a life asks for */
};

/* --- a provider whose n-th answer is an error -------------------------------- */

enum what {
	W_MAP,
	W_COPY,
	W_PIECE,
	W_BIND,
	W_BELL,
	W_CLEAR,
	W_KINDS,
};

static const char *const what_name[] = { "map",	 "copy", "piece",
					 "bind", "bell", "clear" };
static const int what_error[W_KINDS][3] = {
	[W_MAP] = { -EACCES, -EINVAL, -ENOMEM },
	[W_COPY] = { -EFAULT, -EREMOTEIO },
	[W_PIECE] = { -EACCES, -EINVAL },
	[W_BIND] = { -ENOENT, -EBUSY, -ENOSPC },
	[W_BELL] = { -ENOTCONN, -EIO },
	[W_CLEAR] = { -EIO, -EINVAL },
};

static struct {
	unsigned asked, at, error; /* at 0: nothing fails */
	enum what what;		   /* what failed */
	bool hit;
	unsigned seen[W_KINDS];
	int mapped, bound;
} fault;

static void check_at(bool b, const char *text, int line)
{
	if (!b)
		fail_msg("line %d: %s; %u failed: %s, %d", line, text, fault.at,
			 fault.hit ? what_name[fault.what] : "nothing",
			 fault.hit ? what_error[fault.what][fault.error] : 0);
}
#define check(b) check_at((b), #b, __LINE__)

/* The error, or 0. */
static int ask(enum what what)
{
	fault.seen[what]++;
	if (++fault.asked != fault.at)
		return 0;
	fault.hit = true;
	fault.what = what;
	return what_error[what][fault.error];
}

struct bad {
	struct hv hv;
	struct hv *real;
	bool dead;
};

static struct hv *real(const struct hv *hv)
{
	return ((const struct bad *)hv)->real;
}

static int bad_map(struct hv *hv, uint32_t ref, void **page)
{
	int rc = ask(W_MAP);

	if (!rc)
		rc = hv_map(real(hv), ref, page);
	fault.mapped += !rc;
	return rc;
}

static int bad_map_ro(struct hv *hv, uint32_t ref, void **page)
{
	int rc = ask(W_MAP);

	if (!rc)
		rc = hv_map_ro(real(hv), ref, page);
	fault.mapped += !rc;
	return rc;
}

static void bad_unmap(struct hv *hv, void *page)
{
	fault.mapped--;
	hv_unmap(real(hv), page);
}

/* As hv.h says: of a guest that is dead all calls fail from there on; else one
 * does.
 */
static int bad_pieces(struct hv *hv, struct hv_seg *v, unsigned n, int refused)
{
	struct bad *b = (struct bad *)hv;
	int whole = b->dead ? -EFAULT : ask(W_COPY);
	unsigned i;

	b->dead = whole == -EFAULT;
	for (i = 0; i < n; i++) {
		int rc = whole ? whole : ask(W_PIECE);

		refused += rc && !v[i].status;
		if (rc)
			v[i].status = rc;
	}
	return whole ? whole : refused;
}

static int bad_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		    unsigned n)
{
	return bad_pieces(hv, v, n, hv_copy(real(hv), dir, v, n));
}

static int bad_reach(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		     unsigned n)
{
	int rc = bad_pieces(hv, v, n, hv_reach(real(hv), dir, v, n));
	unsigned i;

	for (i = 0; i < n; i++) {
		if (v[i].status)
			v[i].local = NULL;
	}
	return rc;
}

static int bad_bind(struct hv *hv, uint32_t port)
{
	int rc = ask(W_BIND);

	if (!rc)
		rc = hv_bind(real(hv), port);
	fault.bound += rc >= 0;
	return rc;
}

static void bad_unbind(struct hv *hv, int chan)
{
	fault.bound--;
	hv_unbind(real(hv), chan);
}

static int bad_fd(const struct hv *hv, int chan)
{
	return hv_fd(real(hv), chan);
}

static int bad_bell(struct hv *hv, int chan)
{
	int rc = ask(W_BELL);

	return rc ? rc : hv_bell(real(hv), chan);
}

static int bad_clear(struct hv *hv, int chan)
{
	int rc = ask(W_CLEAR);

	return rc ? rc : hv_clear(real(hv), chan);
}

static bool bad_dead(const struct hv *hv)
{
	return ((const struct bad *)hv)->dead || hv_dead(real(hv));
}

static void bad_close(struct hv *hv)
{
	hv_close(real(hv));
	free(hv);
}

#define BAD_OPS                                                                \
	.map = bad_map, .map_ro = bad_map_ro, .unmap = bad_unmap,              \
	.copy = bad_copy, .bind = bad_bind, .unbind = bad_unbind,              \
	.fd = bad_fd, .bell = bad_bell, .clear = bad_clear, .dead = bad_dead,  \
	.close = bad_close
static const struct hv_ops bad_reaches = { BAD_OPS, .reach = bad_reach };
static const struct hv_ops bad_copies = { BAD_OPS };

/* --- a worker and what is around it ------------------------------------------ */

struct life {
	struct guest g;
	struct worker w;
	struct wvif *v;
	int sup, tap; /* our ends */
	int dev;      /* the other end of tap, once more */
	uint64_t epoch;
	unsigned sent, to_send;
};

static int opened(int type, int *ours)
{
	int sv[2];

	check(!socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv));
	*ours = sv[0];
	return sv[1];
}

static void dom_open(struct life *l)
{
	struct hv_local conf = { .size = PAGES * HV_PAGE,
				 .grants = GRANTS,
				 .copies = l->g.copies };
	struct bad *b = calloc(1, sizeof(*b));
	struct wdom *d = calloc(1, sizeof(*d));
	unsigned i;

	check(!hv_local_open(&b->real, &conf, dup(l->g.memfd)));
	b->hv.ops = l->g.copies ? &bad_copies : &bad_reaches;
	for (i = 0; i < 3; i++)
		check(!hv_local_port(b->real, i, dup(l->g.bell[i]),
				     dup(l->g.rang[i])));
	d->domid = 1;
	d->hv = &b->hv;
	l->w.doms = d;
}

static void dom_close(struct life *l)
{
	hv_close(l->w.doms->hv);
	free(l->w.doms);
	l->w.doms = NULL;
}

static void worker_begins(struct life *l)
{
	struct worker_msg m = { .type = WORKER_VIF, .domid = 1, .name = "vif" };
	int fd[2] = { opened(SOCK_DGRAM, &l->tap), dup(l->g.keepfd) };

	l->dev = dup(fd[0]);
	l->w = (struct worker){ .sock = opened(SOCK_SEQPACKET, &l->sup) };
	fair_init(&l->w.fair);
	check(!loop_open(&l->w.loop));
	check(!frame_pool_open(&l->w.pool, FRAME_BURST + 2, false));
	dom_open(l);
	check(!wvif_open(&l->w, &m, fd));
	l->v = l->w.vifs;
}

/* As the kernel would end it: nothing is said to the guest. */
static void worker_ends(struct life *l)
{
	wvif_close(l->v);
	dom_close(l);
	frame_pool_close(l->w.pool);
	frame_pool_close(l->w.bodies);
	loop_close(l->w.loop);
	close(l->w.sock);
	close(l->sup);
	close(l->tap);
	close(l->dev);
}

static void nothing_held(const struct life *l)
{
	check(!l->v->vif && !l->v->queue && !l->v->keep && !l->v->shared);
	check(!fault.mapped && !fault.bound);
	check(frame_pool_free(l->w.pool) == FRAME_BURST + 2);
	check(!l->w.bodies ||
	      frame_pool_free(l->w.bodies) == 2 * FRAME_BURST + 2);
}

/* --- a guest ----------------------------------------------------------------- */

static void guest_rings(struct guest *g)
{
	memset(g->tx, 0, HV_PAGE);
	memset(g->rx, 0, HV_PAGE);
	memset(g->ctrl, 0, HV_PAGE);
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
	g->ctrl->req_event = g->ctrl->rsp_event = 1;
}

static void ctrl_ask(struct guest *g, unsigned type, uint32_t a, uint32_t b,
		     uint32_t c)
{
	uint32_t at = g->ctrl->req_prod % RING_CTRL_SIZE;

	g->ctrl->ring[at].req = (struct xen_netif_ctrl_request){
		.id = (uint16_t)at, .type = (uint16_t)type, .data = { a, b, c }
	};
	g->ctrl->req_prod++;
}

/* A key, and two pages that stay mapped: of them the second is read only. */
static void guest_asks(struct guest *g)
{
	struct xen_netif_gref *list = (void *)page_of(g, LIST_PAGE);

	memset(list, 0, HV_PAGE);
	list[0].ref = ref_of(DATA_PAGE);
	list[1].ref = ref_of(DATA_PAGE + 1);
	list[1].flags = XEN_NETIF_CTRLF_GREF_readonly;
	ctrl_ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
	ctrl_ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ref_of(LIST_PAGE), 40, 0);
	ctrl_ask(g, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, ref_of(LIST_PAGE),
		 2);
}

/* A small one, one of two slots, one that is too short, a small one. */
static void guest_sends(struct life *l)
{
	struct guest *g = &l->g;

	fill(page_of(g, DATA_PAGE), HV_PAGE, 1);
	fill(page_of(g, DATA_PAGE + 1), HV_PAGE, 2);
	fill(page_of(g, DATA_PAGE + 2), HV_PAGE, 3);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 1);
	tx_slot(g, ref_of(DATA_PAGE + 1), 0, 1400, NETTXF_more_data, 2);
	tx_slot(g, ref_of(DATA_PAGE + 2), 0, 400, 0, 3);
	tx_slot(g, ref_of(DATA_PAGE), 0, 5, 0, 4);
	tx_slot(g, ref_of(DATA_PAGE + 2), 0, 90, 0, 5);
	l->to_send += 3;
}

static void guest_rings_bells(struct guest *g)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		eventfd_write(g->bell[i], 1);
}

static void host_sends(struct life *l, unsigned len)
{
	uint8_t buf[10 + 1514] = { 0 };

	fill(buf + 10, len, 7);
	check(send(l->tap, buf, 10 + len, 0) == (ssize_t)(10 + len));
}

static unsigned host_gets(struct life *l)
{
	uint8_t buf[10 + 1514];
	unsigned n = 0;
	ssize_t k;

	while ((k = recv(l->tap, buf, sizeof(buf), 0)) > 0) {
		check(k == 70 || k == 100 || k == 1410);
		n++;
	}
	return n;
}

/* --- what happens to it ------------------------------------------------------ */

static int connected(struct life *l)
{
	static struct worker_msg m;

	m = (struct worker_msg){ .type = WORKER_CONNECT,
				 .domid = 1,
				 .nqueue = 1,
				 .epoch = l->epoch,
				 .mtu = 1500 };
	m.connect.features = (struct ring_features){ true, true, true,
						     true, true, true };
	m.connect.has_ctrl = true;
	m.connect.ctrl_ref = ref_of(CTRL_PAGE);
	m.connect.ctrl_port = 2;
	m.connect.queue[0] = (struct ring_names){ ref_of(TX_PAGE),
						  ref_of(RX_PAGE), 0, 1 };
	return wvif_connect(l->v, &m);
}

/* Something was said of a vif that is not served any more. */
static void said(struct life *l)
{
	static struct worker_msg m;

	check(msg_recv(l->sup, &m, sizeof(m), NULL, NULL) == sizeof(m));
	check(m.type == WORKER_FATAL && m.rc < 0 && m.text[0]);
}

/* Frames both ways; false when it was disconnected meanwhile. */
static bool traffic(struct life *l)
{
	struct guest *g = &l->g;
	unsigned i, k, good = 0, had = host_gets(l), rsp = g->tx->rsp_prod;
	unsigned rx = g->rx->rsp_prod;

	check(!had);
	rx_post(g, RX_DATA, BUFFERS);
	guest_sends(l);
	host_sends(l, 60);
	host_sends(l, 1400);
	guest_rings_bells(g);
	for (i = 0; i < TURNS && l->v->vif; i++) {
		check(!loop_turn(l->w.loop, 0));
		worker_round(&l->w);
	}
	if (!l->v->vif)
		return false;
	/* Each slot answered once; at most one packet is lost each way. */
	check(g->tx->rsp_prod == g->tx->req_prod);
	for (k = rsp; k != g->tx->rsp_prod; k++) {
		check(tx_rsp(g, k)->id == 1 + k - rsp);
		good += tx_rsp(g, k)->status == NETIF_RSP_OKAY;
	}
	check(good == 4 || (fault.hit && good >= 2));
	k = host_gets(l);
	check(k == 3 || (fault.hit && k == 2));
	k = g->rx->rsp_prod - rx;
	check(k == 2 || (fault.hit && k == 1));
	check(g->ctrl->rsp_prod == g->ctrl->req_prod);
	return true;
}

/* False when it is not served to the end. */
static bool served(struct life *l)
{
	if (connected(l) || wvif_run(l->v))
		return false;
	guest_asks(&l->g);
	if (!traffic(l))
		goto fatal;
	worker_ends(l); /* killed */
	check(!fault.mapped && !fault.bound);
	worker_begins(l);
	if (connected(l) || wvif_run(l->v))
		return false;
	if (!traffic(l))
		goto fatal;
	wvif_disconnect(l->v);
	return true;
fatal:
	said(l);
	return false;
}

static unsigned open_fds(void)
{
	int fd = dup(0), i, n = 0;

	close(fd);
	for (i = 0; i < 128; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return (unsigned)n;
}

/* A whole life with one fault, then one without. */
static bool one_life(struct life *l)
{
	bool hit, whole;

	fault.asked = 0;
	fault.hit = false;
	fault.mapped = fault.bound = 0;
	guest_rings(&l->g);
	l->epoch++;
	worker_begins(l);
	whole = served(l);
	hit = fault.hit;
	check(whole || hit);
	/* A bell that is not rung or heard would be waited for. */
	check(!hit || !whole ||
	      (fault.what != W_BELL && fault.what != W_CLEAR));
	nothing_held(l);
	/* A dead one is given up by the supervisor, and comes again. */
	if (hv_dead(l->w.doms->hv)) {
		dom_close(l);
		dom_open(l);
	}
	fault.at = 0;
	fault.hit = false;
	guest_rings(&l->g);
	l->epoch++;
	host_gets(l);
	while (recv(l->dev, &(char){ 0 }, 1, 0) > 0)
		; /* what the one before has not read */
	check(!connected(l) && !wvif_run(l->v) && traffic(l));
	wvif_disconnect(l->v);
	nothing_held(l);
	worker_ends(l);
	return hit;
}

static void each_fails_once(bool copies)
{
	struct life l = { .g.copies = copies };
	unsigned at, error, fds, i;

	assert_int_equal(hv_init(), 0);
	guest_memory(&l.g);
	l.g.keepfd = memfd_create("keep", MFD_CLOEXEC);
	assert_int_equal(ftruncate(l.g.keepfd, (off_t)survive_size(1)), 0);
	for (i = 0; i < 3; i++) {
		l.g.bell[i] = eventfd(0, EFD_NONBLOCK);
		l.g.rang[i] = eventfd(0, EFD_NONBLOCK);
	}
	memset(&fault, 0, sizeof(fault));
	fds = open_fds();
	for (at = 1, i = 1; i && at < FAULTS; at++) {
		for (error = 0; error < 3; error++) {
			fault.at = at;
			fault.error = error;
			i = one_life(&l);
			assert_int_equal(open_fds(), fds);
			if (!i ||
			    (error < 2 && !what_error[fault.what][error + 1]))
				break;
		}
	}
	assert_true(at > 40 && at < FAULTS);
	print_message("# %u things asked\n", at - 2);
	for (i = 0; i < W_KINDS; i++)
		assert_true(fault.seen[i]);
	for (i = 0; i < 3; i++) {
		close(l.g.bell[i]);
		close(l.g.rang[i]);
	}
	munmap(l.g.mem, PAGES * HV_PAGE);
	close(l.g.memfd);
	close(l.g.keepfd);
}

static void mapped_memory(void **state)
{
	(void)state;
	each_fails_once(false);
}

static void copied_memory(void **state)
{
	(void)state;
	each_fails_once(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_memory),
		cmocka_unit_test(copied_memory),
	};

	return cmocka_run_group_tests_name("hv faults", tests, NULL, NULL);
}
