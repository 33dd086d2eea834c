// SPDX-License-Identifier: GPL-2.0-or-later
/* faultalloc.c - LD_PRELOAD: counts a program's allocations, lets the n-th one of its
 * first thread fail
 *
 * FAULT_PAGE names a file of struct slot, one for each process, shared with the
 * test, which writes `at` (faults.py). FAULT_AT and FAULT_CHILD arm the program
 * itself and its first child from their beginnings. Nothing here makes a system call
 * after a process's first: a confined worker is counted, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	SLOTS = 512,
	MARK = 0x4e42, /* a prctl that does not exist: main() is about to begin */
};

struct slot {
	_Atomic int64_t pid;
	_Atomic int64_t count; /* allocations since it was armed */
	_Atomic int64_t live;  /* not freed yet */
	_Atomic int64_t at;    /* the one that fails; 0 = none */
	_Atomic int64_t hits;
	_Atomic int64_t child; /* `at` of the next child */
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static struct slot *slots, *mine;
static __thread char here __attribute__((tls_model("initial-exec")));
static char *first; /* where the first thread has it */

static struct slot *slot_take(int64_t at)
{
	unsigned i;

	for (i = 0; i < SLOTS; i++) {
		int64_t free_one = 0;

		if (!atomic_compare_exchange_strong(&slots[i].pid, &free_one,
						    (int64_t)getpid()))
			continue;
		atomic_store(&slots[i].at, at);
		return &slots[i];
	}
	return NULL;
}

static void forked(void)
{
	int64_t live = mine ? atomic_load(&mine->live) : 0;
	int64_t at = mine ? atomic_exchange(&mine->child, 0) : 0;

	mine = slot_take(at);
	if (mine)
		atomic_store(&mine->live, live);
}

static int64_t number(const char *name)
{
	const char *s = getenv(name);
	int64_t n = s ? strtoll(s, NULL, 10) : 0;

	unsetenv(name);
	return n;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_PAGE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	int64_t at = number("FAULT_AT"), child = number("FAULT_CHILD");
	void *p;

	if (fd >= 0) {
		p = mmap(NULL, SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		close(fd);
		slots = p == MAP_FAILED ? NULL : p;
	}
	if (slots) {
		pthread_atfork(NULL, NULL, forked);
		mine = slot_take(at);
		if (mine)
			atomic_store(&mine->child, child);
	}
	first = &here;
	prctl(MARK, 0, 0, 0, 0);
}

static int fails(void)
{
	struct slot *s = mine;
	int64_t n;

	if (!s || first != &here)
		return 0;
	n = atomic_fetch_add(&s->count, 1) + 1;
	if (n != atomic_load(&s->at))
		return 0;
	atomic_fetch_add(&s->hits, 1);
	errno = ENOMEM;
	return 1;
}

static void *counted(void *p)
{
	if (p && mine)
		atomic_fetch_add(&mine->live, 1);
	return p;
}

void *malloc(size_t size)
{
	return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, size) : counted(__libc_realloc(p, size));
}

void *memalign(size_t align, size_t size)
{
	return fails() ? NULL : counted(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = memalign(align, size);

	if (p)
		*out = p;
	return p ? 0 : ENOMEM;
}

void free(void *p)
{
	if (p && mine)
		atomic_fetch_sub(&mine->live, 1);
	__libc_free(p);
}
