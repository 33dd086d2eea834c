// SPDX-License-Identifier: GPL-2.0-or-later
/* ringwire.c - two guests' rings and the shipped wire between them, nothing else
 *
 *   ringwire SIZE seconds S     both directions, polling; a process for the wire
 *   ringwire SIZE latency N     N frames one way, one at a time: microseconds from
 *				 one's TX ring to the other's RX ring, p50 and p99
 *   ringwire SIZE count N       N frames one way, one process: for callgrind
 *
 * The backend's half is what a worker links: hv_local, ring, port, sw, with every
 * check. The guests only generate: fixed grants, fixed pages, 64 bytes of
 * header written for each frame, as DPDK's flowgen does. SIZE 65226 is one TCP
 * segment to be cut, in 16 pages. Prints frames received and frames a second, both
 * directions together. WIRE_CPU and GUESTS_CPU pin the two.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "base/loop.h"
#include "frame.h"
#include "hv.h"
#include "port.h"
#include "ring.h"
#include "survive.h"
#include "sw.h"
#include "udp.h"

enum {
	RW_RING = 256,
	RW_BATCH = 32,
	RW_HEAD = 64,
	RW_LARGE = 65226, /* 45 segments of 1448 and their header of 66 */
	RW_MSS = 1448,
	RW_REF = 8, /* grant RW_REF + n is page n */
	RW_TX = 2,  /* the grant table has pages 0 and 1 */
	RW_RX = 3,
	RW_DATA = 4, /* TX pages, then RX pages, by slot */
	RW_PAGES = RW_DATA + 2 * RW_RING,
	RW_NEVER = 0x40000000, /* an event index that is not met */
};

struct rw_guest {
	int memfd, keepfd;
	uint8_t *mem;
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	uint32_t tx_prod, tx_done, rx_prod, rx_done;
	uint64_t frames; /* received */
	/* backend */
	struct hv *hv;
	struct survive *keep;
	struct port *vif;
	uint64_t counts[RING_COUNTS];
};

static uint8_t rw_head[RW_HEAD + 16];

static void rw_check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "ringwire: %s: %s\n", what,
		rc == -1 ? strerror(errno) : strerror(-rc));
	exit(1);
}

static void *rw_page(struct rw_guest *g, unsigned page)
{
	return g->mem + (size_t)page * HV_PAGE;
}

/* --- guests ------------------------------------------------------------------ */

static void rw_post(struct rw_guest *g)
{
	while (g->rx_prod - g->rx_done < RW_RING) {
		unsigned i = g->rx_prod++ % RW_RING;

		g->rx->ring[i].req = (struct netif_rx_request){
			.id = (uint16_t)i,
			.gref = RW_REF + RW_DATA + RW_RING + i
		};
	}
	__atomic_store_n(&g->rx->req_prod, g->rx_prod, __ATOMIC_RELEASE);
}

static void rw_open(struct rw_guest *g)
{
	struct grant_entry_v1 *gtab;
	unsigned i;

	memset(g, 0, sizeof(*g));
	g->memfd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	rw_check(g->memfd, "memfd");
	rw_check(ftruncate(g->memfd, RW_PAGES * HV_PAGE), "memory");
	rw_check(fcntl(g->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL),
		 "seals");
	g->mem = mmap(NULL, RW_PAGES * HV_PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED, g->memfd, 0);
	rw_check(g->mem == MAP_FAILED ? -1 : 0, "mmap");
	gtab = (void *)g->mem;
	for (i = RW_TX; i < RW_PAGES; i++) {
		*(volatile uint8_t *)rw_page(g, i) = 0;
		gtab[RW_REF + i] = (struct grant_entry_v1){
			.flags = GTF_permit_access, .frame = i
		};
	}
	g->tx = rw_page(g, RW_TX);
	g->rx = rw_page(g, RW_RX);
	g->tx->req_event = g->rx->req_event = 1;
	g->tx->rsp_event = g->rx->rsp_event = RW_NEVER;
	rw_post(g);
}

static void rw_put(struct rw_guest *g, unsigned size, unsigned flags)
{
	unsigned i = g->tx_prod++ % RW_RING;

	g->tx->ring[i].req = (struct netif_tx_request){
		.gref = RW_REF + RW_DATA + i,
		.flags = (uint16_t)flags,
		.id = (uint16_t)i,
		.size = (uint16_t)size,
	};
}

static void rw_put_gso(struct rw_guest *g)
{
	struct netif_extra_info x;

	memset(&x, 0, sizeof(x));
	x.type = XEN_NETIF_EXTRA_TYPE_GSO;
	x.u.gso.size = RW_MSS;
	x.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	memcpy(&g->tx->ring[g->tx_prod++ % RW_RING], &x, sizeof(x));
}

static void rw_frame(struct rw_guest *g, unsigned size)
{
	unsigned left = size;

	memcpy(rw_page(g, RW_DATA + g->tx_prod % RW_RING), rw_head, RW_HEAD);
	if (size <= HV_PAGE) {
		rw_put(g, size, 0);
		return;
	}
	memcpy((uint8_t *)rw_page(g, RW_DATA + g->tx_prod % RW_RING) + RW_HEAD,
	       rw_head + RW_HEAD, 2);
	rw_put(g, size,
	       NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info |
		       NETTXF_more_data);
	rw_put_gso(g);
	for (left -= HV_PAGE; left > HV_PAGE; left -= HV_PAGE)
		rw_put(g, HV_PAGE, NETTXF_more_data);
	rw_put(g, left, 0);
}

static unsigned rw_slots(unsigned size)
{
	return size <= HV_PAGE ? 1 : (size + HV_PAGE - 1) / HV_PAGE + 1;
}

/* What was answered is free again; then up to a batch. */
static unsigned rw_send(struct rw_guest *g, unsigned size, unsigned most)
{
	uint32_t done = __atomic_load_n(&g->tx->rsp_prod, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	for (; g->tx_done != done; g->tx_done++) {
		if (g->tx->ring[g->tx_done % RW_RING].rsp.status < 0) {
			fprintf(stderr, "ringwire: a frame was refused\n");
			exit(1);
		}
	}
	while (n < most &&
	       RW_RING - (g->tx_prod - g->tx_done) >= rw_slots(size))
		rw_frame(g, size), n++;
	if (n)
		__atomic_store_n(&g->tx->req_prod, g->tx_prod,
				 __ATOMIC_RELEASE);
	return n;
}

static void rw_receive(struct rw_guest *g)
{
	uint32_t prod = __atomic_load_n(&g->rx->rsp_prod, __ATOMIC_ACQUIRE);
	bool extra = false;

	if (prod == g->rx_done)
		return;
	for (; g->rx_done != prod; g->rx_done++) {
		const struct netif_rx_response *r =
			&g->rx->ring[g->rx_done % RW_RING].rsp;

		if (extra) {
			extra = false; /* one GSO extra */
			continue;
		}
		if (r->status <= 0) {
			fprintf(stderr, "ringwire: status %d\n", r->status);
			exit(1);
		}
		extra = r->flags & NETRXF_extra_info;
		g->frames += !(r->flags & NETRXF_more_data);
	}
	rw_post(g);
}

/* --- the backend -------------------------------------------------------------- */

static void rw_attach(struct rw_guest *g, struct frame_pool *pool)
{
	struct hv_local l = { .size = RW_PAGES * HV_PAGE, .grants = 1024 };
	struct ring_conf conf = {
		.pool = pool,
		.counts = g->counts,
		.names = { RW_REF + RW_TX, RW_REF + RW_RX, 1, 2 },
		.features = { true, true, true, true, true, true },
		.mtu = 1500,
	};
	struct ring *r;
	uint32_t p;

	rw_check(hv_local_open(&g->hv, &l, dup(g->memfd)), "guest's memory");
	for (p = 1; p <= 2; p++)
		rw_check(hv_local_port(g->hv, p, eventfd(0, EFD_NONBLOCK),
				       eventfd(0, EFD_NONBLOCK)),
			 "channel");
	g->keepfd = memfd_create("keep", MFD_CLOEXEC);
	rw_check(ftruncate(g->keepfd, (off_t)survive_size(1)), "keep");
	rw_check(survive_open(&g->keep, g->keepfd, 1, 1), "keep");
	conf.hv = g->hv;
	conf.keep = &g->keep->q[0];
	rw_check(ring_open(&r, &conf), "rings");
	rw_check(port_vif_open(&g->vif, "vif", r), "port");
}

static struct sw *rw_wire(struct rw_guest g[2])
{
	struct frame_pool *pool;
	struct sw *sw;
	int i;

	rw_check(hv_init(), "hv");
	rw_check(frame_pool_open(&pool, FRAME_BURST + 2, false), "frames");
	rw_check(sw_wire_open(&sw, pool), "wire");
	for (i = 0; i < 2; i++) {
		rw_attach(&g[i], pool);
		sw_add(sw, g[i].vif);
	}
	return sw;
}

static void rw_turn(struct sw *sw)
{
	struct port *bad;

	rw_check(sw_run(sw, &bad), "wire");
}

static void rw_serve(struct sw *sw)
{
	for (;;)
		rw_turn(sw);
}

/* --- the two ways to run -------------------------------------------------------- */

static void rw_pin(const char *name)
{
	const char *cpu = getenv(name);
	cpu_set_t set;

	if (!cpu)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)atoi(cpu) % CPU_SETSIZE, &set);
	rw_check(sched_setaffinity(0, sizeof(set), &set), name);
}

/* A process that polls both vifs, and this one, each on its CPU. */
static pid_t rw_split(struct sw *sw)
{
	pid_t parent = getpid(), pid = fork();

	rw_check(pid, "fork");
	if (!pid) {
		rw_pin("WIRE_CPU");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			rw_serve(sw);
		_exit(1);
	}
	rw_pin("GUESTS_CPU");
	return pid;
}

static int rw_seconds(struct rw_guest g[2], struct sw *sw, unsigned size,
		      double s)
{
	uint64_t start, now, end;
	pid_t pid = rw_split(sw);
	unsigned i;

	now = start = clock_ns();
	end = start + (uint64_t)(s * 1e9);
	while (now < end) {
		for (i = 0; i < 1000; i++) {
			rw_receive(&g[i & 1]);
			rw_send(&g[i & 1], size, RW_BATCH);
		}
		now = clock_ns();
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("%llu frames %.0f pps\n",
	       (unsigned long long)(g[0].frames + g[1].frames),
	       (double)(g[0].frames + g[1].frames) * 1e9 /
		       (double)(now - start));
	return 0;
}

static int rw_later(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int rw_latency(struct rw_guest g[2], struct sw *sw, unsigned size,
		      uint64_t n)
{
	uint64_t *took = n ? calloc(n, sizeof(*took)) : NULL, i;
	pid_t pid;

	rw_check(took ? 0 : -ENOMEM, "samples");
	pid = rw_split(sw);
	for (i = 0; i < n; i++) {
		uint64_t start = clock_ns();

		while (!rw_send(&g[0], size, 1))
			; /* the answers of the last ones are on their way */
		while (g[1].frames == i)
			rw_receive(&g[1]);
		took[i] = clock_ns() - start;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	qsort(took, n, sizeof(*took), rw_later);
	printf("%.2f %.2f us\n", (double)took[n / 2] / 1e3,
	       (double)took[n * 99 / 100] / 1e3);
	free(took);
	return 0;
}

static int rw_count(struct rw_guest g[2], struct sw *sw, unsigned size,
		    uint64_t n)
{
	uint64_t sent = 0;

	while (sent < n) {
		unsigned most = n - sent < RW_BATCH ? (unsigned)(n - sent)
						    : RW_BATCH;

		sent += rw_send(&g[0], size, most);
		rw_turn(sw);
		rw_receive(&g[1]);
	}
	printf("%llu frames\n", (unsigned long long)g[1].frames);
	return g[1].frames != n;
}

/* The large one: TCP with a timestamp, its sum left blank. */
static void rw_fill(unsigned size)
{
	static const uint8_t tcp[] = {
		2,    0,  0,	0,    2,    0,	2,    0, 0,  0,	 1, 0, 8,  0,
		0x45, 0,  0xfe, 0xbc, 0,    1,	0x40, 0, 64, 6,	 0, 0, 10, 0,
		0,    1,  10,	0,    0,    2,	4,    0, 20, 81, 0, 0, 0,  1,
		0,    0,  0,	1,    0x80, 16, 1,    0, 0,  0,	 0, 0, 1,  1,
		8,    10, 0,	0,    0,    1,	0,    0, 0,  1
	};

	if (size == RW_LARGE)
		memcpy(rw_head, tcp, sizeof(tcp));
	else
		udp_fill(rw_head, size < RW_HEAD ? size : RW_HEAD);
}

int main(int argc, char **argv)
{
	static struct rw_guest g[2];
	unsigned size = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	struct sw *sw;

	if (size != RW_LARGE && (size < RW_HEAD || size > 1514)) {
		fprintf(stderr,
			"usage: ringwire 64..1514|%d "
			"seconds|latency|count N\n",
			RW_LARGE);
		return 2;
	}
	rw_fill(size);
	rw_open(&g[0]);
	rw_open(&g[1]);
	sw = rw_wire(g);
	if (!strcmp(argv[2], "count"))
		return rw_count(g, sw, size, strtoull(argv[3], NULL, 10));
	if (!strcmp(argv[2], "latency"))
		return rw_latency(g, sw, size, strtoull(argv[3], NULL, 10));
	return rw_seconds(g, sw, size, atof(argv[3]));
}
