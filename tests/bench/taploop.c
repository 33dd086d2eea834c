// SPDX-License-Identifier: GPL-2.0-or-later
/* taploop.c - the peer: the barest loop of write or read on a tap
 *
 *   taploop DEV write|read SECONDS SIZE
 *   taploop DEV send SECONDS SIZE      floods DEV from the host's side
 *
 * write and read open the tap DEV with a virtio_net_hdr, as netbackd does, and do
 * nothing but that system call; read sleeps in poll when the queue is
 * empty. send hands the kernel large UDP packets, which it cuts into
 * frames of SIZE bytes: more than any reader can take.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	VNET = sizeof(struct virtio_net_hdr),
	SEND_HEAD = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr),
	SEND_SEGS = 40,
	GSO_UDP_L4 = 5, /* virtio: younger than Debian 12's headers */
};

static uint8_t frame[VNET + 65536];

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int tap_open(const char *dev)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", dev);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
		perror(dev);
		exit(1);
	}
	return fd;
}

static unsigned long loop_write(int fd, double end, size_t size)
{
	unsigned long n = 0, calls = 0;

	do {
		n += write(fd, frame, VNET + size) > 0;
	} while (++calls % 64 || seconds_now() < end);
	return n;
}

static unsigned long loop_read(int fd, double end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned long n = 0, calls = 0;
	bool slept;

	do {
		slept = read(fd, frame, sizeof(frame)) <= 0;
		if (slept)
			poll(&p, 1, 100);
		else
			n++;
	} while ((++calls % 64 && !slept) || seconds_now() < end);
	return n;
}

/* A UDP packet of SEND_SEGS segments of `size` bytes each, headers included. */
static size_t send_fill(size_t size)
{
	size_t payload = size - SEND_HEAD, all = payload * SEND_SEGS;
	struct virtio_net_hdr *h = (void *)frame;
	struct iphdr *ip = (void *)(frame + VNET + ETH_HLEN);
	struct udphdr *udp = (void *)(ip + 1);

	*h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = GSO_UDP_L4,
		.hdr_len = SEND_HEAD,
		.gso_size = (uint16_t)payload,
		.csum_start = ETH_HLEN + sizeof(*ip),
		.csum_offset = offsetof(struct udphdr, check),
	};
	frame[VNET + 12] = 8;
	frame[VNET + 13] = 0;
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(all + SEND_HEAD - ETH_HLEN)),
		.saddr = htonl(0x0a000001),
		.daddr = htonl(0x0a000002),
	};
	*udp = (struct udphdr){ .source = htons(9),
				.dest = htons(9),
				.len = htons((uint16_t)(all + 8)) };
	return VNET + SEND_HEAD + all;
}

static unsigned long loop_send(const char *dev, double end, size_t size)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	size_t all = send_fill(size);
	unsigned long n = 0, calls = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one))) {
		perror(dev);
		exit(1);
	}
	do {
		if (send(fd, frame, all, 0) > 0)
			n += SEND_SEGS;
		else if (errno != ENOBUFS)
			perror("send");
	} while (++calls % 8 || seconds_now() < end);
	return n;
}

int main(int argc, char **argv)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 99,   2,
					0, 0, 0, 1, 0, 0x88, 0xb5 };
	double start, took;
	unsigned long n;
	size_t size;
	int fd = -1;

	if (argc != 5 || atoi(argv[4]) < 43 || atoi(argv[4]) > 1514) {
		fprintf(stderr, "usage: taploop DEV write|read|send SECONDS "
				"SIZE\n");
		return 2;
	}
	size = (size_t)atoi(argv[4]);
	memcpy(frame + VNET, head, sizeof(head));
	if (strcmp(argv[2], "send"))
		fd = tap_open(argv[1]);
	start = seconds_now();
	if (!strcmp(argv[2], "write"))
		n = loop_write(fd, start + atof(argv[3]), size);
	else if (!strcmp(argv[2], "read"))
		n = loop_read(fd, start + atof(argv[3]));
	else
		n = loop_send(argv[1], start + atof(argv[3]), size);
	took = seconds_now() - start;
	printf("%lu frames %.3f s %.0f pps\n", n, took, (double)n / took);
	return 0;
}
