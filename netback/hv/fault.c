// SPDX-License-Identifier: GPL-2.0-or-later
/* fault.c - survive the loss of a guest's memory
 *
 * The table is static and lock-free because the handler interrupts anything,
 * and other threads add and remove regions meanwhile. A slot is free when its
 * base is 0, being filled when it is 1 (no page starts there).
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "hv/fault.h"

enum { FAULT_FREE = 0, FAULT_BUSY = 1 };

struct fault_region {
	atomic_uintptr_t base;
	atomic_size_t len; /* bytes; valid while base is a base */
	atomic_bool dead;
};

static struct fault_region fault_table[FAULT_REGIONS];

static struct fault_region *fault_find(uintptr_t addr)
{
	int i;

	for (i = 0; i < FAULT_REGIONS; i++) {
		struct fault_region *f = &fault_table[i];
		uintptr_t base = atomic_load(&f->base);

		/* Whoever faults in a region keeps it open, so the one that
		 * matters cannot change here; another may, and then its base
		 * and len do not belong together: look at base again.
		 */
		if (base > FAULT_BUSY && addr >= base &&
		    addr - base < atomic_load(&f->len) &&
		    atomic_load(&f->base) == base)
			return f;
	}
	return NULL;
}

/* One mapping for the whole region, not one page of it: a guest with a
 * hundred thousand holes may not cost us a hundred thousand mappings.
 * mmap is not on POSIX's list of signal-safe functions; on Linux it is a bare
 * system call. NORESERVE: nobody will write much of it.
 *
 * #syscalls worker: mmap rt_sigreturn rt_sigaction
 */
static bool fault_mend(struct fault_region *f)
{
	void *base = (void *)atomic_load(&f->base);
	int prot = PROT_READ | PROT_WRITE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

	/* cppcheck knows neither MAP_ANONYMOUS nor that we had base before */
	/* cppcheck-suppress [invalidFunctionArg, leakReturnValNotUsed] */
	if (mmap(base, atomic_load(&f->len), prot, flags, -1, 0) != base)
		return false;
	atomic_store(&f->dead, true);
	return true;
}

/* Elsewhere the default action is put back and the instruction runs again, so
 * the process dies of its own bug as it would have without us. si_code <= 0 is
 * a signal that somebody sent: its address means nothing.
 */
static void fault_handler(int sig, siginfo_t *si, void *context)
{
	int saved = errno;
	struct fault_region *f = NULL;

	(void)context;
	if (si->si_code > 0)
		f = fault_find((uintptr_t)si->si_addr);
	if (!f || !fault_mend(f)) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };

		sigaction(sig, &dfl, NULL);
	}
	errno = saved;
}

int fault_init(void)
{
	struct sigaction sa = { .sa_sigaction = fault_handler,
				.sa_flags = SA_SIGINFO };

	sigfillset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) < 0 ? -errno : 0;
}

int fault_add(void *base, size_t len)
{
	int i;

	for (i = 0; i < FAULT_REGIONS; i++) {
		struct fault_region *f = &fault_table[i];
		uintptr_t want = FAULT_FREE;

		if (!atomic_compare_exchange_strong(&f->base, &want,
						    FAULT_BUSY))
			continue;
		atomic_store(&f->dead, false);
		atomic_store(&f->len, len);
		atomic_store(&f->base, (uintptr_t)base);
		return i;
	}
	return -ENOSPC;
}

void fault_del(int slot)
{
	atomic_store(&fault_table[slot].base, FAULT_FREE);
}

/* The handler runs between two instructions of this very thread: the
 * compiler may not move the question before the accesses it is about.
 */
bool fault_dead(int slot)
{
	atomic_signal_fence(memory_order_seq_cst);
	return atomic_load_explicit(&fault_table[slot].dead,
				    memory_order_acquire);
}
