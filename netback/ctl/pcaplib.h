/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcaplib.h - libpcap, fetched by the verbs that need it
 *
 * It brings eight libraries along (D-Bus' and what that needs), which would be half of
 * what starting vifctl costs, for every verb.
 */
#ifndef NETBACK_CTL_PCAPLIB_H
#define NETBACK_CTL_PCAPLIB_H

#include <pcap/pcap.h>

#include "err.h"

/* Each as in libpcap. */
struct pcaplib {
	void *lib;
	__typeof__(pcap_open_dead) *open_dead;
	__typeof__(pcap_open_offline) *open_offline;
	__typeof__(pcap_close) *close;
	__typeof__(pcap_datalink) *datalink;
	__typeof__(pcap_next_ex) *next_ex;
	__typeof__(pcap_compile) *compile;
	__typeof__(pcap_freecode) *freecode;
	__typeof__(pcap_geterr) *geterr;
	__typeof__(pcap_dump_fopen) *dump_fopen;
	__typeof__(pcap_dump) *dump;
	__typeof__(pcap_dump_flush) *dump_flush;
	__typeof__(pcap_dump_close) *dump_close;
};

/* -ENOENT: this host has none. */
int pcaplib_open(struct pcaplib *p, struct err *e);
void pcaplib_close(struct pcaplib *p); /* of none is fine */

#endif
