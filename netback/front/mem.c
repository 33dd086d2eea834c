// SPDX-License-Identifier: GPL-2.0-or-later
/* mem.c - a guest's memory: a sealed memfd, its grant table in front
 *
 *   page 0 ..          grant table, one grant_entry_v1 (8 bytes) a reference
 *   then               whatever front_mem_take hands out
 *
 * An entry is taken back as xen/grant_table.h says: by compare-and-swap of its
 * flags, which fails while the other side has the page in use.
 */
#include "front/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

struct front_mem {
	int fd;
	uint8_t *base;
	uint32_t pages, used;
	uint32_t grants, grants_used;
	uint16_t backend;
};

static struct grant_entry_v1 *mem_entry(const struct front_mem *m, uint32_t ref)
{
	return (struct grant_entry_v1 *)m->base + ref;
}

static int mem_create(const struct front_mem *m)
{
	size_t size = (size_t)m->pages * HV_PAGE;
	int rc, fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int front_mem_open(struct front_mem **out, const struct front_mem_conf *conf)
{
	uint32_t table = (uint32_t)((conf->grants *
					     sizeof(struct grant_entry_v1) +
				     HV_PAGE - 1) /
				    HV_PAGE);
	struct front_mem *m;
	int rc;

	if (!conf->grants || conf->grants > HV_LOCAL_GRANTS ||
	    table >= conf->pages || conf->pages > HV_LOCAL_MAX / HV_PAGE)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->pages = conf->pages;
	m->used = table;
	m->grants = conf->grants;
	m->grants_used = GNTTAB_NR_RESERVED_ENTRIES;
	m->backend = conf->backend;
	m->fd = mem_create(m);
	rc = m->fd;
	if (rc < 0)
		goto out;
	m->base = mmap(NULL, (size_t)m->pages * HV_PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED, m->fd, 0);
	if (m->base == MAP_FAILED) {
		rc = -errno;
		m->base = NULL;
		goto out;
	}
	*out = m;
	return 0;
out:
	front_mem_close(m);
	return rc;
}

void front_mem_close(struct front_mem *m)
{
	if (!m)
		return;
	if (m->base)
		munmap(m->base, (size_t)m->pages * HV_PAGE);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

int front_mem_fd(const struct front_mem *m)
{
	return m->fd;
}

void front_mem_describe(const struct front_mem *m, struct hv_local *out)
{
	*out = (struct hv_local){
		.size = (uint64_t)m->pages * HV_PAGE,
		.gtab_off = 0,
		.grants = m->grants,
		.backend = m->backend,
	};
}

int front_mem_take(struct front_mem *m, uint32_t n)
{
	uint32_t at = m->used;

	if (n > m->pages - m->used)
		return -ENOSPC;
	m->used += n;
	return (int)at;
}

void *front_mem_page(const struct front_mem *m, uint32_t page)
{
	return m->base + (size_t)page * HV_PAGE;
}

int front_grant_take(struct front_mem *m)
{
	if (m->grants_used >= m->grants)
		return -ENOSPC;
	return (int)m->grants_used++;
}

void front_grant_access(struct front_mem *m, uint32_t ref, uint32_t page,
			bool readonly)
{
	struct grant_entry_v1 *g = mem_entry(m, ref);
	uint16_t flags = GTF_permit_access;

	if (readonly)
		flags |= GTF_readonly;
	__atomic_store_n(&g->frame, page, __ATOMIC_RELAXED);
	__atomic_store_n(&g->domid, m->backend, __ATOMIC_RELAXED);
	/* Pairs with the hypervisor's read of flags: they are valid last. */
	__atomic_store_n(&g->flags, flags, __ATOMIC_RELEASE);
}

bool front_grant_busy(const struct front_mem *m, uint32_t ref)
{
	return __atomic_load_n(&mem_entry(m, ref)->flags, __ATOMIC_ACQUIRE) &
	       (GTF_reading | GTF_writing);
}

int front_grant_end(struct front_mem *m, uint32_t ref)
{
	struct grant_entry_v1 *g = mem_entry(m, ref);
	uint16_t old = __atomic_load_n(&g->flags, __ATOMIC_RELAXED);

	do {
		if (old & (GTF_reading | GTF_writing))
			return -EBUSY;
	} while (!__atomic_compare_exchange_n(
		&g->flags, &old, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return 0;
}
