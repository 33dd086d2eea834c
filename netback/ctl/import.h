/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.h - other toolstacks' files, as vifs of ours
 *
 * A file is read into defaults and cards; a card is what xl's grammar says of it
 * (xlvif.h), whoever wrote the file. Nothing in a file is run.
 */
#ifndef NETBACK_CTL_IMPORT_H
#define NETBACK_CTL_IMPORT_H

#include "ctl/ctl.h"
#include "ctl/xlvif.h"

enum {
	IMPORT_FILE = 1 << 20, /* bytes at most */
	IMPORT_SPEC = 4096,
	IMPORT_CARDS = 64,
};

/* What stands where a card says nothing. */
struct import_conf {
	char script[XLVIF_LONG], bridge[XLVIF_NAME];
	char backend[XLVIF_NAME], gatewaydev[XLVIF_NAME];
	char network[XLVIF_LONG]; /* xend's network-script, with its words */
	bool any;
};

struct import_card {
	unsigned line;
	char spec[IMPORT_SPEC];
	char why[ERR_SIZE]; /* it is none: the reason, or "" */
};

struct import {
	struct import_conf conf;
	char guest[XLVIF_NAME];
	bool hvm, is_guest; /* it names or has a guest, not defaults alone */
	unsigned n;
	struct import_card *card; /* IMPORT_CARDS of them */
};

/* Reads text, which ends in NUL, into o: adds to what is there. 0, or -errno with
 * a sentence.
 */
int import_read(struct import *o, const char *text, struct err *e);

/* libvirt's domain XML. */
int import_xml(struct import *o, const char *text, struct err *e);

/* A card more; -E2BIG. *out is empty. */
int import_add(struct import *o, unsigned line, struct import_card **out,
	       struct err *e);

/* Adds ",key=value" to the card's spec. A value that its grammar cannot hold
 * makes the card none.
 */
void import_put(struct import_card *k, const char *key, const char *value);

/* Card x (number `index` of its guest) as a vif: what v->domid says is kept. Notes
 * are added to x. -EINVAL with a sentence where no word of ours says the same.
 */
int import_vif(const struct import *o, struct xlvif *x, unsigned index,
	       struct vif *v, struct err *e);

/* Is its backend this host? */
bool import_local(const struct import *o, const struct xlvif *x);

#endif
