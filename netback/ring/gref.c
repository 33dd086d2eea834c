// SPDX-License-Identifier: GPL-2.0-or-later
/* gref.c - pages of a guest that stay mapped, because it asked for that
 *
 * Where copying is a call to the hypervisor, a guest that always uses the same
 * buffers can have them mapped once (ADD_GREF_MAPPING) and let go at the end
 * (DEL_GREF_MAPPING). Slots that name such a reference are copied by us, all
 * others by the hypervisor, in one packet too. Where guests can be reached
 * anyway this changes nothing but the mapping itself.
 *
 * A list is added whole or not at all. Pages are mapped before the request is
 * done, and unmapped before it is: a worker killed in between leaves the
 * request to the next one, which maps what keep names, and does it again.
 */
#include <errno.h>
#include <string.h>

#include "ring/shared.h"
#include "ring/vif.h"

enum {
	GREF_LIST = HV_PAGE / sizeof(struct xen_netif_gref),
	GREF_BITS = 10,
};
static_assert(GREF_FIND == 1 << GREF_BITS && (int)GREF_FIND > (int)RING_GREFS,
	      "a search ends at a free place");

static unsigned gref_at(unsigned queue, uint32_t ref)
{
	return (ref ^ queue << 24) * 0x9e3779b1u >> (32 - GREF_BITS);
}

/* Place of a reference in the list, or -1. */
static int gref_find(const struct ring_vif *v, const struct survive_ctrl *c,
		     unsigned queue, uint32_t ref)
{
	unsigned i;

	for (i = gref_at(queue, ref); v->gref_find[i];
	     i = (i + 1) % GREF_FIND) {
		unsigned at = v->gref_find[i] - 1u;

		if (c->gref[at].ref == ref && c->gref[at].queue == queue)
			return (int)at;
	}
	return -1;
}

static void gref_put(struct ring_vif *v, const struct survive_ctrl *c,
		     unsigned place)
{
	unsigned i = gref_at(c->gref[place].queue, c->gref[place].ref);

	while (v->gref_find[i])
		i = (i + 1) % GREF_FIND;
	v->gref_find[i] = (uint16_t)(place + 1);
}

static void gref_index(struct ring_vif *v, const struct survive_ctrl *c)
{
	unsigned i;

	memset(v->gref_find, 0, sizeof(v->gref_find));
	for (i = 0; i < c->ngref; i++)
		gref_put(v, c, i);
}

static int gref_map(struct ring_vif *v, const struct survive_gref *g,
		    void **page)
{
	*page = NULL;
	return g->readonly ? hv_map_ro(v->hv, g->ref, page)
			   : hv_map(v->hv, g->ref, page);
}

/* The guest's list, copied once. */
static int gref_list(struct ring_vif *v, const uint32_t data[3],
		     struct xen_netif_gref list[GREF_LIST])
{
	struct hv_seg s = { .ref = data[1], .local = (uint8_t *)list };

	if (data[0] >= v->queues || data[2] > GREF_LIST)
		return -EINVAL;
	s.len = (uint16_t)(data[2] * sizeof(*list));
	if (!s.len)
		return 0;
	return hv_copy(v->hv, HV_FROM_GUEST, &s, 1) ? -EACCES : 0;
}

/* Unmaps what lies behind the first n. */
static void gref_cut(struct ring_vif *v, struct survive_ctrl *next, uint32_t n)
{
	while (next->ngref > n) {
		hv_unmap(v->hv, v->gref_page[--next->ngref]);
		v->gref_page[next->ngref] = NULL;
	}
	gref_index(v, next);
}

static unsigned gref_used(const struct survive_ctrl *c, unsigned queue)
{
	unsigned i, n = 0;

	for (i = 0; i < c->ngref; i++)
		n += c->gref[i].queue == queue;
	return n;
}

uint32_t gref_add(struct ring_vif *v, struct survive_ctrl *next,
		  const uint32_t data[3])
{
	struct xen_netif_gref list[GREF_LIST];
	uint32_t was = next->ngref, i;

	if (gref_list(v, data, list) ||
	    gref_used(next, data[0]) + data[2] > RING_GREFS / v->queues)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	for (i = 0; i < data[2]; i++) {
		struct survive_gref g = {
			.ref = list[i].ref,
			.queue = (uint8_t)data[0],
			.readonly = list[i].flags &
				    XEN_NETIF_CTRLF_GREF_readonly,
		};

		if (gref_find(v, next, data[0], g.ref) >= 0 ||
		    gref_map(v, &g, &v->gref_page[next->ngref])) {
			gref_cut(v, next, was);
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
		}
		next->gref[next->ngref] = g;
		gref_put(v, next, next->ngref++);
	}
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static bool gref_remove(struct ring_vif *v, struct survive_ctrl *next,
			unsigned queue, uint32_t ref)
{
	int at = gref_find(v, next, queue, ref);
	uint32_t last = next->ngref - 1;
	void *page;

	if (at < 0)
		return false;
	page = v->gref_page[at];
	next->gref[at] = next->gref[last];
	v->gref_page[at] = v->gref_page[last];
	v->gref_page[last] = page;
	gref_cut(v, next, last);
	return true;
}

uint32_t gref_del(struct ring_vif *v, struct survive_ctrl *next,
		  const uint32_t data[3], uint32_t *removed)
{
	struct xen_netif_gref list[GREF_LIST];
	struct hv_seg s = { .ref = data[1], .local = (uint8_t *)list };
	uint32_t i;

	if (gref_list(v, data, list))
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	for (i = 0; i < data[2]; i++) {
		bool gone = gref_remove(v, next, data[0], list[i].ref);

		*removed += gone;
		list[i].status = gone ? XEN_NETIF_CTRL_STATUS_SUCCESS
				      : XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	}
	s.len = (uint16_t)(data[2] * sizeof(*list));
	/* A list that we may not write is its owner's loss: they are gone. */
	if (s.len)
		hv_copy(v->hv, HV_TO_GUEST, &s, 1);
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* One that cannot be mapped any more has no page: it is copied as others are. */
void gref_open(struct ring_vif *v)
{
	const struct survive_ctrl *c = vif_ctrl(v);
	unsigned i;

	for (i = 0; i < c->ngref; i++)
		gref_map(v, &c->gref[i], &v->gref_page[i]);
	gref_index(v, c);
}

void gref_close(struct ring_vif *v)
{
	unsigned i;

	for (i = 0; i < RING_GREFS; i++)
		hv_unmap(v->hv, v->gref_page[i]);
}

/* The piece's bytes, if its page is mapped for that. */
static uint8_t *gref_reach(const struct ring_vif *v, unsigned queue,
			   enum hv_dir dir, const struct hv_seg *s)
{
	const struct survive_ctrl *c = vif_ctrl(v);
	int at = gref_find(v, c, queue, s->ref);

	if (at < 0 || !v->gref_page[at] || s->off + s->len > HV_PAGE ||
	    (dir == HV_TO_GUEST && c->gref[at].readonly))
		return NULL;
	return (uint8_t *)v->gref_page[at] + s->off;
}

int gref_copy(struct ring_vif *v, struct hv *hv, unsigned queue,
	      enum hv_dir dir, struct hv_seg *seg, unsigned n)
{
	struct hv_seg left[RING_PIECES];
	uint16_t from[RING_PIECES];
	unsigned i, k = 0;
	int rc = 0;

	if (!v || !vif_ctrl(v)->ngref)
		return n ? hv_copy(hv, dir, seg, n) : 0;
	for (i = 0; i < n; i++) {
		uint8_t *p = gref_reach(v, queue, dir, &seg[i]);

		if (!p) {
			from[k] = (uint16_t)i;
			left[k++] = seg[i];
			continue;
		}
		seg[i].status = 0;
		if (dir == HV_TO_GUEST)
			memcpy(p, seg[i].local, seg[i].len);
		else
			memcpy(seg[i].local, p, seg[i].len);
	}
	if (k)
		rc = hv_copy(hv, dir, left, k);
	for (i = 0; i < k; i++)
		seg[from[i]].status = left[i].status;
	return rc;
}
