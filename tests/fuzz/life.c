// SPDX-License-Identifier: GPL-2.0-or-later
/* life.c - fuzz the xenbus machine: any order of frontend states
 *
 * Each byte is what the frontend writes next, and whether the toolstack still
 * wants the device. The acts are done in a model of the device: what is written
 * must be a state that frontends know, rings are mapped when frames move, none is
 * mapped where a frontend may take its pages back, and a machine left alone is
 * at rest.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "daemon/life.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	unsigned own;
	bool mapped, gone;
};

static void must(bool b)
{
	if (!b)
		abort();
}

static void act(struct model *m, unsigned what)
{
	switch ((enum life_act)what) {
	case LIFE_TO_INIT_WAIT:
		m->mapped = false;
		m->own = LIFE_INIT_WAIT;
		return;
	case LIFE_CONNECT:
		must(m->own == LIFE_INIT_WAIT);
		m->mapped = true;
		return;
	case LIFE_TO_CONNECTED:
		must(m->mapped && m->own == LIFE_INIT_WAIT);
		m->own = LIFE_CONNECTED;
		return;
	case LIFE_TO_CLOSING:
		/* A connected one is asked first: frames still move. */
		if (m->own != LIFE_CONNECTED)
			m->mapped = false;
		must(m->own != LIFE_CLOSING);
		m->own = LIFE_CLOSING;
		return;
	case LIFE_TO_CLOSED:
		m->mapped = false;
		m->own = LIFE_CLOSED;
		return;
	case LIFE_DISCONNECT:
		must(m->own == LIFE_CONNECTED);
		m->mapped = false;
		return;
	case LIFE_SAY_RECONFIGURED:
		must(m->own == LIFE_CONNECTED || m->own == LIFE_INIT_WAIT ||
		     m->own == LIFE_INITIALISING);
		return;
	case LIFE_COMPLAIN:
		return;
	case LIFE_REMOVE:
		must(m->own == LIFE_CLOSED && !m->mapped);
		m->gone = true;
		return;
	case LIFE_END:
		break;
	}
	abort();
}

static void step(struct model *m, unsigned front, bool online)
{
	const uint8_t *list = life_next(m->own, front, online);
	unsigned i;

	for (i = 0; i < LIFE_ACTS && list[i] != LIFE_END; i++)
		act(m, list[i]);
	must(i < LIFE_ACTS);
	must(m->own != LIFE_CONNECTED || m->mapped);
	must(!m->mapped || m->own == LIFE_CONNECTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m = { .own = LIFE_INITIALISING };
	size_t i;

	for (i = 0; i < size && !m.gone; i++) {
		unsigned front = data[i] & 15;
		bool online = !(data[i] & 128);

		if (front > LIFE_STATES)
			front = data[i] * 1000u;
		step(&m, front, online);
		must(life_name(m.own) != NULL);
	}
	return 0;
}
