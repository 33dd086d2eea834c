// SPDX-License-Identifier: GPL-2.0-or-later
/* sandbox.c - what the nursery and its workers give up, for good
 *
 * supervisor  uid 0, CAP_NET_ADMIN	 never touches guest memory
 * nursery     own uid, no capability, empty root, no network, forks
 * worker      the same, and only the system calls noted beside the code
 *
 * chroot and unshare need more than CAP_NET_ADMIN, so the nursery is forked
 * before the supervisor drops the rest. The empty root is a directory that was
 * removed while we stood in it: nothing can be made in it. Where the user
 * namespace maps one uid only (unshare -r), there is no other uid to become.
 */
#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "confine.h"
#include "survive.h"

/* Whether one id alone is mapped into our user namespace. */
static bool sandbox_one_id(void)
{
	unsigned long inside, outside, n;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool one;

	if (!f)
		return false;
	one = fscanf(f, "%lu %lu %lu", &inside, &outside, &n) == 3 && n == 1 &&
	      fscanf(f, "%lu %lu %lu", &inside, &outside, &n) != 3;
	fclose(f);
	return one;
}

int sandbox_find_id(struct sandbox_id *id, const char *user, struct err *e)
{
	struct passwd *pw = NULL;

	*id = (struct sandbox_id){ 0 };
	if (user) {
		pw = getpwnam(user);
		if (!pw)
			return err_set(e, -ENOENT,
				       "--uid %s: there is no such user", user);
		if (!pw->pw_uid)
			return err_set(e, -EINVAL,
				       "--uid %s: workers must not be root",
				       user);
	}
	if (geteuid() || sandbox_one_id())
		return 0;
	if (!pw)
		pw = getpwnam("netback");
	if (!pw)
		pw = getpwnam("nobody");
	id->change = true;
	id->uid = pw ? pw->pw_uid : 65534;
	id->gid = pw ? pw->pw_gid : 65534;
	return 0;
}

/* Into a directory which is gone: nothing to see, nowhere to write. */
static int sandbox_empty_root(const char *run)
{
	char path[256];
	int rc;

	if (str_fmt(path, sizeof(path), "%s/empty.XXXXXX", run) < 0)
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	rc = chdir(path) ? -errno : 0;
	/* Else it stays for ever: nobody looks for it. */
	if (rmdir(path) && rmdir(path) && !rc)
		rc = -errno;
	if (!rc && (chroot(".") || chdir("/")))
		rc = -errno;
	return rc;
}

static int sandbox_drop_bounding(void)
{
	int cap;

	for (cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	}
	return 0;
}

static int sandbox_become(const struct sandbox_id *id)
{
	if (!id->change)
		return 0;
	if (setgroups(0, NULL) || setresgid(id->gid, id->gid, id->gid) ||
	    setresuid(id->uid, id->uid, id->uid))
		return -errno;
	return 0;
}

static int sandbox_drop_caps(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	/* An older kernel has no ambient set: nothing to clear then. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int sandbox_tie(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int sandbox_nursery(const struct sandbox_id *id, const char *run, struct err *e)
{
	int rc;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP | CLONE_FILES | CLONE_FS))
		return err_set(e, -errno, "cannot unshare namespaces: %s",
			       strerror(errno));
	rc = sandbox_empty_root(run);
	if (rc)
		return err_set(e, rc, "cannot enter an empty root in %s: %s",
			       run, strerror(-rc));
	rc = sandbox_drop_bounding();
	if (!rc)
		rc = sandbox_become(id);
	if (rc)
		return err_set(e, rc, "cannot become uid %u: %s",
			       (unsigned)id->uid, strerror(-rc));
	rc = sandbox_drop_caps();
	return rc ? err_set(e, rc, "cannot drop capabilities: %s",
			    strerror(-rc))
		  : 0;
}

/* Survival memory is a file on the run directory's tmpfs, others' too: whoever holds
 * it may write what it is, and not fill that up. No signal: it would end a worker
 * whose log is a longer file.
 */
static int sandbox_limit_files(void)
{
	const rlim_t most = survive_size(SURVIVE_QUEUES);
	const struct rlimit size = { most, most };

	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &size) ? -errno : 0;
}

int sandbox_worker(struct err *e)
{
	struct sock_fprog list = {
		.len = ARRAY_SIZE(confine_worker),
		.filter = (struct sock_filter *)confine_worker,
	};

	if (sandbox_limit_files() ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &list))
		return err_set(e, -errno, "cannot confine a worker: %s",
			       strerror(errno));
	return 0;
}

int sandbox_supervisor(struct err *e)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			 CAP_NET_ADMIN) ||
	    capng_apply(CAPNG_SELECT_BOTH))
		return err_set(e, -EPERM,
			       "cannot keep CAP_NET_ADMIN; start netbackd as "
			       "root, or with: unshare -Urn");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, -errno, "no_new_privs: %s", strerror(errno));
	return 0;
}
