/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - one line per thing worth knowing, to stderr
 *
 * Shape: "vif3.0: bridge: cannot enslave to br0: No such device". log_error: this
 * vif stops; log_warn: unexpected, survived; log_info: a vif attached, detached,
 * changed; log_debug: with -v only. Anything a guest can cause passes a
 * log_limit held at the call site.
 */
#ifndef NETBACK_BASE_LOG_H
#define NETBACK_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_open(const char *program, enum log_level most);
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* A bucket of 10 lines, one more each second. */
struct log_limit {
	uint64_t since_ns;
	uint32_t used;
	uint64_t cut; /* lines not said */
};
bool log_allow(struct log_limit *l, uint64_t now_ns);

#endif
