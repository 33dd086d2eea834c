/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_ask.h - what the files that speak rtnetlink share */
#ifndef NETBACK_MODES_NL_ASK_H
#define NETBACK_MODES_NL_ASK_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "nl.h"

/* A message with its fixed header; NULL when there is no memory. Attributes are
 * few and short: a fresh message has room for them.
 */
struct nl_msg *nl_new(int type, int flags, void *head, int size);

/* Sends m (taken over; NULL = no memory) and hands each answer to fn. */
int nl_ask(struct nl_host *h, struct nl_msg *m, nl_recvmsg_msg_cb_t fn,
	   void *arg);

/* The same for a dump that the kernel filters by what m says. Kernels before
 * 4.20 do not: fn looks for itself.
 */
int nl_ask_strict(struct nl_host *h, struct nl_msg *m, nl_recvmsg_msg_cb_t fn,
		  void *arg);

#endif
