/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv_ops.h - what a provider of hv.h fills in; hv.c calls through it
 *
 * A provider's handle starts with struct hv. Every entry works on a batch or
 * is rare, so the indirect call is paid once per batch.
 */
#ifndef NETBACK_HV_OPS_H
#define NETBACK_HV_OPS_H

#include "hv.h"

struct hv_ops {
	int (*map)(struct hv *hv, uint32_t ref, void **page);
	int (*map_ro)(struct hv *hv, uint32_t ref,
		      void **page);		  /* NULL: -EOPNOTSUPP */
	void (*unmap)(struct hv *hv, void *page); /* never NULL */
	int (*copy)(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		    unsigned n);
	int (*reach)(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
		     unsigned n); /* NULL: -EOPNOTSUPP */
	int (*bind)(struct hv *hv, uint32_t port);
	void (*unbind)(struct hv *hv, int chan); /* never negative */
	int (*fd)(const struct hv *hv, int chan);
	int (*bell)(struct hv *hv, int chan);
	int (*clear)(struct hv *hv, int chan);
	bool (*dead)(const struct hv *hv);
	void (*close)(struct hv *hv);
};

struct hv {
	const struct hv_ops *ops;
};

#endif
