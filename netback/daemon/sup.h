/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sup.h - the supervisor's inside, for supervisor.c and sup_*.c alone
 *
 *   supervisor.c  composition: directories, locks, starting, ending
 *   sup_scan.c	   which vifs and domains there are; events of the store
 *   sup_over.c	   in the place of a netbackd that runs
 *   sup_crew.c	   workers that come, answer and die
 *   sup_ask.c	   questions at RUN/control
 */
#ifndef NETBACK_DAEMON_SUP_H
#define NETBACK_DAEMON_SUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/blame.h"
#include "daemon/capture.h"
#include "daemon/control.h"
#include "daemon/crew.h"
#include "daemon/device.h"
#include "daemon/supervisor.h"
#include "err.h"

enum { SUP_PATH = 256 };

struct sup_dom {
	struct sup_dom *next;
	uint16_t domid;
	unsigned devices;
	unsigned place; /* of its worker: a guest has one, for all its vifs */
	struct domain *dom;
};

struct sup_dev {
	struct sup_dev *next;
	struct device *dev;
	struct sup_dom *dom;
	bool dirty;
	struct blame blame;
};

/* One client's question for counters, until the workers have answered. */
struct sup_ask {
	struct sup_ask *next;
	unsigned client, left[CREW_PLACES];
	json_t *vifs;
	struct supervisor *s;
	bool ring; /* for rings, not for counters .. */
	bool told; /* .. and answered without a silent worker */
	struct loop_timer *late;
};

struct sup_worker {
	struct orders *orders; /* NULL between two */
	pid_t pid;
	struct captures captures;
	/* a take-over under way */
	struct crew_death death;
	bool taking;
	unsigned took;
};

/* A take-over under way. */
struct sup_over {
	bool on;
	struct sup_dev *early; /* opened, not ours yet */
	uint64_t from_ns;      /* the other one had ended */
	unsigned vifs;
};

struct supervisor {
	const struct supervisor_conf *conf;
	struct loop *loop;
	struct device_hub hub;
	struct crew *crew;
	struct control *control;
	struct loop_fd *store_src, *sig_src;
	struct sup_dom *doms;
	struct sup_dev *devs;
	struct sup_ask *asks;
	struct loop_timer *soon, *again;
	unsigned tries; /* since a vif was opened */
	bool scan, swept, waited;
	bool given; /* to another netbackd, which waits for our end */
	bool xen;   /* the guests are Xen's */
	int lock, keep_lock, nursery, sigs;
	pid_t nursery_pid;
	unsigned restarts, workers;
	unsigned away; /* attempts to reach the store in vain */
	struct sup_over over;
	struct sup_worker worker[CREW_PLACES];
};

static inline struct sup_worker *sup_worker_of(struct supervisor *s,
					       const struct sup_dev *v)
{
	return &s->worker[v->dom->place];
}

/* --- supervisor.c ------------------------------------------------------------ */

int sup_take_locks(struct supervisor *s, struct err *e);

/* --- sup_scan.c -------------------------------------------------------------- */

struct sup_dev *sup_find(struct supervisor *s, uint32_t domid, uint32_t handle);
struct sup_dom *sup_find_dom(const struct supervisor *s, uint16_t domid);

void sup_again(void *arg, struct device *d);
void sup_leaving(void *arg, struct device *d);

/* Connects to the store if it is there, finds and watches the devices' root: that
 * much can be done before it is our turn.
 */
int sup_store_begin(struct supervisor *s);
/* Takes what the store says has changed: 0, 1 when that may not be all, -errno. */
int sup_store_events(struct supervisor *s);

/* Calls fn for each device's directory; -errno of the store. */
typedef void sup_each_fn(struct supervisor *s, uint16_t domid, uint16_t handle);
int sup_each(struct supervisor *s, sup_each_fn *fn);

/* A device that is watched, in no list; *out is NULL when none is that wants us. */
int sup_open(struct supervisor *s, uint16_t domid, uint16_t handle,
	     struct sup_dev **out);
/* Into the list: it is looked at soon. On an error it is closed and gone. */
int sup_enter(struct supervisor *s, struct sup_dev *v);

/* Looks for the store until it is there; then for what it holds. */
void sup_store_open(void *arg);

/* --- sup_over.c -------------------------------------------------------------- */

/* Has everything that the one which runs had; that one has ended. */
int sup_take_over(struct supervisor *s, struct err *e);
/* Serves what was read ahead; after sup_store_open. */
void sup_over_serve(struct supervisor *s);
/* Says how long guests stood still, once all are served. */
void sup_over_done(struct supervisor *s);

/* --- sup_crew.c -------------------------------------------------------------- */

extern const struct crew_ops sup_crew;

/* --- sup_ask.c --------------------------------------------------------------- */

extern const struct control_ops sup_control;
void sup_reply(void *arg, unsigned client, json_t *answer);
void sup_stats_answer(struct supervisor *s, unsigned place,
		      const struct worker_msg *m);
void sup_asks_fail(struct supervisor *s, unsigned place); /* that one died */

#endif
