// SPDX-License-Identifier: GPL-2.0-or-later
/* forward.c - does the host's own firewall stop what a bridge forwards?
 *
 * Only looks. Where br_netfilter shows a bridge's frames to the chains of the
 * forward hook and one of them drops what no rule accepts, guests are cut off by
 * something that is none of ours, and that nobody looks for.
 */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "filter.h"
#include "nft.h"

/* The first chain that drops, "" = none. */
struct forward_seen {
	char table[64], chain[64];
};

static bool forward_on(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = '0';
	bool on;

	if (fd < 0)
		return false;
	on = read(fd, &c, 1) == 1 && c != '0';
	close(fd);
	return on;
}

/* tables: "iptables" or "ip6tables", as both switches are called. */
static bool forward_called(const char *bridge, const char *tables)
{
	char path[128];

	if (!bridge[0]) /* routed: the hook sees every packet */
		return true;
	snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-call-%s",
		 tables);
	if (forward_on(path))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/nf_call_%s",
		 bridge, tables);
	return forward_on(path);
}

static int forward_on_chain(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct forward_seen *s = data;

	if (c && !s->chain[0] && nftnl_chain_nlmsg_parse(nlh, c) >= 0 &&
	    nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) &&
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) == NF_INET_FORWARD &&
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP) {
		str_fmt(s->table, sizeof(s->table), "%s",
			nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
		str_fmt(s->chain, sizeof(s->chain), "%s",
			nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
	}
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int forward_look(uint16_t family, struct forward_seen *s, struct err *e)
{
	struct nft_ask a = { .type = NFT_MSG_GETCHAIN,
			     .family = family,
			     .dump = true,
			     .each = forward_on_chain,
			     .data = s };
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (!rc)
		rc = nft_ask(nft, &a);
	nft_close(nft);
	return rc;
}

int filter_forward(const char *bridge, struct err *note)
{
	static const struct {
		uint16_t family;
		const char *name, *tables;
	} row[] = {
		{ NFPROTO_IPV4, "ip", "iptables" },
		{ NFPROTO_INET, "inet", "iptables" },
		{ NFPROTO_IPV6, "ip6", "ip6tables" },
		{ NFPROTO_INET, "inet", "ip6tables" },
	};
	struct forward_seen s = { "", "" };
	bool called = false, none = false;
	unsigned i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		bool inet = row[i].family == NFPROTO_INET;

		if (!inet) /* the row behind it has the same switch */
			called = forward_called(bridge, row[i].tables);
		if (!called || (inet && none))
			continue;
		rc = forward_look(row[i].family, &s, note);
		if (rc)
			return rc;
		none |= inet; /* both families' rows ask the same */
		if (!s.chain[0])
			continue;
		if (!bridge[0])
			return err_set(
				note, 1,
				"the host's firewall drops what is forwarded "
				"unless a rule accepts it (table %s %s, chain "
				"%s): the guest may reach this host and "
				"nothing else; accept its packets there (-i "
				"and -o with its device, -j ACCEPT)",
				row[i].name, s.table, s.chain);
		err_set(note, 1,
			"%s: the host's firewall sees this bridge's frames "
			"and drops what no rule accepts (table %s %s, chain "
			"%s): guests may hear nothing; accept them there "
			"(-m physdev --physdev-is-bridged -j ACCEPT), or set "
			"net.bridge.bridge-nf-call-%s=0",
			bridge, row[i].name, s.table, s.chain, row[i].tables);
		return 1;
	}
	return 0;
}
