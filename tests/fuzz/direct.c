// SPDX-License-Identifier: GPL-2.0-or-later
/* direct.c - fuzz the node `direct` and the judgement of frames
 *
 * Two lines, the nodes of sender and receiver; then the frame: two bytes of how much
 * longer than its head it is, and the head. What we take, we print the same; what may
 * go directly is the sender's, the receiver's and whole, looked at another way.
 */
#include "base/direct.h"

#include <stdlib.h>
#include <string.h>

enum { FUZZ_HEAD = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

/* The next line as a node; what is left. */
static size_t fuzz_node(struct direct *d, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;
	char *line = strndup((const char *)data, n);
	char text[DIRECT_TEXT];

	must(line != NULL);
	memset(d, 0xa5, sizeof(*d));
	if (direct_parse(d, line)) {
		must(!direct_on(d));
	} else {
		must(direct_on(d) && !(d->mac[0] & 1));
		must(direct_text(d, text, sizeof(text)) == (int)strlen(line));
		must(!strcmp(text, line));
	}
	free(line);
	return end ? size - n - 1 : 0;
}

/* Of a frame that may go. */
static void fuzz_went(const struct direct *from, const struct direct *to,
		      const uint8_t *head, size_t n)
{
	bool v4 = head[12] == 8;
	unsigned proto;

	must(!memcmp(from->group, to->group, sizeof(to->group)));
	must(!memcmp(head, to->mac, 6) && !memcmp(head + 6, from->mac, 6));
	must(n >= (v4 ? 14 + 20 + 8 : 14 + 40 + 8));
	proto = head[v4 ? 14 + 9 : 14 + 6];
	must(proto == 6 || proto == 17);
	must(head[14] >> 4 == (v4 ? 4 : 6));
}

/* In a block of its own: a look beyond it is seen. */
static void fuzz_frame(const struct direct *from, const struct direct *to,
		       const uint8_t *data, size_t size)
{
	size_t n = size < 2 ? 0 : size - 2;
	uint8_t *head;

	if (size < 2)
		return;
	if (n > FUZZ_HEAD)
		n = FUZZ_HEAD;
	head = malloc(n ? n : 1);
	must(head != NULL);
	memcpy(head, data + 2, n);
	if (direct_may(from, to, head, n,
		       (uint32_t)n + (uint32_t)(data[0] << 8 | data[1])))
		fuzz_went(from, to, head, n);
	free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct direct from, to;
	size_t left = fuzz_node(&from, data, size);

	data += size - left;
	size = left;
	left = fuzz_node(&to, data, size);
	fuzz_frame(&from, &to, data + (size - left), left);
	return 0;
}
