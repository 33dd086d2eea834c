// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_daemon.c - daemon upgrade: another netbackd takes over from the one that runs
 *
 * Started by us with the words of the one that runs, because that one has given
 * up what starting takes. It says by itself why it cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/control.h"
#include "ctl/ctl.h"
#include "ctl/run.h"

enum { DAEMON_ARGS = 64, DAEMON_WAIT_MS = 15000, DAEMON_POLL_US = 20000 };

/* Beside us, as installed; else wherever the shell would find it. */
static void daemon_program(char *path, size_t size)
{
	char self[256], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (!slash || str_fmt(path, size, "%s/netbackd", self) < 0 ||
	    access(path, X_OK))
		str_put(path, size, "netbackd");
}

/* It lives longer than who reads what we say. */
static void daemon_quiet(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

static void daemon_exec(const char *program, const char *run, json_t *args)
{
	const char *argv[DAEMON_ARGS + 5];
	unsigned n = 0;
	size_t i;
	json_t *a;

	argv[n++] = program;
	json_array_foreach(args, i, a)
	{
		const char *word = json_string_value(a);

		if (n < DAEMON_ARGS && word && strcmp(word, "--take-over"))
			argv[n++] = word;
	}
	argv[n++] = "--run";
	argv[n++] = run;
	argv[n++] = "--take-over";
	argv[n] = NULL;
	setsid();
	daemon_quiet();
	execvp(program, (char **)(uintptr_t)argv);
	fprintf(stderr, "vifctl: %s: %s\n", program, strerror(errno));
	_exit(127);
}

static json_int_t daemon_pid(json_t *shown)
{
	return json_integer_value(json_object_get(shown, "pid"));
}

/* Until it answers; -ECHILD when it ended instead. */
static int daemon_await(struct ctl *c, pid_t pid, struct err *e)
{
	uint64_t end = clock_ns() + DAEMON_WAIT_MS * 1000000ull;
	json_t *shown;
	int status;

	while (clock_ns() < end) {
		shown = NULL;
		if (!control_ask(c, "show", &shown, NULL)) {
			bool ours = daemon_pid(shown) == pid;

			json_decref(shown);
			if (ours)
				return 0;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return err_set(
				e, -ECHILD,
				"daemon upgrade: the new netbackd ended (its "
				"reason is above or in the log); the old one "
				"serves on");
		usleep(DAEMON_POLL_US);
	}
	kill(pid, SIGTERM);
	return err_set(e, -ETIMEDOUT,
		       "daemon upgrade: the new netbackd does not answer");
}

int verb_daemon(struct ctl *c, int argc, char **argv, struct err *e)
{
	char program[300];
	json_t *shown = NULL;
	pid_t pid;
	int rc;

	if (argc < 1 || argc > 2 || strcmp(argv[0], "upgrade")) {
		err_set(e, -EINVAL, "daemon: upgrade [PROGRAM]");
		return CTL_USAGE;
	}
	if (argc == 2)
		str_put(program, sizeof(program), argv[1]);
	else
		daemon_program(program, sizeof(program));
	rc = control_ask(c, "show", &shown, e);
	if (rc)
		return rc;
	pid = fork();
	if (!pid)
		daemon_exec(program, c->run, json_object_get(shown, "args"));
	rc = pid < 0 ? err_set(e, -errno, "fork: %s", strerror(errno))
		     : daemon_await(c, pid, e);
	if (!rc)
		printf("netbackd %d has taken over from %d\n", (int)pid,
		       (int)daemon_pid(shown));
	json_decref(shown);
	return rc;
}
