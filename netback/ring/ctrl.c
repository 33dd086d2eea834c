// SPDX-License-Identifier: GPL-2.0-or-later
/* ctrl.c - the control ring: a guest's requests about hash and static grants
 *
 * One request, one answer, in order. A request is copied out once; what it
 * changes is made in a second copy of the whole state, together with its answer:
 *
 *   1  next = now, changed; next.rsp = the answer; next.answered = now.answered + 1
 *   2  which flips         the request is done, and its answer known
 *   3  answer -> ring slot
 *   4  rsp_prod = answered
 *
 * Killed before 2: the request was never done. After it: the next worker sees
 * that rsp_prod in the page is not what was answered, and does 3 and 4 again.
 * Should the guest have written that word itself, it spoils its own ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ring/vif.h"

enum {
	CTRL_BUDGET = 16, /* requests a turn */
	CTRL_HASH_ALL = XEN_NETIF_CTRL_HASH_TYPE_IPV4 |
			XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |
			XEN_NETIF_CTRL_HASH_TYPE_IPV6 |
			XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
	CTRL_OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
	CTRL_NO = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
	CTRL_BAD = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
	CTRL_BIG = XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW,
};

/* --- requests ------------------------------------------------------------- */

static int ctrl_fetch(struct ring_vif *v, uint32_t ref, void *to, uint32_t size)
{
	struct hv_seg s = { .ref = ref, .len = (uint16_t)size, .local = to };

	return size && hv_copy(v->hv, HV_FROM_GUEST, &s, 1) ? -EACCES : 0;
}

static uint32_t ctrl_hash_flags(struct survive_ctrl *next, uint32_t flags)
{
	if (!next->hash_alg || flags & ~(uint32_t)CTRL_HASH_ALL)
		return CTRL_BAD;
	next->hash_flags = flags;
	return CTRL_OK;
}

static uint32_t ctrl_hash_algorithm(struct survive_ctrl *next, uint32_t alg)
{
	if (alg != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
	    alg != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return CTRL_BAD;
	next->hash_alg = alg;
	return CTRL_OK;
}

static uint32_t ctrl_hash_key(struct ring_vif *v, struct survive_ctrl *next,
			      const uint32_t data[3])
{
	uint8_t key[RING_HASH_KEY] = { 0 };

	if (data[1] > HV_PAGE)
		return CTRL_BAD;
	if (data[1] > RING_HASH_KEY)
		return CTRL_BIG;
	if (ctrl_fetch(v, data[0], key, data[1]))
		return CTRL_BAD;
	memcpy(next->hash_key, key, sizeof(key));
	return CTRL_OK;
}

static uint32_t ctrl_hash_size(struct survive_ctrl *next, uint32_t n)
{
	if (n > RING_HASH_MAP)
		return CTRL_BAD;
	next->hash_size = n;
	memset(next->hash_map, 0, sizeof(next->hash_map));
	return CTRL_OK;
}

static uint32_t ctrl_hash_map(struct ring_vif *v, struct survive_ctrl *next,
			      const uint32_t data[3])
{
	uint32_t map[RING_HASH_MAP], n = data[1], off = data[2], i;

	if (n > next->hash_size || off > next->hash_size - n)
		return CTRL_BAD;
	if (ctrl_fetch(v, data[0], map, n * (uint32_t)sizeof(*map)))
		return CTRL_BAD;
	for (i = 0; i < n; i++)
		if (map[i] >= v->queues)
			return CTRL_BAD;
	for (i = 0; i < n; i++)
		next->hash_map[off + i] = (uint8_t)map[i];
	return CTRL_OK;
}

/* Does it, in next; returns the status. */
static uint32_t ctrl_do(struct ring_vif *v, struct survive_ctrl *next,
			const struct xen_netif_ctrl_request *q, uint32_t *data)
{
	switch (q->type) {
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		*data = next->hash_alg ? CTRL_HASH_ALL : 0;
		return next->hash_alg ? CTRL_OK : CTRL_NO;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
		return ctrl_hash_flags(next, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		return ctrl_hash_key(v, next, q->data);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = RING_HASH_MAP;
		return CTRL_OK;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		return ctrl_hash_size(next, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return ctrl_hash_map(v, next, q->data);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		return ctrl_hash_algorithm(next, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE:
		if (q->data[0] >= v->queues)
			return CTRL_BAD;
		*data = RING_GREFS / v->queues;
		return CTRL_OK;
	case XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING:
		return gref_add(v, next, q->data);
	case XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING:
		return gref_del(v, next, q->data, data);
	}
	return CTRL_NO;
}

/* --- the ring ------------------------------------------------------------- */

/* Steps 3 and 4. */
static void ctrl_write(struct ring_vif *v)
{
	const struct survive_ctrl *now = vif_ctrl(v);
	uint32_t at = (now->answered - 1) % RING_CTRL_SIZE;

	memcpy(v->page->slot[at], now->rsp, sizeof(now->rsp));
	/* Pairs with the guest's acquire of rsp_prod. */
	atomic_store_explicit(&v->page->rsp_prod, now->answered,
			      memory_order_release);
}

static void ctrl_answer(struct ring_vif *v,
			const struct xen_netif_ctrl_request *q)
{
	struct survive_vif *k = v->keep;
	struct survive_ctrl *next = &k->ctrl[!(k->which & 1)];
	struct xen_netif_ctrl_response rsp = { .id = q->id, .type = q->type };

	*next = *vif_ctrl(v);
	rsp.status = ctrl_do(v, next, q, &rsp.data);
	memcpy(next->rsp, &rsp, sizeof(next->rsp));
	next->answered++;
	vif_order();
	k->which ^= 1;
	vif_order();
	ctrl_write(v);
	if (q->type == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY)
		hash_key(v);
}

/* Requests waiting, or -EPROTO. Pairs with the guest's release of req_prod. */
static int ctrl_waiting(const struct ring_vif *v)
{
	uint32_t n = atomic_load_explicit(&v->page->req_prod,
					  memory_order_acquire) -
		     vif_ctrl(v)->answered;

	return n > RING_CTRL_SIZE ? -EPROTO : (int)n;
}

static void ctrl_take(const struct ring_vif *v,
		      struct xen_netif_ctrl_request *q)
{
	uint32_t at = vif_ctrl(v)->answered % RING_CTRL_SIZE;
	const volatile uint32_t *from = v->page->slot[at];
	uint32_t word[CTRL_REQUEST / 4];
	unsigned i;

	for (i = 0; i < CTRL_REQUEST / 4; i++)
		word[i] = from[i];
	memcpy(q, word, sizeof(*q));
}

/* One bell for a turn, if the guest's event index lies in what was answered. */
static int ctrl_bell(struct ring_vif *v, uint32_t from)
{
	uint32_t to = vif_ctrl(v)->answered, event;
	bool kick = v->kick;

	v->kick = false;
	/* Orders our store of rsp_prod before the load of rsp_event. */
	atomic_thread_fence(memory_order_seq_cst);
	event = atomic_load_explicit(&v->page->rsp_event, memory_order_relaxed);
	return kick || to - event < to - from ? hv_bell(v->hv, v->chan) : 0;
}

/* Asks to be rung for the next request: 1 = it is there already. */
static int ctrl_arm(struct ring_vif *v)
{
	int n;

	atomic_store_explicit(&v->page->req_event, vif_ctrl(v)->answered + 1,
			      memory_order_relaxed);
	/* Before the re-check; the guest stores req_prod, fences, loads
	 * req_event.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	n = ctrl_waiting(v);
	return n > 0 ? 1 : n;
}

int ring_ctrl_run(struct ring_vif *v)
{
	struct xen_netif_ctrl_request q;
	uint32_t from;
	int n, i, rc;

	if (!v->page || v->deaf)
		return v->deaf;
	from = vif_ctrl(v)->answered;
	n = ctrl_waiting(v);
	if (n < 0)
		return n;
	for (i = 0; i < n && i < CTRL_BUDGET; i++) {
		ctrl_take(v, &q);
		ctrl_answer(v, &q);
	}
	if (hv_dead(v->hv))
		return -EFAULT;
	rc = ctrl_bell(v, from);
	if (rc < 0)
		return rc;
	return i < n ? 1 : ctrl_arm(v);
}

void ring_ctrl_clear(struct ring_vif *v)
{
	int rc = v->page ? hv_clear(v->hv, v->chan) : 0;

	if (rc < 0)
		v->deaf = rc;
}

int ring_ctrl_fd(const struct ring_vif *v)
{
	return v->page ? hv_fd(v->hv, v->chan) : -1;
}

static int ctrl_attach(struct ring_vif *v)
{
	struct survive_vif *k = v->keep;
	uint32_t prod = atomic_load_explicit(&v->page->rsp_prod,
					     memory_order_relaxed);

	if (!k->live) {
		k->ctrl[k->which & 1].answered = prod;
		vif_order();
		k->live = 1;
	} else if (prod != vif_ctrl(v)->answered) {
		ctrl_write(v);
	}
	atomic_thread_fence(memory_order_seq_cst);
	v->kick = (int32_t)(atomic_load_explicit(&v->page->rsp_event,
						 memory_order_relaxed) -
			    vif_ctrl(v)->answered) <= 0;
	return ctrl_waiting(v) < 0 ? -EPROTO : 0;
}

static int ctrl_open(struct ring_vif *v, const struct ring_vif_conf *conf)
{
	void *page;
	int rc = hv_map(v->hv, conf->ctrl_ref, &page);

	if (rc)
		return rc;
	v->page = page;
	v->chan = hv_bind(v->hv, conf->ctrl_port);
	return v->chan < 0 ? v->chan : ctrl_attach(v);
}

int ring_vif_open(struct ring_vif **out, const struct ring_vif_conf *conf)
{
	struct ring_vif *v = calloc(1, sizeof(*v));
	int rc = 0;

	if (!v)
		return -ENOMEM;
	v->hv = conf->hv;
	v->keep = conf->keep;
	v->queues = conf->queues;
	v->chan = RING_NO_PORT;
	hash_key(v);
	gref_open(v);
	if (conf->has_ctrl)
		rc = ctrl_open(v, conf);
	if (rc) {
		ring_vif_close(v);
		return rc;
	}
	*out = v;
	return 0;
}

void ring_vif_tell(struct ring_vif *v, const struct ring_wish *w)
{
	v->wish = *w;
	if (v->wish.headroom > RING_HEADROOM)
		v->wish.headroom = 0;
}

void ring_vif_close(struct ring_vif *v)
{
	if (!v)
		return;
	gref_close(v);
	hv_unbind(v->hv, v->chan);
	hv_unmap(v->hv, v->page);
	free(v);
}
