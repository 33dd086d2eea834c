/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h - intent in, kernel rules out
 *
 * The guard of a vif is one netdev-family table of its own, named
 * netback-DEV, with an ingress chain on the device (what the guest sends) and an
 * egress chain (what is sent to it): constant-time by construction, no cost to
 * other guests, removed by its name. Our rules only drop or return; they never
 * accept, but where accept= asks for it (below).
 *
 * What a policy means:
 *  - whatever is known: the outer ethertype is IPv4, IPv6 or ARP (no tag, no
 *    LLC), no frame goes to the bridge's own groups 01:80:c2:00:00:0X, ARP is
 *    a request or reply of the usual Ethernet-and-IPv4 kind. One frame of
 *    another type passes: the broadcast reverse ARP request that announces
 *    where the vif's own MAC is, which netbackd sends for a guest. No router's
 *    messages (ICMPv6 advertisement, redirect) unless allow has
 *    POLICY_ROUTER, nor a multicast router's (queries for groups, PIM), and
 *    nothing to the port of a DHCP client, of either
 *    family, and to a server's (IPv4) nothing for another's hardware address,
 *    unless POLICY_DHCP_SERVER; fragments and extension headers do not
 *    hide them, and IPv6 without an upper layer that the kernel finds is dropped;
 *  - mac: no other source MAC in any frame, no other sender MAC in ARP, no
 *    other link-layer address in neighbour discovery, whichever option it
 *    is: that has no header before it, and at most three times eight
 *    bytes of options (SEND, RFC 3971, does not fit);
 *  - any address: only these are sources of IPv4, IPv6 and ARP, targets of
 *    neighbour advertisement and of what asks before an address is taken. **The
 *    family that has none is closed.** Besides, where the family is open: an
 *    ARP probe from 0.0.0.0, a DHCP client's broadcast from 0.0.0.0, the
 *    link-local address which the MAC gives (another one, as privacy
 *    extensions make it, must be listed), and what :: may send (neighbour and
 *    router solicitation, group reports);
 *  - an address with a prefix length: a prefix when no bit stands after its
 *    length (10.0.0.0/24), else that one address (10.0.0.5/24);
 *  - pairs: one more MAC each, with its one address or prefix, in everything
 *    above;
 *  - learn: VIF_LEARN_FIRST takes the first IPv4 address and the first
 *    POLICY_LEARN_IP6 of IPv6 that it sees for the guest's, until they have
 *    not been seen for POLICY_LEARN_S; VIF_LEARN_DHCP the one that a DHCP
 *    server gives it (leases, below), and IPv6's link-local one. Then at most ten
 *    DHCP messages a second of each family pass from the guest, and none in
 *    fragments;
 *  - packets, connections: so many a second from the guest, and as many at
 *    once; of connections only TCP's are known here, by SYN without ACK. What
 *    is over is dropped, and a fragment in which SYN would hide;
 *  - to the guest: nothing from its own MAC or its own single addresses, IPv4,
 *    ARP, IPv6 or as target of an advertisement; but with hairpin, where that
 *    cannot be told from what it sent itself, or POLICY_SHARED.
 *
 * Counters in the table say why frames were dropped: drop_mac,
 * drop_linklocal, drop_ethertype, drop_arp, drop_ip, drop_ip6, drop_dhcp,
 * drop_nd, drop_ra (a router's, or neighbour discovery behind other headers),
 * drop_hidden (no upper layer), drop_own (to the guest), drop_packets and
 * drop_connections (over the rate).
 */
#ifndef NETBACK_FILTER_H
#define NETBACK_FILTER_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "explain.h"
#include "network.h"
#include "policy.h"

enum { FILTER_TEXT = 32768 };

/* Pure: the rules in nft's own syntax, as `nft list table` would accept them.
 * What plan, --dry-run and golden files show. Returns bytes, -ENOSPC, or -EINVAL
 * for what filter_apply would refuse, too.
 */
int filter_print(const struct policy *p, char *buf, size_t size);

/* Puts the table in place in one netlink batch, replacing what stood under the
 * name; counters and what was learned are kept, and flows of single addresses that the
 * guest may no longer use are ended, where conntrack knows them. The device must
 * exist. -errno with a sentence that names the missing
 * kernel piece where that is the reason.
 */
int filter_apply(const struct policy *p, struct err *e);

/* Removes the table of a device, present or not. */
int filter_remove(const char *dev, struct err *e);

/* 0 the table is there as filter_apply would write it, 1 it differs or is
 * missing (one line on out), -errno.
 */
int filter_check(const struct policy *p, FILE *out, struct err *e);

/* How many frames guards refused, by reason, in the order of the counters and
 * without their "drop_".
 */
enum { FILTER_REASONS = 16 };
struct filter_count {
	const char *reason;
	bool to_guest; /* else from it */
	uint64_t packets, bytes;
};
struct filter_counted {
	char dev[IFNAMSIZ];
	unsigned n;
	struct filter_count v[FILTER_REASONS];
};

/* Of dev's guard, or with NULL of all of them, asked for at once: how many, for
 * the caller to free, or -errno. None is 0.
 */
int filter_counts(const char *dev, struct filter_counted **out, struct err *e);

/* Calls fn for each device that a guard's table is named after, there or not, until
 * it returns non-zero; returns that, or -errno.
 */
int filter_each(int (*fn)(void *arg, const char *dev), void *arg,
		struct err *e);

/* Can this kernel do that? 0, or its -errno. dev: a device to try it on. Nothing
 * stays of it.
 */
enum filter_feature {
	FILTER_NETDEV_INGRESS,
	FILTER_NETDEV_EGRESS,
	FILTER_BRIDGE,
	FILTER_BRIDGE_CT,
	FILTER_BRIDGE_NAME, /* meta ibrname */
	FILTER_BRIDGE_REJECT,
	FILTER_NAT,
	FILTER_PHYSDEV,
	FILTER_FEATURES,
};
int filter_probe(enum filter_feature f, const char *dev);

/* --- closed bridges --------------------------------------------------------
 *
 * On a bridge that is closed, frames of a port pass, either way, only while its
 * name is known: one that has a guard (filter_apply and filter_remove see to
 * it), or one that is named here. So a port that appears, or a vif that is
 * renamed and thereby loses its guard, is shut until it is ours. The guard's
 * port flags stand against what a bridge takes before its rules (link-local
 * frames). Where FILTER_BRIDGE_NAME is not there, all bridges are closed if one
 * is. One table, bridge netback-closed, whose cost does not grow with ports
 * or bridges.
 */
struct filter_names {
	char (*v)[IFNAMSIZ];
	unsigned n;
};

/* What has a guard also owns its MACs and single addresses on its bridge: from other
 * devices frames with them (source MAC, IPv4 and IPv6 source, ARP sender, target of
 * an advertisement) do not pass, with the tag of a VLAN excepted. Two may own the
 * same. What policy.shared says is nobody's own, and nor is what is learned.
 *
 * These bridges are closed and no others, with these ports and those that have a
 * guard; none: the table goes. From routers addresses pass that are somebody's own,
 * but no MACs: a router on that side passes on what guests send through it. Of a
 * table that had to be made anew those that own something are told by filter_own,
 * each.
 */
struct filter_closed {
	struct filter_names bridges, ports, routers;
};
int filter_close(const struct filter_closed *want, struct err *e);

/* What is p's own, if it has a guard and a bridge is closed. Not while another applies
 * or removes a policy for that device.
 */
int filter_own(const struct policy *p, struct err *e);

/* The ports that are known: for the caller to free v. None without a table. */
int filter_known(struct filter_names *ports, struct err *e);

/* --- who touched a guard ----------------------------------------------------
 *
 * Told by the kernel, as it happens. What the calling process itself does is left
 * out.
 */
enum filter_event_kind {
	FILTER_CHANGED, /* something in the table of dev, or the table */
	FILTER_CLOSED,	/* something in the table of closed bridges but names */
	FILTER_RENAMED, /* dev is called `to` now: its table may not apply */
	FILTER_NAT_TOUCHED, /* something in the table of mode nat */
	FILTER_OWN_TOUCHED, /* something where addresses are said to be whose */
	FILTER_OTHERS, /* others' rules, among which those of accept= stand */
	FILTER_LOST,   /* more than could be told: look at all */
};
struct filter_event {
	enum filter_event_kind kind;
	char dev[IFNAMSIZ], to[IFNAMSIZ];
	char by[16]; /* the process' name, "?" = not told */
	uint32_t pid;
};
struct filter_watch;
int filter_watch_open(struct filter_watch **out, struct err *e);
int filter_watch_fd(const struct filter_watch *w); /* readable: call next */
/* 1 with an event, 0 when there is none, -errno. */
int filter_watch_next(struct filter_watch *w, struct filter_event *ev);
void filter_watch_close(struct filter_watch *w);

/* --- leases -------------------------------------------------------------------
 *
 * A guard with VIF_LEARN_DHCP takes an address from a server's acknowledgement by
 * itself, for POLICY_LEASE_S. As long as somebody calls these, for the lease's own
 * time, until it is released, declined or refused, and one guest has one: the last;
 * flows of an address that ends are cut. With a MAC, POLICY_LEARN_IP6 addresses of
 * DHCPv6, too, which are had in no other way.
 */
struct filter_lease {
	char dev[IFNAMSIZ], addr[46]; /* as text */
	const char *why;  /* given, released, declined, refused, expired */
	uint32_t seconds; /* given: for so many */
};
struct filter_leases;
/* One in a network namespace: the second is told -EBUSY. */
int filter_leases_open(struct filter_leases **out, struct err *e);
int filter_leases_fd(const struct filter_leases *l); /* readable: call next */
/* Milliseconds until next is due without that, at most `most`. */
int filter_leases_wait(const struct filter_leases *l, int most);
/* What was done: 1 with a lease that is new or over, 0 nothing, -errno. */
int filter_leases_next(struct filter_leases *l, struct filter_lease *ev);
/* The table of dev was made anew: what it may have lost. */
void filter_leases_restore(struct filter_leases *l, const char *dev);
void filter_leases_close(struct filter_leases *l);

/* Tables of iptables' legacy variant are changed without a word and have no
 * generation, so they are asked: how many rules and bytes the filter table has,
 * and with `whole` what they say. A table that is not there is not made. 1 when
 * that is not what the last call with this struct found (zeroed: that none is
 * there), 0, -errno. Who it was
 * cannot be known.
 */
struct filter_legacy_seen {
	bool there;
	uint32_t rules, size, begin, policy; /* of the forward chain */
	bool hashed;
	uint64_t hash;
};
struct filter_legacy {
	struct filter_legacy_seen seen[2]; /* IPv4, IPv6 */
};
int filter_legacy_changed(struct filter_legacy *l, bool whole);

/* Mode nat: one table, inet netback-nat, with rules that go by link groups. In
 * place after this, whoever made it; it stays, as forwarding does. Without
 * devices in those groups it does nothing.
 */
int filter_nat(struct err *e);

/* That table, and a network's own part of it: its forwards, and that its bridge's
 * frames are left alone. on = false takes the part away. -EADDRINUSE: another has
 * the port.
 */
int filter_network(const struct network *n, bool on, struct err *e);

/* Is that table as it was made? 0, or 1 with a line on out (NULL: none) for each chain
 * that is not, "WHO: a rule is missing in ..".
 */
int filter_nat_check(const char *who, FILE *out, struct err *e);
/* .. and is a network's own part in it? out NULL: as above */
int filter_network_check(const struct network *n, FILE *out, struct err *e);
/* Makes it so in one batch; what networks have in it stays. See filter_nat_cut. */
int filter_nat_mend(struct err *e);

/* That table was gone for a while, and is back: conntrack keeps what began meanwhile
 * as it began. Ends those flows, and no other: from one of the n to elsewhere as
 * it is, and of a network (`in`) those from elsewhere to it. Elsewhere is who is
 * of another `set` or none, but not the host. Returns how many, or -errno.
 */
struct filter_inside {
	struct vif_addr addr; /* a network, or one address of full length */
	unsigned set;
	bool in;
};
int filter_nat_cut(const struct filter_inside *v, unsigned n);

/* From the forwards of `was` to those of `now`; what both have goes on meanwhile.
 * When it cannot, -errno (-EADDRINUSE as above), and they are as they were.
 */
int filter_forwards(const struct network *was, const struct network *now,
		    struct err *e);

/* Would the host's own firewall drop what this bridge forwards? Not our doing,
 * and nothing is changed; but whoever attaches a guest should hear of it. 1 with
 * a sentence in note; 0 no; -errno when it cannot be told. Both variants of
 * iptables, and every base chain of nft's; a chain drops by its policy, or by a
 * last rule that drops or rejects all, its own or that of a chain it jumps to,
 * whatever comes. bridge "": would it drop what is routed? accepts: accept= is set,
 * which helps in base chains only.
 */
int filter_forward(const char *bridge, bool accepts, struct err *note);

/* Would it drop what guests of this network ask of its own DHCP and DNS server?
 * As above; judged by frames such as they send (explain.h). more: explain_legacy,
 * or NULL, then tables of iptables' legacy variant are not asked.
 */
int filter_input(const struct network *n, explain_more_fn *more,
		 struct err *note);

/* --- accept= ------------------------------------------------------------------
 *
 * Part of a vif's guard as far as the functions above go: filter_apply puts rules
 * that accept for this vif where policy.accept says, at the end of those chains;
 * filter_check looks for them, filter_remove takes them away. They say whose they
 * are in their comment, and no other rule is touched.
 */

/* What filter_apply would add there on this host, as commands. */
int filter_accept_print(const struct policy *p, FILE *out, struct err *e);

/* Calls fn for each device that such a rule names, there or not, until it returns
 * non-zero; returns that, or -errno.
 */
int filter_accept_each(int (*fn)(void *arg, const char *dev), void *arg,
		       struct err *e);
int filter_accept_remove(const char *dev, struct err *e);

#endif
