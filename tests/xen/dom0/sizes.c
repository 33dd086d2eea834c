// SPDX-License-Identifier: GPL-2.0-or-later
/* sizes.c - ping one address with every size, and look at what comes back
 *
 *   sizes ADDRESS FROM TO [STEP]	 exit status 0: every byte of each came back
 *
 * Sizes are of the whole IPv4 packet, not fragmented where the MTU allows it. One
 * is under way at a time; each is tried up to three times.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SIZES_MAX = 65535,
	SIZES_HEADERS = 28,
	SIZES_TRIES = 3,
	SIZES_MS = 1000
};

static uint8_t sizes_out[SIZES_MAX], sizes_in[SIZES_MAX];

static uint16_t sizes_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The ICMP message of a packet of `size` bytes: its length. */
static size_t sizes_make(unsigned size, unsigned seq)
{
	struct icmphdr h = { .type = ICMP_ECHO };
	size_t n = size - sizeof(struct iphdr), i;

	h.un.echo.id = htons((uint16_t)getpid());
	h.un.echo.sequence = htons((uint16_t)seq);
	for (i = sizeof(h); i < n; i++)
		sizes_out[i] = (uint8_t)(i * 31 + size + i / 251);
	memcpy(sizes_out, &h, sizeof(h));
	h.checksum = sizes_sum(sizes_out, n);
	memcpy(sizes_out, &h, sizeof(h));
	return n;
}

/* Whether what came is the answer to what was sent. */
static int sizes_same(ssize_t got, size_t n)
{
	const struct icmphdr *q = (const void *)sizes_out, *a;

	if (got != (ssize_t)(n + sizeof(struct iphdr)))
		return 0;
	a = (const void *)(sizes_in + sizeof(struct iphdr));
	return a->type == ICMP_ECHOREPLY && a->un.echo.id == q->un.echo.id &&
	       a->un.echo.sequence == q->un.echo.sequence &&
	       !memcmp(sizes_in + SIZES_HEADERS, sizes_out + sizeof(*q),
		       n - sizeof(*q));
}

static int sizes_try(int s, const struct sockaddr_in *to, size_t n)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	if (sendto(s, sizes_out, n, 0, (const void *)to, sizeof(*to)) < 0)
		return 0;
	while (poll(&p, 1, SIZES_MS) > 0) {
		if (sizes_same(recv(s, sizes_in, sizeof(sizes_in), 0), n))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	unsigned size, step, bad = 0, done = 0, i;
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (argc < 4 || s < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	step = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	for (size = (unsigned)atoi(argv[2]); size <= (unsigned)atoi(argv[3]);
	     size += step) {
		int ok = 0;

		for (i = 0; i < SIZES_TRIES && !ok; i++)
			ok = sizes_try(s, &to, sizes_make(size, size + i));
		done++;
		if (ok)
			continue;
		printf("%u bytes did not come back\n", size);
		if (++bad == 10)
			break;
	}
	printf("%u of %u sizes lost\n", bad, done);
	return bad != 0;
}
