// SPDX-License-Identifier: GPL-2.0-or-later
/* survive.c - mapping the memory that outlives a worker
 *
 * #syscalls worker: fstat newfstatat mmap munmap
 */
#include "survive.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Forgets indices, journals and what queues counted, not the counters. The epoch is void meanwhile, so
 * that a kill in between leaves nothing that the next worker would adopt.
 */
static void survive_forget(struct survive *s, unsigned queues, uint64_t epoch)
{
	unsigned i;

	s->epoch = 0;
	atomic_signal_fence(memory_order_seq_cst);
	s->version = SURVIVE_VERSION;
	s->queues = queues;
	s->serving = 0;
	memset(&s->vif, 0, sizeof(s->vif));
	for (i = 0; i < queues; i++) {
		memset(&s->q[i].tx, 0, sizeof(s->q[i].tx));
		memset(&s->q[i].rx, 0, sizeof(s->q[i].rx));
		memset(s->q[i].counts, 0, sizeof(s->q[i].counts));
	}
	s->magic = SURVIVE_MAGIC;
	atomic_signal_fence(memory_order_seq_cst);
	s->epoch = epoch;
}

/* A worker that a guest had taken over may have written it: what the next one
 * would take for the end of a list must be one. (Indices of rings may be anything.)
 */
static bool survive_sane(const struct survive_vif *k)
{
	const struct survive_ctrl *c = &k->ctrl[k->which & 1];

	return k->nmcast <= RING_MCAST && c->ngref <= RING_GREFS &&
	       c->hash_size <= RING_HASH_MAP;
}

int survive_open(struct survive **out, int fd, unsigned queues, uint64_t epoch)
{
	size_t size = survive_size(queues);
	struct survive *s;
	struct stat st;
	int same;

	if (!epoch || !queues || queues > SURVIVE_QUEUES)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < (off_t)size)
		return -ESTALE;
	s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		return -errno;
	if (s->magic &&
	    (s->magic != SURVIVE_MAGIC || s->version != SURVIVE_VERSION)) {
		munmap(s, size);
		return -ESTALE;
	}
	same = s->magic && s->epoch == epoch && s->queues == queues;
	if (same && !survive_sane(&s->vif)) {
		munmap(s, size);
		return -ESTALE;
	}
	if (!same)
		survive_forget(s, queues, epoch);
	*out = s;
	return same;
}

bool survive_died_serving(struct survive *s)
{
	bool died = s->serving != 0;

	s->serving = 0;
	return died;
}

void survive_put(struct survive *s, const uint64_t *count, unsigned n)
{
	uint16_t to = !s->which;

	memcpy(s->counts[to], count, n * sizeof(*count));
	atomic_signal_fence(memory_order_seq_cst);
	s->which = to;
}

void survive_get(const struct survive *s, uint64_t *count, unsigned n)
{
	memcpy(count, s->counts[!!s->which], n * sizeof(*count));
}

void survive_put_queue(struct survive *s, unsigned queue, const uint64_t *count,
		       unsigned n)
{
	memcpy(s->q[queue].counts[!s->which], count, n * sizeof(*count));
}

void survive_get_queue(const struct survive *s, unsigned queue, uint64_t *count,
		       unsigned n)
{
	memcpy(count, s->q[queue].counts[!!s->which], n * sizeof(*count));
}

void survive_close(struct survive *s)
{
	if (s)
		munmap(s, survive_size(s->queues));
}
