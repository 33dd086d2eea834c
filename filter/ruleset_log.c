// SPDX-License-Identifier: GPL-2.0-or-later
/* ruleset_log.c - what rules log to a netlink group (nfnetlink_log)
 *
 * Bytes of packets come from strangers: nothing here looks into them but for
 * the version in the first one.
 */
#include "ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/num.h"
#include "nft.h"

enum {
	LOG_BUF = 1 << 18,
	LOG_ETHER = 14,
	LOG_SNAP = 65535,
	LOG_WAIT = 10, /* 1/100 s that the kernel may hold messages back */
};

struct log_in {
	struct mnl_socket *nl;
	ruleset_log_fn *each;
	void *arg;
	int rc; /* of each */
};

static int log_bind(struct mnl_socket *nl, uint16_t group)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(LOG_SNAP),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nft_other_msg(
		buf, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK,
		AF_UNSPEC, group);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(LOG_WAIT));
	return nft_other_ask(nl, nlh, NULL, NULL);
}

/* "web:7f text": id, way, and the administrator's prefix. */
static void log_id(struct ruleset_log *l, const char *prefix)
{
	size_t n = strcspn(prefix, " "), digits;
	const char *colon = memchr(prefix, ':', n);

	str_fmt(l->prefix, sizeof(l->prefix), "%s", prefix);
	if (!colon || n >= sizeof(l->rule))
		return;
	digits = strspn(colon + 1, "0123456789");
	if (!digits || (size_t)(colon - prefix) + 1 + digits + 1 < n)
		return;
	if (colon[1 + digits] == 'f')
		l->way = "from-guest";
	if (colon[1 + digits] == 't')
		l->way = "to-guest";
	str_fmt(l->rule, sizeof(l->rule), "%.*s",
		(int)((size_t)(colon - prefix) + 1 + digits), prefix);
	str_fmt(l->prefix, sizeof(l->prefix), "%s",
		prefix + n + (prefix[n] == ' '));
}

static int log_attr(const struct nlattr *a, void *data)
{
	const struct nlattr **v = data;

	if (mnl_attr_type_valid(a, NFULA_MAX) > 0)
		v[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void log_dev(const struct nlattr *a, char name[IFNAMSIZ])
{
	char buf[IFNAMSIZ];

	if (a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 &&
	    if_indextoname(ntohl(mnl_attr_get_u32(a)), buf))
		memcpy(name, buf, IFNAMSIZ);
}

static uint64_t log_time(const struct nlattr *a)
{
	const struct nfulnl_msg_packet_timestamp *t;
	struct timespec now;

	if (a && mnl_attr_get_payload_len(a) >= sizeof(*t)) {
		t = mnl_attr_get_payload(a);
		return be64toh(t->sec) * 1000000000u + be64toh(t->usec) * 1000u;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool log_is_ip(const uint8_t *p, size_t n)
{
	return n >= 20 && (p[0] >> 4 == 4 || (p[0] >> 4 == 6 && n >= 40));
}

/* Where the payload begins depends on the hook: with the Ethernet header where
 * a device is about to send it.
 */
static void log_bytes(struct ruleset_log *l, const struct nlattr *const *v,
		      bool egress)
{
	const struct nlattr *a = v[NFULA_PAYLOAD], *h = v[NFULA_HWHEADER];
	const uint8_t *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t n = a ? mnl_attr_get_payload_len(a) : 0;

	if (h && mnl_attr_get_payload_len(h) == LOG_ETHER)
		l->ether = mnl_attr_get_payload(h);
	if (egress && n > LOG_ETHER) {
		l->ether = p;
		p += LOG_ETHER;
		n -= LOG_ETHER;
	}
	if (p && log_is_ip(p, n)) {
		l->ip = p;
		l->size = n;
	}
}

static int log_packet(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *v[NFULA_MAX + 1] = { NULL };
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct log_in *in = data;
	struct ruleset_log l = { .way = "" };
	const struct nfulnl_msg_packet_hdr *hdr;
	bool netdev, egress = false;

	if ((nlh->nlmsg_type & 0xff) != NFULNL_MSG_PACKET ||
	    mnl_attr_parse(nlh, sizeof(*g), log_attr, v) < 0)
		return MNL_CB_OK;
	netdev = g->nfgen_family == NFPROTO_NETDEV;
	l.ns = log_time(v[NFULA_TIMESTAMP]);
	if (v[NFULA_PREFIX] &&
	    mnl_attr_validate(v[NFULA_PREFIX], MNL_TYPE_NUL_STRING) >= 0)
		log_id(&l, mnl_attr_get_str(v[NFULA_PREFIX]));
	if (netdev && v[NFULA_PACKET_HDR] &&
	    mnl_attr_get_payload_len(v[NFULA_PACKET_HDR]) >= sizeof(*hdr)) {
		hdr = mnl_attr_get_payload(v[NFULA_PACKET_HDR]);
		egress = hdr->hook == NF_NETDEV_EGRESS;
		l.way = egress ? "to-guest" : "from-guest";
	}
	log_dev(v[netdev ? NFULA_IFINDEX_INDEV : NFULA_IFINDEX_PHYSINDEV],
		l.in);
	log_dev(v[netdev ? NFULA_IFINDEX_OUTDEV : NFULA_IFINDEX_PHYSOUTDEV],
		l.out);
	if (*l.way)
		memcpy(l.vif, !strcmp(l.way, "to-guest") ? l.out : l.in,
		       IFNAMSIZ);
	log_bytes(&l, v, egress);
	in->rc = in->each(&l, in->arg);
	return in->rc ? MNL_CB_STOP : MNL_CB_OK;
}

static int log_loop(struct log_in *in, struct err *e)
{
	static char buf[LOG_BUF] __attribute__((aligned(8)));

	while (!in->rc) {
		ssize_t r = mnl_socket_recvfrom(in->nl, buf, sizeof(buf));

		if (r < 0 && errno == EINTR)
			return 0;
		if (r < 0 && errno == ENOBUFS)
			continue; /* lost some: better than standing still */
		if (r < 0)
			return err_set(e, -errno, "log: %s", strerror(errno));
		if (mnl_cb_run(buf, (size_t)r, 0, 0, log_packet, in) < 0)
			return err_set(e, -errno, "log: %s", strerror(errno));
	}
	return in->rc;
}

int ruleset_log(uint16_t group, ruleset_log_fn *each, void *arg, struct err *e)
{
	struct log_in in = { .each = each, .arg = arg };
	int size = 1 << 21, rc;

	in.nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!in.nl || mnl_socket_bind(in.nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = err_set(e, -errno, "log: netlink: %s", strerror(errno));
	} else {
		setsockopt(mnl_socket_get_fd(in.nl), SOL_SOCKET, SO_RCVBUFFORCE,
			   &size, sizeof(size));
		rc = log_bind(in.nl, group);
		if (rc)
			err_set(e, rc,
				"log: group %u: %s (another may listen to it; "
				"CAP_NET_ADMIN and "
				"CONFIG_NETFILTER_NETLINK_LOG "
				"are needed)",
				group, strerror(-rc));
		else
			rc = log_loop(&in, e);
	}
	if (in.nl)
		mnl_socket_close(in.nl);
	return rc;
}
