// SPDX-License-Identifier: GPL-2.0-or-later
/* ring.c - one queue: opening it, its bells, its counters */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ring/shared.h"

const char *ring_count_name(enum ring_count c)
{
	static const char *const name[RING_COUNTS] = {
		[RING_TX_PACKETS] = "tx_packets",
		[RING_TX_FRAMES] = "tx_frames",
		[RING_TX_BYTES] = "tx_bytes",
		[RING_TX_BAD_SLOTS] = "tx_bad_slots",
		[RING_TX_BAD_SIZE] = "tx_bad_size",
		[RING_TX_SHORT] = "tx_short",
		[RING_TX_BAD_GRANT] = "tx_bad_grant",
		[RING_TX_BAD_OFFLOAD] = "tx_bad_offload",
		[RING_TX_EXTRA_ONLY] = "tx_extra_only",
		[RING_TX_GSO_FIXUP] = "tx_gso_fixup",
		[RING_RX_FRAMES] = "rx_frames",
		[RING_RX_BYTES] = "rx_bytes",
		[RING_RX_NO_ROOM] = "rx_no_room",
		[RING_RX_TOO_BIG] = "rx_too_big",
		[RING_RX_FILTERED] = "rx_filtered",
		[RING_RX_BAD_GRANT] = "rx_bad_grant",
		[RING_RX_CUT] = "rx_cut",
		[RING_RX_SUMS] = "rx_sums",
		[RING_BELLS] = "bells",
		[RING_BELLS_SAVED] = "bells_saved",
		[RING_REPLAYED] = "replayed",
	};

	return name[c];
}

static int ring_map(struct ring *r, const struct ring_names *n)
{
	void *page;
	int rc;

	/* One page as both rings: each would answer into the other's requests */
	if (n->tx_ref == n->rx_ref)
		return -EINVAL;
	rc = hv_map(r->hv, n->tx_ref, &page);
	if (rc)
		return rc;
	r->tx.page = page;
	rc = hv_map(r->hv, n->rx_ref, &page);
	if (rc)
		return rc;
	r->rx.page = page;
	/* Two references may name one page */
	return r->tx.page == r->rx.page ? -EINVAL : 0;
}

static int ring_bind(struct ring *r, const struct ring_names *n)
{
	r->tx.chan = hv_bind(r->hv, n->tx_port);
	if (r->tx.chan < 0)
		return r->tx.chan;
	if (n->rx_port == n->tx_port) {
		r->rx.chan = r->tx.chan;
		return 0;
	}
	r->rx.chan = hv_bind(r->hv, n->rx_port);
	return r->rx.chan < 0 ? r->rx.chan : 0;
}

static int ring_attach(struct ring *r)
{
	uint64_t replayed = 0;
	int rc;

	r->tx.keep = &r->keep->tx;
	r->tx.req_size = sizeof(struct netif_tx_request);
	r->tx.rsp_size = sizeof(struct netif_tx_response);
	r->rx.keep = &r->keep->rx;
	r->rx.req_size = sizeof(struct netif_rx_request);
	r->rx.rsp_size = sizeof(struct netif_rx_response);
	rc = half_attach(&r->tx, &replayed);
	if (!rc)
		rc = half_attach(&r->rx, &replayed);
	ring_add(r, RING_REPLAYED, replayed);
	return rc;
}

int ring_open(struct ring **out, const struct ring_conf *conf)
{
	struct ring *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->hv = conf->hv;
	r->pool = conf->pool;
	r->vif = conf->vif;
	r->queue = conf->queue;
	r->keep = conf->keep;
	r->counts = conf->counts;
	r->features = conf->features;
	r->mtu = conf->mtu;
	r->reach = hv_can_reach(r->hv);
	r->rx_may_wait = !r->reach;
	r->tx.chan = r->rx.chan = RING_NO_PORT;
	rc = ring_map(r, &conf->names);
	if (!rc)
		rc = ring_bind(r, &conf->names);
	if (!rc)
		rc = ring_attach(r);
	if (!rc && hv_dead(r->hv))
		rc = -EFAULT;
	if (rc) {
		ring_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	ring_rx_forget(r);
	if (r->rx.chan != r->tx.chan)
		hv_unbind(r->hv, r->rx.chan);
	hv_unbind(r->hv, r->tx.chan);
	hv_unmap(r->hv, r->tx.page);
	hv_unmap(r->hv, r->rx.page);
	free(r);
}

static int ring_bell(struct ring *r, const struct half *h)
{
	ring_probe(NULL, 0);
	ring_add(r, RING_BELLS, 1);
	return hv_bell(r->hv, h->chan);
}

int ring_flush(struct ring *r)
{
	bool had = r->tx.done != r->tx.staged || r->rx.done != r->rx.staged;
	int rc = ring_rx_send(r);
	bool tx, rx;

	if (rc >= 0)
		rc = r->deaf;
	if (rc < 0)
		return rc;
	rc = 0;
	tx = half_publish(&r->tx);
	rx = half_publish(&r->rx);
	if (hv_dead(r->hv))
		return -EFAULT;
	if (had && !tx && !rx)
		ring_add(r, RING_BELLS_SAVED, 1);
	if (tx || (rx && r->rx.chan == r->tx.chan))
		rc = ring_bell(r, &r->tx);
	if (!rc && rx && r->rx.chan != r->tx.chan)
		rc = ring_bell(r, &r->rx);
	return rc;
}

int ring_arm(struct ring *r, unsigned rx_slots)
{
	int n;

	half_store_event(&r->tx, r->tx.taken + 1);
	n = half_waiting(&r->tx);
	if (n)
		return n < 0 ? n : 1;
	if (!rx_slots)
		return 0;
	half_store_event(&r->rx, r->rx.cons + rx_slots);
	n = ring_room(r);
	if (n < 0)
		return n;
	if (n >= (int)rx_slots)
		return 1;
	return r->features.rx_notify ? 0 : RING_LOOK;
}

int ring_poll(struct ring *r, unsigned rx_slots)
{
	int n = half_waiting(&r->tx), room;

	if (n < 0 || !rx_slots)
		return n;
	room = ring_room(r);
	return room < 0 ? room : n + (room >= (int)rx_slots);
}

static void ring_clear_one(struct ring *r, const struct half *h)
{
	int rc = hv_clear(r->hv, h->chan);

	if (rc < 0)
		r->deaf = rc;
}

/* Each channel costs a system call or two, so only the one that rang. A channel
 * that stays masked would be a guest that waits for ever: the next flush ends it.
 */
void ring_clear(struct ring *r, int fd)
{
	if (fd < 0 || fd == ring_fd_tx(r))
		ring_clear_one(r, &r->tx);
	if (r->rx.chan != r->tx.chan && (fd < 0 || fd == ring_fd_rx(r)))
		ring_clear_one(r, &r->rx);
}

int ring_fd_tx(const struct ring *r)
{
	return hv_fd(r->hv, r->tx.chan);
}

int ring_fd_rx(const struct ring *r)
{
	return hv_fd(r->hv, r->rx.chan);
}

static void ring_look_half(const struct half *h, struct ring_look_half *out)
{
	*out = (struct ring_look_half){
		.req_prod = half_load_prod(h),
		.rsp_event = half_load_event(h),
		.req_event = atomic_load_explicit(&h->page->req_event,
						  memory_order_relaxed),
		.taken = h->taken,
		.answered = h->done,
		.staged = h->staged,
		.intent = h->keep->intent,
	};
}

void ring_look(const struct ring *r, struct ring_look *out)
{
	ring_look_half(&r->tx, &out->tx);
	ring_look_half(&r->rx, &out->rx);
}
