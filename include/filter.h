/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h - intent in, kernel rules out
 *
 * The guard of a vif is one netdev-family table of its own, named
 * netback-DEV, with an ingress chain on the device: constant-time by
 * construction, no cost to other guests, removed by its name. Our rules only
 * drop or return; they never accept.
 *
 * What a policy means:
 *  - whatever is known: the outer ethertype is IPv4, IPv6 or ARP (no tag, no
 *    LLC), no frame goes to the bridge's own groups 01:80:c2:00:00:0X, ARP is
 *    the usual Ethernet-and-IPv4 kind;
 *  - mac: no other source MAC in any frame, no other sender MAC in ARP;
 *  - any address: only these are sources of IPv4, IPv6 and ARP. **The family
 *    that has none is closed.** Besides, where the family is open: an ARP probe
 *    from 0.0.0.0, a DHCP client's broadcast from 0.0.0.0, the link-local
 *    address which the MAC gives (another one, as privacy extensions make it,
 *    must be listed), and what :: may send (neighbour and router solicitation,
 *    group reports);
 *  - an address with a prefix length: a prefix when no bit stands after its
 *    length (10.0.0.0/24), else that one address (10.0.0.5/24).
 * Not judged here yet: the inside of neighbour discovery and DHCP, fragments.
 *
 * Counters in the table say why frames were dropped: drop_mac,
 * drop_linklocal, drop_ethertype, drop_arp, drop_ip, drop_ip6.
 */
#ifndef NETBACK_FILTER_H
#define NETBACK_FILTER_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "policy.h"

enum { FILTER_TEXT = 16384 };

/* Pure: the rules in nft's own syntax, as `nft list table` would accept them.
 * What plan, --dry-run and golden files show. Returns bytes, -ENOSPC, or -EINVAL
 * for what filter_apply would refuse, too.
 */
int filter_print(const struct policy *p, char *buf, size_t size);

/* Puts the table in place in one netlink batch, replacing what stood under the
 * name; the device must exist. -errno with a sentence that names the missing
 * kernel piece where that is the reason.
 */
int filter_apply(const struct policy *p, struct err *e);

/* Removes the table of a device, present or not. */
int filter_remove(const char *dev, struct err *e);

/* 0 the table is there as filter_apply would write it, 1 it differs or is
 * missing (one line on out), -errno.
 */
int filter_check(const struct policy *p, FILE *out, struct err *e);

/* Would the host's own firewall drop what this bridge forwards? Not our doing,
 * and nothing is changed; but whoever attaches a guest should hear of it. 1 with
 * a sentence in note; 0 no; -errno when it cannot be told. Rules of iptables'
 * legacy variant are not seen. bridge "": would it drop what is routed?
 */
int filter_forward(const char *bridge, struct err *note);

#endif
