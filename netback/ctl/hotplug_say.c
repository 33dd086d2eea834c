// SPDX-License-Identifier: GPL-2.0-or-later
/* hotplug_say.c - what a hotplug program tells the toolstack, and what a store refuses */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ctl/hotplug.h"
#include "store.h"

/* last: its LOG_INFO .. are not ours of base/log.h */
#include <syslog.h>

enum { SAY_PATH = HOTPLUG_PATH + 32 };

struct say {
	const struct hotplug *h;
	const char *why; /* NULL = connected */
	uint32_t mtu;
	bool was_error, briefly;
	char at[SAY_PATH]; /* what is written, or was last */
};

/* An error of oxenstored's that libxenstore does not know comes as EINVAL. */
int hotplug_store_failed(int rc, const char *doing, const char *path,
			 struct err *e)
{
	static const char quota[] = "its quota for this domain is used up; "
				    "xenstore-ls shows by what";
	const char *why = strerror(-rc);
	bool reads = !strcmp(doing, "read");

	if (rc == -EINVAL)
		why = reads ? "no plain text; write it anew"
			    : "the store refuses it";
	if (rc == -ENOSPC || (rc == -EINVAL && !reads))
		return err_set(e, rc, "store: cannot %s %s: %s; %s%s", doing,
			       path, why, rc == -EINVAL ? "perhaps " : "",
			       quota);
	return err_set(e, rc, "store: cannot %s %s: %s", doing, path, why);
}

static int say_put(struct say *s, struct store *st, const char *key,
		   const char *value)
{
	snprintf(s->at, sizeof(s->at), "%s/%s", s->h->path, key);
	return value ? store_write(st, s->at, value) : store_rm(st, s->at);
}

static int say_mtu(struct say *s, struct store *st)
{
	snprintf(s->at, sizeof(s->at), "/local/domain/%u/device/vif/%u/mtu",
		 s->h->domid, s->h->handle);
	return store_printf(st, s->at, "%u", s->mtu);
}

/* A vif that is on its way out may have lost its directory: it is not made
 * again.
 */
static int say_txn(struct store *st, void *arg)
{
	struct say *s = arg;
	char text[STORE_VALUE];
	int rc;

	snprintf(s->at, sizeof(s->at), "%s", s->h->path);
	rc = store_read(st, s->at, text, sizeof(text));
	if (rc < 0 && rc != -EINVAL)
		return rc;
	rc = 0;
	if (!s->why && !s->h->tap)
		rc = say_mtu(s, st);
	if (!rc && !s->briefly && (s->why || s->was_error))
		rc = say_put(s, st, "hotplug-error", s->why);
	if (!rc && (s->why || !s->h->tap))
		rc = say_put(s, st, "hotplug-status",
			     s->why ? "error" : "connected");
	return rc;
}

void hotplug_note(const char *dev, const char *text)
{
	log_warn("%s: %s", dev, text);
	syslog(LOG_DAEMON | LOG_WARNING, "%s: %s", dev, text);
}

int hotplug_say(struct store *st, const struct hotplug *h, const char *why,
		uint32_t mtu, bool was_error, struct err *e)
{
	struct say s = {
		.h = h, .why = why, .mtu = mtu, .was_error = was_error
	};
	int rc = store_txn(st, say_txn, &s);

	if (rc && rc != -ENOTCONN && why) {
		s.briefly = true;
		rc = store_txn(st, say_txn, &s);
	}
	return rc ? hotplug_store_failed(rc, "write", s.at, e) : 0;
}
