/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv.h - what a hypervisor must give us for one guest
 *
 * Grants (a guest's page, offered by number) and event channels (a doorbell,
 * offered by number). One file per provider: hv_local.c (a sealed memfd, an
 * enforced grant table, eventfds), hv_xen.c (the kernel's gntdev and evtchn).
 * Whoever calls this never knows which.
 *
 * Errors: -errno. After any memory of the guest is found missing (a hole was
 * punched, its memory limit was met) the handle is dead: every call returns
 * -EFAULT, mapped pages read as private zeros, and only this guest is affected.
 * A guest of Xen is never dead in this way: where the hypervisor refuses to copy at
 * all that call alone returns -EREMOTEIO.
 */
#ifndef NETBACK_HV_H
#define NETBACK_HV_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HV_PAGE = 4096,	   /* bytes of a grant, on every architecture */
	HV_CHANNELS = 130, /* most channels of one guest we hold: 2 x 64 queues,
			    * the control ring, one spare */
	HV_MAPS = 130 + 512, /* most pages of one guest we map: rings, and what
			      * it asks to have mapped */
};

struct hv;

enum hv_dir { HV_FROM_GUEST = 0, HV_TO_GUEST = 1 };

/* One piece of one granted page. off + len <= HV_PAGE is checked here. */
struct hv_seg {
	uint32_t ref;	/* grant reference: the guest's number, untrusted */
	uint16_t off;	/* bytes into the page */
	uint16_t len;	/* bytes */
	uint8_t *local; /* hv_copy: our side. hv_reach: filled in */
	int status;	/* out: 0, -EACCES (no such grant, or read-only),
			 * -EINVAL (crosses the page), -EFAULT (dead),
			 * -EREMOTEIO (as the whole call) */
};

/* A local guest. Takes over memfd (also on error). The memory must be a tmpfs
 * file that is not hugetlb and is sealed with F_SEAL_SHRINK and F_SEAL_SEAL,
 * of at most HV_LOCAL_MAX bytes; size and the grant table's place (whole
 * pages, in range) are the guest's claims and are checked.
 * `backend` is our own domain number: grants for another domain are refused.
 */
enum { HV_LOCAL_MAX = 1 << 30, HV_LOCAL_GRANTS = 1 << 16 };

struct hv_local {
	uint64_t size;	   /* bytes of guest memory */
	uint64_t gtab_off; /* bytes: where the grant table starts */
	uint32_t grants;   /* entries of struct grant_entry_v1 */
	uint16_t backend;
	bool copies; /* for tests: as a provider that cannot reach */
};

int hv_local_open(struct hv **out, const struct hv_local *conf, int memfd);

/* The checks hv_local_open makes on the file alone; for the supervisor, which
 * holds the fd but never touches the memory. Returns 0 or -EINVAL, with the
 * reason in *why (a static string).
 */
int hv_local_check(int memfd, uint64_t size, const char **why);

/* Gives a local guest the two eventfds of one of its ports. Takes over both
 * (also on error). They must be eventfds; -EINVAL otherwise, -EEXIST when
 * the port is known, -ENOSPC beyond HV_CHANNELS.
 */
int hv_local_port(struct hv *hv, uint32_t port, int from_guest, int to_guest);

/* A guest of Xen. Takes over a gntdev (also on error). Cannot reach: packets are
 * copied by the hypervisor.
 */
int hv_xen_open(struct hv **out, uint16_t domid, int gntdev);

/* Gives it an evtchn for one of its ports, before hv_bind; hv_unbind takes it
 * back. Takes it over (also on error). -ENOSPC beyond HV_CHANNELS.
 */
int hv_xen_port(struct hv *hv, uint32_t port, int evtchn);

/* For the supervisor, which opens the kernel's devices and hands them over: is
 * there a Xen; a fresh gntdev; a fresh evtchn, restricted to ports of that guest.
 */
bool hv_xen_here(void);
int hv_xen_gntdev(void);
int hv_xen_evtchn(uint16_t domid);

/* All that a worker asks of them, 0 at the end: for its sandbox. */
extern const unsigned long hv_xen_ioctls[];

/* Maps one granted page for reading and writing, until unmapped: rings, and what
 * a guest asks to have mapped. _ro: for reading; -EOPNOTSUPP if there is no such
 * thing.
 */
int hv_map(struct hv *hv, uint32_t ref, void **page);
int hv_map_ro(struct hv *hv, uint32_t ref, void **page);
void hv_unmap(struct hv *hv, void *page); /* NULL is fine */

/* Copies n pieces between guest pages and private memory; each piece has its
 * own status. Returns the number that failed, -EFAULT when dead, -EREMOTEIO where
 * nothing may be said of any piece.
 */
int hv_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v, unsigned n);

/* Like hv_copy without copying: sets v[i].local to the granted bytes
 * themselves, NULL with a status where refused. They stay readable (writable)
 * as long as the guest stays connected; their content may change at any time.
 * Returns the number that failed, -EOPNOTSUPP from a provider that cannot map.
 */
int hv_reach(struct hv *hv, enum hv_dir dir, struct hv_seg *v, unsigned n);
bool hv_can_reach(const struct hv *hv); /* else: hv_copy alone */

/* Event channels. bind gives a small number for a guest's port; -ENOENT when
 * the guest offered no such port, -EBUSY when it is bound already.
 */
int hv_bind(struct hv *hv, uint32_t port);
void hv_unbind(struct hv *hv, int chan);  /* negative is fine */
int hv_fd(const struct hv *hv, int chan); /* readable = the guest rang */
int hv_bell(struct hv *hv, int chan);	  /* ring the guest */
int hv_clear(struct hv *hv, int chan);	  /* 1 = it had rung, 0 = not */

bool hv_dead(const struct hv *hv);

/* Unmaps everything. Pointers from hv_reach die here. NULL is fine. */
void hv_close(struct hv *hv);

/* Installs the process's SIGBUS handler: once, before the first hv_*_open.
 * A fault outside guest memory keeps its default action.
 */
int hv_init(void);

#endif
