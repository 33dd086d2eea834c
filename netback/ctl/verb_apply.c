// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_apply.c - apply: attach the vifs that files name, as at boot
 *
 * DIR/vifN.M.vif holds the words of one vif, any number on a line, '#' to the end
 * of the line being a comment. One bad file does not stop the others.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/control.h"
#include "ctl/out.h"
#include "ctl/run.h"

enum {
	APPLY_FILE = 8192, /* bytes of a file at most */
	APPLY_ARGS = 64,
	APPLY_FILES = 4096,
	APPLY_POLL_MS = 50,
};

static const char apply_dir[] = "/etc/netback/vifs.d";
static const char apply_end[] = ".vif";

struct apply {
	struct ctl *c;
	struct out out;
	unsigned n, bad;
};

static int apply_load(int dir, const char *file, char *text, struct err *e)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && !fstat(fd, &st) && !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, -EINVAL, "it is no regular file");
	}
	if (fd >= 0)
		n = read(fd, text, APPLY_FILE);
	if (n < 0)
		err_set(e, -errno, "cannot read it: %s", strerror(errno));
	else if (n == APPLY_FILE)
		err_set(e, -EFBIG, "it is longer than %d bytes",
			APPLY_FILE - 1);
	else if (memchr(text, '\0', (size_t)n))
		err_set(e, -EINVAL, "it is not a text file");
	if (fd >= 0)
		close(fd);
	text[n < 0 || n == APPLY_FILE ? 0 : n] = '\0';
	return e->text[0] ? -EINVAL : 0;
}

/* Words of text, behind those in argv; comments are blanked first. */
static int apply_words(char *text, char **argv, int argc, struct err *e)
{
	char *p, *save = NULL;

	for (p = strchr(text, '#'); p; p = strchr(p, '#'))
		memset(p, ' ', strcspn(p, "\n"));
	for (p = strtok_r(text, " \t\r\n", &save); p;
	     p = strtok_r(NULL, " \t\r\n", &save)) {
		if (argc == APPLY_ARGS)
			return err_set(e, -EINVAL, "it has too many words");
		argv[argc++] = p;
	}
	return argc;
}

static void apply_file(struct apply *a, int dir, const char *file)
{
	char name[ATTACH_NAME], text[APPLY_FILE], *argv[APPLY_ARGS] = { name };
	struct err e = { "" };
	uint16_t domid, handle;
	int rc;

	rc = str_fmt(name, sizeof(name), "%.*s",
		     (int)(strlen(file) - strlen(apply_end)), file);
	if (rc < 0 || strncmp(name, "vif", 3) ||
	    vif_parse_name(name, &domid, &handle, NULL))
		rc = err_set(&e, -EINVAL,
			     "the file's name is not vifN.M.vif, as "
			     "vif1.0.vif for device 0 of domain 1");
	else
		rc = apply_load(dir, file, text, &e);
	if (!rc)
		rc = apply_words(text, argv, 1, &e);
	if (rc > 0)
		rc = verb_attach(a->c, rc, argv, &e);
	a->n++;
	a->bad += rc != 0;
	out_begin(&a->out, file);
	out_str(&a->out, "apply", rc ? "failed" : "attached");
	if (rc)
		out_str(&a->out, "error", e.text);
	out_end(&a->out);
}

static int apply_wanted(const struct dirent *d)
{
	size_t n = strlen(d->d_name), end = strlen(apply_end);

	return d->d_name[0] != '.' && n > end &&
	       !strcmp(d->d_name + n - end, apply_end);
}

/* At boot netbackd may be a moment behind. */
static int apply_wait(const struct ctl *c, struct err *e)
{
	struct timespec nap = { .tv_nsec = APPLY_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + c->wait_ms * UINT64_C(1000000);
	int rc;

	while ((rc = control_alive(c, e)) && clock_ns() < end &&
	       !run_interrupted())
		nanosleep(&nap, NULL);
	return rc;
}

static int apply_all(struct apply *a, const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n, i;
	struct dirent **list = NULL;

	if (dir < 0)
		return err_set(e, -errno, "apply: cannot read %.200s: %s", path,
			       strerror(errno));
	n = scandirat(dir, ".", &list, apply_wanted, versionsort);
	for (i = 0; i < n; i++) {
		if (i < APPLY_FILES && !run_interrupted())
			apply_file(a, dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	close(dir);
	if (n < 0)
		return err_set(e, -ENOMEM, "out of memory");
	if (n > APPLY_FILES)
		return err_set(e, -E2BIG, "apply: more than %d files in %.200s",
			       APPLY_FILES, path);
	return 0;
}

int verb_apply(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct apply a = { .c = c };
	struct stat st;
	const char *path = argc ? argv[0] : apply_dir;
	int rc;

	if (argc > 1 || !path[0])
		return err_set(e, CTL_USAGE,
			       "apply: one directory at most is expected");
	/* none at all is an empty one, where it was not asked for */
	if (!argc && stat(path, &st) && errno == ENOENT)
		return 0;
	run_hold_signals();
	rc = apply_wait(c, e);
	if (rc)
		return rc;
	if (out_open(&a.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = apply_all(&a, path, e);
	if (out_close(&a.out) && !rc)
		rc = err_set(e, -EIO, "cannot write to stdout");
	if (!rc && a.bad)
		rc = err_set(e, -EINVAL,
			     "apply: %u of %u vifs could not be attached; see "
			     "error above",
			     a.bad, a.n);
	return rc;
}
