// SPDX-License-Identifier: GPL-2.0-or-later
/* num.c - strict numbers from strangers' text, switches, strings into arrays */
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int num_parse(const char *s, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; s[i]; i++) {
		if (s[i] < '0' || s[i] > '9' || i == 10)
			return -EINVAL;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (!i)
		return -EINVAL;
	if (n > max)
		return -ERANGE;
	*out = (uint32_t)n;
	return 0;
}

int str_put(char *dst, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(dst, s, n + 1);
	return 0;
}

int str_fmt(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}

bool num_switch(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = '0';
	bool on = fd >= 0 && read(fd, &c, 1) == 1 && c != '0';

	if (fd >= 0)
		close(fd);
	return on;
}
