// SPDX-License-Identifier: GPL-2.0-or-later
/* control.c - asking a running netbackd: one line of JSON each way */
#include "ctl/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"

enum { CONTROL_WAIT_S = 5, CONTROL_ANSWER = 4096 };

int control_connect(const struct ctl *c, struct err *e)
{
	char path[CTL_PATH];
	int fd;

	if (str_fmt(path, sizeof(path), "%s/control", c->run) < 0)
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	fd = msg_connect(path, SOCK_STREAM);
	if (fd == -EACCES || fd == -EPERM)
		return err_set(e, fd,
			       "netbackd: cannot open %s: %s; run vifctl as "
			       "the user who runs it, mostly root",
			       path, strerror(-fd));
	if (fd < 0)
		return err_set(e, fd,
			       "netbackd does not answer in %s; start it: "
			       "netbackd --run %s",
			       c->run, c->run);
	return fd;
}

int control_alive(const struct ctl *c, struct err *e)
{
	int fd = control_connect(c, e);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* One line of JSON in both directions over a fresh connection. */
static int control_talk(int fd, const char *cmd, json_t **out)
{
	struct timeval tv = { .tv_sec = CONTROL_WAIT_S };
	char line[64];
	int r, n = snprintf(line, sizeof(line), "{\"cmd\":\"%s\"}\n", cmd);
	FILE *f;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	f = fdopen(fd, "r+");
	if (!f) {
		r = -errno;
		close(fd);
		return r;
	}
	r = -EIO;
	if (write(fd, line, (size_t)n) == n) {
		*out = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
		r = *out ? 0 : -EPROTO;
	}
	fclose(f);
	return r;
}

/* netbackd's own sentence becomes ours. */
static int control_refused(json_t *answer, struct err *e)
{
	const json_t *bad = json_object_get(answer, "error");

	if (!bad)
		return 0;
	return err_set(e, -EINVAL, "netbackd: %s",
		       json_is_string(bad) ? json_string_value(bad)
					   : "an error");
}

/* A line, and no byte behind it: answers come one by one. */
static int control_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (!memchr(line, '\n', n)) {
		ssize_t r = n < size ? read(fd, line + n, size - n) : -1;

		if (r <= 0)
			return r || n == size ? -EPROTO : -EPIPE;
		n += (size_t)r;
	}
	return (int)n;
}

int control_turn(int fd, const json_t *question, const int *fds, unsigned nfd,
		 json_t **out, struct err *e)
{
	struct timeval tv = { .tv_sec = CONTROL_WAIT_S };
	char line[CONTROL_ANSWER];
	size_t n = json_dumpb(question, line, sizeof(line) - 1, JSON_COMPACT);
	int rc = n && n < sizeof(line) ? 0 : -E2BIG;

	line[n < sizeof(line) ? n++ : 0] = '\n';
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (!rc)
		rc = msg_send(fd, line, n, fds, nfd);
	if (!rc)
		rc = control_line(fd, line, sizeof(line));
	if (rc > 0) {
		*out = json_loadb(line, (size_t)rc, 0, NULL);
		rc = *out ? 0 : -EPROTO;
	}
	if (rc)
		return err_set(e, rc, "netbackd ended or does not answer: %s",
			       strerror(-rc));
	rc = control_refused(*out, e);
	if (rc)
		json_decref(*out);
	return rc;
}

int control_ask(const struct ctl *c, const char *cmd, json_t **out,
		struct err *e)
{
	json_t *answer = NULL;
	int rc = control_connect(c, e);

	if (rc < 0)
		return rc;
	rc = control_talk(rc, cmd, &answer);
	if (rc)
		return err_set(e, rc,
			       "netbackd: no answer to \"%s\" in %s/control: "
			       "%s; see its log",
			       cmd, c->run, strerror(-rc));
	rc = control_refused(answer, e);
	if (rc)
		json_decref(answer);
	else
		*out = answer;
	return rc;
}
