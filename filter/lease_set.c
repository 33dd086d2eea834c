// SPDX-License-Identifier: GPL-2.0-or-later
/* lease_set.c - the sets of a guard in which leases stand */
#include "lease_set.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "cut.h"
#include "nft.h"

uint32_t lease_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static const char *lease_set(int family)
{
	return guard_sets[family == AF_INET ? GUARD_ADDR4 : GUARD_ADDR6];
}

static int lease_see_elem(struct nftnl_set_elem *x, void *data)
{
	struct lease_seen *s = data;
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);

	if (!key || len != lease_len(s->family) || s->n == GUARD_SET)
		return 0;
	/* of IPv6 the link-local address, which is given */
	if (s->family == AF_INET6 &&
	    !nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		return 0;
	memcpy(s->addr[s->n], key, len);
	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		s->left[s->n] = nftnl_set_elem_get_u64(
			x, NFTNL_SET_ELEM_EXPIRATION);
	s->n++;
	return 0;
}

/* Which addresses there are now; none where there is no such table. -errno: it
 * cannot be told.
 */
static int lease_see(struct nft *nft, const char *table, int family,
		     struct lease_seen *s)
{
	int i, rc = -EINTR;

	for (i = 0; i < NFT_TRIES && rc == -EINTR; i++) {
		memset(s, 0, sizeof(*s));
		s->family = family;
		rc = nft_elems(nft, NFPROTO_NETDEV, table, lease_set(family),
			       lease_see_elem, s);
	}
	return rc == -ENOENT ? 0 : rc;
}

static int lease_put_elem(struct nft_batch *b, uint16_t type, const char *table,
			  const struct lease *l, uint64_t ms)
{
	struct nftnl_set *s = nftnl_set_alloc();
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	bool add = type == NFT_MSG_NEWSETELEM;
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!s || !x || nftnl_set_set_str(s, NFTNL_SET_TABLE, table) ||
	    nftnl_set_set_str(s, NFTNL_SET_NAME, lease_set(l->family)) ||
	    nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, l->addr,
			       lease_len(l->family)))
		goto out;
	if (add)
		nftnl_set_elem_set_u64(x, NFTNL_SET_ELEM_TIMEOUT, ms);
	nftnl_set_elem_add(s, x);
	x = NULL;
	nlh = nft_batch_msg(b, type, NFPROTO_NETDEV, add ? NLM_F_CREATE : 0,
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

bool lease_is_in(const struct lease_seen *s, const struct lease *l)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (!memcmp(s->addr[i], l->addr, lease_len(l->family)))
			return true;
	return false;
}

/* What the new element takes the place of: of IPv4 all, of IPv6 the same address. */
static int lease_put_old(struct nft_batch *b, const char *table,
			 const struct lease *l, const struct lease_seen *was)
{
	struct nlmsghdr *nlh;

	if (l->family == AF_INET6)
		return lease_is_in(was, l)
			       ? lease_put_elem(b, NFT_MSG_DELSETELEM, table, l,
						0)
			       : 0;
	nlh = nft_batch_msg(b, NFT_MSG_DELSETELEM, NFPROTO_NETDEV, 0,
			    "%s: leases", table);
	if (nlh)
		nft_put_elems(nlh, table, lease_set(l->family));
	return 0;
}

/* This address; ms 0: not this one, of IPv4 none. In a set whose elements have no
 * times (another policy's) the kernel refuses all of it.
 */
static int lease_write(struct nft *nft, const char *table,
		       const struct lease *l, uint64_t ms,
		       const struct lease_seen *was)
{
	struct nft_batch *b = NULL;
	const char *what;
	int rc = nft_batch_open(&b, 0);

	if (rc)
		return rc;
	rc = lease_put_old(b, table, l, was);
	if (!rc && ms)
		rc = lease_put_elem(b, NFT_MSG_NEWSETELEM, table, l, ms);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	nft_batch_close(b);
	return rc;
}

void lease_cut(const struct lease *l)
{
	struct vif_addr a = { .family = l->family,
			      .len = (uint8_t)(8 * lease_len(l->family)) };

	memcpy(a.addr, l->addr, lease_len(l->family));
	cut_flows(&a, 1);
}

/* Is that over, when l is given (or for ms 0 taken away)? */
static bool lease_goes(const struct lease *l, uint64_t ms, const uint8_t *old)
{
	bool same = !memcmp(old, l->addr, lease_len(l->family));

	return l->family == AF_INET ? !ms || !same : !ms && same;
}

int lease_change(const struct lease *l, uint64_t ms, struct lease_seen *was)
{
	char dev[IFNAMSIZ], table[GUARD_NAME];
	struct lease old = *l;
	struct nft *nft = NULL;
	unsigned i;
	int rc, try = 0;

	if (!if_indextoname(l->index, dev) || guard_table(dev, table))
		return -ENODEV;
	rc = nft_open(&nft, NULL);
	if (rc)
		return rc;
	do {
		if (lease_see(nft, table, l->family, was))
			was->n = 0; /* no flows to cut */
		rc = lease_write(nft, table, l, ms, was);
		/* its time was over in between */
	} while (rc == -ENOENT && lease_is_in(was, l) && ++try < NFT_TRIES);
	nft_close(nft);
	for (i = 0; !rc && i < was->n; i++) {
		memcpy(old.addr, was->addr[i], sizeof(old.addr));
		if (lease_goes(l, ms, old.addr))
			lease_cut(&old);
	}
	return rc;
}

int lease_look(const struct lease *l, struct lease_seen *s)
{
	char dev[IFNAMSIZ], table[GUARD_NAME];
	struct nft *nft = NULL;
	int rc;

	s->n = 0;
	if (!if_indextoname(l->index, dev) || guard_table(dev, table))
		return 0;
	rc = nft_open(&nft, NULL);
	if (!rc)
		rc = lease_see(nft, table, l->family, s);
	nft_close(nft);
	return rc;
}
