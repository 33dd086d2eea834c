// SPDX-License-Identifier: GPL-2.0-or-later
/* pcapfile.c - writing a pcap file that is whole at any moment */
#include "ctl/pcapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "base/loop.h"
#include "base/num.h"
#include "cap.h"

enum { PCAPFILE_MAGIC = 0xa1b2c3d4, PCAPFILE_MODE = 0600 };

/* Waits until PIPE_BUF bytes can be written without blocking. */
static int pcapfile_wait(const struct pcapfile *f)
{
	struct pollfd p[] = { { .fd = f->fd, .events = POLLOUT },
			      { .fd = f->sigs, .events = POLLIN } };
	int wait_ms = -1;

	if (f->until_ns) {
		uint64_t now = clock_ns();

		if (now >= f->until_ns)
			return -EINTR;
		wait_ms = (int)((f->until_ns - now) / 1000000) + 1;
	}
	/* With a time limit the signal is known. */
	if (poll(p, f->until_ns ? 1 : 2, wait_ms) < 0)
		return -errno;
	return p[0].revents ? 0 : -EINTR;
}

/* Writes all of it: *done bytes, and 0 or -errno. */
static int pcapfile_write(struct pcapfile *f, const void *buf, size_t n,
			  size_t *done)
{
	for (*done = 0; *done < n;) {
		size_t part = n - *done;
		int rc = f->regular ? 0 : pcapfile_wait(f);
		ssize_t r;

		if (rc)
			return rc;
		if (!f->regular && part > PIPE_BUF)
			part = PIPE_BUF;
		r = write(f->fd, (const uint8_t *)buf + *done, part);
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (r > 0)
			*done += (size_t)r;
	}
	return 0;
}

/* How many of the records' bytes are whole records, at most `most` records and
 * at most n bytes; *records: how many these are.
 */
static size_t pcapfile_whole(const uint8_t *rec, size_t n, uint64_t most,
			     uint64_t *records)
{
	struct cap_record r;
	size_t at = 0;

	for (*records = 0; *records < most && n - at >= sizeof(r);) {
		memcpy(&r, rec + at, sizeof(r));
		if (r.caplen > n - at - sizeof(r))
			break;
		at += sizeof(r) + r.caplen;
		++*records;
	}
	return at;
}

static bool pcapfile_sane(const struct pcapfile *f, const uint8_t *rec,
			  size_t n)
{
	struct cap_record r;
	size_t at = 0;

	while (n - at >= sizeof(r)) {
		memcpy(&r, rec + at, sizeof(r));
		if (r.caplen > f->snap || r.caplen > r.len ||
		    r.len > CAP_SNAP || r.usec >= 1000000 ||
		    r.caplen > n - at - sizeof(r))
			return false;
		at += sizeof(r) + r.caplen;
	}
	return at == n;
}

/* Takes back what stands behind the last whole frame. */
static int pcapfile_cut(struct pcapfile *f, int rc, struct err *e)
{
	bool cut = f->regular && !ftruncate(f->fd, f->good);

	if (rc == -EPIPE || rc == -EINTR)
		return rc;
	return err_set(
		e, rc, "%s: %s; the capture ended after %" PRIu64 " frame%s%s",
		f->name, strerror(-rc), f->frames, f->frames == 1 ? "" : "s",
		cut ? ", which the file holds whole" : "");
}

int pcapfile_put(struct pcapfile *f, const uint8_t *rec, size_t n,
		 struct err *e)
{
	uint64_t left = f->most ? f->most - f->frames : UINT64_MAX, records;
	size_t done;
	int rc;

	if (!pcapfile_sane(f, rec, n))
		return err_set(e, -EPROTO,
			       "netbackd sent what is no pcap record; see its "
			       "log");
	n = pcapfile_whole(rec, n, left, &records);
	rc = pcapfile_write(f, rec, n, &done);
	f->good += (off_t)pcapfile_whole(rec, done, left, &records);
	f->frames += records;
	if (rc)
		return pcapfile_cut(f, rc, e);
	return f->most && f->frames == f->most;
}

static int pcapfile_header(struct pcapfile *f, struct err *e)
{
	struct pcap_file_header h = {
		.magic = PCAPFILE_MAGIC,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = f->snap,
		.linktype = DLT_EN10MB,
	};
	size_t done;
	int rc = pcapfile_write(f, &h, sizeof(h), &done);

	if (rc)
		return pcapfile_cut(f, rc, e);
	f->good += (off_t)sizeof(h);
	return 0;
}

int pcapfile_open(struct pcapfile *f, const char *name, uint32_t snap,
		  struct err *e)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY;
	struct stat st;

	f->ours = strcmp(name, "-") != 0;
	f->name = f->ours ? name : "stdout";
	f->snap = snap;
	f->fd = f->ours ? open(name, flags, PCAPFILE_MODE) : STDOUT_FILENO;
	if (f->fd < 0)
		return err_set(e, -errno, "cannot write %s: %s", name,
			       strerror(errno));
	f->regular = !fstat(f->fd, &st) && S_ISREG(st.st_mode);
	f->good = f->regular ? lseek(f->fd, 0, SEEK_CUR) : 0;
	return pcapfile_header(f, e);
}

/* Some file systems find out only now that they are full. */
int pcapfile_close(struct pcapfile *f, struct err *e)
{
	int r = f->ours && f->fd >= 0 ? close(f->fd) : 0;

	f->fd = -1;
	return r ? err_set(e, -errno, "%s: %s; its last frames may be missing",
			   f->name, strerror(errno))
		 : 0;
}
