// SPDX-License-Identifier: GPL-2.0-or-later
/* hv_local.c - a guest that is a process: memory in a memfd, eventfds as bells
 *
 * The grant table is <xen/grant_table.h>'s version 1, in the guest's own
 * memory, and what it says is enforced: everything we touch of the guest was
 * granted, to us, for that direction, at the moment we looked. A reference's
 * entry is loaded once per use and only the loaded copy is judged; the guest
 * may change it the moment after, as on Xen a grant may be ended while a copy
 * is under way.
 *
 * Copies do not pin (set GTF_reading/writing): a kill in the middle would leave
 * the guest with a page it can never have back. It learns that we are done from
 * the response, as always. Ring pages are pinned, so that a guest can see them
 * in use; a killed worker's pins are taken over by the next one's map.
 *
 * The kernel guarantees by the seals that the mapping never becomes shorter
 * than what we checked. Holes are the guest's affair: they read as zeros, and
 * if there is no memory to fill them, fault.c does.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

#include "hv/bell.h"
#include "hv/fault.h"
#include "hv/hv_ops.h"

enum {
	LOCAL_MAPS = HV_MAPS,
	LOCAL_TRIES = 8, /* against a guest that changes an entry while we
				   * mark it */
};

static_assert(sizeof(struct grant_entry_v1) == 8, "an entry is one load");

union local_entry {
	uint64_t raw;
	struct grant_entry_v1 e;
};

/* A page in use. count: the same reference may be mapped again. */
struct local_map {
	uint32_t ref;
	uint32_t count; /* 0 = free */
	uint8_t *page;
};

struct local_port {
	uint32_t port;
	int from, to;
	bool bound;
};

struct local {
	struct hv hv; /* first: a struct hv * is a struct local * */
	uint8_t *mem;
	size_t size; /* bytes */
	_Atomic uint64_t *gtab;
	uint32_t grants;
	uint32_t pages;
	uint16_t backend;
	int fault; /* slot */
	unsigned ports;
	struct local_port port[HV_CHANNELS];
	struct local_map map[LOCAL_MAPS];
};
static_assert(offsetof(struct local, hv) == 0, "cast both ways");

static struct local *local_of(struct hv *hv)
{
	return (struct local *)hv;
}

static bool local_dead(const struct hv *hv)
{
	return fault_dead(((const struct local *)hv)->fault);
}

/* --- grants -------------------------------------------------------------- */

/* v1 has no place to say which part of a page GTF_sub_page means: refused. */
static bool local_allows(const struct local *l, const struct grant_entry_v1 *e,
			 bool write)
{
	if ((e->flags & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access)
		return false;
	if (write && (e->flags & GTF_readonly))
		return false;
	return e->domid == l->backend && e->frame < l->pages;
}

/* Loads a reference's entry, once, and judges it. Acquire: pairs with the
 * release (or wmb) by which the guest publishes the slot naming ref.
 */
static int local_grant(const struct local *l, uint32_t ref, bool write,
		       union local_entry *out)
{
	if (ref < GNTTAB_NR_RESERVED_ENTRIES || ref >= l->grants)
		return -EACCES;
	out->raw = atomic_load_explicit(&l->gtab[ref], memory_order_acquire);
	return local_allows(l, &out->e, write) ? 0 : -EACCES;
}

static uint8_t *local_page(const struct local *l, const union local_entry *x)
{
	return l->mem + (size_t)x->e.frame * HV_PAGE;
}

/* Finds the bytes of one piece. Only the local copy of the entry decides. */
static int local_span(const struct local *l, enum hv_dir dir,
		      const struct hv_seg *s, uint8_t **out)
{
	union local_entry x;
	int rc;

	if ((unsigned)s->off + s->len > HV_PAGE)
		return -EINVAL;
	rc = local_grant(l, s->ref, dir == HV_TO_GUEST, &x);
	if (rc == 0)
		*out = local_page(l, &x) + s->off;
	return rc;
}

/* The one routine that moves bytes between a guest and us. */
static void local_move(enum hv_dir dir, uint8_t *guest, uint8_t *own, size_t n)
{
	if (n == 0)
		return;
	if (dir == HV_TO_GUEST)
		memcpy(guest, own, n);
	else
		memcpy(own, guest, n);
}

/* One question about the memory for the whole batch; what was copied from dead
 * memory is zeros, and nobody may take it for the guest's.
 */
static int local_verdict(const struct local *l, struct hv_seg *v, unsigned n,
			 int bad)
{
	unsigned i;

	if (!fault_dead(l->fault))
		return bad;
	for (i = 0; i < n; i++)
		v[i].status = -EFAULT;
	return -EFAULT;
}

static int local_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		      unsigned n)
{
	struct local *l = local_of(hv);
	int bad = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		uint8_t *p;

		v[i].status = local_span(l, dir, &v[i], &p);
		if (v[i].status == 0)
			local_move(dir, p, v[i].local, v[i].len);
		else
			bad++;
	}
	return local_verdict(l, v, n, bad);
}

static int local_reach(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		       unsigned n)
{
	struct local *l = local_of(hv);
	int bad = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		v[i].local = NULL;
		v[i].status = local_span(l, dir, &v[i], &v[i].local);
		if (v[i].status)
			bad++;
	}
	return local_verdict(l, v, n, bad);
}

/* --- ring pages ---------------------------------------------------------- */

/* Marks an entry in use, if it still allows that. The frame that was judged and
 * the frame that is marked are one, whatever the guest does meanwhile.
 */
static int local_pin(const struct local *l, uint32_t ref, bool write,
		     uint8_t **page)
{
	union local_entry x, want;
	int i, rc;

	for (i = 0; i < LOCAL_TRIES; i++) {
		rc = local_grant(l, ref, write, &x);
		if (rc)
			return rc;
		want = x;
		want.e.flags |= write ? GTF_reading | GTF_writing : GTF_reading;
		if (atomic_compare_exchange_strong(&l->gtab[ref], &x.raw,
						   want.raw)) {
			*page = local_page(l, &want);
			return 0;
		}
	}
	return -EACCES;
}

static void local_unpin(const struct local *l, uint32_t ref)
{
	union local_entry bits = { 0 };

	bits.e.flags = GTF_reading | GTF_writing;
	atomic_fetch_and(&l->gtab[ref], ~bits.raw);
}

/* The place of this page under this reference, else a free one, else NULL. */
static struct local_map *local_map_slot(struct local *l, uint32_t ref,
					const uint8_t *page)
{
	struct local_map *place = NULL;
	int i;

	for (i = 0; i < LOCAL_MAPS; i++) {
		struct local_map *m = &l->map[i];

		if (m->count && m->ref == ref && m->page == page)
			return m;
		if (!m->count && !place)
			place = m;
	}
	return place;
}

static bool local_pinned(const struct local *l, uint32_t ref)
{
	int i;

	for (i = 0; i < LOCAL_MAPS; i++)
		if (l->map[i].count && l->map[i].ref == ref)
			return true;
	return false;
}

static int local_map_as(struct hv *hv, uint32_t ref, bool write, void **out)
{
	struct local *l = local_of(hv);
	struct local_map *m;
	uint8_t *page = NULL;
	int rc = local_pin(l, ref, write, &page);

	if (local_dead(hv))
		return -EFAULT;
	if (rc)
		return rc;
	m = local_map_slot(l, ref, page);
	if (!m) {
		if (!local_pinned(l, ref))
			local_unpin(l, ref);
		return -ENOSPC;
	}
	m->ref = ref;
	m->page = page;
	m->count++;
	*out = page;
	return 0;
}

static int local_map(struct hv *hv, uint32_t ref, void **out)
{
	return local_map_as(hv, ref, true, out);
}

static int local_map_ro(struct hv *hv, uint32_t ref, void **out)
{
	return local_map_as(hv, ref, false, out);
}

static void local_unmap(struct hv *hv, void *page)
{
	struct local *l = local_of(hv);
	int i;

	for (i = 0; i < LOCAL_MAPS; i++) {
		struct local_map *m = &l->map[i];

		if (!m->count || m->page != page)
			continue;
		m->count--;
		if (!local_pinned(l, m->ref))
			local_unpin(l, m->ref);
		return;
	}
	assert(false && "hv_unmap of what was not mapped");
}

/* --- bells --------------------------------------------------------------- */

static struct local_port *local_port(struct local *l, uint32_t port)
{
	unsigned i;

	for (i = 0; i < l->ports; i++)
		if (l->port[i].port == port)
			return &l->port[i];
	return NULL;
}

int hv_local_port(struct hv *hv, uint32_t port, int from_guest, int to_guest)
{
	struct local *l = local_of(hv);
	int rc;

	if (local_dead(hv))
		rc = -EFAULT;
	else if (local_port(l, port))
		rc = -EEXIST;
	else if (l->ports == HV_CHANNELS)
		rc = -ENOSPC;
	else
		rc = bell_check_from(from_guest);
	if (rc == 0)
		rc = bell_check_to(to_guest);
	if (rc) {
		close(from_guest);
		close(to_guest);
		return rc;
	}
	l->port[l->ports++] = (struct local_port){
		.port = port,
		.from = from_guest,
		.to = to_guest,
	};
	return 0;
}

static int local_bind(struct hv *hv, uint32_t port)
{
	struct local *l = local_of(hv);
	struct local_port *p = local_port(l, port);

	if (local_dead(hv))
		return -EFAULT;
	if (!p)
		return -ENOENT;
	if (p->bound)
		return -EBUSY;
	p->bound = true;
	return (int)(p - l->port);
}

static void local_unbind(struct hv *hv, int chan)
{
	local_of(hv)->port[chan].bound = false;
}

static int local_fd(const struct hv *hv, int chan)
{
	return ((const struct local *)hv)->port[chan].from;
}

static int local_bell(struct hv *hv, int chan)
{
	return local_dead(hv) ? -EFAULT
			      : bell_ring(local_of(hv)->port[chan].to);
}

static int local_clear(struct hv *hv, int chan)
{
	return local_dead(hv) ? -EFAULT
			      : bell_clear(local_of(hv)->port[chan].from);
}

/* --- open and close ------------------------------------------------------ */

/* #syscalls worker: munmap close */
static void local_close(struct hv *hv)
{
	struct local *l = local_of(hv);
	unsigned i;

	for (i = 0; i < LOCAL_MAPS; i++)
		if (l->map[i].count)
			local_unpin(l, l->map[i].ref);
	for (i = 0; i < l->ports; i++) {
		close(l->port[i].from);
		close(l->port[i].to);
	}
	/* First out of the table, then out of memory: the address may belong
	 * to somebody else at once.
	 */
	fault_del(l->fault);
	munmap(l->mem, l->size);
	free(l);
}

static const struct hv_ops local_ops = {
	.map = local_map,
	.map_ro = local_map_ro,
	.unmap = local_unmap,
	.copy = local_copy,
	.reach = local_reach,
	.bind = local_bind,
	.unbind = local_unbind,
	.fd = local_fd,
	.bell = local_bell,
	.clear = local_clear,
	.dead = local_dead,
	.close = local_close,
};

/* What a guest of a provider without mappings gets. */
static const struct hv_ops local_ops_copies = {
	.map = local_map,
	.map_ro = local_map_ro,
	.unmap = local_unmap,
	.copy = local_copy,
	.bind = local_bind,
	.unbind = local_unbind,
	.fd = local_fd,
	.bell = local_bell,
	.clear = local_clear,
	.dead = local_dead,
	.close = local_close,
};

/* Only memory files have seals. Asked first, because the kernel answers that
 * itself: fstat and fstatfs of a stranger's file may wait for whoever serves it.
 */
static const char *local_refuse_fs(int memfd)
{
	struct statfs fs;
	struct stat st;

	if (fcntl(memfd, F_GET_SEALS) < 0 && errno != EBADF)
		return "it is not a memory file: use memfd_create";
	if (fstatfs(memfd, &fs) < 0 || fstat(memfd, &st) < 0)
		return "its descriptor is not a file's";
	if (fs.f_type == HUGETLBFS_MAGIC)
		return "it is made of huge pages: use memfd_create without "
		       "MFD_HUGETLB";
	if (fs.f_type != TMPFS_MAGIC || !S_ISREG(st.st_mode))
		return "it is not a memory file: use memfd_create";
	return NULL;
}

/* A file on a tmpfs mount can never be sealed, so this leaves memfds. */
static const char *local_refuse_seals(int memfd)
{
	int flags = fcntl(memfd, F_GETFL);
	int seals = fcntl(memfd, F_GET_SEALS);

	if (flags < 0 || (flags & O_ACCMODE) != O_RDWR)
		return "it is not open for reading and writing";
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "it could be made shorter: seal it with F_SEAL_SHRINK";
	if (!(seals & F_SEAL_SEAL))
		return "its seals could change: seal it with F_SEAL_SEAL";
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return "it is sealed against writing";
	return NULL;
}

static const char *local_refuse_size(int memfd, uint64_t size)
{
	struct stat st;

	if (size == 0 || size % HV_PAGE)
		return "its size is not a number of whole pages";
	if (size > HV_LOCAL_MAX)
		return "it is larger than 1 GiB";
	if (fstat(memfd, &st) < 0 || (uint64_t)st.st_size != size)
		return "it is not as large as the guest said";
	return NULL;
}

/* #syscalls worker: fstat fstatfs fcntl newfstatat */
int hv_local_check(int memfd, uint64_t size, const char **why)
{
	const char *reason = local_refuse_fs(memfd);

	if (!reason)
		reason = local_refuse_seals(memfd);
	if (!reason)
		reason = local_refuse_size(memfd, size);
	if (why && reason)
		*why = reason;
	return reason ? -EINVAL : 0;
}

static bool local_sane(const struct hv_local *c)
{
	return c->gtab_off % HV_PAGE == 0 && c->gtab_off < c->size &&
	       c->grants > 0 && c->grants <= HV_LOCAL_GRANTS &&
	       c->grants * sizeof(struct grant_entry_v1) <=
		       c->size - c->gtab_off;
}

/* Not into a core dump: it is the guest's, and large.
 * #syscalls worker: mmap madvise
 */
static int local_mmap(struct local *l, int memfd)
{
	void *p = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
		       0);

	if (p == MAP_FAILED)
		return -errno;
	madvise(p, l->size, MADV_DONTDUMP);
	l->fault = fault_add(p, l->size);
	if (l->fault < 0) {
		munmap(p, l->size);
		return l->fault;
	}
	l->mem = p;
	return 0;
}

int hv_local_open(struct hv **out, const struct hv_local *conf, int memfd)
{
	struct local *l = NULL;
	int rc = hv_local_check(memfd, conf->size, NULL);

	if (rc == 0 && !local_sane(conf))
		rc = -EINVAL;
	if (rc)
		goto out;
	l = calloc(1, sizeof(*l));
	if (!l) {
		rc = -ENOMEM;
		goto out;
	}
	l->hv.ops = conf->copies ? &local_ops_copies : &local_ops;
	l->size = conf->size;
	l->pages = (uint32_t)(conf->size / HV_PAGE);
	l->grants = conf->grants;
	l->backend = conf->backend;
	rc = local_mmap(l, memfd);
	if (rc)
		goto out;
	l->gtab = (_Atomic uint64_t *)(void *)(l->mem + conf->gtab_off);
	*out = &l->hv;
	l = NULL;
out:
	free(l);
	close(memfd); /* the mapping keeps the file */
	return rc;
}
