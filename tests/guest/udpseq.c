// SPDX-License-Identifier: GPL-2.0-or-later
/* udpseq.c - numbered datagrams at a steady rate, and what became of them
 *
 *   udpseq send ADDRESS PORT RATE SECONDS
 *   udpseq recv PORT                 until the sender's last, or 5 s of silence,
 *                                    of 60 s before the first
 *
 * recv prints one line: sent=N received=N lost=N doubled=N late=N gap_us=N;
 * gap_us is the longest time between two datagrams after the first. One that is not
 * what its number says ends it: "damaged after N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

enum {
	UDPSEQ_MAX = 1 << 24,  /* datagrams of one run */
	UDPSEQ_SILENCE = 5,    /* seconds */
	UDPSEQ_FIRST = 60,     /* before the first: who sends has to start */
	UDPSEQ_LAST = 20,      /* the end is said so often, 10 ms apart */
	UDPSEQ_ROOM = 8 << 20, /* bytes: seconds of it, who has no processor */
};

struct udpseq {
	uint32_t seq;	/* 0.. */
	uint32_t total; /* 0, or (in the last ones) how many were sent */
	uint8_t rest[56];
};

/* All of a datagram follows from its number. */
static void udpseq_fill(struct udpseq *m, uint32_t seq, uint32_t total)
{
	uint32_t x = seq * 2654435761u + total, i;

	m->seq = seq;
	m->total = total;
	for (i = 0; i < sizeof(m->rest); i++) {
		x = x * 1664525u + 1013904223u;
		m->rest[i] = (uint8_t)(x >> 24);
	}
}

static uint64_t udpseq_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void udpseq_sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
			      .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

static int udpseq_send(const char *address, uint32_t port, uint32_t rate,
		       uint32_t seconds)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	uint64_t start = udpseq_now(), step = 1000000000 / rate;
	uint32_t n = rate * seconds, i;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct udpseq m;

	if (s < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(s, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	for (i = 0; i < n + UDPSEQ_LAST; i++) {
		udpseq_fill(&m, i, i < n ? 0 : n);
		udpseq_sleep_until(
			start + (i < n ? i * step
				       : n * step + (i - n + 1) * 10000000ull));
		/* A full queue is a loss, and is counted where it shows */
		if (send(s, &m, sizeof(m), 0) < 0 && errno != ENOBUFS &&
		    errno != ECONNREFUSED && errno != EHOSTUNREACH)
			return -errno;
	}
	close(s);
	return 0;
}

struct udpseq_seen {
	uint8_t seen[UDPSEQ_MAX];
	uint64_t last, gap; /* ns */
	uint32_t received, doubled, late, next, total;
};

static void udpseq_count(struct udpseq_seen *r, uint32_t seq, uint64_t now)
{
	if (r->last && now - r->last > r->gap)
		r->gap = now - r->last;
	r->last = now;
	if (seq >= UDPSEQ_MAX)
		return;
	if (r->seen[seq]) {
		r->doubled++;
		return;
	}
	r->seen[seq] = 1;
	r->received++;
	if (seq < r->next)
		r->late++;
	else
		r->next = seq + 1;
}

static int udpseq_recv(uint32_t port)
{
	static struct udpseq_seen r;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	struct timeval silence = { .tv_sec = UDPSEQ_FIRST };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int room = UDPSEQ_ROOM;
	struct udpseq m, want;

	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)))
		return -errno;
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	while (!r.total) {
		ssize_t n = recv(s, &m, sizeof(m), MSG_TRUNC);

		if (n < 0)
			break;
		udpseq_fill(&want, m.seq, m.total);
		if (n != sizeof(m) || memcmp(&m, &want, sizeof(m))) {
			printf("damaged after %u\n", r.received);
			return -EBADMSG;
		}
		/* An end before any datagram is another run's, late. */
		r.total = r.received ? m.total : 0;
		if (m.total)
			continue;
		udpseq_count(&r, m.seq, udpseq_now());
		silence.tv_sec = UDPSEQ_SILENCE;
		if (r.received == 1)
			setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &silence,
				   sizeof(silence));
	}
	close(s);
	if (!r.total)
		r.total = r.next;
	printf("sent=%u received=%u lost=%u doubled=%u late=%u gap_us=%" PRIu64
	       "\n",
	       r.total, r.received, r.total - r.received, r.doubled, r.late,
	       r.gap / 1000);
	return r.received ? 0 : -ENODATA;
}

int main(int argc, char **argv)
{
	uint32_t port, rate, seconds;
	int rc;

	if (argc == 3 && !strcmp(argv[1], "recv") &&
	    !num_parse(argv[2], 65535, &port))
		rc = udpseq_recv(port);
	else if (argc == 6 && !strcmp(argv[1], "send") &&
		 !num_parse(argv[3], 65535, &port) &&
		 !num_parse(argv[4], 100000, &rate) && rate &&
		 !num_parse(argv[5], UDPSEQ_MAX / rate, &seconds))
		rc = udpseq_send(argv[2], port, rate, seconds);
	else {
		fprintf(stderr, "udpseq: see the top of udpseq.c\n");
		return 2;
	}
	if (rc)
		fprintf(stderr, "udpseq: %s\n", strerror(-rc));
	return rc ? 1 : 0;
}
