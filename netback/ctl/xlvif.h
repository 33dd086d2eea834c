/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xlvif.h - what one vif= string of xl says, in xl's own terms
 *
 * "mac=00:16:3e:01:02:03, bridge=br0, rate=10Mb/s@20ms": words between commas,
 * blanks before a word passed over, a value taken raw. Compatible: as libxl
 * reads it, each quirk met is a note. Strict: a quirk is an error.
 *
 *   quirk                                   what libxl does
 *   mac=0:16-3e.1:2:3, text behind a MAC    takes it
 *   netdev=, accel, a key that is not known takes it, ignores it
 *   a key twice                             the last one counts
 *   rate= with 010 or @20                   octal; seconds, not microseconds
 *   rate= below a byte in an interval       0 bytes: the guest is mute
 *   vifname= over 15 bytes                  passes it to a kernel that refuses
 *
 * Refused in both: what libxl refuses, and a MAC of fewer than six groups, behind
 * whose end libxl reads on.
 */
#ifndef NETBACK_CTL_XLVIF_H
#define NETBACK_CTL_XLVIF_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum {
	XLVIF_NAME = 64,
	XLVIF_LONG = 768,
	XLVIF_NOTES = 8, /* more are counted */
	XLVIF_NOTE = 160,
};

enum xlvif_type { XLVIF_UNSAID, XLVIF_VIF, XLVIF_IOEMU };

struct xlvif {
	bool has_mac, has_devid, has_mtu, untrusted;
	uint8_t mac[6]; /* zeros: to be generated */
	uint8_t type;	/* enum xlvif_type */
	uint32_t devid, mtu;
	uint64_t rate_bytes; /* in each interval */
	uint32_t rate_usecs; /* 0: no rate= */

	/* "" where it is not said */
	char bridge[XLVIF_NAME], gatewaydev[XLVIF_NAME], vifname[XLVIF_NAME];
	char model[XLVIF_NAME], backend[XLVIF_NAME];
	char script[XLVIF_LONG], ip[XLVIF_LONG], vlan[XLVIF_LONG];

	unsigned nnote;
	char note[XLVIF_NOTES][XLVIF_NOTE];
};

/* 0, or -EINVAL with a sentence. x is set from nothing. */
int xlvif_parse(struct xlvif *x, const char *spec, bool strict, struct err *e);

/* Adds a note, as printf. */
void xlvif_note(struct xlvif *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* rate= as libxl reads it. quirk: "" or what it was. */
int xlvif_parse_rate(const char *s, uint64_t *bytes, uint32_t *usecs,
		     char quirk[XLVIF_NOTE], struct err *e);

#endif
