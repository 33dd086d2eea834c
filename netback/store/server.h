/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h - a xenstore where there is no Xen
 *
 * A keeper holds the listening sockets and the tree's memory, and a child of no
 * privileges that serves; when the child dies the keeper starts the next.
 *
 *   RUN/store         a connection is domain 0
 *   RUN/dom/N/store   a connection is domain N; from XS_INTRODUCE to XS_RELEASE
 */
#ifndef NETBACK_STORE_SERVER_H
#define NETBACK_STORE_SERVER_H

/* Serves until SIGTERM or SIGINT. Returns an exit status. */
int store_server_main(const char *run_dir);

#endif
