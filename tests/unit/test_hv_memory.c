// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hv_memory.c - the local hypervisor: whose memory it takes, and its loss
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "hv/fault.h"
#include "hv_guest.h"

static int mem_shrink_only(void)
{
	return memory(F_SEAL_SHRINK);
}

static int mem_unsealed(void)
{
	return memory(0);
}

static int mem_seal_only(void)
{
	return memory(F_SEAL_SEAL);
}

static int mem_grow_only(void)
{
	return memory(F_SEAL_GROW | F_SEAL_SEAL);
}

static int mem_write(void)
{
	return memory(SEALS | F_SEAL_WRITE);
}

static int mem_future_write(void)
{
	return memory(SEALS | F_SEAL_FUTURE_WRITE);
}

static int mem_larger(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, SIZE + HV_PAGE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	return fd;
}

static int mem_smaller(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, SIZE - 1), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	return fd;
}

static int reopen(int flags)
{
	char path[64];
	int fd = memory(SEALS), again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	close(fd);
	return again;
}

static int mem_readonly(void)
{
	return reopen(O_RDONLY);
}

static int mem_path(void)
{
	return reopen(O_PATH);
}

static int mem_huge(void)
{
	int fd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd >= 0 &&
	    (ftruncate(fd, 2 << 20) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int mem_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);

	if (fd >= 0)
		assert_int_equal(ftruncate(fd, SIZE), 0);
	return fd;
}

static int mem_disk(void)
{
	return mem_file(".");
}

static int mem_tmpfs(void)
{
	return mem_file("/dev/shm");
}

static int mem_dir(void)
{
	return open("/dev/shm", O_RDONLY | O_DIRECTORY);
}

static int mem_null(void)
{
	return open("/dev/zero", O_RDWR);
}

static int mem_pipe(void)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	return fd[1];
}

static int mem_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int mem_eventfd(void)
{
	return eventfd(0, 0);
}

static int mem_none(void)
{
	return -1;
}

static void memory_is_checked(void **state)
{
	static const struct {
		int (*make)(void);
		const char *why;
	} row[] = {
		{ mem_unsealed, "F_SEAL_SHRINK" },
		{ mem_shrink_only, "F_SEAL_SEAL" },
		{ mem_seal_only, "F_SEAL_SHRINK" },
		{ mem_grow_only, "F_SEAL_SHRINK" },
		{ mem_write, "against writing" },
		{ mem_future_write, "against writing" },
		{ mem_larger, "not as large" },
		{ mem_smaller, "not as large" },
		{ mem_readonly, "reading and writing" },
		{ mem_path, "reading and writing" },
		{ mem_huge, "huge pages" },
		{ mem_disk, "not a memory file" },
		{ mem_tmpfs, "F_SEAL_SHRINK" },
		{ mem_dir, "not a memory file" },
		{ mem_null, "not a memory file" },
		{ mem_pipe, "not a memory file" },
		{ mem_socket, "not a memory file" },
		{ mem_eventfd, "not a memory file" },
		{ mem_none, "not a file" },
	};
	unsigned i, fds = count_fds(), maps = count_maps();

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int fd = row[i].make();
		struct hv *hv = (void *)&conf;
		const char *why = "";

		if (fd < 0 && row[i].make != mem_none) {
			print_message("# row %u cannot be made here: %s\n", i,
				      strerror(errno));
			assert_true(row[i].make == mem_huge ||
				    row[i].make == mem_disk ||
				    row[i].make == mem_tmpfs);
			continue;
		}
		assert_int_equal(hv_local_check(fd, SIZE, &why), -EINVAL);
		if (!strstr(why, row[i].why))
			fail_msg("row %u: \"%s\", not \"%s\"", i, why,
				 row[i].why);
		assert_int_equal(hv_local_open(&hv, &conf, fd), -EINVAL);
		assert_ptr_equal(hv, &conf); /* left alone */
	}
	assert_int_equal(count_fds(), fds);
	assert_int_equal(count_maps(), maps);
}

static void sizes_are_checked(void **state)
{
	static const struct {
		uint64_t size, gtab_off;
		uint32_t grants;
		int rc;
	} row[] = {
		{ SIZE, 0, 1, 0 },
		{ SIZE, SIZE - HV_PAGE, 512, 0 },
		{ SIZE, SIZE - HV_PAGE, 513, -EINVAL },
		{ SIZE, 0, SIZE / 8, 0 },
		{ SIZE, 0, SIZE / 8 + 1, -EINVAL },
		{ SIZE, SIZE, 1, -EINVAL },
		{ SIZE, (uint64_t)0 - HV_PAGE, 512, -EINVAL },
		{ SIZE, 8, 1, -EINVAL },
		{ SIZE, 0, 0, -EINVAL },
		{ SIZE, 0, HV_LOCAL_GRANTS + 1, -EINVAL },
		{ SIZE, 0, UINT32_MAX, -EINVAL },
		{ 0, 0, 1, -EINVAL },
		{ SIZE - 1, 0, 1, -EINVAL },
		{ SIZE + HV_PAGE, 0, 1, -EINVAL },
		{ HV_LOCAL_MAX + (uint64_t)HV_PAGE, 0, 1, -EINVAL },
		{ UINT64_MAX, 0, 1, -EINVAL },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct hv_local c = { .size = row[i].size,
				      .gtab_off = row[i].gtab_off,
				      .grants = row[i].grants };
		struct hv *hv = NULL;

		if (hv_local_open(&hv, &c, memory(SEALS)) != row[i].rc)
			fail_msg("row %u: not %d", i, row[i].rc);
		hv_close(hv);
	}
}

/* --- memory that goes away ------------------------------------------------ */

/* Where hv has mapped the first byte of guest memory. */
static uint8_t *mapping(struct guest *g)
{
	struct hv_seg s = { .ref = 10, .len = 1 };

	grant(g, 10, GTF_permit_access, BACKEND, 0);
	assert_int_equal(hv_reach(g->hv, HV_FROM_GUEST, &s, 1), 0);
	return s.local;
}

/* Replaces one page of hv's own mapping by one beyond the end of a file. A
 * sealed memfd cannot be made to fault so without breaking the machine:
 * it takes a bad memory module, an unreadable swap or vm.overcommit_memory=2.
 */
static void lose(struct guest *g, unsigned frame)
{
	int empty = memfd_create("empty", MFD_CLOEXEC);
	void *at = mapping(g) + frame * HV_PAGE;

	assert_true(empty >= 0);
	assert_ptr_equal(mmap(at, HV_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, empty, 0),
			 at);
	close(empty);
}

static void assert_all_refused(struct guest *g, int chan)
{
	struct hv_seg v[2] = { { .ref = 8, .len = 1 }, { .ref = 0 } };
	uint8_t own[1];
	void *page = NULL;

	v[0].local = own;
	assert_true(hv_dead(g->hv));
	assert_int_equal(hv_copy(g->hv, HV_FROM_GUEST, v, 2), -EFAULT);
	assert_int_equal(v[0].status, -EFAULT);
	assert_int_equal(v[1].status, -EFAULT);
	assert_int_equal(hv_reach(g->hv, HV_TO_GUEST, v, 2), -EFAULT);
	assert_int_equal(v[0].status, -EFAULT);
	assert_null(v[0].local);
	assert_int_equal(hv_map(g->hv, 8, &page), -EFAULT);
	assert_null(page);
	assert_int_equal(hv_bell(g->hv, chan), -EFAULT);
	assert_int_equal(hv_clear(g->hv, chan), -EFAULT);
	assert_int_equal(hv_bind(g->hv, 2), -EFAULT);
	assert_int_equal(hv_local_port(g->hv, 3, eventfd(0, 0), eventfd(0, 0)),
			 -EFAULT);
}

/* Whichever page is missing: data, the grant table, a ring. */
static void lost_memory_is_survived(void **state)
{
	static const unsigned frame[] = { 5, 1, 6 };
	struct guest g, other;
	uint8_t own[2] = { 0 };
	unsigned maps, fds, i;

	(void)state;
	guest_open(&g); /* the first hv_init maps something for good */
	guest_close(&g);
	maps = count_maps();
	fds = count_fds();
	guest_open(&other);
	grant(&other, 8, GTF_permit_access, BACKEND, 5);
	for (i = 0; i < ARRAY_SIZE(frame); i++) {
		struct hv_seg s = { .ref = 8, .len = 1, .local = own };
		void *ring = NULL;
		int chan;

		guest_open(&g);
		give_port(&g, 1);
		give_port(&g, 2);
		chan = hv_bind(g.hv, 1);
		grant(&g, 8, GTF_permit_access, BACKEND, 5);
		grant(&g, 9, GTF_permit_access, BACKEND, 6);
		memset(g.mem + 6 * HV_PAGE, 'r', HV_PAGE);
		assert_int_equal(hv_map(g.hv, 9, &ring), 0);
		lose(&g, frame[i]);
		assert_false(hv_dead(g.hv));
		if (frame[i] == 6) {
			assert_int_equal(*(volatile uint8_t *)ring, 0);
			*(volatile uint8_t *)ring = 'w';
			assert_int_equal(*(volatile uint8_t *)ring, 'w');
		} else {
			assert_int_equal(hv_copy(g.hv, HV_TO_GUEST, &s, 1),
					 -EFAULT);
			assert_int_equal(*(volatile uint8_t *)ring, 0);
		}
		assert_all_refused(&g, chan);
		/* our zeros are private */
		assert_int_equal(g.mem[6 * HV_PAGE], 'r');
		hv_unmap(g.hv, ring);

		assert_false(hv_dead(other.hv));
		assert_int_equal(copy1(&other, HV_TO_GUEST, 8, 0, 2, own), 0);
		guest_close(&g);
	}
	guest_close(&other);
	assert_int_equal(count_maps(), maps);
	assert_int_equal(count_fds(), fds);
}

/* A slot of the fault table is used again, and is not dead then. */
static void lost_memory_is_forgotten(void **state)
{
	struct guest g;
	uint8_t own[1];

	(void)state;
	guest_open(&g);
	lose(&g, 1);
	assert_int_equal(copy1(&g, HV_FROM_GUEST, 8, 0, 1, own), -EFAULT);
	guest_close(&g);
	guest_open(&g);
	assert_false(hv_dead(g.hv));
	grant(&g, 8, GTF_permit_access, BACKEND, 5);
	assert_int_equal(copy1(&g, HV_FROM_GUEST, 8, 0, 1, own), 0);
	guest_close(&g);
}

/* A punched hole alone is not a loss: it reads as zeros. */
static void holes_are_zeros(void **state)
{
	uint8_t own[4] = "xxxx";
	struct guest g;

	(void)state;
	guest_open(&g);
	grant(&g, 8, GTF_permit_access, BACKEND, 5);
	memset(g.mem + 5 * HV_PAGE, 'a', HV_PAGE);
	assert_int_equal(fallocate(g.memfd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   5 * HV_PAGE, HV_PAGE),
			 0);
	assert_int_equal(copy1(&g, HV_FROM_GUEST, 8, 0, 4, own), 0);
	assert_memory_equal(own, "\0\0\0\0", 4);
	assert_true(ftruncate(g.memfd, 0) < 0); /* sealed */
	guest_close(&g);
}

/* In a child: touches memory beyond a file's end that no hv knows. */
static void fault_elsewhere(void)
{
	int fd = memfd_create("empty", MFD_CLOEXEC);
	volatile uint8_t *p = mmap(NULL, HV_PAGE, PROT_READ, MAP_SHARED, fd, 0);

	alarm(60); /* a fault that comes back for ever */
	(void)*p;
}

static void two_signals_sent(void)
{
	alarm(60);
	raise(SIGBUS);
	raise(SIGBUS);
}

static void faults_elsewhere_kill(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g);
	assert_int_equal(dies_of(fault_elsewhere), SIGBUS);
	assert_int_equal(dies_of(two_signals_sent), SIGBUS);
	guest_close(&g); /* the handler stays, with no region */
	assert_int_equal(dies_of(fault_elsewhere), SIGBUS);
}

static void regions_are_limited(void **state)
{
	int slot[FAULT_REGIONS], i;

	(void)state;
	for (i = 0; i < FAULT_REGIONS; i++)
		slot[i] = fault_add((void *)(uintptr_t)HV_PAGE, 1);
	assert_int_equal(slot[FAULT_REGIONS - 1], FAULT_REGIONS - 1);
	assert_int_equal(fault_add((void *)(uintptr_t)HV_PAGE, 1), -ENOSPC);
	for (i = 0; i < FAULT_REGIONS; i++)
		fault_del(slot[i]);
}

/* --- leaving nothing behind ----------------------------------------------- */

static void thousand_rounds(void **state)
{
	unsigned maps = 0, fds = 0, i;
	struct guest g;
	void *page;

	(void)state;
	for (i = 0; i < 1000; i++) {
		if (i == 1) { /* the first may have made malloc map */
			maps = count_maps();
			fds = count_fds();
		}
		guest_open(&g);
		give_port(&g, 1);
		assert_int_equal(hv_bind(g.hv, 1), 0);
		grant(&g, 8, GTF_permit_access, BACKEND, 5);
		assert_int_equal(hv_map(g.hv, 8, &page), 0);
		if (i % 10 == 3) {
			lose(&g, 5);
			*(volatile uint8_t *)page = 1;
			assert_true(hv_dead(g.hv));
		}
		guest_close(&g);
	}
	assert_int_equal(count_maps(), maps);
	assert_int_equal(count_fds(), fds);
	hv_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_checked),
		cmocka_unit_test(sizes_are_checked),
		cmocka_unit_test(lost_memory_is_survived),
		cmocka_unit_test(lost_memory_is_forgotten),
		cmocka_unit_test(holes_are_zeros),
		cmocka_unit_test(faults_elsewhere_kill),
		cmocka_unit_test(regions_are_limited),
		cmocka_unit_test(thousand_rounds),
	};

	return cmocka_run_group_tests_name("hv_memory", tests, NULL, NULL);
}
