/* SPDX-License-Identifier: GPL-2.0-or-later */
/* msg.h - one message with file descriptors over a SEQPACKET socket */
#ifndef NETBACK_BASE_MSG_H
#define NETBACK_BASE_MSG_H

#include <stddef.h>

enum {
	MSG_FDS = 8,
	MSG_FDS_MOST = 253, /* what one packet can carry: SCM_MAX_FD */
};

/* Sends one packet with nfd descriptors (still the caller's). 0 or -errno. */
int msg_send(int sock, const void *buf, size_t size, const int *fd,
	     unsigned nfd);

/* Receives one packet, without waiting if the socket is non-blocking. Returns
 * its length, 0 at the end, -EAGAIN, -EMSGSIZE (longer than size), -errno.
 * fd[0..*nfd) are the caller's, close-on-exec; on entry *nfd is how many
 * it accepts: a packet with more is refused with -EPROTO and all are closed.
 */
int msg_recv(int sock, void *buf, size_t size, int *fd, unsigned *nfd);

/* The same from a stranger: fd has room for MSG_FDS_MOST, *nfd of them are the
 * caller's whatever the result is, and the caller closes them as grave.h says.
 */
int msg_recv_any(int sock, void *buf, size_t size, int *fd, unsigned *nfd);

/* A listening SEQPACKET or STREAM socket at path (replacing a stale one whose
 * server is gone; -EADDRINUSE when somebody answers), mode given, non-blocking.
 */
int msg_listen(const char *path, int type, unsigned mode);
int msg_connect(const char *path, int type);

void msg_close_all(int *fd, unsigned nfd); /* closes, sets to -1 */

#endif
