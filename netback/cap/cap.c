// SPDX-License-Identifier: GPL-2.0-or-later
/* cap.c - capture: what passes a port, as pcap records, to a reader
 *
 * A frame is copied first and judged after, on the private copy: the filter may
 * look at payload, and payload may lie in memory that a guest changes.
 * A record is whole in the buffer or not at all, and so it is in a message.
 *
 * #syscalls worker: write fcntl close clock_gettime
 */
#include "cap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <pcap/bpf.h> /* wants u_int from sys/types.h */

#include "base/num.h"
#include "frame.h"
#include "port.h"

_Static_assert(sizeof(struct bpf_insn) == 8, "the order's form");

struct cap {
	struct port_tee tee;
	struct cap_stats stat;
	int fd;
	uint32_t snap;
	unsigned ninsn;
	struct bpf_insn *insn;
	size_t head, tail; /* bytes [head, tail) of buf wait */
	uint8_t buf[CAP_BUFFER];
};

/* Copies the first n bytes; the segments of a frame that is being read into
 * lent room are longer than the frame, so its length decides.
 */
static void cap_copy(const struct frame *f, uint8_t *to, uint32_t n)
{
	uint32_t part = f->head_len < n ? f->head_len : n;
	unsigned i;

	memcpy(to, f->head, part);
	for (i = 0; part < n; i++) {
		uint32_t k = f->seg[i].len;

		if (k > n - part)
			k = n - part;
		memcpy(to + part, f->seg[i].base, k);
		part += k;
	}
}

static void cap_see(struct port_tee *tee, const struct frame *f, bool in)
{
	struct cap *c = container_of(tee, struct cap, tee);
	uint32_t n = f->len < c->snap ? f->len : c->snap;
	struct cap_record rec = { .caplen = n, .len = f->len };
	struct timespec now;
	uint8_t *at;

	(void)in;
	c->stat.seen++;
	if (c->tail + sizeof(rec) + n > sizeof(c->buf)) {
		c->stat.matched++; /* for all we know */
		c->stat.lost++;
		return;
	}
	at = c->buf + c->tail;
	cap_copy(f, at + sizeof(rec), n);
	if (c->ninsn && !bpf_filter(c->insn, at + sizeof(rec), f->len, n))
		return;
	c->stat.matched++;
	clock_gettime(CLOCK_REALTIME, &now);
	rec.sec = (uint32_t)now.tv_sec;
	rec.usec = (uint32_t)(now.tv_nsec / 1000);
	memcpy(at, &rec, sizeof(rec));
	c->tail += sizeof(rec) + n;
}

/* What bpf_filter knows. bpf_validate looks at parts of a code alone, and what
 * passes it and is none of these makes bpf_filter abort().
 */
static const uint16_t cap_codes[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS,
	BPF_LD | BPF_W | BPF_IND,
	BPF_LD | BPF_H | BPF_IND,
	BPF_LD | BPF_B | BPF_IND,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MSH | BPF_B,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LDX | BPF_IMM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
};

static bool cap_knows(uint16_t code)
{
	unsigned op = BPF_OP(code), i;

	if (code > UINT8_MAX)
		return false;
	if (BPF_CLASS(code) == BPF_ALU && op <= BPF_XOR && op != BPF_NEG)
		return true; /* K and X */
	if (BPF_CLASS(code) == BPF_JMP && op >= BPF_JEQ && op <= BPF_JSET)
		return true;
	for (i = 0; i < ARRAY_SIZE(cap_codes); i++) {
		if (cap_codes[i] == code)
			return true;
	}
	return false;
}

static bool cap_runs(const struct bpf_insn *v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (!cap_knows(v[i].code))
			return false;
	}
	return !n || bpf_validate(v, (int)n);
}

int cap_open(struct cap **out, int fd, const void *prog, unsigned n,
	     uint32_t snap)
{
	struct cap *c = NULL;
	int rc = -EINVAL, fl = fcntl(fd, F_GETFL);

	if (n > CAP_INSNS || !snap || snap > CAP_SNAP || fl < 0 ||
	    fcntl(fd, F_SETFL, fl | O_NONBLOCK))
		goto out;
	rc = -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c)
		goto out;
	c->fd = fd;
	c->tee.see = cap_see;
	c->snap = snap;
	c->ninsn = n;
	c->insn = calloc(n + 1, sizeof(*c->insn));
	if (!c->insn)
		goto out;
	if (n)
		memcpy(c->insn, prog, n * sizeof(*c->insn));
	rc = -EINVAL;
	if (!cap_runs(c->insn, n))
		goto out;
	*out = c;
	return 0;
out:
	if (c)
		free(c->insn);
	free(c);
	close(fd);
	return rc;
}

struct port_tee *cap_tee(struct cap *c)
{
	return &c->tee;
}

int cap_fd(const struct cap *c)
{
	return c->fd;
}

/* Whole records from head on, as many as a message takes: bytes. */
static size_t cap_message(const struct cap *c, unsigned *records)
{
	struct cap_record rec;
	size_t n = 0;

	*records = 0;
	while (c->head + n < c->tail) {
		memcpy(&rec, c->buf + c->head + n, sizeof(rec));
		if (n + sizeof(rec) + rec.caplen > CAP_MESSAGE)
			break;
		n += sizeof(rec) + rec.caplen;
		++*records;
	}
	return n;
}

int cap_flush(struct cap *c)
{
	unsigned records;

	while (c->head < c->tail) {
		size_t n = cap_message(c, &records);
		ssize_t r = write(c->fd, c->buf + c->head, n);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (r != (ssize_t)n)
			return -EPIPE;
		c->head += n;
		c->stat.sent += records;
	}
	memmove(c->buf, c->buf + c->head, c->tail - c->head);
	c->tail -= c->head;
	c->head = 0;
	return c->tail > 0;
}

void cap_stat(const struct cap *c, struct cap_stats *out)
{
	*out = c->stat;
}

void cap_resume(struct cap *c, const struct cap_stats *from)
{
	c->stat.seen += from->seen;
	c->stat.matched += from->matched;
	c->stat.lost += from->matched - from->sent;
	c->stat.sent += from->sent;
}

void cap_close(struct cap *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->insn);
	free(c);
}
