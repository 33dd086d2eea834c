/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - the control language between guest, daemon and hotplug
 *
 * A client of xenstore through libxenstore, with one thing added: when the
 * server goes away it connects again and sets its watches again. xenstored
 * fires every new watch once, so a client that re-reads on events catches up.
 *
 * Values are text from a stranger: bounded, NUL-terminated here, never
 * trusted. Errors are -errno as the server says them (ENOENT, EACCES,
 * EINVAL, EEXIST, E2BIG, ENOSPC); -ENOTCONN when it cannot be reached.
 */
#ifndef NETBACK_STORE_H
#define NETBACK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum {
	STORE_PATH = 3072, /* bytes of an absolute path, NUL included */
	STORE_VALUE = 4096,
};

/* path: the server's socket, NULL = what libxenstore would use.
 * wait_ms: how long a call may wait for a server that is away (0 = not).
 */
int store_open(struct store **out, const char *path, unsigned wait_ms);
void store_close(struct store *s); /* NULL is fine */

/* Readable when an event waits, when the connection is lost, and when it is time
 * to try again: then call store_event until it is not 1. An epoll descriptor of
 * its own, the same for the life of the handle; nothing else needs a timer. It
 * comes with the first watch or the first call: who only asks has none (-1: it
 * could not be made).
 */
int store_fd(struct store *s);

/* Reads into buf, NUL-terminated; returns the length. -E2BIG when it does not
 * fit, -EINVAL when the value holds a NUL or a control character.
 */
int store_read(struct store *s, const char *path, char *buf, size_t size);

/* Strict decimal, no sign, no blanks, at most max; -EINVAL otherwise. */
int store_read_u32(struct store *s, const char *path, uint32_t max,
		   uint32_t *out);
int store_write(struct store *s, const char *path, const char *value);
int store_printf(struct store *s, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int store_mkdir(struct store *s, const char *path);
int store_rm(struct store *s, const char *path); /* absent is 0 */

/* Calls fn for each child's name until it returns non-zero; returns that, or 0,
 * or -errno.
 */
int store_each(struct store *s, const char *path,
	       int (*fn)(void *arg, const char *name), void *arg);

/* perms: xenstore's text, "n0" "r5" ..: owner first. n of them. */
int store_chmod(struct store *s, const char *path, const char *const *perms,
		unsigned n);

/* Everything between goes into one transaction; fn runs again after a
 * conflict. fn's error aborts and is returned.
 */
int store_txn(struct store *s, int (*fn)(struct store *s, void *arg),
	      void *arg);

int store_watch(struct store *s, const char *path, const char *token);
int store_unwatch(struct store *s, const char *path, const char *token);

/* One event without waiting: 1, 0 when none, -ENOTCONN (connects again at the
 * next call). Too long a path or token is cut.
 */
int store_event(struct store *s, char *path, size_t psize, char *token,
		size_t tsize);

/* Tell the server that a domain exists, or is gone (@introduceDomain ..). */
int store_introduce(struct store *s, uint16_t domid);
int store_release(struct store *s, uint16_t domid);

#endif
