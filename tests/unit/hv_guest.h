/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv_guest.h - a local guest as the tests of hv need it, good unless told */
#ifndef NETBACK_TESTS_HV_GUEST_H
#define NETBACK_TESTS_HV_GUEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

#include "base/num.h"
#include "hv.h"

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

static inline int memory(int seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* hv_init each time: cmocka takes SIGBUS for itself before each test. */
static inline void guest_open(struct guest *g)
{
	assert_int_equal(hv_init(), 0);
	g->memfd = memory(SEALS);
	g->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd,
		      0);
	assert_true(g->mem != MAP_FAILED);
	g->gtab = (void *)(g->mem + GTAB);
	assert_int_equal(hv_local_open(&g->hv, &conf, dup(g->memfd)), 0);
}

static inline void guest_close(struct guest *g)
{
	hv_close(g->hv);
	munmap(g->mem, SIZE);
	close(g->memfd);
}

static inline void grant(struct guest *g, unsigned ref, unsigned flags,
			 unsigned dom, uint32_t frame)
{
	g->gtab[ref] = (struct grant_entry_v1){
		.flags = (uint16_t)flags,
		.domid = (uint16_t)dom,
		.frame = frame,
	};
}

/* One piece, one way: its status. */
static inline int copy1(struct guest *g, enum hv_dir dir, uint32_t ref,
			unsigned off, unsigned len, uint8_t *own)
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

static inline unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	/* cppcheck-suppress readdirCalled; one thread */
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline unsigned count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned n = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static inline void give_port(struct guest *g, uint32_t port)
{
	assert_int_equal(
		hv_local_port(g->hv, port, eventfd(0, 0), eventfd(0, 0)), 0);
}

/* What a child that runs f dies of; 0 if it does not. */
static inline int dies_of(void (*f)(void))
{
	struct rlimit none = { 0, 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#endif
