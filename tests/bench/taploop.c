// SPDX-License-Identifier: GPL-2.0-or-later
/* taploop.c - the peer: the barest loop of write or read on a tap
 *
 *   taploop DEV write|read SECONDS SIZE
 *   taploop DEV send SECONDS SIZE      floods DEV from the host's side
 *
 * write and read open the tap DEV with a virtio_net_hdr, as netbackd does, and do
 * nothing but that system call; read sleeps in poll when the queue is empty and
 * counts from the first frame on. send hands the kernel large UDP packets,
 * which it cuts into frames of SIZE bytes: more than any reader can take.
 * Kernels before 6.2 refuse those: then it sends frame by frame.
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

#include "udp.h"

enum {
	VNET = sizeof(struct virtio_net_hdr),
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

static bool loop_take(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (read(fd, frame, sizeof(frame)) > 0)
		return true;
	poll(&p, 1, 100);
	return false;
}

static unsigned long loop_read(int fd, double end)
{
	unsigned long n = 0, calls = 0;
	bool got;

	do {
		got = loop_take(fd);
		n += got;
	} while ((++calls % 64 && got) || seconds_now() < end);
	return n;
}

/* A UDP packet of SEND_SEGS segments of `size` bytes each, headers included. */
static size_t send_fill(size_t size)
{
	size_t payload = size - UDP_HEAD, all = payload * SEND_SEGS;
	struct virtio_net_hdr *h = (void *)frame;

	*h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = GSO_UDP_L4,
		.hdr_len = UDP_HEAD,
		.gso_size = (uint16_t)payload,
		.csum_start = UDP_ETH + sizeof(struct iphdr),
		.csum_offset = offsetof(struct udphdr, check),
	};
	udp_fill(frame + VNET, (unsigned)(UDP_HEAD + all));
	udp_turn(frame + VNET);
	return VNET + UDP_HEAD + all;
}

static unsigned long loop_send(const char *dev, double end, size_t size)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	size_t all = send_fill(size);
	unsigned long n = 0, calls = 0, segs = SEND_SEGS;

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one))) {
		perror(dev);
		exit(1);
	}
	do {
		if (send(fd, frame, all, 0) > 0) {
			n += segs;
		} else if (errno == EINVAL && segs > 1) {
			segs = 1;
			memset(frame, 0, VNET);
			udp_fill(frame + VNET, (unsigned)size);
			udp_turn(frame + VNET);
			all = VNET + size;
		} else if (errno != ENOBUFS) {
			perror("send");
			exit(1);
		}
	} while (++calls % 8 || seconds_now() < end);
	return n;
}

int main(int argc, char **argv)
{
	double start, took;
	unsigned long n;
	size_t size;
	int fd = -1, i;

	if (argc != 5 || atoi(argv[4]) <= UDP_HEAD || atoi(argv[4]) > 1514) {
		fprintf(stderr, "usage: taploop DEV write|read|send SECONDS "
				"SIZE\n");
		return 2;
	}
	size = (size_t)atoi(argv[4]);
	udp_fill(frame + VNET, (unsigned)size);
	if (strcmp(argv[2], "send"))
		fd = tap_open(argv[1]);
	for (i = 0; !strcmp(argv[2], "read") && i < 50 && !loop_take(fd);)
		i++;
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
