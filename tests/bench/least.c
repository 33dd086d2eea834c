// SPDX-License-Identifier: GPL-2.0-or-later
/* least.c - the least that an online of a vif can be: a floor for hotplug.sh
 *
 * LEAST=guard,bridge,store    which of these, in the environment; none: a process
 *
 *   guard    one batch: a table, a chain on the device $vif and a rule in it
 *   bridge   one message: $vif joins br0 and goes up
 *   store    one request: $XENBUS_PATH/hotplug-status is "connected"
 *
 * No guard has fewer rules, no port fewer messages, no backend fewer words. System
 * calls alone, no library but C's; each answer is waited for, as ours are.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

static _Alignas(8) uint8_t out[4096];
static size_t len;
static const char *vif;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- messages: each is the last in `out` until the next one -------------------- */

static struct nlmsghdr *msg(unsigned type, unsigned flags, const void *head,
			    size_t size)
{
	struct nlmsghdr *h = (void *)(out + len);

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(h), head, size);
	len += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

static struct nlattr *put(struct nlmsghdr *h, unsigned type, const void *v,
			  size_t size)
{
	struct nlattr *a = (void *)(out + len);

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (size)
		memcpy(a + 1, v, size);
	len += NLA_ALIGN(a->nla_len);
	h->nlmsg_len = (uint32_t)(out + len - (uint8_t *)h);
	return a;
}

static void put_name(struct nlmsghdr *h, unsigned type, const char *s)
{
	put(h, type, s, strlen(s) + 1);
}

static void put_be32(struct nlmsghdr *h, unsigned type, uint32_t v)
{
	v = htonl(v);
	put(h, type, &v, sizeof(v));
}

static struct nlattr *nest(struct nlmsghdr *h, unsigned type)
{
	return put(h, type | NLA_F_NESTED, NULL, 0);
}

static void nest_end(struct nlattr *a)
{
	a->nla_len = (uint16_t)(out + len - (uint8_t *)a);
}

/* Sends all of it and reads one answer, which is about the last message. */
static void talk(int family)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
	_Alignas(8) uint8_t in[4096];
	const struct nlmsghdr *h = (void *)in;
	const struct nlmsgerr *e = NLMSG_DATA(h);

	if (fd < 0 ||
	    sendto(fd, out, len, 0, (struct sockaddr *)&to, sizeof(to)) !=
		    (ssize_t)len ||
	    recv(fd, in, sizeof(in), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*e)))
		die("netlink");
	if (h->nlmsg_type != NLMSG_ERROR || e->error) {
		fprintf(stderr, "least: %s\n", strerror(-e->error));
		exit(1);
	}
	close(fd);
	len = 0;
}

/* --- the three parts -------------------------------------------------------- */

static struct nlmsghdr *nft(unsigned type, unsigned flags)
{
	struct nfgenmsg g = { .nfgen_family = NFPROTO_NETDEV };

	if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END)
		g = (struct nfgenmsg){ .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	else
		type |= NFNL_SUBSYS_NFTABLES << 8;
	return msg(type, flags, &g, sizeof(g));
}

static void guard_rule(void)
{
	struct nlmsghdr *h = nft(NFT_MSG_NEWRULE,
				 NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
	struct nlattr *list, *elem, *data, *value, *verdict;

	put_name(h, NFTA_RULE_TABLE, vif);
	put_name(h, NFTA_RULE_CHAIN, "least");
	list = nest(h, NFTA_RULE_EXPRESSIONS);
	elem = nest(h, NFTA_LIST_ELEM);
	put_name(h, NFTA_EXPR_NAME, "immediate");
	data = nest(h, NFTA_EXPR_DATA);
	put_be32(h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = nest(h, NFTA_IMMEDIATE_DATA);
	verdict = nest(h, NFTA_DATA_VERDICT);
	put_be32(h, NFTA_VERDICT_CODE, (uint32_t)NFT_RETURN);
	nest_end(verdict);
	nest_end(value);
	nest_end(data);
	nest_end(elem);
	nest_end(list);
	h->nlmsg_len = (uint32_t)(out + len - (uint8_t *)h);
}

static void guard(void)
{
	struct nlmsghdr *h;
	struct nlattr *hook;

	nft(NFNL_MSG_BATCH_BEGIN, 0);
	h = nft(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	put_name(h, NFTA_TABLE_NAME, vif);
	h = nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_name(h, NFTA_CHAIN_TABLE, vif);
	put_name(h, NFTA_CHAIN_NAME, "least");
	put_name(h, NFTA_CHAIN_TYPE, "filter");
	hook = nest(h, NFTA_CHAIN_HOOK);
	put_be32(h, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
	put_be32(h, NFTA_HOOK_PRIORITY, 0);
	put_name(h, NFTA_HOOK_DEV, vif);
	nest_end(hook);
	guard_rule();
	nft(NFNL_MSG_BATCH_END, 0);
	talk(NETLINK_NETFILTER);
}

static void bridge(void)
{
	struct ifinfomsg i = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	uint32_t master = if_nametoindex("br0");
	struct nlmsghdr *h = msg(RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i));

	put_name(h, IFLA_IFNAME, vif);
	put(h, IFLA_MASTER, &master, sizeof(master));
	talk(NETLINK_ROUTE);
}

static void store(void)
{
	const char *path = getenv("XENBUS_PATH"),
		   *at = getenv("XENSTORED_PATH");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct xsd_sockmsg h = { .type = XS_WRITE };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char buf[256], ok[3];
	int n;

	if (!path || !at)
		exit(2);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", at);
	n = snprintf(buf + sizeof(h), sizeof(buf) - sizeof(h),
		     "/local/domain/0/%s/hotplug-status%cconnected", path, 0);
	h.len = (uint32_t)n;
	memcpy(buf, &h, sizeof(h));
	n += (int)sizeof(h);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    write(fd, buf, (size_t)n) != n ||
	    recv(fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h) ||
	    h.type != XS_WRITE || h.len > sizeof(ok) ||
	    recv(fd, ok, h.len, MSG_WAITALL) != (ssize_t)h.len)
		die("store");
	close(fd);
}

int main(void)
{
	const char *what = getenv("LEAST");

	vif = getenv("vif");
	if (!what || !vif) {
		fputs("usage: see least.c\n", stderr);
		return 2;
	}
	if (strstr(what, "guard"))
		guard();
	if (strstr(what, "bridge"))
		bridge();
	if (strstr(what, "store"))
		store();
	return 0;
}
