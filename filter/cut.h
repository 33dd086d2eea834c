/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.h - flows that may not go on */
#ifndef NETBACK_FILTER_CUT_H
#define NETBACK_FILTER_CUT_H

#include "vif.h"

struct ifaddrs;

/* An entry of conntrack: its tuples, of who began it and of the answer; addresses
 * in network order, NULL = none.
 */
struct cut_flow {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t proto;
	uint8_t icmp_type; /* of who began it */
	bool expected;	   /* another connection announced it */
	uint16_t zone;
	uint32_t id;
	const void *src[2], *dst[2];
	uint16_t sport[2], dport[2]; /* as we count; 0 = none */
};

/* What is to be done with it. CUT_END: it is forgotten, and what comes next begins
 * anew, as who sends that. CUT_SHUT: so that nobody's next segment of TCP begins
 * it anew in the middle, it is known in its place as one that has only begun.
 */
enum cut_how { CUT_NOT, CUT_END, CUT_SHUT };

/* Does that with each flow. How many went, or -errno; a kernel without
 * conntrack has none to end.
 */
typedef enum cut_how cut_fn(void *arg, const struct cut_flow *f);
int cut_if(cut_fn *ends, void *arg);

/* Two looks: maybe at all of them while the kernel lists them, and when it has, ends
 * at those that maybe did not leave alone.
 */
int cut_twice(cut_fn *maybe, cut_fn *ends, void *arg);

/* .. CUT_END those with one of the n addresses at either end's own side (who
 * began it, or who answers).
 */
int cut_flows(const struct vif_addr *v, unsigned n);

/* Is it one of the host's own, as getifaddrs(3) tells them? */
bool cut_is_host(const struct ifaddrs *host, const struct vif_addr *a);

#endif
