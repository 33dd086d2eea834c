// SPDX-License-Identifier: GPL-2.0-or-later
/* watches.c - LD_PRELOAD: writes down each watch that a program sets or takes back
 *
 * A line "+ PATH TOKEN" or "- PATH TOKEN" in the file that WATCHES names.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As in xenstore.h, which only the store's room includes. */
struct xs_handle;
typedef bool watch_fn(struct xs_handle *h, const char *path, const char *token);
bool xs_watch(struct xs_handle *h, const char *path, const char *token);
bool xs_unwatch(struct xs_handle *h, const char *path, const char *token);

static void note(char what, const char *path, const char *token)
{
	const char *file = getenv("WATCHES");
	char line[512];
	int n, fd;

	if (!file)
		return;
	n = snprintf(line, sizeof(line), "%c %s %s\n", what, path, token);
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

static bool pass(const char *name, struct xs_handle *h, const char *path,
		 const char *token)
{
	watch_fn *fn = (watch_fn *)dlsym(RTLD_NEXT, name);

	return fn && fn(h, path, token);
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	bool done = pass("xs_watch", h, path, token);

	if (done)
		note('+', path, token);
	return done;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	bool done = pass("xs_unwatch", h, path, token);

	if (done)
		note('-', path, token);
	return done;
}
