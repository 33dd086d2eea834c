// SPDX-License-Identifier: GPL-2.0-or-later
/* world.c - the borders to clock, taps, guests and workers for fuzz/xenbus.c */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "daemon/guestconn.h"
#include "daemon/life.h"
#include "daemon/tap.h"

enum { WORLD_TIMERS = 64, WORLD_TAPS = 16, WORLD_ORDERS = 4096 };

void must(bool b) {
  if (!b)
    abort();
}

/* --- the log: FUZZ_LOG=1 shows it
 * --------------------------------------------- */

void log_open(const char *program, enum log_level most) {
  (void)program;
  (void)most;
}

void log_at(enum log_level level, const char *fmt, ...) {
  static int loud = -1;
  char line[512];
  va_list ap;

  (void)level;
  if (loud < 0)
    loud = getenv("FUZZ_LOG") != NULL;
  va_start(ap, fmt);
  vsnprintf(line, sizeof(line), fmt, ap);
  va_end(ap);
  if (loud)
    fprintf(stderr, "%s\n", line);
}

bool log_allow(struct log_limit *l, uint64_t now_ns) {
  (void)l;
  (void)now_ns;
  return true;
}

/* --- clock and loop ----------------------------------------------------------
 */

struct loop_timer {
  bool used;
  uint64_t at_ns;
  loop_timer_fn *fn;
  void *arg;
  struct loop_timer **out;
};

struct loop_fd {
  loop_fd_fn *fn;
  void *arg;
};

static uint64_t now;
static struct loop_timer timer[WORLD_TIMERS];
static struct loop_fd store_source;

uint64_t clock_ns(void) { return now; }

uint64_t loop_now(const struct loop *l) {
  (void)l;
  return now;
}

int loop_after(struct loop *l, uint32_t ms, loop_timer_fn *fn, void *arg,
               struct loop_timer **out) {
  struct loop_timer *t = timer;

  (void)l;
  while (t < timer + WORLD_TIMERS && t->used)
    t++;
  must(t < timer + WORLD_TIMERS);
  *t = (struct loop_timer){true, now + ms * 1000000ull, fn, arg, out};
  if (out)
    *out = t;
  return 0;
}

void loop_cancel(struct loop *l, struct loop_timer *t) {
  (void)l;
  if (t)
    t->used = false;
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
             struct loop_fd **out) {
  (void)l;
  (void)fd;
  (void)events;
  store_source = (struct loop_fd){fn, arg};
  *out = &store_source;
  return 0;
}

int loop_mod(struct loop *l, struct loop_fd *s, uint32_t events) {
  (void)l;
  (void)s;
  (void)events;
  abort();
}

void loop_del(struct loop *l, struct loop_fd *s) {
  (void)l;
  if (s)
    s->fn = NULL;
}

void loop_stop(struct loop *l, int rc) {
  (void)l;
  (void)rc;
  abort();
}

void world_later(uint32_t ms) { now += ms * 1000000ull; }

unsigned world_timers(void) {
  unsigned i, n = 0;

  for (i = 0; i < WORLD_TIMERS; i++)
    n += timer[i].used;
  return n;
}

bool world_turn(void) {
  struct loop_timer *t = NULL;
  unsigned i;

  if (store_source.fn && tree_readable()) {
    store_source.fn(store_source.arg, 0, 0);
    return true;
  }
  for (i = 0; i < WORLD_TIMERS; i++) {
    if (timer[i].used && timer[i].at_ns <= now &&
        (!t || timer[i].at_ns < t->at_ns))
      t = &timer[i];
  }
  if (!t)
    return false;
  t->used = false;
  t->fn(t->arg);
  return true;
}

/* --- taps --------------------------------------------------------------------
 */

static struct tap {
  char name[IFNAMSIZ];
  int fd; /* the one which has it */
  bool carrier;
} tap[WORLD_TAPS];
static unsigned tap_fail;

void world_tap_fail_in(unsigned n) { tap_fail = n; }

static struct tap *tap_find(const char *name) {
  unsigned i;

  for (i = 0; i < WORLD_TAPS; i++) {
    if (!strcmp(tap[i].name, name))
      return &tap[i];
  }
  return NULL;
}

static struct tap *tap_of(int fd) {
  unsigned i;

  for (i = 0; i < WORLD_TAPS; i++) {
    if (tap[i].name[0] && tap[i].fd == fd)
      return &tap[i];
  }
  return NULL;
}

unsigned world_taps(void) {
  unsigned i, n = 0;

  for (i = 0; i < WORLD_TAPS; i++)
    n += tap[i].name[0] != '\0';
  return n;
}

/* The C library's, for the devices here. */
unsigned if_nametoindex(const char *name) {
  const struct tap *t = name[0] ? tap_find(name) : NULL;

  return t ? (unsigned)(t - tap) + 1 : 0;
}

int tap_free(const char *name, struct err *e) {
  return if_nametoindex(name) ? err_set(e, -EEXIST, "there is one") : 0;
}

int tap_open(const char *name, struct err *e) {
  struct tap *t = tap_find(name);

  must(name[0]);
  if (tap_fail && !--tap_fail)
    return err_set(e, -EBUSY, "in use");
  if (!t)
    t = tap_find("");
  must(t);
  snprintf(t->name, sizeof(t->name), "%s", name);
  t->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  must(t->fd >= 0);
  t->carrier = false;
  return t->fd;
}

bool tap_is(int fd, const char *name) {
  (void)fd;
  (void)name;
  return false;
}

int tap_carrier(int fd, bool on) {
  struct tap *t = tap_of(fd);

  must(t);
  t->carrier = on;
  return 0;
}

int tap_alias(const char *name, const char *alias) {
  must(tap_find(name) && alias[0]);
  return 0;
}

int tap_offload(int fd, const struct ring_features *f) {
  must(tap_of(fd) && f);
  return 0;
}

int tap_mtu(const char *name, uint32_t *mtu) {
  must(tap_find(name));
  *mtu = 1500;
  return 0;
}

void tap_delete(int fd) {
  struct tap *t = tap_of(fd);

  if (fd < 0)
    return;
  must(t);
  t->name[0] = '\0';
  close(fd);
}

/* --- guests ------------------------------------------------------------------
 */

struct guestconn {
  bool open, here, paused;
  struct hv_local mem;
  struct guestconn_port port[WORLD_PORTS];
  unsigned nport;
  const struct guestconn_ops *ops;
  void *arg;
};
static struct guestconn guest[WORLD_DOMS + 1];

int guestconn_open(struct guestconn **out, struct loop *l, const char *run,
                   uint16_t domid, const struct guestconn_ops *ops, void *arg,
                   struct err *e) {
  struct guestconn *g = &guest[domid];

  (void)l;
  (void)run;
  (void)e;
  must(domid && domid <= WORLD_DOMS && !g->open);
  *g = (struct guestconn){.open = true, .ops = ops, .arg = arg};
  *out = g;
  return 0;
}

void guestconn_keep(struct guestconn *g, struct estate *t) {
  (void)t;
  must(g->open);
}

void guestconn_pause(struct guestconn *g, bool paused) {
  must(g->open);
  g->paused = paused;
}

const struct hv_local *guestconn_memory(const struct guestconn *g, int *memfd) {
  must(g->open);
  *memfd = 0;
  return g->here ? &g->mem : NULL;
}

const struct guestconn_port *guestconn_ports(const struct guestconn *g,
                                             unsigned *n) {
  must(g->open);
  *n = g->nport;
  return g->port;
}

void guestconn_drop(struct guestconn *g) {
  must(g->open);
  if (!g->here)
    return;
  g->here = false;
  g->nport = 0;
  g->ops->gone(g->arg);
}

void guestconn_close(struct guestconn *g) {
  if (g)
    *g = (struct guestconn){0};
}

void world_hello(unsigned domid) {
  struct guestconn *g = &guest[domid];

  if (!g->open || g->here || g->paused)
    return;
  g->here = true;
  g->ops->hello(g->arg, &g->mem, 0);
}

void world_port(unsigned domid, uint32_t port) {
  struct guestconn *g = &guest[domid];
  unsigned i;

  for (i = 0; i < g->nport && g->port[i].port != port;)
    i++;
  if (!g->here || i < g->nport || g->nport == WORLD_PORTS)
    return;
  g->port[g->nport].port = port;
  g->nport++;
  g->ops->port(g->arg, &g->port[g->nport - 1]);
}

void world_guest_gone(unsigned domid) {
  if (guest[domid].open)
    guestconn_drop(&guest[domid]);
}

bool world_guest_here(unsigned domid) { return guest[domid].here; }

/* --- a worker ----------------------------------------------------------------
 */

struct order {
  enum worker_type type;
  uint16_t domid, handle;
  uint64_t epoch;
  uint32_t port[2];
};

static struct worker {
  struct order order[WORLD_ORDERS];
  unsigned first, last;
  bool up;
  struct dom {
    bool here, refused;
    uint32_t ports; /* bits */
  } dom[WORLD_DOMS + 1];
  struct vif {
    bool known, connected, running;
    uint64_t epoch; /* the last one */
    uint64_t ended; /* one that must not come again */
    /* Made anew by the toolstack, connected or not: then it is
     * enough that the worker has been told.
     */
    bool torn;
    /* The toolstack wrote its 5, which netbackd may see late: what
     * it had begun is done first.
     */
    bool any;
    unsigned state; /* that netbackd wrote last */
  } vif[WORLD_DOMS + 1][WORLD_HANDLES];
} worker;

int orders_send(struct orders *o, struct worker_msg *m, const int *fd,
                unsigned nfd) {
  struct order *r = &worker.order[worker.last % WORLD_ORDERS];
  unsigned i;

  must(o && worker.up && worker.last - worker.first < WORLD_ORDERS);
  for (i = 0; i < nfd; i++)
    must(m->type == WORKER_DOM || m->type == WORKER_CHANNEL ||
         fcntl(fd[i], F_GETFD) >= 0);
  *r = (struct order){.type = m->type,
                      .domid = m->domid,
                      .handle = m->handle,
                      .epoch = m->epoch};
  if (m->type == WORKER_CHANNEL)
    r->port[0] = m->port;
  if (m->type == WORKER_CONNECT) {
    struct vif *v = &worker.vif[m->domid][m->handle];

    /* No connection is taken for another one: journals are the
     * epoch's.
     */
    must(m->epoch >= v->epoch && m->epoch > v->ended);
    v->epoch = m->epoch;
    r->port[0] = m->connect.queue[0].tx_port;
    r->port[1] = m->connect.queue[0].rx_port;
  }
  worker.last++;
  return 0;
}

unsigned orders_pending(const struct orders *o) {
  must(o);
  return worker.last - worker.first;
}

int orders_open(struct orders **out, struct loop *l, int sock,
                const struct orders_ops *ops, void *arg) {
  (void)out;
  (void)l;
  (void)sock;
  (void)ops;
  (void)arg;
  abort();
}

int orders_blame(const struct orders *o, uint16_t *domid, uint16_t *handle) {
  (void)o;
  (void)domid;
  (void)handle;
  abort();
}

void orders_drain(struct orders *o) {
  (void)o;
  abort();
}

void orders_close(struct orders *o) {
  (void)o;
  abort();
}

/* Whether the worker has pages of it mapped, or may have before it has done
 * what it was told; once it has done all of it, if `after`.
 */
static bool world_held(unsigned domid, unsigned handle, bool after) {
  bool held = worker.vif[domid][handle].connected;
  unsigned i;

  for (i = worker.first; i != worker.last; i++) {
    const struct order *r = &worker.order[i % WORLD_ORDERS];

    if (r->domid != domid || r->handle != handle)
      continue;
    if (r->type == WORKER_CONNECT)
      held = true;
    else if (r->type == WORKER_DISCONNECT && after)
      held = false;
  }
  return held;
}

static bool world_has_port(const struct dom *d, uint32_t port) {
  return port && port < 32 && (d->ports & 1u << port);
}

static int world_connect(const struct order *r, const struct dom *d,
                         struct vif *v) {
  must(!v->connected);
  v->running = false;
  v->connected = v->known && d->here && world_has_port(d, r->port[0]) &&
                 world_has_port(d, r->port[1]);
  return v->connected ? 0 : -ENOENT;
}

static int world_dom_gone(struct dom *d, unsigned domid) {
  unsigned i;

  for (i = 0; i < WORLD_HANDLES; i++)
    must(!worker.vif[domid][i].connected);
  *d = (struct dom){0};
  return 0;
}

/* What an honest worker does and answers; orders that make no sense abort. */
static int world_obey(const struct order *r) {
  struct dom *d = &worker.dom[r->domid];
  struct vif *v = &worker.vif[r->domid][r->handle];

  switch (r->type) {
  case WORKER_DOM:
    must(!d->here);
    *d = (struct dom){.here = true};
    return 0;
  case WORKER_CHANNEL:
    must(d->here || d->refused);
    d->ports |= 1u << r->port[0];
    return d->refused ? -ENOENT : 0;
  case WORKER_DOM_GONE:
    must(d->here || d->refused);
    return world_dom_gone(d, r->domid);
  case WORKER_VIF:
    must(!v->known);
    v->known = true;
    return 0;
  case WORKER_CONNECT:
    return world_connect(r, d, v);
  case WORKER_RUN:
    v->running = v->connected;
    return v->connected ? 0 : -ENOENT;
  case WORKER_DISCONNECT:
    v->connected = v->running = false;
    return 0;
  case WORKER_VIF_GONE:
    must(!v->connected);
    v->known = false;
    return 0;
  case WORKER_TELL:
  case WORKER_RATE:
    return 0;
  default:
    abort();
  }
}

/* It could not, or would not. */
static void world_refuse(const struct order *r) {
  struct dom *d = &worker.dom[r->domid];
  struct vif *v = &worker.vif[r->domid][r->handle];

  switch (r->type) {
  case WORKER_DOM:
    d->here = false;
    d->refused = true;
    break;
  case WORKER_VIF:
    v->known = false;
    break;
  case WORKER_CONNECT:
  case WORKER_RUN:
    v->connected = v->running = false;
    break;
  default:
    break;
  }
}

static bool world_may_refuse(enum worker_type type) {
  return type == WORKER_DOM || type == WORKER_CHANNEL || type == WORKER_VIF ||
         type == WORKER_CONNECT || type == WORKER_RUN;
}

bool world_work(struct supervisor *s, int rc) {
  const struct order *r = &worker.order[worker.first % WORLD_ORDERS];
  struct worker_msg m = {.type = WORKER_DONE};

  if (!worker.up || worker.first == worker.last)
    return false;
  m.domid = r->domid;
  m.handle = r->handle;
  m.rc = world_obey(r);
  if (rc && !m.rc && world_may_refuse(r->type)) {
    m.rc = rc;
    world_refuse(r);
  }
  snprintf(m.text, sizeof(m.text), "refused");
  worker.first++;
  sup_crew.answer(s, 0, &m, r->type);
  return true;
}

static void world_clean(void) {
  unsigned i, k;

  worker.first = worker.last;
  memset(worker.dom, 0, sizeof(worker.dom));
  for (i = 0; i <= WORLD_DOMS; i++) {
    for (k = 0; k < WORLD_HANDLES; k++) {
      struct vif *v = &worker.vif[i][k];

      v->known = v->connected = v->running = false;
    }
  }
}

void world_worker_up(struct supervisor *s) {
  static pid_t pid = 100;

  if (worker.up)
    return;
  worker.up = true;
  sup_crew.up(s, 0, (struct orders *)&worker, pid++);
}

void world_worker_dies(struct supervisor *s, const struct crew_death *d) {
  if (!worker.up)
    return;
  worker.up = false;
  world_clean();
  sup_crew.down(s, 0, d);
}

void world_fatal(struct supervisor *s, unsigned domid, unsigned handle) {
  struct worker_msg m = {.type = WORKER_FATAL, .rc = -EPROTO};
  struct vif *v = &worker.vif[domid][handle];

  if (!worker.up || !v->connected)
    return;
  v->connected = v->running = false;
  m.domid = (uint16_t)domid;
  m.handle = (uint16_t)handle;
  snprintf(m.text, sizeof(m.text), "broke the protocol");
  sup_crew.fatal(s, &m);
}

void world_stall(struct supervisor *s, unsigned domid, unsigned handle,
                 bool on) {
  struct worker_msg m = {.type = WORKER_STALL, .stalled = on};

  m.domid = (uint16_t)domid;
  m.handle = (uint16_t)handle;
  if (worker.up && worker.vif[domid][handle].running)
    sup_crew.fatal(s, &m);
}

bool world_running(unsigned domid, unsigned handle) {
  char key[WORLD_PATH];
  const struct tap *t;

  snprintf(key, sizeof(key), WORLD_ROOT "/%u/%u/vifname", domid, handle);
  t = tap_find(tree_text(key));
  return worker.vif[domid][handle].running && t && t->carrier;
}

bool world_idle(void) {
  unsigned i, k;

  for (i = 0; i <= WORLD_DOMS; i++) {
    if (worker.dom[i].here || worker.dom[i].ports)
      return false;
    for (k = 0; k < WORLD_HANDLES; k++) {
      if (worker.vif[i][k].known || worker.vif[i][k].connected)
        return false;
    }
  }
  return worker.first == worker.last;
}

/* --- states ------------------------------------------------------------------
 */

void world_made(unsigned domid, unsigned handle) {
  worker.vif[domid][handle].state = LIFE_INITIALISING;
  worker.vif[domid][handle].torn = true;
  worker.vif[domid][handle].any = false;
}

void world_unplugged(unsigned domid, unsigned handle) {
  struct vif *v = &worker.vif[domid][handle];

  v->any = true;
}

/* 8 is 4 in other words, whatever it was before. */
void world_wrote_state(unsigned domid, unsigned handle, unsigned state) {
  struct vif *v = &worker.vif[domid][handle];
  unsigned was = v->state;
  bool held = world_held(domid, handle, v->torn);

  /* Until the worker has done what it was told of the old one. */
  v->torn = v->torn && world_held(domid, handle, false);
  switch (state) {
  case LIFE_INIT_WAIT:
    must(v->any || was == LIFE_INITIALISING || was == LIFE_CLOSED);
    must(!held);
    v->ended = v->epoch;
    break;
  case LIFE_CONNECTED:
    must(v->any || was == LIFE_INIT_WAIT);
    must(held || v->any || !worker.up);
    break;
  case LIFE_CLOSING:
    must(v->any || was == LIFE_INIT_WAIT || was == LIFE_CONNECTED ||
         was == LIFE_CLOSED);
    must(!held || v->any || was == LIFE_CONNECTED);
    break;
  case LIFE_CLOSED:
    must(!held);
    break;
  case LIFE_RECONFIGURED:
    must(v->any || was == LIFE_INITIALISING || was == LIFE_INIT_WAIT ||
         was == LIFE_CONNECTED);
    return;
  default:
    abort();
  }
  v->any = v->any && state != LIFE_CLOSED && state != LIFE_INIT_WAIT;
  v->state = state;
}

/* --- beginning and end -------------------------------------------------------
 */

void world_forget(void) {
  unsigned i;

  memset(timer, 0, sizeof(timer));
  store_source.fn = NULL;
  worker.up = false;
  world_clean();
  for (i = 0; i <= WORLD_DOMS; i++)
    guestconn_close(&guest[i]);
  for (i = 0; i < WORLD_TAPS; i++) {
    tap[i].fd = -1;
    tap[i].carrier = false;
  }
}

void world_reset(void) {
  world_forget();
  memset(tap, 0, sizeof(tap));
  memset(worker.vif, 0, sizeof(worker.vif));
  now = 1000000000;
  tap_fail = 0;
}
