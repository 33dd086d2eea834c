// SPDX-License-Identifier: GPL-2.0-or-later
/* drops.c - the kernel's drop monitor: on, off, and what it tells
 *
 * There is one for the whole host, with one setting, and nothing says who switched
 * it on. So the setting that was found is written to a file before it is changed,
 * and that file is locked, shared, by each of ours that listens: who is alone at
 * its end puts all back. A file with words that nobody has locked is that of one
 * who was killed.
 */
#include "drops.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

enum {
	DROPS_BUF = 1 << 17, /* of one message: a packet is at most 64 KiB */
	DROPS_ROOM = 1 << 24,
	DROPS_QUEUE = 4096, /* packets that the kernel keeps for us */
};

struct drops_set {
	bool packets; /* it tells each packet, else sums */
	uint32_t trunc, queue;
};

struct drops {
	struct mnl_socket *ask, *hear;
	uint16_t family;
	uint32_t group;
	unsigned seq;
	int record;
	bool ours; /* switched on by one of ours */
	char buf[DROPS_BUF] __attribute__((aligned(8)));
};

/* --- one message --------------------------------------------------------------- */

struct drops_attrs {
	const struct nlattr *v[NET_DM_ATTR_MAX + 1];
};

static int drops_attr(const struct nlattr *a, void *data)
{
	static const enum mnl_attr_data_type type[NET_DM_ATTR_MAX + 1] = {
		[NET_DM_ATTR_SYMBOL] = MNL_TYPE_NUL_STRING,
		[NET_DM_ATTR_IN_PORT] = MNL_TYPE_NESTED,
		[NET_DM_ATTR_TIMESTAMP] = MNL_TYPE_U64,
		[NET_DM_ATTR_ORIG_LEN] = MNL_TYPE_U32,
		[NET_DM_ATTR_REASON] = MNL_TYPE_NUL_STRING,
		[NET_DM_ATTR_ALERT_MODE] = MNL_TYPE_U8,
		[NET_DM_ATTR_TRUNC_LEN] = MNL_TYPE_U32,
		[NET_DM_ATTR_QUEUE_LEN] = MNL_TYPE_U32,
	};
	struct drops_attrs *t = data;
	unsigned n = mnl_attr_get_type(a);

	if (n > NET_DM_ATTR_MAX)
		return MNL_CB_OK;
	if (type[n] && mnl_attr_validate(a, type[n]) < 0)
		return MNL_CB_ERROR;
	t->v[n] = a;
	return MNL_CB_OK;
}

static uint32_t drops_port(const struct nlattr *port)
{
	const struct nlattr *a;

	if (!port)
		return 0;
	mnl_attr_for_each_nested(a, port)
	{
		if (mnl_attr_get_type(a) == NET_DM_ATTR_PORT_NETDEV_IFINDEX &&
		    mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(a);
	}
	return 0;
}

static void drops_text(char *dst, const struct nlattr *a)
{
	dst[0] = '\0';
	if (a)
		str_fmt(dst, DROPS_NAME, "%s", mnl_attr_get_str(a));
}

/* The command of a message, with its attributes in t; 0 = not the family's form. */
static unsigned drops_command(const struct nlmsghdr *nlh, struct drops_attrs *t)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);

	memset(t, 0, sizeof(*t));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*g) ||
	    mnl_attr_parse(nlh, sizeof(*g), drops_attr, t) < 0)
		return 0;
	return g->cmd;
}

int drops_parse(const void *msg, size_t size, struct drop *out)
{
	const struct nlmsghdr *nlh = msg;
	const struct nlattr *a;
	struct drops_attrs t;
	unsigned cmd;

	if (size > INT32_MAX || !mnl_nlmsg_ok(nlh, (int)size))
		return -EINVAL;
	cmd = drops_command(nlh, &t);
	if (!cmd)
		return -EINVAL;
	/* what a switch's hardware dropped has no reason of the kernel's */
	if (cmd != NET_DM_CMD_PACKET_ALERT || !t.v[NET_DM_ATTR_PAYLOAD] ||
	    t.v[NET_DM_ATTR_HW_TRAP_NAME])
		return 0;
	*out = (struct drop){ .in = drops_port(t.v[NET_DM_ATTR_IN_PORT]) };
	drops_text(out->reason, t.v[NET_DM_ATTR_REASON]);
	drops_text(out->where, t.v[NET_DM_ATTR_SYMBOL]);
	a = t.v[NET_DM_ATTR_TIMESTAMP];
	out->ns = a ? mnl_attr_get_u64(a) : 0;
	a = t.v[NET_DM_ATTR_PAYLOAD];
	out->frame = mnl_attr_get_payload(a);
	out->size = mnl_attr_get_payload_len(a);
	a = t.v[NET_DM_ATTR_ORIG_LEN];
	out->length = a ? mnl_attr_get_u32(a) : out->size;
	return 1;
}

/* --- questions ----------------------------------------------------------------- */

static struct nlmsghdr *drops_msg(struct drops *d, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++d->seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return nlh;
}

/* Sends, and reads up to the acknowledgement. */
static int drops_ask(struct drops *d, const struct nlmsghdr *nlh, mnl_cb_t each,
		     void *data)
{
	unsigned port = mnl_socket_get_portid(d->ask);
	ssize_t n;
	int rc = 1;

	if (mnl_socket_sendto(d->ask, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (rc > 0) {
		n = mnl_socket_recvfrom(d->ask, d->buf, sizeof(d->buf));
		if (n < 0)
			return -errno;
		rc = mnl_cb_run(d->buf, (size_t)n, d->seq, port, each, data);
	}
	return rc < 0 ? -errno : 0;
}

static void drops_group(struct drops *d, const struct nlattr *groups)
{
	const struct nlattr *g, *a;
	const char *name;
	uint32_t id;

	mnl_attr_for_each_nested(g, groups)
	{
		name = "";
		id = 0;
		mnl_attr_for_each_nested(a, g)
		{
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME &&
			    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
				name = mnl_attr_get_str(a);
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID &&
			    mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
				id = mnl_attr_get_u32(a);
		}
		if (!strcmp(name, "events"))
			d->group = id;
	}
}

static int drops_on_family(const struct nlmsghdr *nlh, void *data)
{
	struct drops *d = data;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
			d->family = mnl_attr_get_u16(a);
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
			drops_group(d, a);
	}
	return MNL_CB_OK;
}

static int drops_on_set(const struct nlmsghdr *nlh, void *data)
{
	struct drops_set *s = data;
	struct drops_attrs t;

	if (drops_command(nlh, &t) != NET_DM_CMD_CONFIG_NEW ||
	    !t.v[NET_DM_ATTR_ALERT_MODE])
		return MNL_CB_OK;
	s->packets = mnl_attr_get_u8(t.v[NET_DM_ATTR_ALERT_MODE]) ==
		     NET_DM_ALERT_MODE_PACKET;
	if (t.v[NET_DM_ATTR_TRUNC_LEN])
		s->trunc = mnl_attr_get_u32(t.v[NET_DM_ATTR_TRUNC_LEN]);
	if (t.v[NET_DM_ATTR_QUEUE_LEN])
		s->queue = mnl_attr_get_u32(t.v[NET_DM_ATTR_QUEUE_LEN]);
	return MNL_CB_OK;
}

static int drops_get(struct drops *d, struct drops_set *s)
{
	*s = (struct drops_set){ .packets = false };
	return drops_ask(d, drops_msg(d, d->family, NET_DM_CMD_CONFIG_GET),
			 drops_on_set, s);
}

/* -EBUSY: it is on. */
static int drops_put(struct drops *d, const struct drops_set *s)
{
	struct nlmsghdr *nlh = drops_msg(d, d->family, NET_DM_CMD_CONFIG);

	mnl_attr_put_u8(nlh, NET_DM_ATTR_ALERT_MODE,
			s->packets ? NET_DM_ALERT_MODE_PACKET
				   : NET_DM_ALERT_MODE_SUMMARY);
	mnl_attr_put_u32(nlh, NET_DM_ATTR_TRUNC_LEN, s->trunc);
	mnl_attr_put_u32(nlh, NET_DM_ATTR_QUEUE_LEN, s->queue);
	return drops_ask(d, nlh, NULL, NULL);
}

/* Of software; hardware's stay as they are. 0 also if it is so already. */
static int drops_switch(struct drops *d, bool on)
{
	struct nlmsghdr *nlh = drops_msg(
		d, d->family, on ? NET_DM_CMD_START : NET_DM_CMD_STOP);
	int rc;

	mnl_attr_put(nlh, NET_DM_ATTR_SW_DROPS, 0, NULL);
	rc = drops_ask(d, nlh, NULL, NULL);
	return rc == -EAGAIN ? 0 : rc;
}

/* --- the record ---------------------------------------------------------------- */

/* 0 with how it was before one of ours changed it, -ENOENT none did. */
static int drops_recorded(const struct drops *d, struct drops_set *s)
{
	char text[64] = "";
	unsigned packets;
	ssize_t n = pread(d->record, text, sizeof(text) - 1, 0);

	if (n <= 0 ||
	    sscanf(text, "%1u %10u %10u", &packets, &s->trunc, &s->queue) != 3)
		return -ENOENT;
	s->packets = packets;
	return 0;
}

static int drops_note(const struct drops *d, const struct drops_set *s)
{
	char text[64];
	int n = str_fmt(text, sizeof(text), "%u %u %u\n", s->packets, s->trunc,
			s->queue);

	return n < 0 || pwrite(d->record, text, (size_t)n, 0) != n ? -EIO : 0;
}

static int drops_change(struct drops *d)
{
	const struct drops_set want = { true, DROPS_FRAME, DROPS_QUEUE };
	struct drops_set was;
	int rc;

	d->ours = !drops_recorded(d, &was);
	if (d->ours) {
		rc = drops_put(d, &want); /* again, if it is off */
		return rc == -EBUSY ? 0 : rc;
	}
	rc = drops_get(d, &was);
	if (!rc)
		rc = drops_note(d, &was);
	if (!rc)
		rc = drops_put(d, &want);
	d->ours = !rc;
	if (rc && ftruncate(d->record, 0))
		return -errno;
	return rc == -EBUSY ? 0 : rc; /* others have it on */
}

/* On, by us or others, and in the one way that tells packets. */
static int drops_start(struct drops *d, struct err *e)
{
	struct drops_set now;
	int rc = drops_change(d);

	if (!rc)
		rc = drops_get(d, &now);
	if (!rc && !now.packets)
		return err_set(e, -EBUSY,
			       "drop monitor: another program has it on and "
			       "asks for sums alone; end that one");
	if (!rc)
		rc = drops_switch(d, true);
	return rc ? err_set(e, rc, "drop monitor: %s", strerror(-rc)) : 0;
}

static void drops_stop(struct drops *d)
{
	struct drops_set was;

	if (!d->ours || flock(d->record, LOCK_EX | LOCK_NB) ||
	    drops_recorded(d, &was))
		return;
	if (!drops_switch(d, false) && !drops_put(d, &was))
		(void)!ftruncate(d->record, 0);
}

/* --- the border ---------------------------------------------------------------- */

static int drops_sockets(struct drops *d, struct err *e)
{
	struct nlmsghdr *nlh;
	int rc;

	d->ask = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!d->ask || mnl_socket_bind(d->ask, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_set(e, -errno, "generic netlink: %s",
			       strerror(errno));
	nlh = drops_msg(d, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "NET_DM");
	rc = drops_ask(d, nlh, drops_on_family, d);
	if (!rc && d->family && d->group)
		return 0;
	return err_set(e, rc ? rc : -EPROTO,
		       "this kernel has no drop monitor here: modprobe "
		       "drop_monitor (CONFIG_NET_DROP_MONITOR), and only in "
		       "the host's own network namespace");
}

int drops_probe(struct err *e)
{
	struct drops *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->record = -1;
	rc = drops_sockets(d, e);
	drops_close(d);
	return rc;
}

static int drops_hear(struct drops *d, struct err *e)
{
	int room = DROPS_ROOM, fd;

	d->hear = mnl_socket_open2(NETLINK_GENERIC,
				   SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!d->hear || mnl_socket_bind(d->hear, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_set(e, -errno, "generic netlink: %s",
			       strerror(errno));
	fd = mnl_socket_get_fd(d->hear);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (mnl_socket_setsockopt(d->hear, NETLINK_ADD_MEMBERSHIP, &d->group,
				  sizeof(d->group)))
		return err_set(e, -errno,
			       "drop monitor: %s; CAP_NET_ADMIN is needed",
			       strerror(errno));
	return 0;
}

int drops_open(struct drops **out, const char *record, struct err *e)
{
	struct drops *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->record = open(record, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			 0600);
	rc = d->record < 0 || flock(d->record, LOCK_EX) ? -errno : 0;
	if (rc)
		err_set(e, rc, "%s: %s", record, strerror(-rc));
	if (!rc)
		rc = drops_sockets(d, e);
	if (!rc)
		rc = drops_hear(d, e);
	if (!rc)
		rc = drops_start(d, e);
	if (rc) {
		drops_close(d);
		return rc;
	}
	flock(d->record, LOCK_SH);
	*out = d;
	return 0;
}

int drops_fd(const struct drops *d)
{
	return mnl_socket_get_fd(d->hear);
}

int drops_next(struct drops *d, struct drop *out)
{
	ssize_t n;
	int rc = 0;

	while (!rc) {
		n = recv(drops_fd(d), d->buf, sizeof(d->buf), 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		rc = drops_parse(d->buf, (size_t)n, out);
		if (rc < 0)
			rc = 0; /* not for us to judge: the next */
	}
	return rc;
}

void drops_close(struct drops *d)
{
	if (!d)
		return;
	if (d->hear)
		mnl_socket_close(d->hear);
	drops_stop(d);
	if (d->ask)
		mnl_socket_close(d->ask);
	if (d->record >= 0)
		close(d->record);
	free(d);
}
