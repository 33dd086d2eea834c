// SPDX-License-Identifier: GPL-2.0-or-later
/* hooks.c - an administrator's programs, run when a vif comes, changes or goes */
#include "ctl/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"

enum {
	HOOKS_PATH = 512,
	HOOKS_FILES = 64, /* at most; more are not run, and that is said */
	HOOKS_ENV = 12,
	HOOKS_VALUE = 1100,
	HOOKS_POLL_MS = 2,
};

static const char hooks_dir[] = "/etc/netback/hooks.d";
static const char hooks_post_dir[] = "/etc/xen/scripts/vif-post.d";

/* What one program is started with. */
struct hooks_call {
	char *const *argv, *const *env;
	int input; /* a descriptor for its standard input */
};

static const char *hooks_where(const char *var, const char *def)
{
	const char *s = getenv(var);

	return s && s[0] ? s : def;
}

/* --- which files -------------------------------------------------------------*/

/* Only root's, or ours, and nobody else may write it. */
static bool hooks_trusted(const struct stat *st)
{
	return (!st->st_uid || st->st_uid == geteuid()) &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* 1: to be run; 0: not meant to be; -EPERM: not to be trusted, said. */
static int hooks_file(int dir, const char *path, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0) || !S_ISREG(st.st_mode) ||
	    !(st.st_mode & S_IXUSR))
		return 0;
	if (hooks_trusted(&st))
		return 1;
	log_warn("hook %s/%s: not run: somebody else than root owns it or may "
		 "write it; chown root, chmod go-w",
		 path, name);
	return -EPERM;
}

static int hooks_any(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int hooks_old(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return hooks_any(d) && n > 5 && !strcmp(d->d_name + n - 5, ".hook");
}

/* A trusted directory's files, sorted; 0 where there is none. */
static int hooks_list(const char *path, int (*want)(const struct dirent *d),
		      int *dir, struct dirent ***list)
{
	struct stat st;
	int n;

	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return 0;
	if (fstat(*dir, &st) || !hooks_trusted(&st)) {
		log_warn("hooks: %s: not looked at: somebody else than root "
			 "owns it or may write it",
			 path);
		return 0;
	}
	n = scandirat(*dir, ".", list, want, versionsort);
	if (n > HOOKS_FILES)
		log_warn("hooks: %s: only the first %d are run", path,
			 HOOKS_FILES);
	return n < 0 ? 0 : n;
}

static void hooks_list_drop(int dir, struct dirent **list, int n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
	if (dir >= 0)
		close(dir);
}

/* --- one program -------------------------------------------------------------*/

/* In the child: nothing of ours but the three. */
static void hooks_exec(const struct hooks_call *k)
{
	sigset_t none;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(k->input, 0) < 0 || dup2(2, 1) < 0)
		_exit(126);
	close_range(3, ~0u, 0);
	execve(k->argv[0], k->argv, k->env);
	_exit(127);
}

/* Its status as waitpid has it; -ETIMEDOUT when it had to be killed. Only this
 * child is waited for.
 */
static int hooks_wait(pid_t pid)
{
	struct timespec nap = { .tv_nsec = HOOKS_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + HOOKS_MS * UINT64_C(1000000);
	int status;
	pid_t r;

	while (!(r = waitpid(pid, &status, WNOHANG)) && clock_ns() < end)
		nanosleep(&nap, NULL);
	/* what it left behind in its group goes, too */
	kill(-pid, SIGKILL);
	if (r == pid)
		return status;
	if (!r)
		waitpid(pid, &status, 0);
	return r ? -ECHILD : -ETIMEDOUT;
}

/* 0, or what became of it in words. */
static int hooks_start(const struct hooks_call *k, char *why, size_t size)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		hooks_exec(k);
	if (pid < 0)
		return snprintf(why, size, "cannot start it: %s",
				strerror(errno));
	setpgid(pid, pid);
	status = hooks_wait(pid);
	if (!status)
		return 0;
	if (status == -ETIMEDOUT)
		return snprintf(why, size, "killed after %d s",
				HOOKS_MS / 1000);
	if (status < 0)
		return snprintf(why, size, "lost");
	if (WIFSIGNALED(status))
		return snprintf(why, size, "killed by signal %d",
				WTERMSIG(status));
	return snprintf(why, size, "exit status %d", WEXITSTATUS(status));
}

/* --- JSON on its standard input ----------------------------------------------*/

/* Values of a vif hold nothing that JSON would escape (vif.h). */
static void hooks_json(const struct hooks_event *ev, FILE *f)
{
	char value[VIF_TEXT];
	const char *sep = "";
	unsigned i;

	fprintf(f,
		"{\"version\":1,\"event\":\"%s\",\"when\":\"%s\","
		"\"name\":\"vif%u.%u\",\"domain\":%u,\"device\":%u,"
		"\"dev\":\"%s\"",
		ev->what, ev->before ? "before" : "after", ev->v->domid,
		ev->v->handle, ev->v->domid, ev->v->handle, ev->v->name);
	if (ev->path && ev->path[0])
		fprintf(f, ",\"xenbus_path\":\"%s\"", ev->path);
	fprintf(f, ",\"keys\":{");
	for (i = 0; vif_keys[i]; i++) {
		if (vif_get(ev->v, vif_keys[i], value, sizeof(value)) <= 0)
			continue;
		fprintf(f, "%s\"%s\":\"%s\"", sep, vif_keys[i], value);
		sep = ",";
	}
	fprintf(f, "}}\n");
}

/* A file in memory: nobody waits for a hook that does not read. */
static int hooks_input(const struct hooks_event *ev)
{
	int fd = memfd_create("netback-hook", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");

	if (!f)
		return fd;
	hooks_json(ev, f);
	fclose(f);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static bool hooks_must(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, ".must");
}

static int hooks_one(const struct hooks_event *ev, const char *dir,
		     const char *name, struct err *e)
{
	static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char path[HOOKS_PATH], why[128], *argv[] = { path, NULL };
	char *env[] = { path_env, NULL };
	struct hooks_call k = { .argv = argv, .env = env };
	int bad;

	if (str_fmt(path, sizeof(path), "%s/%s", dir, name) < 0)
		return 0;
	k.input = hooks_input(ev);
	bad = k.input < 0 ? snprintf(why, sizeof(why), "no memory")
			  : hooks_start(&k, why, sizeof(why));
	if (k.input >= 0)
		close(k.input);
	if (!bad)
		return 0;
	if (ev->before && hooks_must(name) && strcmp(ev->what, "detach") &&
	    strcmp(ev->what, "offline"))
		return err_set(e, -ECANCELED, "hook %s refused it: %s", path,
			       why);
	log_warn("vif%u.%u: hook %s: %s", ev->v->domid, ev->v->handle, path,
		 why);
	return 0;
}

int hooks_run(const struct hooks_event *ev, struct err *e)
{
	const char *path = hooks_where("NETBACK_HOOKS", hooks_dir);
	struct dirent **list = NULL;
	int dir, i, rc = 0, n = hooks_list(path, hooks_any, &dir, &list);

	for (i = 0; !rc && i < n && i < HOOKS_FILES; i++) {
		rc = hooks_file(dir, path, list[i]->d_name);
		/* a veto that cannot be asked for is one */
		if (rc == -EPERM && hooks_must(list[i]->d_name) && ev->before)
			rc = err_set(e, -ECANCELED,
				     "hook %s/%s cannot be trusted, and it "
				     "has a veto; chown root, chmod go-w",
				     path, list[i]->d_name);
		else
			rc = rc == 1 ? hooks_one(ev, path, list[i]->d_name, e)
				     : 0;
	}
	hooks_list_drop(dir, list, n);
	return rc;
}

/* --- vif-post.d --------------------------------------------------------------*/

/* Sourced, in a shell that is theirs to leave or to ruin. */
static void hooks_post_one(const struct hooks_event *ev, char *const *env,
			   const char *path)
{
	static char bash[] = "/bin/bash", sh[] = "/bin/sh", opt[] = "-c";
	static char text[] = ". \"$1\"", self[] = "vif-bridge";
	char file[HOOKS_PATH], why[128];
	char *argv[] = {
		access(bash, X_OK) ? sh : bash, opt, text, self, file, NULL
	};
	struct hooks_call k = { .argv = argv, .env = env };

	if (str_put(file, sizeof(file), path))
		return;
	k.input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (k.input < 0)
		return;
	if (hooks_start(&k, why, sizeof(why)))
		log_warn("vif%u.%u: hook %s: %s", ev->v->domid, ev->v->handle,
			 path, why);
	close(k.input);
}

void hooks_post(const struct hooks_event *ev, const char *command,
		const char *type_if)
{
	const char *path = hooks_where("NETBACK_POST_HOOKS", hooks_post_dir);
	char value[HOOKS_ENV][HOOKS_VALUE], ip[HOOKS_VALUE] = "";
	char file[HOOKS_PATH], *env[HOOKS_ENV + 1] = { NULL };
	const struct vif *v = ev->v;
	struct dirent **list = NULL;
	int dir, i, n = hooks_list(path, hooks_old, &dir, &list);

	if (n) {
		vif_get(v, "ip", ip, sizeof(ip));
		snprintf(value[0], HOOKS_VALUE,
			 "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
		snprintf(value[1], HOOKS_VALUE, "command=%s", command);
		snprintf(value[2], HOOKS_VALUE, "dev=%s", v->name);
		snprintf(value[3], HOOKS_VALUE, "ip=%.1000s", ip);
		snprintf(value[4], HOOKS_VALUE, "main_ip=");
		snprintf(value[5], HOOKS_VALUE, "XENBUS_PATH=%s",
			 ev->path ? ev->path : "");
		snprintf(value[6], HOOKS_VALUE, "type_if=%s", type_if);
		snprintf(value[7], HOOKS_VALUE, "vif=vif%u.%u", v->domid,
			 v->handle);
		snprintf(value[8], HOOKS_VALUE, "bridge=%s", v->bridge);
		for (i = 0; i <= 8; i++)
			env[i] = value[i];
	}
	for (i = 0; i < n && i < HOOKS_FILES; i++)
		if (hooks_file(dir, path, list[i]->d_name) == 1 &&
		    str_fmt(file, sizeof(file), "%s/%s", path,
			    list[i]->d_name) >= 0)
			hooks_post_one(ev, env, file);
	hooks_list_drop(dir, list, n);
}
