/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h - what vifctl's verbs share: one call's options, the verbs' shape
 *
 * A verb runs, does and exits. It returns 0 or CTL_DIFFERS; CTL_USAGE or -errno
 * with a sentence in `e`, which main prints after "vifctl: ".
 */
#ifndef NETBACK_CTL_CTL_H
#define NETBACK_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "explain.h"
#include "store.h"
#include "vif.h"

/* Exit statuses: part of the contract (vifctl.8). */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_DIFFERS = 3,
};

enum {
	CTL_RUN = 80, /* bytes of the run directory's name: what stands below it
		       * must fit a socket's address of 108 */
	CTL_PATH = 108,
	CTL_FILE = 1 << 26, /* bytes of a file of rules */
};

struct ctl {
	char run[CTL_RUN];
	bool json, verbose, dry_run;
	unsigned wait_ms;    /* for another vifctl, for netbackd, for a guest */
	struct store *store; /* NULL until run_store */
	explain_more_fn *legacy; /* NULL: a program without libiptc */
};

typedef int ctl_verb_fn(struct ctl *c, int argc, char **argv, struct err *e);
ctl_verb_fn verb_attach, verb_detach, verb_plan, verb_show, verb_check,
	verb_capture;
ctl_verb_fn verb_log, verb_rule, verb_rules, verb_network;
ctl_verb_fn verb_import, verb_daemon;
ctl_verb_fn verb_watch, verb_guard, verb_explain, verb_drops;
ctl_verb_fn verb_set, verb_move, verb_apply, verb_repair, verb_gc;
ctl_verb_fn verb_doctor, verb_bridge;

/* "vif1.0" and the key=value words behind it, checked as a whole. */
int ctl_words(struct vif *v, int argc, char **argv, struct err *e);

/* Only a name; more words are bad usage. */
int ctl_name(struct vif *v, int argc, char **argv, struct err *e);

/* Puts "vifN.M: " before the sentence unless it stands there. */
void ctl_prefix(const struct vif *v, struct err *e);

/* The MAC of a vif which was given none: 00:16:3e, then 23 bits made from this
 * host's id, the domain and the device. The same each time, so that plan
 * shows what attach will do and a guest keeps its address; never the same
 * for two vifs of one host with device numbers below 256.
 */
void ctl_make_mac(struct vif *v, const char *host_id);

/* All of a file, or of standard input ("-"): the caller frees *text. -errno with
 * a sentence; -EFBIG above CTL_FILE bytes.
 */
int ctl_read(const char *path, char **text, size_t *size, struct err *e);

/* This host's id for ctl_make_mac: /etc/machine-id, else the host's name. */
void ctl_host_id(char *buf, size_t size);

#endif
