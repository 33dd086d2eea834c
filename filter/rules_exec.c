// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_exec.c - runs one of iptables' own programs
 *
 * Files without a name carry input, output and complaints: no pipe can fill up.
 */
#include "rules_own.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

extern char **environ;

enum { RULES_TOOL_ARGS = 16 };

const char *rules_variant_name(enum rules_variant v)
{
	return v == RULES_NFT ? "nft" : "legacy";
}

static int rules_tool_file(const char *text)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	size_t n = text ? strlen(text) : 0;

	if (fd < 0)
		return -errno;
	while (n) {
		ssize_t r = write(fd, text, n);

		if (r < 0) {
			close(fd);
			return -errno;
		}
		text += r;
		n -= (size_t)r;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int rules_tool_run(char *const *argv, const int fd[3])
{
	posix_spawn_file_actions_t f;
	int rc, status, i;
	pid_t pid;

	if (posix_spawn_file_actions_init(&f))
		return -ENOMEM;
	for (i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&f, fd[i], i);
	rc = -posix_spawnp(&pid, argv[0], &f, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&f);
	if (rc)
		return rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* What the program complained of, in one line. */
static void rules_tool_said(int fd, char *buf, size_t size)
{
	ssize_t r;
	size_t i;

	r = pread(fd, buf, size - 1, 0);
	buf[r > 0 ? r : 0] = '\0';
	for (i = strlen(buf); i && buf[i - 1] == '\n'; i--)
		buf[i - 1] = '\0';
	for (i = 0; buf[i]; i++)
		if (buf[i] == '\n')
			buf[i] = ' ';
}

static void rules_tool_copy(int fd, FILE *out)
{
	char buf[4096];
	ssize_t r;

	lseek(fd, 0, SEEK_SET);
	while (out && (r = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)r, out);
}

int rules_tool(const struct rules_tool *t, struct err *e)
{
	char name[40], said[300], *argv[RULES_TOOL_ARGS] = { name };
	int fd[3] = { -1, -1, -1 }, i, rc = -ENOMEM;

	for (i = 0; t->argv[i] && i + 2 < RULES_TOOL_ARGS; i++)
		argv[i + 1] = (char *)t->argv[i];
	for (i = 0; i < 3; i++)
		fd[i] = rules_tool_file(i ? NULL : t->in);
	if (fd[0] < 0 || fd[1] < 0 || fd[2] < 0)
		goto out;
	str_fmt(name, sizeof(name), "ip%stables-%s%s", t->ip6 ? "6" : "",
		rules_variant_name(t->variant), t->kind);
	rc = rules_tool_run(argv, fd);
	if (rc == -ENOENT) { /* a host with one variant only */
		str_fmt(name, sizeof(name), "ip%stables%s", t->ip6 ? "6" : "",
			t->kind);
		rc = rules_tool_run(argv, fd);
	}
	rules_tool_said(fd[2], said, sizeof(said));
	if (rc < 0)
		err_set(e, rc, "%s: cannot be run: %s", name, strerror(-rc));
	else if (rc)
		err_set(e, rc, "%s: %s", name,
			said[0] ? said : "it failed and did not say why");
	else
		rules_tool_copy(fd[1], t->out);
out:
	for (i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return rc;
}
