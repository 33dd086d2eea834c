/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_line.h - a line of a file of rules, as words with their places */
#ifndef NETBACK_FILTER_RULES_LINE_H
#define NETBACK_FILTER_RULES_LINE_H

#include "rules.h"

enum { RULES_LINE = 10240 }; /* bytes, as iptables-restore's own */

struct rules_line {
	char buf[RULES_LINE]; /* the words, each with a NUL */
	int n;
	const char *word[RULES_WORDS];
	unsigned col[RULES_WORDS]; /* where each begins, from 1 */
};

enum rules_quotes {
	RULES_QUOTES_SAVE, /* iptables-save's: "" and, inside, \ */
	RULES_QUOTES_FREE, /* "" and '', and \ everywhere */
};

/* Blanks part words; a first word with # begins a comment. -EINVAL with why;
 * the place is the last word's.
 */
int rules_line(struct rules_line *l, const char *s, size_t size,
	       enum rules_quotes q, struct err *why);

/* Where word i begins; the last one's when there are fewer. */
unsigned rules_line_col(const struct rules_line *l, int i);

/* Takes "[packets:bytes]" off the front, if it is there: 1; 0; -EINVAL when it
 * is something else in brackets.
 */
int rules_line_counters(struct rules_line *l, uint64_t *packets,
			uint64_t *bytes);

/* "[packets:bytes]", all of s: 0 or -EINVAL. */
int rules_counters(const char *s, uint64_t *packets, uint64_t *bytes);

#endif
