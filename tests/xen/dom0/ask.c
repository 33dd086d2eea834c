// SPDX-License-Identifier: GPL-2.0-or-later
/* ask.c - have a guest do a command, by its console; print what it says
 *
 *   ask TTY SECONDS COMMAND	 exit status: the command's; 125 = no answer
 *
 * The other end is the loop in tests/xen/domu/init: after the output, a line
 * "@@ STATUS". What the guest's kernel says meanwhile is output, too.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ASK_LINE = 4096, ASK_FAILED = 125 };

static time_t ask_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* One byte before `end`, or -1. */
static int ask_byte(int fd, time_t end)
{
	unsigned char c;

	while (ask_now() < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 200) > 0 && read(fd, &c, 1) == 1)
			return c;
	}
	return -1;
}

static int ask_answer(int fd, time_t end)
{
	char line[ASK_LINE];
	size_t n = 0;
	int c, status;

	while ((c = ask_byte(fd, end)) >= 0) {
		if (c == '\r')
			continue;
		if (c != '\n' && n < sizeof(line) - 1) {
			line[n++] = (char)c;
			continue;
		}
		line[n] = '\0';
		if (sscanf(line, "@@ %d", &status) == 1)
			return status;
		if (n)
			puts(line);
		n = 0;
	}
	fprintf(stderr, "ask: no answer\n");
	return ASK_FAILED;
}

int main(int argc, char **argv)
{
	struct termios t;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: ask TTY SECONDS COMMAND\n");
		return ASK_FAILED;
	}
	fd = open(argv[1], O_RDWR | O_NOCTTY);
	if (fd < 0 || tcgetattr(fd, &t)) {
		perror(argv[1]);
		return ASK_FAILED;
	}
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	tcflush(fd, TCIFLUSH);
	dprintf(fd, "%s\n", argv[3]);
	return ask_answer(fd, ask_now() + atoi(argv[2]));
}
