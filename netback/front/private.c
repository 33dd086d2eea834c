// SPDX-License-Identifier: GPL-2.0-or-later
/* private.c - a whole host for one guest, in namespaces that vanish with it
 *
 *   caller's namespaces      ours (user if needed, net, mount, pid)    guest's net
 *   vifguest, waiting   ->   vifguest = process 1, store, netbackd,    eth0
 *                            br0, tap vif1.0, tmpfs over RUN
 *
 * When process 1 ends, for whatever reason, the kernel ends the others.
 */
#include "front/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "err.h"
#include "front/guest.h"

enum { PRIVATE_POLL_MS = 10, PRIVATE_WAIT = 500 /* polls */ };

static const char private_bridge[] = "br0";

/* --- the process that waits outside ---------------------------------------- */

static void private_wait(pid_t child)
{
	siginfo_t si;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	for (;;) {
		if (sigwaitinfo(&set, &si) < 0)
			continue;
		/* The terminal has told the child as well. */
		if (si.si_signo == SIGINT && si.si_code == SI_KERNEL)
			continue;
		if (si.si_signo != SIGCHLD) {
			kill(child, si.si_signo);
			continue;
		}
		if (waitpid(child, &status, WNOHANG) == child)
			break;
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int private_fork(struct err *e)
{
	sigset_t set, old;
	pid_t pid;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork: %s", strerror(errno));
	if (pid)
		private_wait(pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return 0;
}

/* --- a run directory ------------------------------------------------------- */

static bool private_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

/* Some directory that every host has and this command does not stand in: no new
 * one, because nobody would remove it after a SIGKILL.
 */
static const char *private_place(void)
{
	static const char *const dir[] = { "/mnt", "/media", "/srv", "/run" };
	char cwd[PATH_MAX] = "", exe[PATH_MAX] = "";
	unsigned i;

	if (!getcwd(cwd, sizeof(cwd)) ||
	    readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(dir); i++)
		if (!access(dir[i], X_OK) && !private_inside(cwd, dir[i]) &&
		    !private_inside(exe, dir[i]))
			return dir[i];
	return NULL;
}

static int private_mounts(struct private *p, struct err *e)
{
	const char *place = private_place();

	if (!place)
		return err_set(e, -ENOENT,
			       "no directory to put a run directory over (none "
			       "of /mnt, /media, /srv, /run)");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"))
		return err_set(e, -errno, "%s: tmpfs: %s", place,
			       strerror(errno));
	/* A container may forbid it: then ps shows its processes, no harm. */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL))
		errno = 0;
	str_put(p->run, sizeof(p->run), place);
	return setenv("NETBACK_RUN", place, 1) ? -ENOMEM : 0;
}

/* --- programs --------------------------------------------------------------- */

/* Beside our own executable, else by PATH. */
static void private_find(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		*slash = '\0';
		snprintf(path, PATH_MAX, "%s/%s", self, name);
		if (!access(path, X_OK))
			return;
	}
	snprintf(path, PATH_MAX, "%s", name);
}

/* Starts it with its output in RUN/NAME.log. */
static pid_t private_spawn(const struct private *p, const char *log,
			   char *const argv[])
{
	char path[PATH_MAX], file[96];
	pid_t pid;
	int fd;

	private_find(argv[0], path);
	pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	snprintf(file, sizeof(file), "%s/%s.log", p->run, log);
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	setpgid(0, 0); /* a Control-C is for the command */
	execvp(path, argv);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static void private_sleep(void)
{
	struct timespec ts = { .tv_nsec = PRIVATE_POLL_MS * 1000000L };

	nanosleep(&ts, NULL);
}

static bool private_answers(const char *path)
{
	int fd = msg_connect(path, SOCK_STREAM);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Starts a server and waits until it answers at RUN/where. */
static int private_start(struct private *p, const char *log, char *const argv[],
			 const char *where, struct err *e)
{
	pid_t pid = private_spawn(p, log, argv);
	char path[96];
	unsigned i;

	snprintf(path, sizeof(path), "%s/%s", p->run, where);
	for (i = 0; i < PRIVATE_WAIT && pid > 0; i++) {
		if (private_answers(path))
			return 0;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			break;
		private_sleep();
	}
	return err_set(e, -ENOTCONN, "%s: does not start", log);
}

static int private_servers(struct private *p, struct err *e)
{
	char *store[] = { (char *)"netbackd", (char *)"--store", NULL };
	char *daemon[] = { (char *)"netbackd", NULL };
	int rc = private_start(p, "store", store, "store", e);

	return rc ? rc : private_start(p, "netbackd", daemon, "control", e);
}

static int private_bridge_open(struct private *p, struct err *e)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (s < 0 || ioctl(s, SIOCBRADDBR, private_bridge))
		rc = -errno;
	if (s >= 0)
		close(s);
	if (rc)
		return err_set(e, rc, "bridge %s: %s", private_bridge,
			       strerror(-rc));
	rc = guest_addr(private_bridge, 0, p->host_ip, e);
	if (!rc)
		rc = guest_up(private_bridge, e);
	return rc ? rc : guest_up("lo", e);
}

static int private_attach(struct private *p, struct err *e)
{
	char bridge[32], *argv[] = { (char *)"vifctl", (char *)"attach",
				     (char *)p->vif, bridge, NULL };
	int status = 0;
	pid_t pid;

	snprintf(bridge, sizeof(bridge), "bridge=%s", private_bridge);
	pid = private_spawn(p, "vifctl", argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return err_set(e, -ECHILD, "vifctl attach %s %s failed", p->vif,
			       bridge);
	return 0;
}

int private_open(struct private *p, struct err *e)
{
	char self[32] = "";
	int rc = guest_unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID, e);

	if (!rc)
		rc = private_fork(e);
	if (rc)
		return rc;
	/* The old /proc still says what we are called outside. */
	if (readlink("/proc/self", self, sizeof(self) - 1) > 0)
		p->outer = (pid_t)atoi(self);
	rc = private_mounts(p, e);
	if (!rc)
		rc = private_bridge_open(p, e);
	if (!rc)
		rc = private_servers(p, e);
	return rc ? rc : private_attach(p, e);
}

void private_print_logs(const struct private *p)
{
	static const char *const name[] = { "store", "netbackd", "vifctl" };
	char path[96], line[512];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(name) && p->run[0]; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s.log", p->run, name[i]);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			fputs(line, stderr);
		if (f)
			fclose(f);
	}
}
