// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hv.c - the local hypervisor: grants, memory that goes away, bells */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

#include "base/num.h"
#include "hv.h"
#include "hv/fault.h"

enum {
	PAGES = 16,
	SIZE = PAGES * HV_PAGE,
	GRANTS = 1024, /* two pages of table, at page 1 */
	GTAB = HV_PAGE,
	SEALS = F_SEAL_SHRINK | F_SEAL_SEAL,
	BACKEND = 0,
};

/* What a good guest does. `mem` is the guest's view. */
struct guest {
	int memfd;
	uint8_t *mem;
	struct grant_entry_v1 *gtab;
	struct hv *hv;
};

static const struct hv_local conf = {
	.size = SIZE,
	.gtab_off = GTAB,
	.grants = GRANTS,
	.backend = BACKEND,
};

static int memory(int seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void guest_open(struct guest *g)
{
	g->memfd = memory(SEALS);
	g->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd,
		      0);
	assert_true(g->mem != MAP_FAILED);
	g->gtab = (void *)(g->mem + GTAB);
	assert_int_equal(hv_local_open(&g->hv, &conf, dup(g->memfd)), 0);
}

static void guest_close(struct guest *g)
{
	hv_close(g->hv);
	munmap(g->mem, SIZE);
	close(g->memfd);
}

static void grant(struct guest *g, unsigned ref, unsigned flags, unsigned dom,
		  uint32_t frame)
{
	g->gtab[ref] = (struct grant_entry_v1){
		.flags = (uint16_t)flags,
		.domid = (uint16_t)dom,
		.frame = frame,
	};
}

/* One piece, one way: its status. */
static int copy1(struct guest *g, enum hv_dir dir, uint32_t ref, unsigned off,
		 unsigned len, uint8_t *own)
{
	struct hv_seg s = { .ref = ref,
			    .off = (uint16_t)off,
			    .len = (uint16_t)len,
			    .local = own };
	struct hv_seg r = s;
	int bad = hv_copy(g->hv, dir, &s, 1);

	/* reach is of the same mind, and points at the granted bytes */
	assert_int_equal(hv_reach(g->hv, dir, &r, 1), bad);
	assert_int_equal(r.status, s.status);
	assert_int_equal(r.local != NULL, s.status == 0);
	if (hv_dead(g->hv))
		assert_int_equal(bad, -EFAULT);
	else
		assert_int_equal(bad, s.status != 0);
	return s.status;
}

static void copies_both_ways(void **state)
{
	struct guest g;
	uint8_t own[HV_PAGE];
	struct hv_seg v[3] = { { .ref = 8, .off = 1, .len = 3 },
			       { .ref = 7, .off = 0, .len = 1 },
			       { .ref = 1023, .off = 4095, .len = 1 } };

	(void)state;
	guest_open(&g);
	grant(&g, 8, GTF_permit_access, BACKEND, 5);
	grant(&g, 1023, GTF_permit_access, BACKEND, PAGES - 1);
	memcpy(g.mem + 5 * HV_PAGE, "abcd", 4);
	g.mem[SIZE - 1] = 'z';
	v[0].local = own;
	v[1].local = own + 3;
	v[2].local = own + 4;
	memset(own, '.', sizeof(own));
	assert_int_equal(hv_copy(g.hv, HV_FROM_GUEST, v, 3), 1);
	assert_memory_equal(own, "bcd.z.", 6);
	assert_int_equal(v[0].status, 0);
	assert_int_equal(v[1].status, -EACCES);
	assert_int_equal(v[2].status, 0);

	memset(own, 'X', sizeof(own));
	assert_int_equal(copy1(&g, HV_TO_GUEST, 8, 0, HV_PAGE, own), 0);
	assert_memory_equal(g.mem + 5 * HV_PAGE, own, HV_PAGE);
	assert_int_equal(g.mem[6 * HV_PAGE], 0);
	assert_int_equal(g.mem[5 * HV_PAGE - 1], 0);
	guest_close(&g);
}

static void bounds(void **state)
{
	static const struct {
		uint32_t ref, off, len;
		int status;
	} row[] = {
		{ 8, 0, HV_PAGE, 0 },
		{ 8, HV_PAGE, 0, 0 },
		{ 8, 4095, 1, 0 },
		{ 8, 0, 0, 0 },
		{ 8, 1, HV_PAGE, -EINVAL },
		{ 8, HV_PAGE, 1, -EINVAL },
		{ 8, 4095, 2, -EINVAL },
		{ 8, 0, HV_PAGE + 1, -EINVAL },
		{ 8, 65535, 65535, -EINVAL },
		{ 8, 65535, 1, -EINVAL },
		{ 0, 0, 1, -EACCES },
		{ 7, 0, 1, -EACCES }, /* reserved, though granted */
		{ 9, 0, 0, -EACCES }, /* not granted, though empty */
		{ 1023, 0, 1, 0 },
		{ 1024, 0, 1, -EACCES },
		{ UINT32_MAX, 0, 1, -EACCES },
		{ 0x20000008, 0, 1, -EACCES }, /* times 8 it wraps to ref 8 */
	};
	uint8_t own[65536] = { 0 };
	struct guest g;
	unsigned i;

	(void)state;
	guest_open(&g);
	grant(&g, 7, GTF_permit_access, BACKEND, 5);
	grant(&g, 8, GTF_permit_access, BACKEND, 5);
	grant(&g, 1023, GTF_permit_access, BACKEND, 5);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(copy1(&g, HV_FROM_GUEST, row[i].ref,
				       row[i].off, row[i].len, own),
				 row[i].status);
		assert_int_equal(copy1(&g, HV_TO_GUEST, row[i].ref, row[i].off,
				       row[i].len, own),
				 row[i].status);
	}
	guest_close(&g);
}

static void grants_are_enforced(void **state)
{
	static const struct {
		unsigned flags, dom;
		uint32_t frame;
		int from, to, map;
	} row[] = {
		{ GTF_permit_access, BACKEND, 5, 0, 0, 0 },
		{ GTF_permit_access, BACKEND, PAGES - 1, 0, 0, 0 },
		{ GTF_permit_access, BACKEND, PAGES, -EACCES, -EACCES,
		  -EACCES },
		{ GTF_permit_access, BACKEND, UINT32_MAX, -EACCES, -EACCES,
		  -EACCES },
		{ GTF_permit_access | GTF_readonly, BACKEND, 5, 0, -EACCES,
		  -EACCES },
		{ GTF_permit_access | GTF_reading | GTF_writing, BACKEND, 5, 0,
		  0, 0 },
		{ GTF_permit_access | GTF_sub_page, BACKEND, 5, -EACCES,
		  -EACCES, -EACCES },
		{ GTF_permit_access, BACKEND + 1, 5, -EACCES, -EACCES,
		  -EACCES },
		{ GTF_permit_access, 0x7ff0, 5, -EACCES, -EACCES, -EACCES },
		{ GTF_invalid, BACKEND, 5, -EACCES, -EACCES, -EACCES },
		{ GTF_accept_transfer, BACKEND, 5, -EACCES, -EACCES, -EACCES },
		{ GTF_transitive, BACKEND, 5, -EACCES, -EACCES, -EACCES },
	};
	struct guest g;
	uint8_t own[1] = { 0 };
	unsigned i;

	(void)state;
	guest_open(&g);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		void *page = NULL;

		grant(&g, 9, row[i].flags, row[i].dom, row[i].frame);
		assert_int_equal(copy1(&g, HV_FROM_GUEST, 9, 0, 1, own),
				 row[i].from);
		assert_int_equal(copy1(&g, HV_TO_GUEST, 9, 0, 1, own),
				 row[i].to);
		assert_int_equal(hv_map(g.hv, 9, &page), row[i].map);
		assert_int_equal(page != NULL, row[i].map == 0);
		hv_unmap(g.hv, page);
	}
	guest_close(&g);
}

static void map_marks_the_grant(void **state)
{
	enum { USED = GTF_reading | GTF_writing };
	struct guest g;
	void *a, *b, *c;

	(void)state;
	guest_open(&g);
	grant(&g, 8, GTF_permit_access, BACKEND, 5);
	grant(&g, 9, GTF_permit_access, BACKEND, 6);
	assert_int_equal(hv_map(g.hv, 8, &a), 0);
	assert_int_equal(g.gtab[8].flags, GTF_permit_access | USED);
	assert_int_equal(g.gtab[8].frame, 5);
	assert_int_equal(g.gtab[9].flags, GTF_permit_access);
	assert_int_equal(hv_map(g.hv, 9, &b), 0);
	assert_int_equal(hv_map(g.hv, 8, &c), 0);
	assert_ptr_equal(a, c); /* how a caller sees one page offered twice */
	assert_ptr_not_equal(a, b);
	memcpy(a, "ring", 4);
	assert_memory_equal(g.mem + 5 * HV_PAGE, "ring", 4);
	hv_unmap(g.hv, a);
	assert_int_equal(g.gtab[8].flags, GTF_permit_access | USED);
	hv_unmap(g.hv, c);
	assert_int_equal(g.gtab[8].flags, GTF_permit_access);
	assert_int_equal(g.gtab[8].frame, 5);
	hv_unmap(g.hv, NULL);
	hv_close(g.hv); /* unmaps the rest */
	g.hv = NULL;
	assert_int_equal(g.gtab[9].flags, GTF_permit_access);
	guest_close(&g);
}

static void maps_are_limited(void **state)
{
	struct guest g;
	void *page;
	int n, rc = 0;

	(void)state;
	guest_open(&g);
	for (n = 0; n < HV_CHANNELS + 1 && rc == 0; n++) {
		grant(&g, 8 + (unsigned)n, GTF_permit_access, BACKEND, 5);
		rc = hv_map(g.hv, 8 + (unsigned)n, &page);
	}
	assert_int_equal(n, HV_CHANNELS + 1);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(g.gtab[8 + HV_CHANNELS].flags, GTF_permit_access);
	guest_close(&g);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_both_ways),
		cmocka_unit_test(bounds),
		cmocka_unit_test(grants_are_enforced),
		cmocka_unit_test(map_marks_the_grant),
		cmocka_unit_test(maps_are_limited),
	};

	if (hv_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("hv", tests, NULL, NULL);
}
