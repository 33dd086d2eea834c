/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out.h - records for people and for programs, from the same calls
 *
 * Text: a record is a line, "vif1.0 domain=1 bridge=br0"; a value that holds
 * blanks, quotes or backslashes, or none at all, stands in double quotes, and
 * what a terminal could act on is written \xNN. JSON: one array of
 * objects, printed when closed. Values may come from a stranger.
 */
#ifndef NETBACK_CTL_OUT_H
#define NETBACK_CTL_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

struct out {
	FILE *f;
	bool json;
	json_t *list, *rec;
};

int out_open(struct out *o, FILE *f, bool json);
int out_close(struct out *o); /* 0, or -EIO when it could not all be written */
void out_drop(struct out *o); /* instead: an error ends it */

/* A record starts with its name: key "name" in JSON, bare in text. */
void out_begin(struct out *o, const char *name);
void out_str(struct out *o, const char *key, const char *value);
void out_num(struct out *o, const char *key, int64_t value);
void out_bool(struct out *o, const char *key, bool value);    /* yes, no */
void out_null(struct out *o, const char *key);		      /* text: "none" */
void out_json(struct out *o, const char *key, json_t *value); /* takes value */
void out_end(struct out *o);

#endif
