// SPDX-License-Identifier: GPL-2.0-or-later
/* cap.c - capture: what passes a port, as pcap records, into a pipe
 *
 * A frame is copied first and judged after, on the private copy: the filter may
 * look at payload, and payload may lie in memory that a guest changes.
 * A record is whole in the buffer or not at all; the pipe may take it in parts.
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

/* A record's header in a pcap file (pcap-savefile(5)), host byte order. */
struct cap_record {
	uint32_t sec, usec, caplen, len;
};
_Static_assert(sizeof(struct cap_record) == 16, "pcap-savefile(5)");
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
	if (n && !bpf_validate(c->insn, (int)n))
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

int cap_flush(struct cap *c)
{
	while (c->head < c->tail) {
		ssize_t r = write(c->fd, c->buf + c->head, c->tail - c->head);

		if (r < 0 && errno != EAGAIN)
			return -EPIPE;
		if (r < 0)
			break;
		c->head += (size_t)r;
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

void cap_close(struct cap *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->insn);
	free(c);
}
