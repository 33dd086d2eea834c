// SPDX-License-Identifier: GPL-2.0-or-later
/* sizes.c - ping one address with every size, and look at what comes back
 *
 *   sizes ADDRESS FROM TO [STEP]	 exit status 0: every byte of each came back
 *
 * Sizes are of the whole IPv4 packet, not fragmented where the MTU allows it. Some
 * are under way at a time; each is tried up to three times. A ping's number is its
 * size, and above that the try.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SIZES_BITS = 14,
	SIZES_END = 1 << SIZES_BITS,
	SIZES_HEADERS = 28,
	SIZES_TRIES = 3,
	/* A guest answers from one socket, which has memory for two packets of
	 * 64 KiB, until netfront sees that they were sent. Of above 7.9 KiB that
	 * are eight answers; the rest is discarded in silence (OutDiscards of Ip in
	 * /proc/net/snmp). So there is less under way.
	 */
	SIZES_AWAY = 80 << 10,
	SIZES_AROUND = 400, /* headers, skb_shared_info */
	SIZES_HEAD = 256,
	SIZES_BUFFER = 1 << 22,
	SIZES_MS = 2000,
	SIZES_SHOWN = 10
};

static uint8_t sizes_out[SIZES_END], sizes_in[SIZES_END];
static bool sizes_back[SIZES_END];

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

/* The size of the ping that this is the answer to, or 0. */
static unsigned sizes_which(ssize_t got)
{
	const struct icmphdr *a = (const void *)(sizes_in +
						 sizeof(struct iphdr));
	unsigned seq, size;

	if (got < SIZES_HEADERS || a->type != ICMP_ECHOREPLY ||
	    a->un.echo.id != htons((uint16_t)getpid()))
		return 0;
	seq = ntohs(a->un.echo.sequence);
	size = seq % SIZES_END;
	if (got != (ssize_t)size)
		return 0;
	sizes_make(size, seq);
	return memcmp(sizes_in + SIZES_HEADERS,
		      sizes_out + sizeof(struct icmphdr), size - SIZES_HEADERS)
		       ? 0
		       : size;
}

/* What comes back of `n` pings, until nothing does. */
static unsigned sizes_hear(int s, unsigned n)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	unsigned heard = 0, size;

	while (heard < n && poll(&p, 1, SIZES_MS) > 0) {
		size = sizes_which(recv(s, sizes_in, sizeof(sizes_in), 0));
		if (!size || sizes_back[size])
			continue;
		sizes_back[size] = true;
		heard++;
	}
	return heard;
}

/* The memory that a Linux guest's answer takes: a power of two, and its head. */
static unsigned sizes_memory(unsigned size)
{
	unsigned n = 512;

	while (n < size + SIZES_AROUND)
		n *= 2;
	return n + SIZES_HEAD;
}

/* Sends what has not come back, some at a time. False when nobody answers. */
static bool sizes_round(int s, const struct sockaddr_in *to, unsigned from,
			unsigned last, unsigned step, unsigned try)
{
	unsigned size, n = 0, memory = 0;

	for (size = from; size <= last; size += step) {
		if (!sizes_back[size]) {
			size_t len = sizes_make(size, try << SIZES_BITS | size);

			n++;
			memory += sizes_memory(size);
			if (sendto(s, sizes_out, len, 0, (const void *)to,
				   sizeof(*to)) < 0)
				perror("sendto");
		}
		if (!n || (size + step <= last &&
			   memory + sizes_memory(size + step) <= SIZES_AWAY))
			continue;
		if (!sizes_hear(s, n))
			return false;
		n = 0;
		memory = 0;
	}
	return true;
}

static unsigned sizes_lost(unsigned from, unsigned last, unsigned step)
{
	unsigned size, bad = 0;

	for (size = from; size <= last; size += step) {
		if (sizes_back[size])
			continue;
		if (bad++ < SIZES_SHOWN)
			printf("%u bytes did not come back\n", size);
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	unsigned from, last, step, bad, try;
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), room = SIZES_BUFFER;

	if (argc < 4 || s < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	from = (unsigned)atoi(argv[2]);
	last = (unsigned)atoi(argv[3]);
	step = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	if (from < SIZES_HEADERS + 1 || last >= SIZES_END || !step)
		return 2;
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	for (try = 0; try < SIZES_TRIES; try++)
		sizes_round(s, &to, from, last, step, try);
	bad = sizes_lost(from, last, step);
	printf("%u of %u sizes lost\n", bad, (last - from) / step + 1);
	return bad != 0;
}
