// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one line per thing worth knowing, in a single write */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_LINE = 1024, LOG_BURST = 10 };

static const char *log_program = "netback";
static enum log_level log_most = LOG_INFO;

void log_open(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const word[] = {
		[LOG_ERROR] = "error: ",
		[LOG_WARN] = "warning: ",
		[LOG_INFO] = "",
		[LOG_DEBUG] = "debug: ",
	};
	char line[LOG_LINE];
	va_list ap;
	int n, m;

	if (level > log_most)
		return;
	n = snprintf(line, sizeof(line), "%s: %s", log_program, word[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	n += m;
	if (n > LOG_LINE - 2)
		n = LOG_LINE - 2;
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to say so. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

bool log_allow(struct log_limit *l, uint64_t now_ns)
{
	uint64_t gone = (now_ns - l->since_ns) / 1000000000u;

	if (gone) {
		l->used = gone < l->used ? l->used - (uint32_t)gone : 0;
		l->since_ns = now_ns;
	}
	if (l->used < LOG_BURST) {
		l->used++;
		return true;
	}
	l->cut++;
	return false;
}
