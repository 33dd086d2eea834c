// SPDX-License-Identifier: GPL-2.0-or-later
/* run.c - the run directory: locks, the store's socket, signals held back */
#include "ctl/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"

enum { RUN_POLL_MS = 20 };

static int run_lock_path(const struct ctl *c, const char *name, char *path)
{
	return str_fmt(path, CTL_PATH, "%s/lock/%s", c->run, name) < 0
		       ? -ENAMETOOLONG
		       : 0;
}

static int run_lock_dir(const struct ctl *c, struct err *e)
{
	char dir[CTL_PATH];
	int r;

	if (str_fmt(dir, sizeof(dir), "%s/lock", c->run) < 0)
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	if (!mkdir(dir, 0700) || errno == EEXIST)
		return 0;
	r = errno;
	if (r == ENOENT)
		return err_set(e, -r,
			       "store: %s does not exist; start it: "
			       "netbackd --store --run %s",
			       c->run, c->run);
	return err_set(e, -r, "cannot make %s: %s; %s", dir, strerror(r),
		       r == EACCES ? "run vifctl as the user who runs "
				     "netbackd, mostly root"
				   : "is the file system writable?");
}

static int run_made(const char *path, int r, struct err *e)
{
	return r ? err_set(e, -r, "cannot make %s: %s", path, strerror(r)) : 0;
}

int run_folder(const char *path, struct err *e)
{
	int r = mkdir(path, 0700) && errno != EEXIST ? errno : 0;

	return run_made(path, r, e);
}

int run_mark(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return run_made(path, errno, e);
	close(fd);
	return 0;
}

/* One try: an fd that holds the lock, -EAGAIN, -errno. The file is removed on
 * release, so what was locked may have lost its name meanwhile.
 */
static int run_lock_once(const char *path)
{
	struct stat have, named;
	int r, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		r = errno == EWOULDBLOCK ? EAGAIN : errno;
		goto out;
	}
	r = EAGAIN;
	if (!fstat(fd, &have) && !stat(path, &named) &&
	    have.st_ino == named.st_ino && have.st_dev == named.st_dev)
		return fd;
out:
	close(fd);
	return -r;
}

int run_lock(const struct ctl *c, const char *name, struct err *e)
{
	struct timespec nap = { .tv_nsec = RUN_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + c->wait_ms * UINT64_C(1000000);
	char path[CTL_PATH];
	int fd, rc;

	if (run_lock_path(c, name, path))
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	fd = run_lock_once(path);
	if (fd == -ENOENT) {
		rc = run_lock_dir(c, e);
		if (rc)
			return rc;
		fd = run_lock_once(path);
	}
	for (; fd == -EAGAIN; fd = run_lock_once(path)) {
		if (run_interrupted())
			return err_set(e, -EINTR, "interrupted");
		if (clock_ns() >= end)
			return err_set(e, -EBUSY,
				       "another vifctl works on it and holds "
				       "%s; wait for it, or end it",
				       path);
		nanosleep(&nap, NULL);
	}
	if (fd < 0)
		return err_set(e, fd, "cannot lock %s: %s; is %s yours?", path,
			       strerror(-fd), c->run);
	return fd;
}

void run_unlock(const struct ctl *c, const char *name, int fd)
{
	char path[CTL_PATH];

	if (fd < 0)
		return;
	if (!run_lock_path(c, name, path))
		unlink(path);
	close(fd);
}

int run_store(struct ctl *c, struct err *e)
{
	char path[CTL_PATH];
	int rc;

	if (c->store)
		return 0;
	if (str_fmt(path, sizeof(path), "%s/store", c->run) < 0)
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	/* Nobody ever started one, or it is not for us: no use to wait. */
	rc = access(path, R_OK | W_OK) ? -errno : 0;
	if (!rc)
		rc = store_open(&c->store, path, RUN_STORE_MS);
	if (!rc)
		return 0;
	if (rc == -EACCES || rc == -EPERM)
		return err_set(e, rc,
			       "store: cannot open %s: %s; run vifctl as the "
			       "user who runs netbackd, mostly root",
			       path, strerror(-rc));
	return err_set(e, rc,
		       "store: does not answer at %s; start it: "
		       "netbackd --store --run %s",
		       path, c->run);
}

static void run_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void run_hold_signals(void)
{
	sigset_t set;

	run_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool run_interrupted(void)
{
	sigset_t set;

	if (sigpending(&set))
		return false;
	return sigismember(&set, SIGINT) == 1 ||
	       sigismember(&set, SIGTERM) == 1 ||
	       sigismember(&set, SIGHUP) == 1;
}
