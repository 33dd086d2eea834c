// SPDX-License-Identifier: GPL-2.0-or-later
/* keep.c - what outlives workers and supervisors: RUN/keep */
#include "daemon/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"

enum { KEEP_TEXT = 64 };

int keep_dir(const char *run)
{
	char path[256];
	struct statfs fs;
	struct stat st;
	int fd;

	if (str_fmt(path, sizeof(path), "%s/keep", run) < 0)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		close(fd);
		return -EPERM;
	}
	if (!fstatfs(fd, &fs) && fs.f_type != TMPFS_MAGIC)
		log_warn("%s is not on tmpfs: survival memory will be written "
			 "to a disk",
			 path);
	return fd;
}

/* Only a plain file that nobody else has a name for. */
static int keep_file(int dir, const char *name, int flags)
{
	struct stat st;
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_nlink != 1) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

int keep_empty(int fd, size_t size)
{
	if (ftruncate(fd, 0) || ftruncate(fd, (off_t)size))
		return -errno;
	return 0;
}

int keep_open(int dir, const char *name, size_t size)
{
	int rc, fd = keep_file(dir, name, O_RDWR | O_CREAT);
	struct stat st;

	if (fd < 0)
		return fd;
	rc = fstat(fd, &st) ? -errno : 0;
	if (!rc && st.st_size != (off_t)size)
		rc = keep_empty(fd, size);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

static void keep_record_name(char *out, const char *name, const char *tail)
{
	snprintf(out, KEEP_NAME, "%.20s.%s", name, tail);
}

int keep_load(int dir, const char *name, struct keep_record *r)
{
	char file[KEEP_NAME], text[KEEP_TEXT];
	struct keep_record got = { 0 };
	ssize_t n;
	int fd;

	keep_record_name(file, name, "record");
	fd = keep_file(dir, file, O_RDONLY);
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "%" SCNu64 " %15s", &got.epoch, got.dev) != 2)
		return -EINVAL;
	*r = got;
	return 0;
}

int keep_save(int dir, const char *name, const struct keep_record *r)
{
	char file[KEEP_NAME], tmp[KEEP_NAME], text[KEEP_TEXT];
	int fd, n, rc = 0;

	keep_record_name(file, name, "record");
	keep_record_name(tmp, name, "tmp");
	n = snprintf(text, sizeof(text), "%" PRIu64 " %s\n", r->epoch, r->dev);
	fd = keep_file(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)n) != n)
		rc = -EIO;
	close(fd);
	if (!rc && renameat(dir, tmp, dir, file))
		rc = -errno;
	return rc;
}

void keep_remove(int dir, const char *name)
{
	char file[KEEP_NAME];

	unlinkat(dir, name, 0);
	keep_record_name(file, name, "record");
	unlinkat(dir, file, 0);
	keep_record_name(file, name, "tmp");
	unlinkat(dir, file, 0);
}

uint64_t keep_epoch(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
