/* SPDX-License-Identifier: GPL-2.0-or-later */
/* way.h - what a bridge has to do with a frame that is to be explained */
#ifndef NETBACK_CTL_WAY_H
#define NETBACK_CTL_WAY_H

#include "explain.h"

/* The bridge that a device is a port of, "" = none. */
void way_master(const char *dev, char bridge[IFNAMSIZ]);

/* A device's own MAC. */
bool way_mac(const char *dev, uint8_t mac[6]);

/* x->way, unsure, first, and way_reason if the reasons of rules have a name; from its
 * bridge, devices and frame.
 */
int way_fill(struct explain *x, struct err *e);

#endif
