/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.h - who looks at which vif, across the deaths of workers
 *
 *   {"cmd":"capture","vif":"vif1.0","snap":65535,"ninsn":9}
 *	with a SEQPACKET socket to write to and a sealed memory file of classic
 *	BPF instructions (cap.h); answered by {"capture":"vif1.0"} when it runs
 *   {"cmd":"capture-end"}
 *	on the same connection; answered by what was seen, matched, sent and
 *	lost, how many workers it took, and "ended" when the vif has gone
 *
 * A capture lives as long as the connection that asked for it: a client which is
 * killed leaves nothing behind. One at a time on each vif. The socket and the
 * program are kept, so that the next worker goes on where one has died; the
 * numbers survive with the vif's counters.
 */
#ifndef NETBACK_DAEMON_CAPTURE_H
#define NETBACK_DAEMON_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/orders.h"

struct capture;
struct device;

/* Those of one worker's vifs. */
struct captures {
	struct capture *first;
	struct orders *orders; /* NULL between workers */
	void (*answer)(void *arg, unsigned client, json_t *answer);
	void *arg;
};

/* The questions: 0 and *out, or -EINPROGRESS. d: the vif, NULL = there is none.
 * Takes the descriptors it keeps out of fd.
 */
int captures_start(struct captures *cs, unsigned client, const json_t *q,
		   const struct device *d, int *fd, json_t **out);
int captures_end(struct captures *cs, unsigned client, json_t **out);

/* Whether this client has one here. */
bool captures_has(const struct captures *cs, unsigned client);

void captures_client_gone(struct captures *cs, unsigned client);
void captures_vif_gone(struct captures *cs, const struct device *d);

/* An answer to CAPTURE or CAPTURE_END. */
void captures_answer(struct captures *cs, const struct worker_msg *m,
		     enum worker_type order);

/* A worker died; another takes orders and knows the vifs. */
void captures_down(struct captures *cs);
void captures_up(struct captures *cs, struct orders *o);

#endif
