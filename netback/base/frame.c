// SPDX-License-Identifier: GPL-2.0-or-later
/* frame.c - the pool that frames come from, and their bytes
 *
 * One pool per worker or test, one thread. Nothing is allocated per packet.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "frame.h"

static_assert(FRAME_HEAD <= UINT16_MAX && FRAME_MAX <= UINT16_MAX,
	      "offsets and lengths of headers are 16 bits");
static_assert(offsetof(struct frame, head) % _Alignof(struct frame) == 0 &&
		      offsetof(struct frame, head) <= FRAME_PAGE &&
		      (FRAME_HEAD + FRAME_ROOM) % FRAME_PAGE == 0,
	      "head can start a page");
static_assert(offsetof(struct frame, head) ==
		      offsetof(struct frame, vnet) + FRAME_VNET,
	      "a port's header and head leave in one write");

struct frame_pool {
	unsigned n, nfree;
	uint8_t *frames;      /* n of them, each followed by its body */
	size_t size;	      /* bytes of frames */
	struct frame **stack; /* stack[0..nfree) are free; hottest last */
};

/* Bytes from one frame to the next. */
static size_t frame_stride(bool with_body)
{
	size_t size = sizeof(struct frame);

	if (with_body) /* before head a page for all the rest */
		size = FRAME_PAGE + FRAME_HEAD + FRAME_ROOM;
	return size;
}

/* Without touching it: a body that is never used takes no memory. */
static uint8_t *frame_memory(size_t size)
{
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

int frame_pool_open(struct frame_pool **out, unsigned n, bool with_body)
{
	struct frame_pool *p = calloc(1, sizeof(*p));
	size_t stride = frame_stride(with_body), at = 0;
	unsigned i;

	if (!p)
		return -ENOMEM;
	p->n = n;
	p->size = n * stride;
	p->frames = frame_memory(p->size);
	p->stack = calloc(n, sizeof(*p->stack));
	if (!p->frames || !p->stack) {
		frame_pool_close(p);
		return -ENOMEM;
	}
	if (with_body)
		at = FRAME_PAGE - offsetof(struct frame, head);
	for (i = 0; i < n; i++) {
		struct frame *f = (void *)(p->frames + at + i * stride);

		f->pool = p;
		if (with_body)
			f->body = f->head + FRAME_HEAD;
		p->stack[p->nfree++] = f;
	}
	*out = p;
	return 0;
}

struct frame *frame_get(struct frame_pool *p)
{
	struct frame *f;

	if (p->nfree == 0)
		return NULL;
	f = p->stack[--p->nfree];
	f->len = 0;
	f->head_len = 0;
	f->nseg = 0;
	f->flags = 0;
	f->gso_type = FRAME_GSO_NONE;
	f->gso_size = 0;
	f->csum_start = 0;
	f->csum_off = 0;
	f->hdr_len = 0;
	f->slots = 0;
	return f;
}

void frame_put(struct frame *f)
{
	struct frame_pool *p;

	if (!f)
		return;
	p = f->pool;
	assert(p->nfree < p->n); /* more come back than went out */
	p->stack[p->nfree++] = f;
}

unsigned frame_pool_free(const struct frame_pool *p)
{
	return p->nfree;
}

void frame_pool_close(struct frame_pool *p)
{
	if (!p)
		return;
	free(p->stack);
	if (p->frames)
		munmap(p->frames, p->size);
	free(p);
}

/* Copies what [*off, *off + *n) and a piece of `len` bytes have in common,
 * and moves on behind the piece. Returns where to copy the rest.
 */
static uint8_t *frame_take(const uint8_t *base, uint32_t len, uint32_t *off,
			   uint8_t *dst, uint32_t *n)
{
	uint32_t take;

	if (*off >= len) {
		*off -= len;
		return dst;
	}
	take = len - *off;
	if (take > *n)
		take = *n;
	memcpy(dst, base + *off, take);
	*off = 0;
	*n -= take;
	return dst + take;
}

void frame_copy_out(const struct frame *f, uint32_t off, void *dst, uint32_t n)
{
	uint8_t *d = dst;
	unsigned i;

	assert(off <= f->len && n <= f->len - off);
	if (n == 0)
		return;
	d = frame_take(f->head, f->head_len, &off, d, &n);
	for (i = 0; i < f->nseg && n > 0; i++)
		d = frame_take(f->seg[i].base, f->seg[i].len, &off, d, &n);
	assert(n == 0); /* head and segments are as long as len says */
}

void frame_trim(struct frame *f, uint32_t len)
{
	uint32_t left;
	unsigned i;

	assert(len <= f->len);
	f->len = len;
	if (f->head_len > len)
		f->head_len = (uint16_t)len;
	left = len - f->head_len;
	for (i = 0; left; i++) {
		if (f->seg[i].len > left)
			f->seg[i].len = left;
		left -= f->seg[i].len;
	}
	f->nseg = (uint8_t)i;
}
