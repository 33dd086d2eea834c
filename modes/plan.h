/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - what the files of this room share */
#ifndef NETBACK_MODES_PLAN_H
#define NETBACK_MODES_PLAN_H

#include "mode.h"
#include "nl.h"

enum {
	RUN_FDB = 8, /* static entries of a port that are looked after */
	PLAN_GROUP = 0x6e62, /* "nb": of bridges that a plan made */
};

/* What the steps are run with, and how things were before the first. */
struct run {
	struct nl_host *h;
	const struct plan *p;
	mode_guard_fn *guard;
	struct nl_link was;
	bool was_attached; /* as the plan wants it, but for values */
	struct nl_static fdb[RUN_FDB]; /* its static entries */
	unsigned nfdb;
	bool made;	  /* the bridge, by us, just now */
	int was_ipv6_off; /* 0, 1, or -errno: none */

	/* of the steps that ip.c does */
	bool changed[MODE_STEPS];
	int value[MODE_STEPS]; /* a setting's, before */
	bool unclear;	       /* something could not be undone */
	char dev[IFNAMSIZ];    /* the last looked at, and its index */
	int index;
	struct err *e;
};

/* A zeroed step at the end of the list. */
struct step *plan_add(struct plan *p, enum step_kind kind, const char *dev);

/* "a veth device", or what to say when the kernel names no kind. */
const char *plan_kind(const char *kind);

const char *plan_onoff(bool on);

/* The switches of a port by the names that bridge(8) gives them. The first
 * PLAN_PORTS_SAID are always set; the others where they differ from a new port.
 */
enum { PLAN_PORTS = 7, PLAN_PORTS_SAID = 3 };
extern const struct plan_port {
	uint32_t bit; /* STEP_PORT_* */
	const char *name;
	bool inverted; /* the bit says that it is off */
} plan_ports[PLAN_PORTS];

int plan_open(struct nl_host **h, struct err *e);

/* As nl_link_get, with a sentence; "no such device" is no error. */
int plan_look(struct nl_host *h, const char *dev, struct nl_link *l,
	      bool *there, struct err *e);

/* "vif1.0: cannot enslave to br0: No such device (kernel's words)" */
int plan_failed(struct run *r, const struct step *s, int rc, const char *what,
		const char *of);

/* What the host's side of a vif is called: the highest there is, so that a bridge
 * never takes it for its own, and a guest finds its router where it was.
 */
extern const uint8_t plan_host_mac[6];

/* Is the device there, and a vif? */
int plan_sane_link(const struct vif *v, const struct facts *f, struct err *e);

/* ip.c: steps from STEP_SYSCTL on. ours: the device is a vif. */
int ip_facts(struct nl_host *h, const struct vif *v, const struct nl_link *l,
	     struct facts *f, struct err *e);
int ip_do(struct run *r, const struct step *s);
void ip_back(struct run *r, const struct step *s);
int ip_undo(struct run *r, const struct step *s, bool ours);
int ip_check(struct nl_host *h, const struct plan *p, const struct step *s,
	     FILE *out);

/* port.c: a bridge of our own, the VLANs of a port. */
int port_bridge_do(struct run *r, const struct step *s);
int port_bridge_undo(struct run *r, const struct step *s);
int port_vlan_do(struct run *r, const struct step *s);
int port_vlan_check(struct nl_host *h, const struct plan *p,
		    const struct step *s, FILE *out);
void port_vlan_print(const struct plan *p, const struct step *s, FILE *out);

int route_plan(const struct vif *v, const struct facts *f, struct plan *out,
	       struct err *e);
void route_forward4(const char *dev, const char *uplink, struct plan *p);
void route_forward6(const char *dev, const char *uplink, const struct facts *f,
		    struct plan *p);
void nat_gateway(const struct vif *v, int family, struct vif_addr *out);
int nat_plan(const struct vif *v, const struct facts *f, struct plan *out,
	     struct err *e);
int bridge_plan(const struct vif *v, const struct facts *f, struct plan *out,
		struct err *e);

#endif
