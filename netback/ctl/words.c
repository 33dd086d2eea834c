// SPDX-License-Identifier: GPL-2.0-or-later
/* words.c - a verb's words into a vif value */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

void ctl_prefix(const struct vif *v, struct err *e)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "vif%u.%u:", v->domid, v->handle);

	if (strncmp(e->text, name, (size_t)n))
		err_prefix(e, "vif%u.%u", v->domid, v->handle);
}

/* Puts v at its default for the name in argv[0]. */
static int words_target(struct vif *v, int argc, char **argv, struct err *e)
{
	uint16_t domid, handle;

	if (argc < 1)
		return err_set(e, CTL_USAGE,
			       "which vif? say vifN.M: domain N, device M");
	if (vif_parse_name(argv[0], &domid, &handle, e))
		return CTL_USAGE;
	vif_init(v, domid, handle);
	return 0;
}

int ctl_name(struct vif *v, int argc, char **argv, struct err *e)
{
	int rc = words_target(v, argc, argv, e);

	if (rc)
		return rc;
	if (argc > 1)
		return err_set(e, CTL_USAGE,
			       "vif%u.%u: \"%.40s\": only one name is expected",
			       v->domid, v->handle, argv[1]);
	return 0;
}

int ctl_words(struct vif *v, int argc, char **argv, struct err *e)
{
	int i, rc = words_target(v, argc, argv, e);

	if (rc)
		return rc;
	for (i = 1; i < argc; i++)
		if (vif_parse(v, argv[i], e))
			goto bad;
	if (vif_check(v, e))
		goto bad;
	return 0;
bad:
	ctl_prefix(v, e);
	return CTL_USAGE;
}

void ctl_make_mac(struct vif *v, const char *host_id)
{
	uint32_t h = 2166136261u, n; /* FNV-1a */

	for (; *host_id; host_id++)
		h = (h ^ (uint8_t)*host_id) * 16777619u;
	h ^= h >> 23;
	n = ((uint32_t)v->domid << 8 | (v->handle & 0xff)) & 0x7fffff;
	n ^= h & 0x7fffff;
	if (v->handle > 0xff) /* past what 23 bits can keep apart */
		n ^= (v->handle >> 8) * 0x9e3779b1u & 0x7fffff;
	memcpy(v->mac, "\x00\x16\x3e", 3);
	v->mac[3] = (uint8_t)(n >> 16);
	v->mac[4] = (uint8_t)(n >> 8);
	v->mac[5] = (uint8_t)n;
	v->has_mac = true;
}

void ctl_host_id(char *buf, size_t size)
{
	FILE *f = fopen("/etc/machine-id", "re");

	buf[0] = '\0';
	if (f) {
		if (!fgets(buf, (int)size, f))
			buf[0] = '\0';
		fclose(f);
	}
	buf[strcspn(buf, "\n")] = '\0';
	if (!buf[0] && gethostname(buf, size))
		buf[0] = '\0';
	buf[size - 1] = '\0';
}

static int words_all(FILE *f, char **text, size_t *size)
{
	size_t room = 0;

	do {
		char *t;

		room = room ? 2 * room : 1 << 16;
		t = room > CTL_FILE ? NULL : realloc(*text, room);
		if (!t)
			return -EFBIG;
		*text = t;
		*size += fread(*text + *size, 1, room - *size, f);
	} while (*size == room);
	return ferror(f) ? -EIO : 0;
}

int ctl_read(const char *path, char **text, size_t *size, struct err *e)
{
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "re");
	int rc;

	*text = NULL;
	*size = 0;
	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	rc = words_all(f, text, size);
	if (rc)
		err_set(e, rc, "%s: %s", path, strerror(-rc));
	if (!in)
		fclose(f);
	return rc;
}
