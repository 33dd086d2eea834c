// SPDX-License-Identifier: GPL-2.0-or-later
/* drops_names.c - has the running kernel that name for why it drops?
 *
 * The names are enumerators, and the kernel's description of its own types (BTF)
 * holds each as a string: older kernels have fewer, or none at all.
 */
#include "drops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

bool drops_names(const char *reason)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char word[DROPS_NAME + 20], *text = NULL;
	size_t have = 0;
	ssize_t r = 1;
	int n;

	n = str_fmt(word, sizeof(word), "SKB_DROP_REASON_%s", reason);
	if (fd >= 0 && n > 0 && !fstat(fd, &st) && st.st_size > 0)
		text = malloc((size_t)st.st_size);
	while (text && r > 0 && have < (size_t)st.st_size) {
		r = read(fd, text + have, (size_t)st.st_size - have);
		have += r > 0 ? (size_t)r : 0;
	}
	if (fd >= 0)
		close(fd);
	r = text && memmem(text, have, word, strlen(word) + 1);
	free(text);
	return r;
}
