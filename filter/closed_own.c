// SPDX-License-Identifier: GPL-2.0-or-later
/* closed_own.c - one device in the table of closed bridges: its name, and its own */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "closed.h"
#include "filter.h"
#include "own.h"

enum { CLOSED_TRIES = 64 }; /* of many vifs that come and go at once */

int closed_knows(const struct own *o, struct err *e)
{
	struct nft *nft = NULL;
	struct own_table t;
	int rc = nft_open(&nft, e), named;

	if (rc)
		return rc;
	named = own_named(nft);
	if (named < 0)
		rc = closed_there(nft) ? -ENODATA : 0;
	else
		rc = closed_has_port(nft, o->dev);
	t = own_closed(named > 0);
	if (!rc && named >= 0 && own_there(nft, o, &t) == -ENOENT)
		rc = -ENODATA;
	nft_close(nft);
	if (rc && rc != -ENOENT && rc != -ENODATA)
		return nft_say(e, rc, CLOSED_TABLE, closed_config);
	return rc == -ENODATA ? CLOSED_NOT_ALL
	       : rc	      ? CLOSED_SHUT
			      : CLOSED_KNOWN;
}

/* The name, and what is the device's own, in one batch. A device that is new has
 * nothing there: what it puts rests on nothing that is read.
 */
static int closed_tell(struct nft *nft, struct nft_batch *b,
		       const struct own *o, bool on, bool known)
{
	int rc = 0, named = own_named(nft);
	struct own_table t = own_closed(named > 0);
	struct own_seen seen = { .together = false };

	if (on != known)
		rc = closed_put_port(b, o->dev, on);
	if (rc || named < 0) /* a table of before there were owners */
		return rc;
	return on && !known ? own_put(b, o, &t)
			    : own_change(nft, b, o, &t, &seen);
}

static int closed_tell_once(struct nft *nft, const struct own *o, bool on,
			    struct err *e)
{
	const char *what = "batch";
	bool known = !closed_has_port(nft, o->dev);
	struct nft_batch *b = NULL;
	uint32_t gen = 0;
	int rc = on && !known ? 0 : nft_gen(nft, &gen);

	if (!rc)
		rc = nft_batch_open(&b, gen);
	if (!rc)
		rc = closed_tell(nft, b, o, on, known);
	if (!rc && nft_batch_count(b))
		rc = nft_batch_send(nft, b, &what);
	if (rc && rc != -ERESTART && rc != -EINTR && rc != -ENOENT)
		rc = nft_say(e, rc, what, closed_config);
	nft_batch_close(b);
	return rc;
}

static int closed_change(const struct own *o, bool on, struct err *e)
{
	struct nft *nft = NULL;
	unsigned i;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (closed_there(nft))
		rc = -ERESTART;
	for (i = 0; (rc == -ERESTART || rc == -EINTR) && i < CLOSED_TRIES; i++)
		rc = closed_tell_once(nft, o, on, e);
	nft_close(nft);
	if (rc == -ENOENT) /* the table went meanwhile */
		rc = 0;
	if (rc == -ERESTART || rc == -EINTR)
		return err_set(e, -EAGAIN,
			       "%s: others change the rules all the time; try "
			       "again",
			       CLOSED_TABLE);
	return rc;
}

int closed_know(const struct own *o, struct err *e)
{
	return closed_change(o, true, e);
}

int closed_forget(const char *dev, struct err *e)
{
	struct own none = { .n = 0 };

	str_put(none.dev, sizeof(none.dev), dev);
	return closed_change(&none, false, e);
}

int filter_own(const struct policy *p, struct err *e)
{
	struct nft_batch *b = NULL;
	const char *what = "batch";
	struct nft *nft = NULL;
	struct own_table t;
	struct guard g;
	struct own o;
	int rc = guard_build(p, &g, e), named;

	if (!rc)
		rc = nft_open(&nft, e);
	if (rc)
		return rc;
	own_fill(&o, &g, p);
	named = own_named(nft);
	t = own_closed(named > 0);
	if (named < 0 || closed_has_port(nft, o.dev) ||
	    own_there(nft, &o, &t) != -ENOENT)
		goto out;
	rc = nft_batch_open(&b, 0);
	if (!rc)
		rc = own_put(b, &o, &t);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc == -ENOENT) /* the table went meanwhile */
		rc = 0;
	if (rc)
		rc = nft_say(e, rc, what, closed_config);
	nft_batch_close(b);
out:
	nft_close(nft);
	return rc;
}
