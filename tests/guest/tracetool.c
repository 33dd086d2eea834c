// SPDX-License-Identifier: GPL-2.0-or-later
/* tracetool.c - the kernel's own trace of frames, in the words of explain
 *
 *   tracetool FROM <TABLE
 *
 * Opens the tap FROM and listens to nf_tables' trace. For each line of the table
 * (hex of one frame) it writes the frame, waits until nothing more is told,
 * prints "frame N", and for each rule or policy one line
 *
 *   FAMILY TABLE CHAIN rule HANDLE VERDICT [CHAIN]
 *   FAMILY TABLE CHAIN policy VERDICT
 *
 * Frames must have been marked for it by a rule (meta nftrace set 1).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/trace.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/num.h"

enum { QUIET_MS = 8, FRAME_ROOM = 9300, CARRIER_MS = 20000 };

static const char *family_name(uint32_t f)
{
	return f == NFPROTO_NETDEV   ? "netdev"
	       : f == NFPROTO_BRIDGE ? "bridge"
	       : f == NFPROTO_IPV4   ? "ip"
	       : f == NFPROTO_IPV6   ? "ip6"
	       : f == NFPROTO_INET   ? "inet"
				     : "?";
}

static const char *verdict_name(int v)
{
	return v == NF_DROP	   ? "drop"
	       : v == NF_ACCEPT	   ? "accept"
	       : v == NFT_RETURN   ? "return"
	       : v == NFT_JUMP	   ? "jump"
	       : v == NFT_GOTO	   ? "goto"
	       : v == NFT_CONTINUE ? "continue"
				   : "?";
}

static int on_trace(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_trace *t = nftnl_trace_alloc();
	uint32_t type;
	int v;

	(void)data;
	if (!t || NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_TRACE ||
	    nftnl_trace_nlmsg_parse(nlh, t) < 0)
		goto out;
	type = nftnl_trace_get_u32(t, NFTNL_TRACE_TYPE);
	v = (int)nftnl_trace_get_u32(t, type == NFT_TRACETYPE_POLICY
						? NFTNL_TRACE_POLICY
						: NFTNL_TRACE_VERDICT);
	printf("%s %s %s ",
	       family_name(nftnl_trace_get_u32(t, NFTNL_TRACE_FAMILY)),
	       nftnl_trace_get_str(t, NFTNL_TRACE_TABLE),
	       nftnl_trace_get_str(t, NFTNL_TRACE_CHAIN));
	if (type == NFT_TRACETYPE_POLICY)
		printf("policy %s\n", verdict_name(v));
	else if (type == NFT_TRACETYPE_RULE &&
		 nftnl_trace_get_u64(t, NFTNL_TRACE_RULE_HANDLE))
		printf("rule %llu %s%s%s\n",
		       (unsigned long long)nftnl_trace_get_u64(
			       t, NFTNL_TRACE_RULE_HANDLE),
		       verdict_name(v),
		       v == NFT_JUMP || v == NFT_GOTO ? " " : "",
		       v == NFT_JUMP || v == NFT_GOTO
			       ? nftnl_trace_get_str(t, NFTNL_TRACE_JUMP_TARGET)
			       : "");
	else
		printf("end\n");
out:
	if (t)
		nftnl_trace_free(t);
	return MNL_CB_OK;
}

static void drain(struct mnl_socket *nl)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(nl), .events = POLLIN };
	char buf[65536] __attribute__((aligned(8)));
	ssize_t r;

	while (poll(&p, 1, QUIET_MS) == 1) {
		r = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (r > 0)
			mnl_cb_run(buf, (size_t)r, 0, 0, on_trace, NULL);
	}
}

static size_t read_hex(const char *s, uint8_t *b)
{
	size_t n = 0;
	unsigned v;

	while (n < FRAME_ROOM && sscanf(s, "%2x", &v) == 1 && s[0] > ' ') {
		b[n++] = (uint8_t)v;
		s += 2;
	}
	return n;
}

/* A tap has carrier from when it is opened; its bridge hears of that later. */
static void wait_forwarding(const char *dev)
{
	char path[128], state[8] = "";
	unsigned i;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/brport/state", dev);
	for (i = 0; i < CARRIER_MS && strcmp(state, "3\n"); i++) {
		usleep(1000);
		f = fopen(path, "r");
		if (!f)
			return;
		if (!fgets(state, sizeof(state), f))
			state[0] = '\0';
		fclose(f);
	}
}

int main(int argc, char **argv)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	static char line[2 * FRAME_ROOM + 2];
	static uint8_t frame[FRAME_ROOM];
	int room = 1 << 22;
	unsigned n = 0;

	if (argc != 2 || tap < 0 || !nl ||
	    str_put(r.ifr_name, sizeof(r.ifr_name), argv[1]) ||
	    ioctl(tap, TUNSETIFF, &r) ||
	    mnl_socket_bind(nl, 1u << (NFNLGRP_NFTRACE - 1),
			    MNL_SOCKET_AUTOPID) < 0) {
		perror("tracetool");
		return 2;
	}
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room,
		   sizeof(room));
	wait_forwarding(argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		size_t len = read_hex(line, frame);

		printf("frame %u\n", ++n);
		if (write(tap, frame, len) < 0 && errno != EINVAL)
			perror("write");
		drain(nl);
	}
	mnl_socket_close(nl);
	return 0;
}
