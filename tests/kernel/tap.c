// SPDX-License-Identifier: GPL-2.0-or-later
/* tap.c - what we rely on in the kernel's tap devices
 *
 * Runs in a network namespace of its own. When a kernel changes one of these, this
 * fails first and says which.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

enum { VNET = 10, HEAD = 54, BIG = 8000 };

static int ctl; /* any socket: for interface ioctls */
static int tap;
static const char dev[] = "kt0";

static int tap_open(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strcpy(ifr.ifr_name, dev);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void link_up(int up)
{
	struct ifreq ifr = { 0 };

	strcpy(ifr.ifr_name, dev);
	assert_int_equal(ioctl(ctl, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP
				   : ifr.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(ctl, SIOCSIFFLAGS, &ifr), 0);
}

static int setup(void **state)
{
	(void)state;
	ctl = socket(AF_INET, SOCK_DGRAM, 0);
	tap = tap_open();
	assert_true(tap >= 0);
	link_up(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(tap);
	close(ctl);
	return 0;
}

/* A packet socket on the device: sees what the stack sees of us, and sends. */
static int packet_socket(void)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	assert_int_equal(
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)),
		0);
	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	return fd;
}

/* TCP over IPv4, n bytes in all, and its header with GSO of 1000. */
static void big_tcp(uint8_t *p, unsigned n)
{
	static const uint8_t head[HEAD] = {
		2,  0,	0,  0, 0,  9, 2, 0, 0,	0, 0,	 1,  8,	 0, 69, 0, 0, 0,
		0,  1,	64, 0, 64, 6, 0, 0, 10, 0, 0,	 1,  10, 0, 0,	2, 4, 0,
		20, 81, 0,  0, 0,  1, 0, 0, 0,	1, 0x50, 16, 1,	 0, 0,	0, 0, 0
	};
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				    .gso_size = 1000,
				    .hdr_len = HEAD,
				    .csum_start = 34,
				    .csum_offset = 16 };

	memcpy(p, &h, VNET);
	memset(p + VNET, 0x5a, n);
	memcpy(p + VNET, head, HEAD);
	p[VNET + 16] = (uint8_t)((n - 14) >> 8);
	p[VNET + 17] = (uint8_t)(n - 14);
}

static ssize_t receive(int fd, uint8_t *buf, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* other frames (the host's own ND) are not what we wait for */
	for (;;) {
		ssize_t r;

		if (poll(&p, 1, 30000) != 1)
			return -ETIMEDOUT;
		r = read(fd, buf, size);
		if (r > VNET + 14 && buf[VNET + 12] == 8 && !buf[VNET + 13])
			return r;
	}
}

static void large_frame_with_our_header_arrives_whole(void **state)
{
	uint8_t out[VNET + BIG], in[VNET + 65536];
	struct virtio_net_hdr h;
	int fd = packet_socket();

	(void)state;
	big_tcp(out, BIG);
	assert_int_equal(write(tap, out, sizeof(out)), sizeof(out));
	assert_int_equal(receive(fd, in, sizeof(in)), VNET + BIG);
	memcpy(&h, in, VNET);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(h.gso_size, 1000);
	assert_memory_equal(out + VNET, in + VNET, BIG);
	close(fd);
}

static void offload_decides_what_we_are_given(void **state)
{
	uint8_t out[VNET + BIG], in[VNET + 65536];
	int fd = packet_socket();
	struct virtio_net_hdr h;

	(void)state;
	big_tcp(out, BIG);
	assert_int_equal(ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), 0);
	assert_int_equal(write(fd, out, sizeof(out)), sizeof(out));
	assert_int_equal(receive(tap, in, sizeof(in)), VNET + BIG);
	assert_int_equal(ioctl(tap, TUNSETOFFLOAD, 0), 0);
	assert_int_equal(write(fd, out, sizeof(out)), sizeof(out));
	assert_int_equal(receive(tap, in, sizeof(in)), VNET + HEAD + 1000);
	memcpy(&h, in, VNET);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	close(fd);
}

/* Why fill offers one byte more than there is room. */
static void too_small_a_buffer_says_nothing(void **state)
{
	uint8_t out[VNET + 1000] = { 0 }, in[VNET + 100], more;
	struct iovec iov[2] = { { in, sizeof(in) }, { &more, 1 } };
	int fd = packet_socket();
	ssize_t r;

	(void)state;
	memset(out + VNET, 0xff, 6);
	out[VNET + 12] = 8;
	assert_int_equal(write(fd, out, sizeof(out)), sizeof(out));
	do {
		r = readv(tap, iov, 2);
	} while (r > 0 && in[VNET + 12] != 8);
	assert_int_equal(r, sizeof(in) + 1);
	close(fd);
}

static void runts_are_refused(void **state)
{
	uint8_t out[VNET + 20] = { 0 };
	unsigned n;

	(void)state;
	for (n = 0; n < 14; n++)
		assert_int_equal(write(tap, out, VNET + n), -1);
	assert_int_equal(write(tap, out, VNET + 14), VNET + 14);
}

static void down_is_eio_and_persist_outlives_us(void **state)
{
	uint8_t out[VNET + 60] = { 0 };

	(void)state;
	link_up(0);
	assert_int_equal(write(tap, out, sizeof(out)), -1);
	assert_int_equal(errno, EIO);
	link_up(1);
	assert_int_equal(ioctl(tap, TUNSETPERSIST, 1), 0);
	close(tap);
	assert_int_not_equal(if_nametoindex(dev), 0);
	tap = tap_open(); /* same flags: we get the same device */
	assert_true(tap >= 0);
	assert_int_equal(write(tap, out, sizeof(out)), sizeof(out));
	assert_int_equal(ioctl(tap, TUNSETPERSIST, 0), 0);
	close(tap);
	assert_int_equal(if_nametoindex(dev), 0);
	tap = tap_open();
	link_up(1);
}

/* The kernel's own link watch takes its time. */
static int running(void)
{
	struct ifreq ifr = { 0 };

	strcpy(ifr.ifr_name, dev);
	assert_int_equal(ioctl(ctl, SIOCGIFFLAGS, &ifr), 0);
	return !!(ifr.ifr_flags & IFF_RUNNING);
}

static void carrier_is_ours_to_set(void **state)
{
	int on, i;

	(void)state;
	for (on = 0; on < 2; on++) {
		assert_int_equal(ioctl(tap, TUNSETCARRIER, &on), 0);
		for (i = 0; i < 300 && running() != on; i++)
			usleep(10000);
		assert_int_equal(running(), on);
	}
}

/* A second opener of a tap in use is told so: an occupied name is seen. */
static void one_owner(void **state)
{
	(void)state;
	assert_int_equal(tap_open(), -EBUSY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_frame_with_our_header_arrives_whole),
		cmocka_unit_test(offload_decides_what_we_are_given),
		cmocka_unit_test(too_small_a_buffer_says_nothing),
		cmocka_unit_test(runts_are_refused),
		cmocka_unit_test(down_is_eio_and_persist_outlives_us),
		cmocka_unit_test(carrier_is_ours_to_set),
		cmocka_unit_test(one_owner),
	};

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("1..0 # SKIP no network namespace of our own\n");
		return 0;
	}
	return cmocka_run_group_tests_name("tap", tests, setup, teardown);
}
