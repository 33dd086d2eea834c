// SPDX-License-Identifier: GPL-2.0-or-later
/* life.c - the xenbus state machine of one vif, as a table
 *
 *   Initialising ---> InitWait ---connect---> Connected <--> (Reconfigured)
 *        |             ^   |                     | disconnect
 *        |             |   v                     v
 *        `--------> Closed <---------------> Closing
 *
 * What frontends rely on: Linux connects only when we are in InitWait and
 * never comes back by itself once we closed; MiniOS writes 4 without having seen
 * our 2; a crash kernel starts again at 1 from anywhere; old Windows skips
 * Closing. So every row has an answer in every column.
 */
#include "daemon/life.h"

#include "base/num.h"

enum {
	COL_INITIALISING,
	COL_INIT_WAIT,
	COL_CONNECTED,
	COL_CLOSING,
	COL_CLOSED,
	COL_COUNT
};

/* Rows LIFE_UNKNOWN .. LIFE_STATES, then "closed, and not wanted again". */
enum { ROW_CLOSED_OFFLINE = LIFE_STATES + 1, ROW_COUNT };

/* Short names, for cells that can be read across. */
enum {
	MAPS = LIFE_CONNECT,
	DISC = LIFE_DISCONNECT,
	WAIT = LIFE_TO_INIT_WAIT,
	CNCT = LIFE_TO_CONNECTED,
	CLNG = LIFE_TO_CLOSING,
	CLSD = LIFE_TO_CLOSED,
	RECF = LIFE_SAY_RECONFIGURED,
	COMP = LIFE_COMPLAIN,
	GONE = LIFE_REMOVE,
};

/* Columns in each row: Initialising, InitWait, Connected, Closing, Closed. */
static const uint8_t life_table[ROW_COUNT][COL_COUNT][LIFE_ACTS] = {
	[LIFE_UNKNOWN] = { { CLSD, GONE },
			   { CLNG, CLSD, GONE },
			   { DISC, CLNG, CLSD, GONE },
			   { CLSD, GONE },
			   { GONE } },
	[LIFE_INITIALISING] = { { WAIT },
				{ 0 },
				{ DISC, CLNG, CLSD, WAIT },
				{ CLSD, WAIT },
				{ WAIT } },
	[LIFE_INIT_WAIT] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } },
	[LIFE_INITIALISED] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } },
	[LIFE_CONNECTED] = { { WAIT, MAPS, CNCT },
			     { MAPS, CNCT },
			     { 0 },
			     { CLSD, WAIT, MAPS, CNCT },
			     { WAIT, MAPS, CNCT } },
	[LIFE_CLOSING] = { { WAIT, CLNG },
			   { CLNG },
			   { DISC, CLNG },
			   { 0 },
			   { CLNG } },
	[LIFE_CLOSED] = { { CLSD },
			  { CLNG, CLSD },
			  { DISC, CLNG, CLSD },
			  { CLSD },
			  { 0 } },
	[LIFE_RECONFIGURING] = { { RECF }, { RECF }, { RECF }, { 0 }, { 0 } },
	[LIFE_RECONFIGURED] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } },
	[LIFE_STATES] = { { COMP, WAIT, CLNG },
			  { COMP, CLNG },
			  { COMP, DISC, CLNG },
			  { COMP },
			  { COMP, CLNG } },
	[ROW_CLOSED_OFFLINE] = { { CLSD, GONE },
				 { CLNG, CLSD, GONE },
				 { DISC, CLNG, CLSD, GONE },
				 { CLSD, GONE },
				 { GONE } },
};

static int life_column(unsigned own)
{
	switch (own) {
	case LIFE_INITIALISING:
		return COL_INITIALISING;
	case LIFE_INIT_WAIT:
		return COL_INIT_WAIT;
	case LIFE_CONNECTED:
	case LIFE_RECONFIGURED:
		return COL_CONNECTED;
	case LIFE_CLOSING:
		return COL_CLOSING;
	case LIFE_CLOSED:
		return COL_CLOSED;
	}
	return -1;
}

const uint8_t *life_next(unsigned own, unsigned front, bool online)
{
	static const uint8_t nothing[LIFE_ACTS];
	int col = life_column(own);

	if (col < 0)
		return nothing;
	if (front > LIFE_STATES)
		front = LIFE_STATES;
	if (front == LIFE_CLOSED && !online)
		front = ROW_CLOSED_OFFLINE;
	return life_table[front][col];
}

const char *life_name(unsigned state)
{
	static const char *const name[] = {
		[LIFE_UNKNOWN] = "gone",
		[LIFE_INITIALISING] = "initialising",
		[LIFE_INIT_WAIT] = "initwait",
		[LIFE_INITIALISED] = "initialised",
		[LIFE_CONNECTED] = "connected",
		[LIFE_CLOSING] = "closing",
		[LIFE_CLOSED] = "closed",
		[LIFE_RECONFIGURING] = "reconfiguring",
		[LIFE_RECONFIGURED] = "reconfigured",
	};

	return state < ARRAY_SIZE(name) ? name[state] : "unknown";
}

unsigned life_parse(const char *text)
{
	uint32_t n;

	/* A guest that writes 0 is there all the same: not LIFE_UNKNOWN, for
	 * which its device is taken away for good.
	 */
	return num_parse(text, LIFE_STATES, &n) || !n ? LIFE_STATES : n;
}
