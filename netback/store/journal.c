// SPDX-License-Identifier: GPL-2.0-or-later
/* journal.c - the tree's memory: a file that outlives the process */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

enum {
	JOURNAL_MAGIC = 0x4e425331, /* "NBS1" */
	JOURNAL_CHUNK = 1 << 16,    /* bytes of a batch while compacting */
	JOURNAL_SET = 1,
	JOURNAL_RM = 2,
	JOURNAL_WAIT_MS = 5000, /* for the last server's end .. */
	JOURNAL_POLL_MS = 10,	/* .. asked so often */
};

struct journal_head {
	uint32_t magic;
	_Atomic uint32_t active;
	_Atomic uint64_t len[2];
	char boot[40]; /* the kernel's word for this boot */
};

struct journal_batch {
	uint32_t len; /* bytes behind this header */
	uint32_t sum;
};

struct journal_record {
	uint16_t type, path, nperm, pad;
	uint32_t len;
};

struct journal {
	int fd;
	struct journal_head *head;
	uint64_t base; /* the area's length when it was last written anew */
};

static uint32_t journal_sum(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static void *journal_buf_room(struct journal_buf *b, size_t n)
{
	void *at;

	if (b->room - b->n < n) {
		b->room = (b->room + n) * 2;
		b->p = tree_alloc(b->p, b->room);
	}
	at = b->p + b->n;
	b->n += n;
	return at;
}

static void journal_buf_put(struct journal_buf *b, const void *src, size_t n)
{
	void *at = journal_buf_room(b, n);

	if (n)
		memcpy(at, src, n);
}

void journal_buf_set(struct journal_buf *b, const char *path,
		     const struct tree_state *s)
{
	struct journal_record r = {
		.type = JOURNAL_SET,
		.path = (uint16_t)strlen(path),
		.nperm = s->nperm,
		.len = s->len,
	};

	journal_buf_put(b, &r, sizeof(r));
	journal_buf_put(b, path, r.path);
	journal_buf_put(b, s->perm, s->nperm * sizeof(*s->perm));
	journal_buf_put(b, s->value, s->len);
}

void journal_buf_rm(struct journal_buf *b, const char *path)
{
	struct journal_record r = {
		.type = JOURNAL_RM,
		.path = (uint16_t)strlen(path),
	};

	journal_buf_put(b, &r, sizeof(r));
	journal_buf_put(b, path, r.path);
}

void journal_buf_free(struct journal_buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

/* Takes one record; the bytes it had, or -EPROTO. */
static int journal_take(struct tree *t, const uint8_t *p, size_t n)
{
	struct tree_perm perm[TREE_PERMS];
	struct tree_state s = { .perm = perm };
	char path[TREE_PATH];
	struct journal_record r;
	size_t perms, all;

	if (n < sizeof(r))
		return -EPROTO;
	memcpy(&r, p, sizeof(r));
	perms = r.nperm * sizeof(*perm);
	all = sizeof(r) + r.path + perms + r.len;
	if (r.path >= sizeof(path) || r.nperm > TREE_PERMS ||
	    r.len > JOURNAL_AREA || all > n)
		return -EPROTO;
	memcpy(path, p + sizeof(r), r.path);
	path[r.path] = '\0';
	if (path[0] != '/')
		return -EPROTO;
	if (r.type == JOURNAL_RM)
		return tree_rm(t, path) ? -EPROTO : (int)all;
	if (r.type != JOURNAL_SET || !r.nperm)
		return -EPROTO;
	memcpy(perm, p + sizeof(r) + r.path, perms);
	s.nperm = r.nperm;
	s.len = r.len;
	s.value = p + sizeof(r) + r.path + perms;
	return tree_set(t, path, &s) ? -EPROTO : (int)all;
}

int journal_replay(struct tree *t, const uint8_t *p, size_t n)
{
	while (n) {
		int r = journal_take(t, p, n);

		if (r < 0)
			return r;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* "" where the kernel does not say. */
static void journal_boot(char *out, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, size);
	if (fd < 0 || read(fd, out, size - 1) <= 0)
		out[0] = '\0';
	if (fd >= 0)
		close(fd);
}

static int journal_empty(int fd)
{
	struct journal_head h = { .magic = JOURNAL_MAGIC };

	journal_boot(h.boot, sizeof(h.boot));
	if (ftruncate(fd, 0) || ftruncate(fd, JOURNAL_SIZE) ||
	    pwrite(fd, &h, sizeof(h), 0) != sizeof(h))
		return -errno;
	return 0;
}

int journal_create(void)
{
	int fd = memfd_create("netback-store", MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = journal_empty(fd);
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

/* Whoever has it is at its end: a server without a keeper dies at once. */
static int journal_lock(int fd)
{
	unsigned ms;

	for (ms = 0; flock(fd, LOCK_EX | LOCK_NB); ms += JOURNAL_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (ms >= JOURNAL_WAIT_MS)
			return -EBUSY;
		poll(NULL, 0, JOURNAL_POLL_MS);
	}
	return 0;
}

static bool journal_makes_sense(int fd, off_t size)
{
	struct journal_head h;
	char boot[sizeof(h.boot)];

	journal_boot(boot, sizeof(boot));
	return boot[0] && size == JOURNAL_SIZE &&
	       pread(fd, &h, sizeof(h), 0) == sizeof(h) &&
	       h.magic == JOURNAL_MAGIC && h.active < 2 &&
	       h.len[h.active] <= JOURNAL_AREA &&
	       !memcmp(h.boot, boot, sizeof(boot));
}

int journal_keep(const char *path, bool *kept)
{
	int rc, fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) ? -errno : 0;
	if (!rc && (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		    st.st_nlink != 1 || (st.st_mode & 077)))
		rc = -EPERM;
	if (!rc)
		rc = journal_lock(fd);
	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (rc)
		goto out;
	*kept = journal_makes_sense(fd, st.st_size);
	if (*kept)
		return fd;
	if (st.st_size)
		log_warn("store: %s: of another boot or version, or damaged: "
			 "starting empty",
			 path);
	rc = journal_empty(fd);
out:
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

static off_t journal_area(uint32_t which)
{
	return JOURNAL_HEAD + (off_t)which * JOURNAL_AREA;
}

static int journal_write_all(int fd, const void *buf, size_t n, off_t at)
{
	const uint8_t *p = buf;

	while (n) {
		ssize_t r = pwrite(fd, p, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -ENOSPC;
		p += r;
		n -= (size_t)r;
		at += r;
	}
	return 0;
}

/* Reads whole batches up to the end; returns where the last good one ends. */
static uint64_t journal_read(const uint8_t *p, uint64_t n, struct tree *t)
{
	uint64_t at = 0;

	while (n - at >= sizeof(struct journal_batch)) {
		const uint8_t *body = p + at + sizeof(struct journal_batch);
		uint64_t left = n - at - sizeof(struct journal_batch);
		struct journal_batch b;

		memcpy(&b, p + at, sizeof(b));
		if (b.len > left || journal_sum(body, b.len) != b.sum)
			break;
		if (journal_replay(t, body, b.len)) {
			log_error("store: a change in the journal makes no "
				  "sense");
			break;
		}
		at += sizeof(b) + b.len;
	}
	return at;
}

int journal_open(struct journal **out, int fd, struct tree *t)
{
	struct journal *l = calloc(1, sizeof(*l));
	uint32_t active;
	uint64_t n, good;
	uint8_t *p;

	if (!l)
		return -ENOMEM;
	l->fd = fd;
	l->head = mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	if (l->head == MAP_FAILED)
		goto out;
	active = l->head->active;
	n = active < 2 ? l->head->len[active] : 0;
	if (l->head->magic != JOURNAL_MAGIC || active > 1 || n > JOURNAL_AREA) {
		errno = EPROTO;
		goto out;
	}
	p = mmap(NULL, JOURNAL_AREA, PROT_READ, MAP_SHARED, fd,
		 journal_area(active));
	if (p == MAP_FAILED)
		goto out;
	good = journal_read(p, n, t);
	munmap(p, JOURNAL_AREA);
	if (good != n) {
		log_warn("store: %llu of %llu bytes of the journal are of use",
			 (unsigned long long)good, (unsigned long long)n);
		l->head->len[active] = good;
	}
	*out = l;
	return 0;
out:
	active = (uint32_t)errno;
	if (l->head == MAP_FAILED)
		l->head = NULL;
	journal_close(l);
	return -(int)active;
}

void journal_close(struct journal *l)
{
	if (!l)
		return;
	if (l->head)
		munmap(l->head, JOURNAL_HEAD);
	free(l);
}

/* Writes a batch behind the end of an area, and does not move the end. */
static int journal_batch_at(struct journal *l, uint32_t which, uint64_t at,
			    const struct journal_buf *b)
{
	struct journal_batch h = {
		.len = (uint32_t)b->n,
		.sum = journal_sum(b->p, b->n),
	};
	int rc;

	if (b->n > JOURNAL_AREA || at + sizeof(h) + b->n > JOURNAL_AREA)
		return -ENOSPC;
	rc = journal_write_all(l->fd, &h, sizeof(h),
			       journal_area(which) + (off_t)at);
	if (rc)
		return rc;
	return journal_write_all(l->fd, b->p, b->n,
				 journal_area(which) + (off_t)(at + sizeof(h)));
}

/* The file is on the run directory's tmpfs, where workers' survival memory is, too:
 * a worker that finds no page for that dies.
 */
static bool journal_spares(const struct journal *l, size_t n)
{
	struct statvfs v;

	return fstatvfs(l->fd, &v) || !v.f_blocks ||
	       v.f_bavail * v.f_frsize > v.f_blocks / 4 * v.f_frsize + n;
}

int journal_append(struct journal *l, const struct journal_buf *b, bool guest)
{
	uint32_t active = l->head->active;
	uint64_t at = l->head->len[active];
	int rc;

	if (!b->n)
		return 0;
	if (guest && !journal_spares(l, b->n))
		return -ENOSPC;
	rc = journal_batch_at(l, active, at, b);
	if (rc)
		return rc;
	atomic_store(&l->head->len[active],
		     at + sizeof(struct journal_batch) + b->n);
	return 0;
}

struct journal_compacting {
	struct journal *l;
	uint32_t which;
	uint64_t at;
	struct journal_buf b;
	int rc;
};

static void journal_flush(struct journal_compacting *c)
{
	if (!c->rc && c->b.n)
		c->rc = journal_batch_at(c->l, c->which, c->at, &c->b);
	c->at += sizeof(struct journal_batch) + c->b.n;
	c->b.n = 0;
}

static void journal_compact_node(void *arg, const char *path,
				 const struct node *n)
{
	struct journal_compacting *c = arg;
	struct tree_state s = {
		.perm = n->perm,
		.nperm = n->nperm,
		.len = n->len,
		.value = n->value,
	};

	journal_buf_set(&c->b, path, &s);
	if (c->b.n >= JOURNAL_CHUNK)
		journal_flush(c);
}

int journal_compact(struct journal *l, const struct node *root)
{
	uint32_t old = l->head->active;
	struct journal_compacting c = { .l = l, .which = !old };

	tree_walk(root, "/", journal_compact_node, &c);
	if (c.b.n)
		journal_flush(&c);
	journal_buf_free(&c.b);
	if (!c.rc) {
		l->head->len[c.which] = c.at;
		atomic_store(&l->head->active, c.which);
		l->base = c.at;
	} else {
		l->base = journal_size(l) / 2; /* not at each write again */
	}
	/* What is not the active area holds no memory. */
	fallocate(l->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  journal_area(c.rc ? c.which : old), JOURNAL_AREA);
	return c.rc;
}

int journal_tidy(struct journal *l, const struct node *root)
{
	uint64_t n = journal_size(l);

	if (n < JOURNAL_COMPACT || n < 4 * l->base)
		return 0;
	return journal_compact(l, root);
}

int journal_shrink(struct journal *l, const struct node *root)
{
	return journal_size(l) > 2 * l->base ? journal_compact(l, root)
					     : -ENOSPC;
}

uint64_t journal_size(const struct journal *l)
{
	return l->head->len[l->head->active];
}
