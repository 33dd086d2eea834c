// SPDX-License-Identifier: GPL-2.0-or-later
/* path.c - names of nodes, by xenstored's rules, and who may see them */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/conn.h"

/* Bytes of "/local/domain/N/", which do not count towards the limit. */
static size_t path_local(const char *path)
{
	static const char local[] = "/local/domain/";
	size_t n = sizeof(local) - 1, digits;

	if (strncmp(path, local, n))
		return 0;
	digits = strspn(path + n, "0123456789");
	if (!digits || digits > 5 || path[n + digits] != '/')
		return 0;
	return n + digits + 1;
}

bool path_valid(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || strstr(path, "//"))
		return false;
	if (n > 1 && path[n - 1] == '/')
		return false;
	if (n > path_local(path) + XENSTORE_REL_PATH_MAX ||
	    n >= XENSTORE_ABS_PATH_MAX)
		return false;
	return strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz"
			    "0123456789-/_@") == n;
}

size_t path_home(uint16_t dom, char *out)
{
	return (size_t)sprintf(out, "/local/domain/%u", dom);
}

int path_canon(const struct conn *c, const char *path, char *out)
{
	size_t n = 0, len = strlen(path);

	if (path[0] != '/' && path[0] != '@') {
		n = path_home(c->dom, out);
		out[n++] = '/';
	}
	if (n + len >= TREE_PATH)
		return -EINVAL;
	memcpy(out + n, path, len + 1);
	return 0;
}

unsigned perm_bits(uint16_t dom, const struct node *n)
{
	unsigned i;

	if (!dom || n->perm[0].id == dom)
		return TREE_READ | TREE_WRITE;
	for (i = 1; i < n->nperm; i++) {
		if (n->perm[i].id == dom)
			return n->perm[i].bits;
	}
	return n->perm[0].bits;
}
