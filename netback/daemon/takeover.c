// SPDX-License-Identifier: GPL-2.0-or-later
/* takeover.c - a new netbackd takes the place of one that runs */
#include "daemon/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "daemon/estate.h"

enum { TAKEOVER_PATH = 108 };

static const char takeover_stderr[] = "stderr";

static int takeover_talk(struct estate *t, int control, const char *ask,
			 struct err *e)
{
	char answer[256];
	int sv[2], rc;
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return err_set(e, -errno, "socketpair: %s", strerror(errno));
	rc = msg_send(control, ask, strlen(ask), &sv[1], 1);
	close(sv[1]);
	if (!rc)
		rc = estate_inherit(t, sv[0]);
	close(sv[0]);
	if (!rc)
		return 0;
	n = recv(control, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	answer[n > 0 ? n - 1 : 0] = '\0';
	return err_set(e, rc, "take-over: %s",
		       answer[0] ? answer : strerror(-rc));
}

static int takeover_connect(struct estate *t, const char *run, const char *ask,
			    struct err *e)
{
	char path[TAKEOVER_PATH];
	int rc, control;

	rc = str_fmt(path, sizeof(path), "%s/control", run);
	control = rc < 0 ? rc : msg_connect(path, SOCK_STREAM);
	if (control < 0)
		return err_set(e, control, "take-over: nobody serves %s: %s",
			       run, strerror(-control));
	rc = takeover_talk(t, control, ask, e);
	close(control);
	return rc;
}

int takeover_log(struct estate *t, const char *run, struct err *e)
{
	int rc = takeover_connect(t, run, "{\"cmd\":\"take-log\"}\n", e), fd;

	if (rc)
		return rc;
	fd = estate_take(t, takeover_stderr, NULL);
	if (fd < 0)
		return err_set(e, fd, "take-over: no log was handed over");
	rc = dup2(fd, STDERR_FILENO) < 0 ? -errno : 0;
	close(fd);
	return rc ? err_set(e, rc, "take-over: %s", strerror(-rc)) : 0;
}

int takeover_ask(struct estate *t, const char *run, struct err *e)
{
	return takeover_connect(t, run, "{\"cmd\":\"take-over\"}\n", e);
}

int takeover_give_log(int sock)
{
	return estate_bequeath(NULL, sock, takeover_stderr, STDERR_FILENO);
}

int takeover_give(struct estate *t, int sock)
{
	return estate_bequeath(t, sock, NULL, -1);
}
