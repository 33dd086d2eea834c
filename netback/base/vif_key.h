/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vif_key.h - what the files of the vif grammar share */
#ifndef NETBACK_BASE_VIF_KEY_H
#define NETBACK_BASE_VIF_KEY_H

#include "vif.h"

enum { VIF_SHOWN = 48 /* bytes of a stranger's text in a message */ };

/* parse reads a value, print writes it ("" = the default) with sep between its
 * parts; a switch, which has neither, is a bit of v->port.
 */
struct vif_key {
	const char *name;
	int (*parse)(struct vif *v, const char *s, struct err *e);
	int (*print)(const struct vif *v, char *buf, size_t size, char sep);
	uint8_t bit;
	bool inverted; /* the bit says no */
};

/* A stranger's text, fit for a message. */
struct shown {
	char s[VIF_SHOWN + 4];
};
struct shown vif_show(const char *s);

int vif_switch_parse(struct vif *v, const struct vif_key *k, const char *s,
		     struct err *e);
int vif_switch_print(const struct vif *v, const struct vif_key *k, char *buf,
		     size_t size);
int vif_create_parse(struct vif *v, const char *s, struct err *e);
int vif_create_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_direct_parse(struct vif *v, const char *s, struct err *e);
int vif_direct_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_link_parse(struct vif *v, const char *s, struct err *e);
int vif_link_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_vlan_parse(struct vif *v, const char *s, struct err *e);
int vif_vlan_print(const struct vif *v, char *buf, size_t size, char sep);
/* vif_guard.c; learn: is s one of its words? */
bool vif_learn_parse(struct vif *v, const char *s);
const char *vif_learn_name(const struct vif *v);
int vif_pair_parse(struct vif *v, const char *s, struct err *e);
int vif_pair_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_allow_parse(struct vif *v, const char *s, struct err *e);
int vif_allow_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_packets_parse(struct vif *v, const char *s, struct err *e);
int vif_packets_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_connections_parse(struct vif *v, const char *s, struct err *e);
int vif_connections_print(const struct vif *v, char *buf, size_t size,
			  char sep);
int vif_rules_parse(struct vif *v, const char *s, struct err *e);
int vif_rules_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_network_parse(struct vif *v, const char *s, struct err *e);
int vif_network_print(const struct vif *v, char *buf, size_t size, char sep);
int vif_rate_parse(struct vif *v, const char *s, struct err *e);
int vif_rate_print(const struct vif *v, char *buf, size_t size, char sep);

int vif_accept_parse(struct vif *v, const char *s, struct err *e);
int vif_accept_print(const struct vif *v, char *buf, size_t size, char sep);

#endif
