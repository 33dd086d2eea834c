// SPDX-License-Identifier: GPL-2.0-or-later
/* hotrun.c - runs hotplug scripts as a toolstack does, and times them
 *
 *   hotrun one ROUNDS PREFIX SCRIPT [DOMID]
 *                                  vifDOMID.0 online and offline in turn, a line for
 *                                  each in PREFIX.{online,offline}.{wall,cpu}: ms
 *   hotrun many COUNT COMMAND SCRIPT
 *                                  vif1.0 .. all at once: seconds, failures
 *   hotrun start ROUNDS PREFIX PROGRAM
 *                                  that program alone: PREFIX.{wall,cpu}
 *
 * The clock runs from the fork to the exit, as libxl sees it; cpu is what the
 * program and its children used, without the store's. Between two events there is a
 * pause, as there is between a guest's end and the next one's start: what the
 * kernel still frees of the one is not the other's to wait for.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN_PAUSE_MS = 50 };

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static pid_t start(unsigned domid, const char *command, const char *script)
{
	char *argv[] = { (char *)script, (char *)command, (char *)"type_if=vif",
			 NULL };
	char path[64], name[32];
	posix_spawn_file_actions_t to;
	int fd;
	pid_t pid;

	snprintf(path, sizeof(path), "backend/vif/%u/0", domid);
	snprintf(name, sizeof(name), "vif%u.0", domid);
	setenv("XENBUS_TYPE", "vif", 1);
	setenv("XENBUS_BASE_PATH", "backend", 1);
	setenv("XENBUS_PATH", path, 1);
	setenv("vif", name, 1);
	setenv("script", script, 1);
	setenv("netdev", "", 1);
	posix_spawn_file_actions_init(&to);
	for (fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&to, fd, "/dev/null", O_RDWR,
						 0);
	if (posix_spawn(&pid, script, &to, NULL, argv, environ)) {
		perror(script);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&to);
	return pid;
}

static void note(const char *prefix, const char *what, double ms)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s.%s", prefix, what);
	f = fopen(path, "a");
	if (!f) {
		perror(path);
		exit(1);
	}
	fprintf(f, "%.3f\n", ms);
	fclose(f);
}

static int once(unsigned domid, const char *command, const char *script,
		const char *prefix)
{
	struct timespec nap = { .tv_nsec = RUN_PAUSE_MS * 1000000L };
	double wall, used;
	int status;
	pid_t pid;

	nanosleep(&nap, NULL);
	used = cpu_ms();
	wall = now_ms();
	pid = start(domid, command, script);
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "%s %s failed\n", script, command);
		return 1;
	}
	wall = now_ms() - wall;
	used = cpu_ms() - used;
	note(prefix, "wall", wall);
	note(prefix, "cpu", used);
	return 0;
}

static int one(unsigned rounds, const char *prefix, const char *script,
	       unsigned domid)
{
	static const char *const command[] = { "online", "offline" };
	char path[4096];
	unsigned i;

	for (i = 0; i < 2 * rounds; i++) {
		snprintf(path, sizeof(path), "%s.%s", prefix, command[i % 2]);
		if (once(domid, command[i % 2], script, path))
			return 1;
	}
	return 0;
}

static int many(unsigned count, const char *command, const char *script)
{
	double begin = now_ms();
	unsigned i, failed = 0;
	int status;

	for (i = 0; i < count; i++)
		start(i + 1, command, script);
	for (i = 0; i < count; i++) {
		if (wait(&status) < 0)
			break;
		failed += status != 0;
	}
	printf("%.3f %u\n", (now_ms() - begin) / 1e3, failed);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0;

	if (argc >= 5 && !strcmp(argv[1], "one"))
		return one(n, argv[3], argv[4],
			   argc > 5 ? (unsigned)atoi(argv[5]) : 1);
	if (argc == 5 && !strcmp(argv[1], "many"))
		return many(n, argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "start")) {
		while (n--)
			if (once(1, "online", argv[4], argv[3]))
				return 1;
		return 0;
	}
	fputs("usage: see hotrun.c\n", stderr);
	return 2;
}
