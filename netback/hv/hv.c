// SPDX-License-Identifier: GPL-2.0-or-later
/* hv.c - the hypervisor border: calls go to the provider that opened the handle
 */
#include <errno.h>
#include <stddef.h>

#include "hv/bell.h"
#include "hv/fault.h"
#include "hv/hv_ops.h"

int hv_init(void)
{
	int rc = bell_init();

	return rc ? rc : fault_init();
}

int hv_map(struct hv *hv, uint32_t ref, void **page)
{
	return hv->ops->map(hv, ref, page);
}

int hv_map_ro(struct hv *hv, uint32_t ref, void **page)
{
	return hv->ops->map_ro ? hv->ops->map_ro(hv, ref, page) : -EOPNOTSUPP;
}

void hv_unmap(struct hv *hv, void *page)
{
	if (page)
		hv->ops->unmap(hv, page);
}

int hv_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v, unsigned n)
{
	return hv->ops->copy(hv, dir, v, n);
}

int hv_reach(struct hv *hv, enum hv_dir dir, struct hv_seg *v, unsigned n)
{
	return hv->ops->reach ? hv->ops->reach(hv, dir, v, n) : -EOPNOTSUPP;
}

bool hv_can_reach(const struct hv *hv)
{
	return hv->ops->reach;
}

int hv_bind(struct hv *hv, uint32_t port)
{
	return hv->ops->bind(hv, port);
}

void hv_unbind(struct hv *hv, int chan)
{
	if (chan >= 0)
		hv->ops->unbind(hv, chan);
}

int hv_fd(const struct hv *hv, int chan)
{
	return hv->ops->fd(hv, chan);
}

int hv_bell(struct hv *hv, int chan)
{
	return hv->ops->bell(hv, chan);
}

int hv_clear(struct hv *hv, int chan)
{
	return hv->ops->clear(hv, chan);
}

bool hv_dead(const struct hv *hv)
{
	return hv->ops->dead(hv);
}

void hv_close(struct hv *hv)
{
	if (hv)
		hv->ops->close(hv);
}
