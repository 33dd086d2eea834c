// SPDX-License-Identifier: GPL-2.0-or-later
/* blame.c - which vif do workers crash of? */
#include "daemon/blame.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

bool blame_crashed(int status, const char *why)
{
	if (why && strcmp(why, "ended"))
		return true; /* it hung, or spoke nonsense */
	if (WIFEXITED(status))
		return WEXITSTATUS(status) != 0;
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
	case SIGABRT:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

void blame_add(struct blame *b, uint64_t at_ns)
{
	b->at_ns[b->n++ % BLAME_KEPT] = at_ns;
}

unsigned blame_count(const struct blame *b, uint64_t now_ns)
{
	unsigned i, n = 0;

	for (i = 0; i < BLAME_KEPT && i < b->n; i++)
		n += now_ns - b->at_ns[i] < BLAME_WINDOW_MS * 1000000ull;
	return n;
}

bool blame_due(unsigned mine, unsigned others)
{
	return mine >= BLAME_DEATHS && mine > others;
}
