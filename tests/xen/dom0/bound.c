// SPDX-License-Identifier: GPL-2.0-or-later
/* bound.c - which domains' ports can a process bind by the evtchns it has open?
 *
 *   bound PID DOMID..	 a line for each of its evtchns: of these domains those
 *			 that it is not refused, by number. What is tried is a
 *			 port that no domain has.
 *
 * The descriptors are fetched from the process as they are: what a worker could do
 * with them that was taken over.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/evtchn.h>

enum { BOUND_FDS = 1024, BOUND_NONE = 0xfffff0 };

static int bound_is_evtchn(int pid, int fd)
{
	char path[64], to[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return 0;
	to[n] = '\0';
	return !strcmp(to, "/dev/xen/evtchn");
}

static void bound_say(int fd, char **domid)
{
	for (; *domid; domid++) {
		struct ioctl_evtchn_bind_interdomain b = {
			.remote_domain = (unsigned)atoi(*domid),
			.remote_port = BOUND_NONE,
		};

		if (!ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &b) ||
		    errno != EACCES)
			printf("%s ", *domid);
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	int pid = argc > 2 ? atoi(argv[1]) : 0, pidfd, fd;

	if (pid <= 0) {
		fputs("usage: bound PID DOMID..\n", stderr);
		return 2;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	for (fd = 0; pidfd >= 0 && fd < BOUND_FDS; fd++) {
		int got;

		if (!bound_is_evtchn(pid, fd))
			continue;
		got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
		if (got < 0)
			break;
		bound_say(got, argv + 2);
		close(got);
	}
	if (pidfd < 0 || fd < BOUND_FDS) {
		perror("bound");
		return 1;
	}
	return 0;
}
