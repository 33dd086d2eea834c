// SPDX-License-Identifier: GPL-2.0-or-later
/* hotplug_setup.c - vif-setup: the program that $script names, one of ours or not */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/hotplug.h"

enum { SETUP_WORDS = 64 };

static bool setup_is_self(const char *path)
{
	struct stat a, b;

	return !stat("/proc/self/exe", &a) && !stat(path, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The program that $script names, with the words which stand there, then with
 * ours. One of ours is called, another is executed; no shell sees the text.
 */
int hotplug_setup(struct ctl *c, const char *script, int argc, char **argv,
		  struct err *e)
{
	static const char blank[] = " \t\n";
	char *words[SETUP_WORDS + 1], *text = strdup(script), *save = NULL, *w;
	const char *base;
	int n = 0, i, rc = -ENOMEM;

	for (w = text ? strtok_r(text, blank, &save) : NULL;
	     w && n < SETUP_WORDS; w = strtok_r(NULL, blank, &save))
		words[n++] = w;
	if (!n || n + argc > SETUP_WORDS) {
		rc = err_set(e, -EINVAL, "script= has %s",
			     n ? "too many words" : "no program's name");
		goto out;
	}
	for (i = 0; i < argc; i++)
		words[n++] = argv[i];
	words[n] = NULL;
	base = strrchr(words[0], '/') ? strrchr(words[0], '/') + 1 : words[0];
	if (!strcmp(base, "vif-setup")) {
		rc = err_set(e, -ELOOP, "script= names vif-setup itself");
		goto out;
	}
	if (hotplug_is(base) && (base == words[0] || setup_is_self(words[0]))) {
		rc = hotplug_run(c, base, n - 1, words + 1, e);
		goto out;
	}
	if (base == words[0])
		rc = -ENOENT;
	else
		rc = execv(words[0], words) ? -errno : 0;
	err_set(e, rc, "script=%.200s: cannot run it: %s", words[0],
		strerror(-rc));
out:
	free(text);
	return rc;
}
