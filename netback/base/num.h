/* SPDX-License-Identifier: GPL-2.0-or-later */
/* num.h - strict numbers from strangers' text, switches, strings into arrays */
#ifndef NETBACK_BASE_NUM_H
#define NETBACK_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of s is decimal digits (no sign, no blank, no 0x, at most 10 of them) and
 * at most max: 0 and *out; else -EINVAL, or -ERANGE.
 */
int num_parse(const char *s, uint32_t max, uint32_t *out);

/* Copies all of s, NUL included, or nothing: 0 or -ENAMETOOLONG. */
int str_put(char *dst, size_t size, const char *s);

/* snprintf that says when it did not fit: length, or -ENOSPC. */
int str_fmt(char *dst, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A switch of the kernel's, as in /proc/sys: there, and something other than 0. */
bool num_switch(const char *path);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member)                                          \
	((type *)((char *)(p)-offsetof(type, member)))

#endif
