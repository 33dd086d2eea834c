// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_capture.c - capture: a vif's frames into a pcap file or a pipe
 *
 *   libpcap --program--> netbackd --> worker
 *                                       | records, in SEQPACKET messages
 *   FILE or stdout <---- here <---------'
 *
 * Ends by a signal, by -c, when the vif goes, or when stdout's reader has gone.
 * What the worker had to say before the end is still written: the end is asked
 * for first, and then the socket is read until it is empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "cap.h"
#include "ctl/control.h"
#include "ctl/pcapfile.h"
#include "ctl/pcaplib.h"
#include "ctl/run.h"

enum {
	CAPTURE_FILTER = 4096,	  /* bytes of a filter's words */
	CAPTURE_SNDBUF = 1 << 20, /* bytes that the socket may hold */
	CAPTURE_DRAIN_MS = 1000,  /* for a slow pipe, once we shall end */
	CAPTURE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

struct capture {
	struct ctl *c;
	struct err *e;
	struct vif v;
	const char *file; /* NULL: stdout, if that is no terminal */
	uint32_t snap, most;
	char filter[CAPTURE_FILTER];
	int program; /* a memory file */
	uint32_t ninsn;
	int sock, control;
	bool stopped; /* by us: what was not handed over is not lost */
	struct pcapfile out;
};

/* --- words ---------------------------------------------------------------------- */

static int capture_number(struct capture *k, int opt, const char *s,
			  uint32_t max, uint32_t *out)
{
	if (!num_parse(s, max, out))
		return 0;
	return err_set(k->e, CTL_USAGE,
		       "capture: -%c %.40s: a number up to %" PRIu32
		       " is expected",
		       opt, s, max);
}

static int capture_option(struct capture *k, int opt, char **argv)
{
	switch (opt) {
	case 'w':
		k->file = optarg;
		return 0;
	case 's':
		return capture_number(k, opt, optarg, CAP_SNAP, &k->snap);
	case 'c':
		return capture_number(k, opt, optarg, UINT32_MAX, &k->most);
	default:
		return err_set(k->e, CTL_USAGE,
			       "capture: bad option \"%.40s\"; there are "
			       "-w FILE, -s BYTES and -c FRAMES",
			       argv[optind - 1]);
	}
}

/* Options up to the first other word. argv[0] is passed over by getopt. */
static int capture_options(struct capture *k, int argc, char **argv)
{
	int o, rc = 0;

	optind = 0;
	while (!rc && (o = getopt(argc, argv, "+w:s:c:")) >= 0)
		rc = capture_option(k, o, argv);
	return rc;
}

/* argv[0] is the verb: capture [options] vifN.M [options] [filter ..] */
static int capture_words(struct capture *k, int argc, char **argv)
{
	int i, rc = capture_options(k, argc, argv);

	if (rc)
		return rc;
	argc -= optind;
	argv += optind;
	rc = ctl_name(&k->v, argc ? 1 : 0, argv, k->e);
	if (!rc)
		rc = capture_options(k, argc, argv);
	for (i = optind; i < argc && !rc; i++) {
		size_t n = strlen(k->filter);

		if (str_fmt(k->filter + n, sizeof(k->filter) - n, "%s%s",
			    n ? " " : "", argv[i]) < 0)
			rc = err_set(k->e, CTL_USAGE,
				     "filter: more than %d bytes",
				     CAPTURE_FILTER - 1);
	}
	if (!k->snap)
		k->snap = CAP_SNAP;
	if (!rc && !k->file && isatty(STDOUT_FILENO))
		rc = err_set(k->e, CTL_USAGE,
			     "stdout is a terminal; give -w FILE, or pipe "
			     "into: tcpdump -r -");
	return rc;
}

/* --- the filter ------------------------------------------------------------------ */

/* Into memory that nobody can change or cut under netbackd's hands. */
static int capture_seal(struct capture *k, const struct bpf_program *p)
{
	size_t n = p->bf_len * sizeof(*p->bf_insns);
	int fd = memfd_create("filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	k->program = fd;
	k->ninsn = p->bf_len;
	if (fd < 0 || (n && write(fd, p->bf_insns, n) != (ssize_t)n) ||
	    fcntl(fd, F_ADD_SEALS, CAPTURE_SEALS))
		return err_set(k->e, -errno, "filter: no memory for it: %s",
			       strerror(errno));
	return 0;
}

static int capture_compile(struct capture *k)
{
	struct bpf_program p = { 0 };
	struct pcaplib lib;
	pcap_t *dead;
	int rc;

	if (!k->filter[0])
		return capture_seal(k, &p);
	rc = pcaplib_open(&lib, k->e);
	if (rc)
		return rc;
	dead = lib.open_dead(DLT_EN10MB, (int)k->snap);
	if (!dead)
		rc = err_set(k->e, -ENOMEM, "out of memory");
	else if (lib.compile(dead, &p, k->filter, 1, PCAP_NETMASK_UNKNOWN))
		rc = err_set(k->e, CTL_USAGE,
			     "filter \"%.200s\": %s; see pcap-filter(7)",
			     k->filter, lib.geterr(dead));
	else if (p.bf_len > CAP_INSNS)
		rc = err_set(k->e, CTL_USAGE,
			     "filter: %u instructions, %d are allowed; make it "
			     "simpler",
			     p.bf_len, CAP_INSNS);
	if (!rc)
		rc = capture_seal(k, &p);
	lib.freecode(&p);
	if (dead)
		lib.close(dead);
	pcaplib_close(&lib);
	return rc;
}

/* --- netbackd -------------------------------------------------------------------- */

static int capture_ask(struct capture *k, int sock)
{
	int fds[] = { sock, k->program }, rc;
	char name[24];
	json_t *q, *answer = NULL;

	snprintf(name, sizeof(name), "vif%u.%u", k->v.domid, k->v.handle);
	q = json_pack("{s:s, s:s, s:i, s:i}", "cmd", "capture", "vif", name,
		      "snap", (int)k->snap, "ninsn", (int)k->ninsn);
	rc = control_turn(k->control, q, fds, 2, &answer, k->e);
	json_decref(q);
	if (!rc)
		json_decref(answer);
	return rc;
}

static int capture_begin(struct capture *k)
{
	int sv[2], size = CAPTURE_SNDBUF, rc;

	k->control = control_connect(k->c, k->e);
	if (k->control < 0)
		return k->control;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return err_set(k->e, -errno, "no socket: %s", strerror(errno));
	k->sock = sv[0];
	/* As much as we may: what it holds is not lost while we write. */
	if (setsockopt(sv[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	rc = capture_ask(k, sv[1]);
	close(sv[1]);
	return rc;
}

/* One message: 1 written, 0 end of the capture, else as pcapfile_put (1 as
 * -ECANCELED).
 */
static int capture_take(struct capture *k)
{
	static uint8_t buf[CAP_MESSAGE];
	ssize_t n = recv(k->sock, buf, sizeof(buf), MSG_DONTWAIT);
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n <= 0)
		return 0;
	rc = pcapfile_put(&k->out, buf, (size_t)n, k->e);
	if (rc == 1 || rc == -EPIPE) {
		k->stopped = true;
		return -ECANCELED;
	}
	return rc ? rc : 1;
}

/* Until something ends it: 0, or -errno with a sentence. */
static int capture_run(struct capture *k)
{
	struct pollfd p[] = {
		{ .fd = k->out.sigs, .events = POLLIN },
		{ .fd = k->sock, .events = POLLIN },
		{ .fd = k->control, .events = POLLIN },
	};
	int rc = 1;

	while (rc > 0) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_set(k->e, -errno, "poll: %s",
				       strerror(errno));
		if (p[0].revents || p[2].revents)
			break;
		rc = capture_take(k);
	}
	return rc == -EINTR || rc == -ECANCELED || rc > 0 ? 0 : rc;
}

/* What was on its way when the end was asked for. */
static int capture_drain(struct capture *k)
{
	struct pollfd p = { .fd = k->sock, .events = POLLIN };
	int rc = 1;

	k->out.until_ns = clock_ns() + CAPTURE_DRAIN_MS * UINT64_C(1000000);
	while (rc > 0 && !k->stopped && poll(&p, 1, CAPTURE_DRAIN_MS) > 0)
		rc = capture_take(k);
	return rc == -EINTR || rc == -ECANCELED || rc > 0 ? 0 : rc;
}

static uint64_t capture_result(const json_t *answer, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(answer, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void capture_say(const struct capture *k, const json_t *answer)
{
	const char *ended = json_string_value(json_object_get(answer, "ended"));
	uint64_t matched = capture_result(answer, "matched");
	uint64_t lost = capture_result(answer, "lost");
	uint64_t workers = capture_result(answer, "workers");
	uint64_t frames = k->out.frames;

	if (!k->stopped && matched > frames && matched - frames > lost)
		lost = matched - frames;
	if (ended)
		fprintf(stderr, "vif%u.%u: %s\n", k->v.domid, k->v.handle,
			ended);
	fprintf(stderr,
		"%" PRIu64 " frame%s captured, %" PRIu64
		" lost (reader too slow)\n",
		frames, frames == 1 ? "" : "s", lost);
	if (workers > 1)
		fprintf(stderr,
			"%" PRIu64 " worker%s died meanwhile; what these held "
			"counts as lost\n",
			workers - 1, workers == 2 ? "" : "s");
}

static int capture_end(struct capture *k)
{
	json_t *q = json_pack("{s:s}", "cmd", "capture-end"), *answer = NULL;
	struct err why = { "" };
	int rc, ask = control_turn(k->control, q, NULL, 0, &answer, &why);

	json_decref(q);
	rc = capture_drain(k);
	if (!rc)
		rc = pcapfile_close(&k->out, k->e);
	if (!rc && ask)
		rc = err_set(k->e, ask,
			     "%s; the capture ended after %" PRIu64 " frame%s",
			     why.text, k->out.frames,
			     k->out.frames == 1 ? "" : "s");
	if (!rc)
		capture_say(k, answer);
	json_decref(answer);
	return rc;
}

static int capture_signals(struct capture *k)
{
	sigset_t set;

	run_hold_signals();
	signal(SIGXFSZ, SIG_IGN); /* a file too large is an error like others */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	k->out.sigs = signalfd(-1, &set, SFD_CLOEXEC);
	return k->out.sigs < 0
		       ? err_set(k->e, -errno, "signalfd: %s", strerror(errno))
		       : 0;
}

static int capture_all(struct capture *k)
{
	int rc = capture_compile(k);

	if (!rc)
		rc = capture_signals(k);
	if (!rc)
		rc = capture_begin(k);
	if (!rc)
		rc = pcapfile_open(&k->out, k->file ? k->file : "-", k->snap,
				   k->e);
	if (rc == -EPIPE || rc == -EINTR)
		return 0;
	if (rc)
		return rc;
	fprintf(stderr, "vif%u.%u: capturing, %" PRIu32 " bytes of a frame\n",
		k->v.domid, k->v.handle, k->snap);
	rc = capture_run(k);
	return rc ? rc : capture_end(k);
}

int verb_capture(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct capture k = {
		.c = c,
		.e = e,
		.program = -1,
		.sock = -1,
		.control = -1,
		.out = { .fd = -1, .sigs = -1 },
	};
	int fds[3], rc = capture_words(&k, argc + 1, argv - 1);

	if (rc)
		return rc;
	k.out.most = k.most;
	rc = capture_all(&k);
	if (rc)
		ctl_prefix(&k.v, e);
	fds[0] = k.program;
	fds[1] = k.sock;
	fds[2] = k.control;
	msg_close_all(fds, ARRAY_SIZE(fds));
	return rc;
}
