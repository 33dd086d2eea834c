// SPDX-License-Identifier: GPL-2.0-or-later
/* capture.c - fuzz a capture's filter and the frame it judges
 *
 * First byte: how many instructions, second: how much of a frame is wanted, third:
 * the frame's length. Then the program, then the frame. A program that is not taken
 * is not run; what a reader gets is the start of the frame and nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cap.h"
#include "frame.h"
#include "port.h"

enum { FUZZ_CHOICE = 3, FUZZ_INSN = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

static void fuzz_frame(struct cap *c, int reader, uint32_t snap,
		       const uint8_t *b, size_t n)
{
	static struct {
		struct cap_record r;
		uint8_t b[CAP_SNAP];
	} got;
	struct frame f = { .len = (uint32_t)n };
	struct cap_stats st;
	ssize_t r;

	f.head_len = (uint16_t)(n < FRAME_HEAD ? n : FRAME_HEAD);
	memcpy(f.head, b, f.head_len);
	if (n > FRAME_HEAD) {
		f.seg[0] = (struct frame_seg){ (uint8_t *)b + FRAME_HEAD,
					       (uint32_t)(n - FRAME_HEAD) };
		f.nseg = 1;
	}
	cap_tee(c)->see(cap_tee(c), &f, true);
	must(!cap_flush(c));
	cap_stat(c, &st);
	must(st.seen == 1 && st.matched <= 1 && !st.lost);
	must(st.sent == st.matched);
	r = recv(reader, &got, sizeof(got), MSG_DONTWAIT);
	if (!st.matched) {
		must(r < 0 && errno == EAGAIN);
		return;
	}
	must(got.r.len == n && got.r.caplen == (n < snap ? n : snap));
	must(r == (ssize_t)(sizeof(got.r) + got.r.caplen));
	must(!memcmp(got.b, b, got.r.caplen));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t prog[255 * FUZZ_INSN] = { 0 };
	struct cap *c = NULL;
	size_t n, len;
	uint32_t snap;
	int sv[2];

	if (size < FUZZ_CHOICE)
		return 0;
	n = data[0] * (size_t)FUZZ_INSN;
	snap = data[1] * 257u;
	if (n > size - FUZZ_CHOICE)
		n = (size - FUZZ_CHOICE) / FUZZ_INSN * FUZZ_INSN;
	memcpy(prog, data + FUZZ_CHOICE, n);
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	if (!cap_open(&c, sv[0], prog, (unsigned)(n / FUZZ_INSN), snap)) {
		must(snap);
		len = size - FUZZ_CHOICE - n;
		if (len > data[2] * 8u)
			len = data[2] * 8u;
		fuzz_frame(c, sv[1], snap, data + FUZZ_CHOICE + n, len);
		cap_close(c);
	}
	close(sv[1]);
	return 0;
}
