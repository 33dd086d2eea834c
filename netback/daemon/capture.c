// SPDX-License-Identifier: GPL-2.0-or-later
/* capture.c - who looks at which vif, across the deaths of workers
 *
 *   asked --CAPTURE--> running --CAPTURE_END--> ending --answer--> over
 *     ^                   |
 *     '--- a worker dies -'   (asked `again`)
 *
 * Orders of one vif are answered in order, so an answer belongs to the oldest
 * capture of that vif which waits for one. control_answer may end its client
 * and so come back here: it is always the last thing done.
 */
#include "daemon/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/msg.h"
#include "cap.h"
#include "daemon/control.h"
#include "daemon/device.h"

enum { CAPTURE_SEALS = F_SEAL_SHRINK | F_SEAL_WRITE, CAPTURE_INSN = 8 };

struct capture {
	struct capture *next;
	unsigned client; /* 0 = it has left */
	uint16_t domid, handle;
	int fd[CONTROL_FDS]; /* the reader's socket, the program */
	uint32_t snap, ninsn;
	unsigned waits;	  /* orders without an answer */
	unsigned workers; /* that it ran in */
	bool running, ending, over;
	bool asked;	 /* the client waits for the end's answer */
	const char *why; /* it ended of itself; static */
	struct cap_stats stats;
};

static void capture_free(struct captures *cs, struct capture *c)
{
	struct capture **at = &cs->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	msg_close_all(c->fd, CONTROL_FDS);
	free(c);
}

static void capture_order(struct captures *cs, struct capture *c,
			  enum worker_type type)
{
	struct worker_msg m = {
		.type = (uint16_t)type,
		.domid = c->domid,
		.handle = c->handle,
		.capture.snap = c->snap,
		.capture.ninsn = c->ninsn,
		.capture.again = c->running,
	};
	unsigned nfd = type == WORKER_CAPTURE ? CONTROL_FDS : 0;

	/* One that is not sent is sent to the next worker: captures_up. */
	if (cs->orders && !orders_send(cs->orders, &m, c->fd, nfd))
		c->waits++;
}

static json_t *capture_result(const struct capture *c)
{
	json_t *o = json_pack(
		"{s:I, s:I, s:I, s:I, s:i}", "seen", (json_int_t)c->stats.seen,
		"matched", (json_int_t)c->stats.matched, "sent",
		(json_int_t)c->stats.sent, "lost", (json_int_t)c->stats.lost,
		"workers", (int)c->workers);

	if (c->why)
		json_object_set_new(o, "ended", json_string(c->why));
	return o;
}

/* It has ended. The reader sees the end of its socket; the result waits for
 * the client's question.
 */
static void capture_over(struct captures *cs, struct capture *c)
{
	unsigned client = c->client;
	json_t *o;

	c->over = true;
	msg_close_all(c->fd, CONTROL_FDS);
	if (client && !c->asked)
		return;
	o = capture_result(c);
	capture_free(cs, c);
	cs->answer(cs->arg, client, o);
}

static void capture_finish(struct captures *cs, struct capture *c)
{
	if (!c->ending)
		capture_order(cs, c, WORKER_CAPTURE_END);
	c->ending = true;
}

/* --- questions ------------------------------------------------------------------ */

static struct capture *capture_of(const struct captures *cs, unsigned client)
{
	struct capture *c;

	for (c = cs->first; c && c->client != client;)
		c = c->next;
	return c;
}

bool captures_has(const struct captures *cs, unsigned client)
{
	return capture_of(cs, client);
}

static bool capture_is_on(const struct capture *c, const struct device *d)
{
	return c->domid == device_domid(d) && c->handle == device_handle(d);
}

static bool capture_busy(const struct captures *cs, const struct device *d)
{
	const struct capture *c;

	for (c = cs->first; c; c = c->next) {
		if (capture_is_on(c, d) && c->client && !c->over)
			return true;
	}
	return false;
}

/* What a worker is told to read and to write must not make it wait. */
static bool capture_fds_good(const int *fd, uint32_t ninsn)
{
	int type = 0, seals = fd[1] < 0 ? -1 : fcntl(fd[1], F_GET_SEALS);
	socklen_t n = sizeof(type);
	struct stat st;

	if (fd[0] < 0 || getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &type, &n) ||
	    type != SOCK_SEQPACKET)
		return false;
	return seals >= 0 && (seals & CAPTURE_SEALS) == CAPTURE_SEALS &&
	       !fstat(fd[1], &st) && st.st_size == (off_t)ninsn * CAPTURE_INSN;
}

static json_t *capture_refuse(const struct captures *cs, unsigned client,
			      const json_t *q, const struct device *d,
			      const int *fd)
{
	const char *vif = json_string_value(json_object_get(q, "vif"));
	json_int_t snap = json_integer_value(json_object_get(q, "snap"));
	json_int_t ninsn = json_integer_value(json_object_get(q, "ninsn"));

	if (!d)
		return control_error("%.16s: no such vif; vifctl show lists "
				     "what is attached",
				     vif ? vif : "capture");
	if (!device_told(d))
		return control_error("%s: has no device on the host yet",
				     device_name(d));
	if (snap < 1 || snap > CAP_SNAP || ninsn < 0 || ninsn > CAP_INSNS)
		return control_error("%s: snap is 1 to %d, ninsn 0 to %d",
				     device_name(d), CAP_SNAP, CAP_INSNS);
	if (!capture_fds_good(fd, (uint32_t)ninsn))
		return control_error("%s: a SEQPACKET socket and a sealed "
				     "memory file with the filter are expected",
				     device_name(d));
	if (capture_busy(cs, d))
		return control_error("%s: another capture runs on it; end that "
				     "one first",
				     device_name(d));
	if (capture_of(cs, client))
		return control_error("%s: this connection has its capture",
				     device_name(d));
	return NULL;
}

int captures_start(struct captures *cs, unsigned client, const json_t *q,
		   const struct device *d, int *fd, json_t **out)
{
	struct capture *c, **at = &cs->first;

	*out = capture_refuse(cs, client, q, d, fd);
	if (*out)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->client = client;
	c->domid = device_domid(d);
	c->handle = device_handle(d);
	c->snap = (uint32_t)json_integer_value(json_object_get(q, "snap"));
	c->ninsn = (uint32_t)json_integer_value(json_object_get(q, "ninsn"));
	memcpy(c->fd, fd, sizeof(c->fd));
	fd[0] = fd[1] = -1;
	while (*at)
		at = &(*at)->next;
	*at = c;
	capture_order(cs, c, WORKER_CAPTURE);
	return -EINPROGRESS;
}

int captures_end(struct captures *cs, unsigned client, json_t **out)
{
	struct capture *c = capture_of(cs, client);

	if (!c) {
		*out = control_error("no capture runs on this connection");
		return 0;
	}
	if (c->over) {
		*out = capture_result(c);
		capture_free(cs, c);
		return 0;
	}
	c->asked = true;
	capture_finish(cs, c);
	return -EINPROGRESS;
}

/* --- events --------------------------------------------------------------------- */

void captures_client_gone(struct captures *cs, unsigned client)
{
	struct capture *c = capture_of(cs, client);

	if (!c)
		return;
	c->client = 0;
	c->asked = false;
	if (!c->over)
		capture_finish(cs, c);
	if (!c->waits)
		capture_free(cs, c);
}

void captures_vif_gone(struct captures *cs, const struct device *d)
{
	struct capture *c, *next;

	for (c = cs->first; c; c = next) {
		next = c->next;
		if (!capture_is_on(c, d) || c->over)
			continue;
		c->why = "the vif is gone";
		capture_finish(cs, c);
		/* The worker's own one is the last: it closes it now. */
		msg_close_all(c->fd, CONTROL_FDS);
	}
}

static void capture_started(struct captures *cs, struct capture *c,
			    const struct worker_msg *m)
{
	unsigned client = c->client;
	json_t *o;

	if (m->rc < 0 && c->running) {
		c->why = "the next worker cannot take it over";
		capture_over(cs, c);
		return;
	}
	if (m->rc < 0) {
		o = control_error("vif%u.%u: the worker refuses: %s", c->domid,
				  c->handle, m->text);
		capture_free(cs, c);
		cs->answer(cs->arg, client, o);
		return;
	}
	c->workers++;
	if (c->running)
		return;
	c->running = true;
	cs->answer(cs->arg, client, json_pack("{s:b}", "capture", 1));
}

void captures_answer(struct captures *cs, const struct worker_msg *m,
		     enum worker_type order)
{
	struct capture *c;

	for (c = cs->first; c; c = c->next) {
		if (c->domid == m->domid && c->handle == m->handle && c->waits)
			break;
	}
	if (!c)
		return;
	c->waits--;
	if (order == WORKER_CAPTURE_END) {
		if (m->type == WORKER_CAPTURE_END)
			c->stats = m->capture.stats;
		capture_over(cs, c);
	} else if (c->client) {
		capture_started(cs, c, m);
	}
}

void captures_down(struct captures *cs)
{
	struct capture *c, *next;

	cs->orders = NULL;
	for (c = cs->first; c; c = next) {
		next = c->next;
		c->waits = 0;
		if (!c->client)
			capture_free(cs, c);
	}
}

void captures_up(struct captures *cs, struct orders *o)
{
	struct capture *c, *next;

	cs->orders = o;
	for (c = cs->first; c; c = next) {
		next = c->next;
		if (c->over)
			continue;
		if (c->fd[0] < 0) {
			capture_over(cs, c);
			continue;
		}
		capture_order(cs, c, WORKER_CAPTURE);
		if (c->ending)
			capture_order(cs, c, WORKER_CAPTURE_END);
	}
}
