// SPDX-License-Identifier: GPL-2.0-or-later
/* lease.c - the address that a guest has by DHCP: as long as its lease
 *
 * A guard with ip=dhcp logs what passes between guest and server (guard_dhcp.c);
 * the set of its addresses is what is written here. A guest has one lease, the
 * last. The kernel ends an element of the set when its time is over; what is kept
 * here besides says when to look whether flows are to be cut, and what to put
 * back when somebody flushed it.
 *
 *   server: ACK with an address    that, for the lease's time; another's flows go
 *   server: NAK                    none
 *   guest:  RELEASE, DECLINE       none
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/num.h"
#include "cut.h"
#include "dhcp.h"
#include "filter.h"
#include "guard.h"
#include "nft.h"

enum {
	LEASE_BUF = 1 << 16,
	LEASE_ROOM = 1 << 22, /* bytes of messages that wait for us */
	LEASE_ETHER = 14,
	LEASE_LATE_MS = 20, /* the kernel counts in ticks */
	LEASE_AGAIN_MS = 100,
	LEASE_TURN = 4, /* reads, before others have a turn */
};

struct lease {
	unsigned index; /* of the device: a number that is not used again */
	uint8_t addr[4];
	uint64_t until; /* clock_ns; UINT64_MAX = without end */
};

struct filter_leases {
	struct mnl_socket *nl;
	unsigned n, room;
	struct lease *v;
	uint64_t when; /* the first that ends, UINT64_MAX = none */
	unsigned nready, taken;
	struct filter_lease ready[64];
};

/* --- the set -----------------------------------------------------------------*/

struct lease_seen {
	unsigned n;
	uint8_t addr[GUARD_SET][4];
	uint64_t left[GUARD_SET]; /* ms, 0 = without end */
};

static int lease_see_elem(struct nftnl_set_elem *x, void *data)
{
	struct lease_seen *s = data;
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);

	if (!key || len != 4 || s->n == GUARD_SET)
		return 0;
	memcpy(s->addr[s->n], key, 4);
	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		s->left[s->n] = nftnl_set_elem_get_u64(
			x, NFTNL_SET_ELEM_EXPIRATION);
	s->n++;
	return 0;
}

static int lease_see_set(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (set && !nftnl_set_elems_nlmsg_parse(nlh, set))
		nftnl_set_elem_foreach(set, lease_see_elem, data);
	if (set)
		nftnl_set_free(set);
	return MNL_CB_OK;
}

static void lease_put_set(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, guard_sets[GUARD_ADDR4]);
}

/* Which addresses there are now; none where there is no such table. -errno: it
 * cannot be told.
 */
static int lease_see(struct nft *nft, const char *table, struct lease_seen *s)
{
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .build = lease_put_set,
			     .arg = table,
			     .each = lease_see_set,
			     .data = s };
	int i, rc = -EINTR;

	for (i = 0; i < NFT_TRIES && rc == -EINTR; i++) {
		memset(s, 0, sizeof(*s));
		rc = nft_ask(nft, &a);
	}
	return rc == -ENOENT ? 0 : rc;
}

static int lease_put_elem(struct nft_batch *b, const char *table,
			  const uint8_t addr[4], uint64_t ms)
{
	struct nftnl_set *s = nftnl_set_alloc();
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!s || !x || nftnl_set_set_str(s, NFTNL_SET_TABLE, table) ||
	    nftnl_set_set_str(s, NFTNL_SET_NAME, guard_sets[GUARD_ADDR4]) ||
	    nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, addr, 4))
		goto out;
	nftnl_set_elem_set_u64(x, NFTNL_SET_ELEM_TIMEOUT, ms);
	nftnl_set_elem_add(s, x);
	x = NULL;
	nlh = nft_batch_msg(b, NFT_MSG_NEWSETELEM, NFPROTO_NETDEV, NLM_F_CREATE,
			    "%s: lease", table);
	if (nlh)
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
	rc = 0;
out:
	if (x)
		nftnl_set_elem_free(x);
	if (s)
		nftnl_set_free(s);
	return rc;
}

/* This address and no other; ms 0: none. In a set whose elements have no times
 * (another policy's) the kernel refuses all of it.
 */
static int lease_write(struct nft *nft, const char *table,
		       const uint8_t addr[4], uint64_t ms)
{
	struct nft_batch *b = NULL;
	struct nlmsghdr *nlh;
	const char *what;
	int rc = nft_batch_open(&b, 0);

	if (rc)
		return rc;
	nlh = nft_batch_msg(b, NFT_MSG_DELSETELEM, NFPROTO_NETDEV, 0,
			    "%s: leases", table);
	if (nlh)
		lease_put_set(nlh, table);
	if (ms)
		rc = lease_put_elem(b, table, addr, ms);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	nft_batch_close(b);
	return rc;
}

static void lease_cut(const uint8_t addr[4])
{
	struct vif_addr a = { .family = AF_INET, .len = 32 };

	memcpy(a.addr, addr, 4);
	cut_flows(&a, 1);
}

/* As lease_write, and the flows of what the guest no longer is. */
static int lease_change(unsigned index, const uint8_t addr[4], uint64_t ms,
			struct lease_seen *was)
{
	char dev[IFNAMSIZ], table[GUARD_NAME];
	struct nft *nft = NULL;
	unsigned i;
	int rc;

	if (!if_indextoname(index, dev) || guard_table(dev, table))
		return -ENODEV;
	rc = nft_open(&nft, NULL);
	if (rc)
		return rc;
	if (lease_see(nft, table, was))
		was->n = 0; /* no flows to cut */
	rc = lease_write(nft, table, addr, ms);
	nft_close(nft);
	for (i = 0; !rc && i < was->n; i++)
		if (!ms || memcmp(was->addr[i], addr, 4))
			lease_cut(was->addr[i]);
	return rc;
}

/* --- what is kept --------------------------------------------------------------*/

static struct lease *lease_find(struct filter_leases *l, unsigned index)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].index == index)
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

static void lease_forget(struct filter_leases *l, unsigned index)
{
	struct lease *x = lease_find(l, index);

	if (x)
		*x = l->v[--l->n];
	lease_next_end(l);
}

/* Out of memory: the kernel still ends it, its flows are not cut. */
static void lease_keep(struct filter_leases *l, unsigned index,
		       const uint8_t addr[4], uint64_t ms)
{
	struct lease *x = lease_find(l, index);

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
	x->index = index;
	memcpy(x->addr, addr, 4);
	x->until = ms ? clock_ns() + (ms + LEASE_LATE_MS) * 1000000
		      : UINT64_MAX;
	lease_next_end(l);
}

static void lease_say(struct filter_leases *l, unsigned index, const char *why,
		      const uint8_t addr[4], uint32_t seconds)
{
	struct filter_lease *ev = &l->ready[l->nready];

	if (l->nready == ARRAY_SIZE(l->ready))
		return;
	memset(ev, 0, sizeof(*ev));
	if (!if_indextoname(index, ev->dev))
		return;
	ev->why = why;
	ev->seconds = seconds;
	inet_ntop(AF_INET, addr, ev->addr, sizeof(ev->addr));
	l->nready++;
}

/* --- messages --------------------------------------------------------------------*/

static void lease_given(struct filter_leases *l, unsigned index,
			const struct dhcp *m)
{
	uint32_t s = m->has_time ? m->seconds : POLICY_LEASE_S;
	struct lease *x = lease_find(l, index);
	bool same = x && !memcmp(x->addr, m->addr, 4);
	struct lease_seen was;
	uint64_t ms = UINT64_C(1000) * s;
	int rc = lease_change(index, m->addr, ms, &was);

	/* a table that is away comes back, and then this is written again */
	if (rc == -ENODEV)
		return;
	if (!rc && !same)
		lease_say(l, index, "given", m->addr, s);
	if (ms)
		lease_keep(l, index, m->addr, ms);
	else
		lease_forget(l, index);
}

static void lease_ended(struct filter_leases *l, unsigned index,
			const char *why)
{
	static const uint8_t none[4];
	struct lease_seen was;

	if (!lease_change(index, none, 0, &was) && was.n)
		lease_say(l, index, why, was.addr[0], 0);
	lease_forget(l, index);
}

static void lease_message(struct filter_leases *l, unsigned index, bool to,
			  const struct dhcp *m)
{
	static const uint8_t none[4];

	if (m->reply != to)
		return;
	if (to && m->kinds == 1u << DHCP_ACK && memcmp(m->addr, none, 4))
		lease_given(l, index, m);
	else if (to && m->kinds == 1u << DHCP_NAK)
		lease_ended(l, index, "refused");
	else if (!to && m->kinds & 1u << DHCP_RELEASE)
		lease_ended(l, index, "released");
	else if (!to && m->kinds & 1u << DHCP_DECLINE)
		lease_ended(l, index, "declined");
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
	struct dhcp m;
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
	if (a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 && n > skip &&
	    !dhcp_parse((const uint8_t *)mnl_attr_get_payload(p) + skip,
			n - skip, &m))
		lease_message(data, ntohl(mnl_attr_get_u32(a)), to, &m);
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

/* What guards have learned already: by the rule, or before this began. */
static int lease_load(void *arg, const char *dev)
{
	struct filter_leases *l = arg;
	unsigned index = if_nametoindex(dev);
	char table[GUARD_NAME];
	struct nft *nft = NULL;
	struct lease_seen s;

	if (!index || guard_table(dev, table) || nft_open(&nft, NULL))
		return 0;
	if (lease_see(nft, table, &s))
		s.n = 0;
	nft_close(nft);
	if (s.n == 1 && s.left[0])
		lease_keep(l, index, s.addr[0], s.left[0]);
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

/* As lease_see; none where there is no such device. */
static int lease_look(unsigned index, struct lease_seen *s)
{
	char dev[IFNAMSIZ], table[GUARD_NAME];
	struct nft *nft = NULL;
	int rc;

	s->n = 0;
	if (!if_indextoname(index, dev) || guard_table(dev, table))
		return 0;
	rc = nft_open(&nft, NULL);
	if (!rc)
		rc = lease_see(nft, table, s);
	nft_close(nft);
	return rc;
}

/* Its time is over; unless the kernel says that there is more. */
static void lease_end(struct filter_leases *l, const struct lease *x)
{
	struct lease_seen s;
	struct lease was = *x;

	if (lease_look(was.index, &s)) {
		lease_keep(l, was.index, was.addr, LEASE_AGAIN_MS);
		return;
	}
	if (s.n && s.left[0]) {
		lease_keep(l, was.index, s.addr[0], s.left[0]);
		return;
	}
	if (!s.n) {
		lease_cut(was.addr);
		lease_say(l, was.index, "expired", was.addr, 0);
	}
	lease_forget(l, was.index);
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

void filter_leases_restore(struct filter_leases *l, const char *dev)
{
	struct lease *x = lease_find(l, if_nametoindex(dev));
	uint64_t now = clock_ns(), ms;
	struct lease_seen was;

	if (!x || x->until <= now)
		return;
	/* Written only when it is missing: our own change is told to a watcher
	 * in a pid namespace as a stranger's. */
	if (lease_look(x->index, &was))
		was.n = 0;
	if (was.n == 1 && !memcmp(was.addr[0], x->addr, 4))
		return;
	ms = x->until == UINT64_MAX ? UINT64_C(1000) * UINT32_MAX
				    : (x->until - now) / 1000000 + 1;
	lease_change(x->index, x->addr, ms, &was);
}
