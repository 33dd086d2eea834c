// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hv.c - the local hypervisor: grants and who may use them */
#include <pthread.h>
#include <stdatomic.h>

#include "hv_guest.h"

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
	for (n = 0; n < HV_MAPS + 1 && rc == 0; n++) {
		grant(&g, 8 + (unsigned)n, GTF_permit_access, BACKEND, 5);
		rc = hv_map(g.hv, 8 + (unsigned)n, &page);
	}
	assert_int_equal(n, HV_MAPS + 1);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(g.gtab[8 + HV_MAPS].flags, GTF_permit_access);
	guest_close(&g);
}

/* --- the table of grants, changing under us ------------------------------- */

static atomic_bool flip_stop;

/* Offers a good page and a page far outside, in turns, as fast as it can. */
static void *flip(void *arg)
{
	_Atomic uint64_t *entry = arg;
	union {
		struct grant_entry_v1 e;
		uint64_t raw;
	} good = { .e = { GTF_permit_access, BACKEND, 5 } },
	  bad = { .e = { GTF_invalid, 99, 0x7fffffff } };

	while (!atomic_load(&flip_stop)) {
		atomic_store(entry, good.raw);
		atomic_store(entry, bad.raw);
	}
	return NULL;
}

/* Would the entry be loaded twice, the frame would sooner or later be the bad
 * one, and the copy would leave the guest's memory.
 */
static void entry_is_loaded_once(void **state)
{
	struct hv_seg s = { .ref = 8, .len = 1 };
	struct hv_seg r = { .ref = 8, .len = 1 };
	unsigned i, good = 0, maps = 0;
	uint8_t own[1];
	struct guest g;
	pthread_t t;
	void *page;

	(void)state;
	guest_open(&g);
	g.mem[5 * HV_PAGE] = 'x';
	atomic_store(&flip_stop, false);
	assert_int_equal(pthread_create(&t, NULL, flip, &g.gtab[8]), 0);
	for (i = 0; i < 300000 || ((!good || !maps) && i < 100000000); i++) {
		s.local = own;
		own[0] = 'x';
		good += hv_copy(g.hv, HV_FROM_GUEST, &s, 1) == 0;
		hv_reach(g.hv, HV_TO_GUEST, &r, 1);
		if (own[0] != 'x' || (r.local && *r.local != 'x'))
			break;
		if (hv_map(g.hv, 8, &page) == 0) {
			maps++;
			if (*(uint8_t *)page != 'x')
				break;
			hv_unmap(g.hv, page);
		}
	}
	atomic_store(&flip_stop, true);
	pthread_join(t, NULL);
	assert_true(i >= 300000);
	assert_true(good > 0 && maps > 0);
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
		cmocka_unit_test(entry_is_loaded_once),
	};

	return cmocka_run_group_tests_name("hv", tests, NULL, NULL);
}
