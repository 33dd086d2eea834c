// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_apply.c - apply: make the networks and attach the vifs that files name, as at
 * boot
 *
 * DIR/vifN.M.vif holds the words of one vif, DIR/NAME.network those of a network, any
 * number on a line, '#' to the end of the line being a comment. One bad file does
 * not stop the others.
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
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"

enum {
	APPLY_FILE = 8192, /* bytes of a file at most */
	APPLY_ARGS = 64,
	APPLY_NAME = 64,
	APPLY_FILES = 4096,
	APPLY_POLL_MS = 50,
};

struct apply;

/* What lies in a directory. */
struct apply_kind {
	const char *dir, *end, *things, *did;
	/* text: the file's; 0, 1 something was done, or -errno */
	int (*one)(struct apply *a, const char *name, char *text,
		   struct err *e);
};

struct apply {
	struct ctl *c;
	const struct apply_kind *kind;
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

static int apply_vif(struct apply *a, const char *file, char *text,
		     struct err *e)
{
	char name[ATTACH_NAME], *argv[APPLY_ARGS] = { name };
	uint16_t domid, handle;
	int rc;

	if (str_put(name, sizeof(name), file) || strncmp(name, "vif", 3) ||
	    vif_parse_name(name, &domid, &handle, NULL))
		return err_set(e, -EINVAL,
			       "the file's name is not vifN.M.vif, as "
			       "vif1.0.vif for device 0 of domain 1");
	rc = apply_words(text, argv, 1, e);
	return rc < 0 ? rc : verb_attach(a->c, rc, argv, e);
}

static int apply_network(struct apply *a, const char *name, char *text,
			 struct err *e)
{
	char *argv[APPLY_ARGS];
	int rc = apply_words(text, argv, 0, e);

	return rc < 0 ? rc : net_apply(a->c, name, rc, argv, e);
}

static const struct apply_kind apply_vifs = { "/etc/netback/vifs.d", ".vif",
					      "vifs", "attached", apply_vif };
static const struct apply_kind apply_nets = { "/etc/netback/networks.d",
					      ".network", "networks", "made",
					      apply_network };

static void apply_file(struct apply *a, int dir, const char *file)
{
	char name[APPLY_NAME], text[APPLY_FILE];
	struct err e = { "" };
	int rc;

	rc = str_fmt(name, sizeof(name), "%.*s",
		     (int)(strlen(file) - strlen(a->kind->end)), file);
	rc = rc < 0 ? err_set(&e, -EINVAL, "the file's name is too long")
		    : apply_load(dir, file, text, &e);
	if (!rc)
		rc = a->kind->one(a, name, text, &e);
	if (rc == 1 && !e.text[0])
		rc = 0;
	a->n++;
	a->bad += rc != 0;
	out_begin(&a->out, file);
	out_str(&a->out, "apply", rc ? "failed" : a->kind->did);
	if (rc)
		out_str(&a->out, "error", e.text);
	out_end(&a->out);
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

static bool apply_wanted(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return name[0] != '.' && n > m && !strcmp(name + n - m, end);
}

static int apply_all(struct apply *a, const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n, i;
	struct dirent **list = NULL;

	if (dir < 0)
		return err_set(e, -errno, "apply: cannot read %.200s: %s", path,
			       strerror(errno));
	n = scandirat(dir, ".", &list, NULL, versionsort);
	for (i = 0; i < n; i++) {
		if (a->n < APPLY_FILES && !run_interrupted() &&
		    apply_wanted(list[i]->d_name, a->kind->end))
			apply_file(a, dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	close(dir);
	if (n < 0)
		return err_set(e, -ENOMEM, "out of memory");
	if (a->n == APPLY_FILES)
		return err_set(e, -E2BIG, "apply: more than %d files in %.200s",
			       APPLY_FILES, path);
	return 0;
}

/* path NULL: where they are, if there are any. */
static int apply_run(struct ctl *c, const struct apply_kind *kind,
		     const char *path, bool wait, struct err *e)
{
	struct apply a = { .c = c, .kind = kind };
	struct stat st;
	int rc;

	if (!path && stat(kind->dir, &st) && errno == ENOENT)
		return 0;
	run_hold_signals();
	rc = wait ? apply_wait(c, e) : 0;
	if (rc)
		return rc;
	if (out_open(&a.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = apply_all(&a, path ? path : kind->dir, e);
	if (out_close(&a.out) && !rc)
		rc = err_set(e, -EIO, "cannot write to stdout");
	if (!rc && a.bad)
		rc = err_set(e, -EINVAL,
			     "apply: %u of %u %s could not be %s; see error "
			     "above",
			     a.bad, a.n, kind->things, kind->did);
	return rc;
}

int apply_networks(struct ctl *c, const char *dir, struct err *e)
{
	return apply_run(c, &apply_nets, dir, false, e);
}

int verb_apply(struct ctl *c, int argc, char **argv, struct err *e)
{
	if (argc > 1 || (argc && !argv[0][0]))
		return err_set(e, CTL_USAGE,
			       "apply: one directory at most is expected");
	return apply_run(c, &apply_vifs, argc ? argv[0] : NULL, true, e);
}
