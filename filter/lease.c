// SPDX-License-Identifier: GPL-2.0-or-later
/* lease.c - the addresses that a guest has by DHCP: as long as its leases
 *
 * A guard with ip=dhcp logs what passes between guest and server (guard_dhcp.c);
 * the sets of its addresses are what is written here. A guest has one lease of IPv4,
 * the last, and some of IPv6. The kernel ends an element of a set when its time is
 * over; what is kept here besides says when to look whether flows are to be cut, and
 * what to put back when somebody flushed it.
 *
 *   server: ACK with an address    that, for the lease's time; another's flows go
 *   server: NAK                    none
 *   guest:  RELEASE, DECLINE       none
 *
 * and in IPv6, where nothing is taken by a rule:
 *
 *   server: REPLY with addresses   each for its time, or not at all if that is 0
 *   guest:  RELEASE, DECLINE       these end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/num.h"
#include "dhcp.h"
#include "dhcp6.h"
#include "filter.h"
#include "guard.h"
#include "lease_set.h"

enum {
	LEASE_BUF = 1 << 16,
	LEASE_ROOM = 1 << 22, /* bytes of messages that wait for us */
	LEASE_ETHER = 14,
	LEASE_LATE_MS = 20, /* the kernel counts in ticks */
	LEASE_AGAIN_MS = 100,
	LEASE_TURN = 4, /* reads, before others have a turn */
};

struct filter_leases {
	struct mnl_socket *nl;
	unsigned n, room;
	struct lease *v;
	uint64_t when; /* the first that ends, UINT64_MAX = none */
	unsigned nready, taken;
	struct filter_lease ready[64];
};

/* --- what is kept --------------------------------------------------------------*/

/* The lease of IPv4 that l's guest has, or l's own of IPv6. */
static struct lease *lease_find(struct filter_leases *l, const struct lease *x)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].index == x->index && l->v[i].family == x->family &&
		    (x->family == AF_INET ||
		     !memcmp(l->v[i].addr, x->addr, sizeof(x->addr))))
			return &l->v[i];
	return NULL;
}

static void lease_next_end(struct filter_leases *l)
{
	unsigned i;

	l->when = UINT64_MAX;
	for (i = 0; i < l->n; i++)
		if (l->v[i].until < l->when)
			l->when = l->v[i].until;
}

static void lease_forget(struct filter_leases *l, const struct lease *old)
{
	struct lease *x = lease_find(l, old);

	if (x)
		*x = l->v[--l->n];
	lease_next_end(l);
}

/* Out of memory: the kernel still ends it, its flows are not cut. */
static void lease_keep(struct filter_leases *l, const struct lease *new,
		       uint64_t ms)
{
	struct lease *x = lease_find(l, new);

	if (!x && l->n == l->room) {
		x = reallocarray(l->v, l->room + 64, sizeof(*x));
		if (!x)
			return;
		l->v = x;
		l->room += 64;
		x = NULL;
	}
	if (!x)
		x = &l->v[l->n++];
	*x = *new;
	x->until = ms ? clock_ns() + (ms + LEASE_LATE_MS) * 1000000
		      : UINT64_MAX;
	lease_next_end(l);
}

static void lease_say(struct filter_leases *l, const struct lease *x,
		      const char *why, uint32_t seconds)
{
	struct filter_lease *ev = &l->ready[l->nready];

	if (l->nready == ARRAY_SIZE(l->ready))
		return;
	memset(ev, 0, sizeof(*ev));
	if (!if_indextoname(x->index, ev->dev))
		return;
	ev->why = why;
	ev->seconds = seconds;
	inet_ntop(x->family, x->addr, ev->addr, sizeof(ev->addr));
	l->nready++;
}

/* --- messages --------------------------------------------------------------------*/

static void lease_given(struct filter_leases *l, const struct lease *new,
			uint32_t s)
{
	struct lease x = *new; /* it may be in l->v */
	struct lease *old = lease_find(l, &x);
	bool same = old && !memcmp(old->addr, x.addr, sizeof(x.addr));
	struct lease_seen was;
	uint64_t ms = UINT64_C(1000) * s;
	int rc = lease_change(&x, ms, &was);

	/* a table that is away comes back, and then this is written again */
	if (rc == -ENODEV)
		return;
	if (!rc && !same)
		lease_say(l, &x, "given", s);
	if (ms)
		lease_keep(l, &x, ms);
	else
		lease_forget(l, &x);
}

/* Of IPv4 whatever it has. */
static void lease_ended(struct filter_leases *l, const struct lease *old,
			const char *why)
{
	struct lease x = *old;
	struct lease_seen was;

	if (!lease_change(&x, 0, &was) && was.n) {
		if (x.family == AF_INET)
			memcpy(x.addr, was.addr[0], 4);
		if (lease_is_in(&was, &x))
			lease_say(l, &x, why, 0);
	}
	lease_forget(l, old);
}

static void lease_message(struct filter_leases *l, unsigned index, bool to,
			  const struct dhcp *m)
{
	struct lease x = { .index = index, .family = AF_INET };
	static const uint8_t none[4];

	if (m->reply != to)
		return;
	memcpy(x.addr, m->addr, sizeof(m->addr));
	if (to && m->kinds == 1u << DHCP_ACK && memcmp(m->addr, none, 4))
		lease_given(l, &x, m->has_time ? m->seconds : POLICY_LEASE_S);
	else if (to && m->kinds == 1u << DHCP_NAK)
		lease_ended(l, &x, "refused");
	else if (!to && m->kinds & 1u << DHCP_RELEASE)
		lease_ended(l, &x, "released");
	else if (!to && m->kinds & 1u << DHCP_DECLINE)
		lease_ended(l, &x, "declined");
}

static unsigned lease_count6(const struct filter_leases *l, unsigned index)
{
	unsigned i, n = 0;

	for (i = 0; i < l->n; i++)
		n += l->v[i].index == index && l->v[i].family == AF_INET6;
	return n;
}

/* More than we keep in mind are not the guest's. Neither is a group's address, or
 * none, whatever a server says.
 */
static bool lease_takes6(struct filter_leases *l, const struct lease *x)
{
	static const uint8_t none[16];

	return lease_find(l, x) ||
	       (lease_count6(l, x->index) < POLICY_LEARN_IP6 &&
		x->addr[0] != 0xff && memcmp(x->addr, none, 16));
}

/* The guest names more addresses than were read: then it is all of them. */
static void lease_all_ended6(struct filter_leases *l, unsigned index,
			     const char *why)
{
	unsigned i = 0;

	while (i < l->n)
		if (l->v[i].index == index && l->v[i].family == AF_INET6)
			lease_ended(l, &l->v[i], why);
		else
			i++;
}

static void lease_message6(struct filter_leases *l, unsigned index, bool to,
			   const struct dhcp6 *m)
{
	const char *why = m->kind == DHCP6_RELEASE ? "released" : "declined";
	unsigned i;

	if (to != (m->kind == DHCP6_REPLY))
		return;
	for (i = 0; i < m->n; i++) {
		struct lease x = { .index = index, .family = AF_INET6 };

		memcpy(x.addr, m->v[i].addr, sizeof(x.addr));
		if (to && m->v[i].seconds && lease_takes6(l, &x))
			lease_given(l, &x, m->v[i].seconds);
		else if (lease_find(l, &x))
			lease_ended(l, &x, to ? "refused" : why);
	}
	if (!to && m->more)
		lease_all_ended6(l, index, why);
}

static void lease_read_packet(struct filter_leases *l, unsigned index, bool to,
			      const uint8_t *ip, size_t n)
{
	struct dhcp6 m6;
	struct dhcp m;

	if (!dhcp_parse(ip, n, &m))
		lease_message(l, index, to, &m);
	else if (!dhcp6_parse(ip, n, &m6))
		lease_message6(l, index, to, &m6);
}

static int lease_attr(const struct nlattr *a, void *data)
{
	const struct nlattr **v = data;

	if (mnl_attr_type_valid(a, NFULA_MAX) > 0)
		v[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

/* A packet on its way out of a device is logged with its Ethernet header. */
static int lease_packet(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *v[NFULA_MAX + 1] = { NULL }, *a, *p;
	const struct nfulnl_msg_packet_hdr *hdr;
	size_t n, skip;
	bool to;

	if ((nlh->nlmsg_type & 0xff) != NFULNL_MSG_PACKET ||
	    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), lease_attr, v) < 0 ||
	    !v[NFULA_PACKET_HDR] || !v[NFULA_PAYLOAD] ||
	    mnl_attr_get_payload_len(v[NFULA_PACKET_HDR]) < sizeof(*hdr))
		return MNL_CB_OK;
	hdr = mnl_attr_get_payload(v[NFULA_PACKET_HDR]);
	to = hdr->hook == NF_NETDEV_EGRESS;
	a = v[to ? NFULA_IFINDEX_OUTDEV : NFULA_IFINDEX_INDEV];
	p = v[NFULA_PAYLOAD];
	n = mnl_attr_get_payload_len(p);
	skip = to ? LEASE_ETHER : 0;
	if (a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 && n > skip)
		lease_read_packet(data, ntohl(mnl_attr_get_u32(a)), to,
				  (const uint8_t *)mnl_attr_get_payload(p) +
					  skip,
				  n - skip);
	return MNL_CB_OK;
}

/* --- the border --------------------------------------------------------------------*/

static int lease_bind(struct mnl_socket *nl)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(GUARD_LOG_SNAP),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	ssize_t r;

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(GUARD_LOG_GROUP);
	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	r = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (r < 0 || mnl_cb_run(buf, (size_t)r, 1, mnl_socket_get_portid(nl),
				NULL, NULL) < 0)
		return -errno;
	return 0;
}

static void lease_load_set(struct filter_leases *l, unsigned index,
			   const struct lease_seen *s)
{
	struct lease x = { .index = index, .family = s->family };
	unsigned i;

	if (s->family == AF_INET && s->n != 1)
		return;
	for (i = 0; i < s->n; i++) {
		memcpy(x.addr, s->addr[i], lease_len(s->family));
		if (s->left[i])
			lease_keep(l, &x, s->left[i]);
	}
}

/* What guards have learned already: by the rule, or before this began. Of IPv6
 * ip=learn has addresses with times, too; the kernel is asked before one is over.
 */
static int lease_load(void *arg, const char *dev)
{
	struct lease x = { .index = if_nametoindex(dev) };
	static const int family[] = { AF_INET, AF_INET6 };
	struct filter_leases *l = arg;
	struct lease_seen s;
	unsigned i;

	for (i = 0; x.index && i < ARRAY_SIZE(family); i++) {
		x.family = family[i];
		if (!lease_look(&x, &s))
			lease_load_set(l, x.index, &s);
	}
	return 0;
}

int filter_leases_open(struct filter_leases **out, struct err *e)
{
	struct filter_leases *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM, room = LEASE_ROOM, fd;

	if (!l)
		return err_set(e, rc, "leases: out of memory");
	l->when = UINT64_MAX;
	l->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	rc = !l->nl || mnl_socket_bind(l->nl, 0, MNL_SOCKET_AUTOPID) < 0
		     ? -errno
		     : lease_bind(l->nl);
	if (rc) {
		filter_leases_close(l);
		return err_set(e, rc,
			       "leases: cannot listen to group %u of "
			       "nfnetlink_log: %s; another watch may, and "
			       "CAP_NET_ADMIN and "
			       "CONFIG_NETFILTER_NETLINK_LOG are needed",
			       GUARD_LOG_GROUP, strerror(-rc));
	}
	fd = mnl_socket_get_fd(l->nl);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	rc = filter_each(lease_load, l, e);
	if (rc) {
		filter_leases_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

void filter_leases_close(struct filter_leases *l)
{
	if (!l)
		return;
	if (l->nl)
		mnl_socket_close(l->nl);
	free(l->v);
	free(l);
}

int filter_leases_fd(const struct filter_leases *l)
{
	return mnl_socket_get_fd(l->nl);
}

int filter_leases_wait(const struct filter_leases *l, int most)
{
	uint64_t now = clock_ns(), ms;

	if (l->taken < l->nready || l->when <= now)
		return 0;
	ms = (l->when - now) / 1000000 + 1;
	return ms < (uint64_t)most ? (int)ms : most;
}

/* Which of those seen stands for it now: of IPv4 any. NULL: it is over. */
static const uint64_t *lease_stands(const struct lease_seen *s, struct lease *l)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (l->family == AF_INET || !memcmp(s->addr[i], l->addr, 16)) {
			memcpy(l->addr, s->addr[i], lease_len(l->family));
			return &s->left[i];
		}
	return NULL;
}

/* Its time is over; unless the kernel says that there is more. */
static void lease_end(struct filter_leases *l, const struct lease *old)
{
	struct lease was = *old, now = was;
	const uint64_t *left;
	struct lease_seen s;

	if (lease_look(&was, &s)) {
		lease_keep(l, &was, LEASE_AGAIN_MS);
		return;
	}
	left = lease_stands(&s, &now);
	if (left && *left) {
		lease_keep(l, &now, *left);
		return;
	}
	if (!left) {
		lease_cut(&was);
		lease_say(l, &was, "expired", 0);
	}
	lease_forget(l, &was);
}

static void lease_ends(struct filter_leases *l)
{
	uint64_t now = clock_ns();
	unsigned i = 0;

	while (l->when <= now && i < l->n && l->nready < ARRAY_SIZE(l->ready)) {
		if (l->v[i].until > now) {
			i++;
			continue;
		}
		lease_end(l, &l->v[i]);
		i = 0;
	}
}

static int lease_read(struct filter_leases *l)
{
	char buf[LEASE_BUF] __attribute__((aligned(8)));
	ssize_t r;

	do {
		r = recv(mnl_socket_get_fd(l->nl), buf, sizeof(buf),
			 MSG_DONTWAIT);
	} while (r < 0 && (errno == EINTR || errno == ENOBUFS));
	if (r < 0)
		return errno == EAGAIN ? 0 : -errno;
	mnl_cb_run(buf, (size_t)r, 0, 0, lease_packet, l);
	return 1;
}

/* However fast a server, or who plays one, talks: what waits is still there when
 * guards have been looked after.
 */
int filter_leases_next(struct filter_leases *l, struct filter_lease *ev)
{
	unsigned reads = 0;
	int rc = 1;

	if (l->taken == l->nready) {
		l->taken = l->nready = 0;
		lease_ends(l);
		for (; rc > 0 && !l->nready && reads < LEASE_TURN; reads++)
			rc = lease_read(l);
	}
	if (l->taken == l->nready)
		return rc < 0 ? rc : 0;
	*ev = l->ready[l->taken++];
	return 1;
}

/* Written only when it is missing: our own change is told to a watcher in a pid
 * namespace as a stranger's.
 */
static void lease_restore(const struct lease *x, uint64_t now)
{
	struct lease_seen was;
	uint64_t ms;

	if (lease_look(x, &was))
		was.n = 0;
	if (lease_is_in(&was, x) && (x->family == AF_INET6 || was.n == 1))
		return;
	ms = x->until == UINT64_MAX ? UINT64_C(1000) * UINT32_MAX
				    : (x->until - now) / 1000000 + 1;
	lease_change(x, ms, &was);
}

void filter_leases_restore(struct filter_leases *l, const char *dev)
{
	unsigned index = if_nametoindex(dev), i;
	uint64_t now = clock_ns();

	for (i = 0; index && i < l->n; i++)
		if (l->v[i].index == index && l->v[i].until > now)
			lease_restore(&l->v[i], now);
}
