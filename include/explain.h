/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.h - what the live ruleset does with one frame, rule by rule
 *
 * The rules are read from the kernel and evaluated here, no frame is sent. What
 * depends on more than the frame (the state of a connection, a limit, an
 * extension that is not listed in doc/filter.md) is not guessed: then both ways
 * are followed, and if they differ the answer is that it cannot be known.
 */
#ifndef NETBACK_EXPLAIN_H
#define NETBACK_EXPLAIN_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum { EXPLAIN_FRAME = 9216, EXPLAIN_WAY = 128, EXPLAIN_REASON = 32 };

/* Answers: bits, since it may be one or the other. */
enum { EXPLAIN_PASS = 1, EXPLAIN_DROP = 2 };

struct explain {
	char in[IFNAMSIZ];     /* the device that the frame comes in by */
	char out[IFNAMSIZ];    /* .. and leaves by; "" = it is for the host */
	char bridge[IFNAMSIZ]; /* whose ports both are, or in is; "" = none */
	char to[IFNAMSIZ];     /* routed: the bridge of which out is a port */
	bool routed; /* by the host: from a bridge's port, or to another's */
	uint32_t mark;
	bool fresh;   /* the first frame of a connection .. */
	bool related; /* .. that another one announced */
	/* Why the bridge would not send it to out, or not take it, whatever rules
	 * say; "" = it does, or that is not asked. unsure: it may; first: it is
	 * so before its rules of prerouting, else behind them.
	 */
	char way[EXPLAIN_WAY];
	bool unsure, first;
	/* The kernel's own names, as its drop monitor tells them, of what a rule
	 * drops and of what the way does; "" = it has none, or that is not asked.
	 */
	char rule_reason[EXPLAIN_REASON], way_reason[EXPLAIN_REASON];
	size_t len;
	uint8_t frame[EXPLAIN_FRAME]; /* from the destination MAC on */
};

/* Pure. "tcp 10.0.0.2:1234 > 10.0.0.3:22" in words, behind the two MACs: fills
 * frame and len. Protocols: tcp, udp, icmp, icmp6, arp (sender > target), or a
 * number. -EINVAL with a sentence.
 */
int explain_words(struct explain *x, const uint8_t dst[6], const uint8_t src[6],
		  int argc, char **argv, struct err *e);

/* Hex digits, blanks between bytes allowed. */
int explain_hex(struct explain *x, const char *hex, struct err *e);

/* A line for each rule that takes part, in order, on out; reason: the kernel's
 * name for why, if it drops and has one; verdict: the last line, with whose rule it
 * was. Returns EXPLAIN_PASS, EXPLAIN_DROP, or both when it
 * cannot be known; -errno with a sentence.
 */
int explain_run(const struct explain *x, FILE *out, struct err *e);

/* What it reads beside nf_tables, by libiptc: the tables of iptables' legacy variant.
 * For filter_input, in a program that has that library.
 */
struct explain_db;
typedef int explain_more_fn(struct explain_db *db, struct err *e);
explain_more_fn explain_legacy;

#endif
