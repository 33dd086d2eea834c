// SPDX-License-Identifier: GPL-2.0-or-later
/* mnl.c - what libnftnl and our own rooms use of libmnl, for a program without
 * shared libraries
 *
 * Debian has no archive of libmnl, and to load shared libraries costs the hotplug
 * program more than all else that it does by itself. So these are the functions
 * of <libmnl/libmnl.h> that it needs, and they promise what that header's manual
 * does. No other program has this file: those with libmnl have the real one.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct mnl_socket {
	int fd;
	struct sockaddr_nl addr;
};

/* --- sockets -----------------------------------------------------------------*/

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return NULL;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
	if (nl->fd < 0) {
		free(nl);
		return NULL;
	}
	return nl;
}

struct mnl_socket *mnl_socket_open(int bus)
{
	return mnl_socket_open2(bus, 0);
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned groups, pid_t pid)
{
	socklen_t n = sizeof(nl->addr);

	nl->addr.nl_family = AF_NETLINK;
	nl->addr.nl_groups = groups;
	nl->addr.nl_pid = (unsigned)pid;
	if (bind(nl->fd, (struct sockaddr *)&nl->addr, n))
		return -1;
	return getsockname(nl->fd, (struct sockaddr *)&nl->addr, &n);
}

int mnl_socket_close(struct mnl_socket *nl)
{
	int rc = close(nl->fd);

	free(nl);
	return rc;
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return nl->fd;
}

unsigned mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return nl->addr.nl_pid;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req,
			  size_t size)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	return sendto(nl->fd, req, size, 0, (struct sockaddr *)&to, sizeof(to));
}

/* A datagram that did not fit is an error, and so is one that is not from a
 * netlink address.
 */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = { buf, size };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1 };
	ssize_t r = recvmsg(nl->fd, &m, 0);

	if (r < 0)
		return r;
	errno = m.msg_flags & MSG_TRUNC ? ENOSPC : EINVAL;
	return m.msg_flags & MSG_TRUNC || m.msg_namelen != sizeof(from) ? -1
									: r;
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf,
			  socklen_t len)
{
	return setsockopt(nl->fd, SOL_NETLINK, type, buf, len);
}

/* --- messages ----------------------------------------------------------------*/

size_t mnl_nlmsg_get_payload_len(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_len - MNL_NLMSG_HDRLEN;
}

struct nlmsghdr *mnl_nlmsg_put_header(void *buf)
{
	struct nlmsghdr *nlh = buf;

	memset(nlh, 0, MNL_NLMSG_HDRLEN);
	nlh->nlmsg_len = MNL_NLMSG_HDRLEN;
	return nlh;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *nlh, size_t size)
{
	char *at = mnl_nlmsg_get_payload_tail(nlh);

	memset(at, 0, MNL_ALIGN(size));
	nlh->nlmsg_len += (uint32_t)MNL_ALIGN(size);
	return at;
}

bool mnl_nlmsg_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (unsigned)len;
}

struct nlmsghdr *mnl_nlmsg_next(const struct nlmsghdr *nlh, int *len)
{
	size_t n = MNL_ALIGN(nlh->nlmsg_len);

	*len -= (int)n;
	return (struct nlmsghdr *)((char *)nlh + n);
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *nlh, size_t offset)
{
	return (char *)nlh + MNL_NLMSG_HDRLEN + MNL_ALIGN(offset);
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_offset(nlh, 0);
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *nlh)
{
	return (char *)nlh + MNL_ALIGN(nlh->nlmsg_len);
}

/* What a message that is no answer of a kind by itself ends in: an error, or the
 * end of a dump, which may carry one, too.
 */
static int mnl_control(const struct nlmsghdr *nlh)
{
	const int *error = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_NOOP || nlh->nlmsg_type == NLMSG_OVERRUN)
		return MNL_CB_OK;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return MNL_CB_STOP;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	errno = *error < 0 ? -*error : *error;
	return *error ? MNL_CB_ERROR : MNL_CB_STOP;
}

static int mnl_cb_one(const struct nlmsghdr *nlh, unsigned seq, unsigned port,
		      mnl_cb_t fn, void *data)
{
	if (port && nlh->nlmsg_pid && nlh->nlmsg_pid != port) {
		errno = ESRCH;
		return MNL_CB_ERROR;
	}
	if (seq && nlh->nlmsg_seq && nlh->nlmsg_seq != seq) {
		errno = EPROTO;
		return MNL_CB_ERROR;
	}
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR) {
		errno = EINTR;
		return MNL_CB_ERROR;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return mnl_control(nlh);
	return fn ? fn(nlh, data) : MNL_CB_OK;
}

int mnl_cb_run(const void *buf, size_t size, unsigned seq, unsigned port,
	       mnl_cb_t fn, void *data)
{
	const struct nlmsghdr *nlh = buf;
	int rc = MNL_CB_OK, left = (int)size;

	while (rc > MNL_CB_STOP && mnl_nlmsg_ok(nlh, left)) {
		rc = mnl_cb_one(nlh, seq, port, fn, data);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return rc;
}

/* --- batches of messages, for libnftnl's own probes --------------------------*/

/* Behind `limit` bytes there is room for one message more. */
struct mnl_nlmsg_batch {
	char *buf, *at;
	size_t limit, size;
};

struct mnl_nlmsg_batch *mnl_nlmsg_batch_start(void *buf, size_t limit)
{
	struct mnl_nlmsg_batch *b = malloc(sizeof(*b));

	if (b)
		*b = (struct mnl_nlmsg_batch){ buf, buf, limit, 0 };
	return b;
}

void mnl_nlmsg_batch_stop(struct mnl_nlmsg_batch *b)
{
	free(b);
}

/* false: the message that was just written is past the limit, and not counted. */
bool mnl_nlmsg_batch_next(struct mnl_nlmsg_batch *b)
{
	size_t n = ((struct nlmsghdr *)b->at)->nlmsg_len;

	if (b->size + n > b->limit)
		return false;
	b->at += n;
	b->size += n;
	return true;
}

size_t mnl_nlmsg_batch_size(struct mnl_nlmsg_batch *b)
{
	return b->size;
}

void *mnl_nlmsg_batch_head(struct mnl_nlmsg_batch *b)
{
	return b->buf;
}

void *mnl_nlmsg_batch_current(struct mnl_nlmsg_batch *b)
{
	return b->at;
}

/* --- attributes: read --------------------------------------------------------*/

uint16_t mnl_attr_get_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *a)
{
	return (uint16_t)(a->nla_len - MNL_ATTR_HDRLEN);
}

void *mnl_attr_get_payload(const struct nlattr *a)
{
	return (char *)a + MNL_ATTR_HDRLEN;
}

uint8_t mnl_attr_get_u8(const struct nlattr *a)
{
	return *(uint8_t *)mnl_attr_get_payload(a);
}

uint16_t mnl_attr_get_u16(const struct nlattr *a)
{
	return *(uint16_t *)mnl_attr_get_payload(a);
}

uint32_t mnl_attr_get_u32(const struct nlattr *a)
{
	return *(uint32_t *)mnl_attr_get_payload(a);
}

/* They are aligned to four. */
uint64_t mnl_attr_get_u64(const struct nlattr *a)
{
	uint64_t v;

	memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return v;
}

const char *mnl_attr_get_str(const struct nlattr *a)
{
	return mnl_attr_get_payload(a);
}

bool mnl_attr_ok(const struct nlattr *a, int len)
{
	return len >= (int)sizeof(*a) && a->nla_len >= sizeof(*a) &&
	       (int)a->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *a)
{
	return (struct nlattr *)((char *)a + MNL_ALIGN(a->nla_len));
}

int mnl_attr_type_valid(const struct nlattr *a, uint16_t max)
{
	if (mnl_attr_get_type(a) <= max)
		return 1;
	errno = EOPNOTSUPP;
	return -1;
}

/* Bytes that a value of that type has: 0 = any number. */
static size_t mnl_type_size(enum mnl_attr_data_type type)
{
	switch (type) {
	case MNL_TYPE_U8:
		return sizeof(uint8_t);
	case MNL_TYPE_U16:
		return sizeof(uint16_t);
	case MNL_TYPE_U32:
		return sizeof(uint32_t);
	case MNL_TYPE_U64:
	case MNL_TYPE_MSECS:
		return sizeof(uint64_t);
	default:
		return 0;
	}
}

int mnl_attr_validate(const struct nlattr *a, enum mnl_attr_data_type type)
{
	size_t len = mnl_attr_get_payload_len(a), want = mnl_type_size(type);
	const char *v = mnl_attr_get_payload(a);

	errno = EINVAL;
	if (type >= MNL_TYPE_MAX)
		return -1;
	errno = ERANGE;
	if (want && len != want)
		return -1;
	if (type == MNL_TYPE_FLAG && len)
		return -1;
	/* libnftnl reads it as a string */
	if (type == MNL_TYPE_STRING && !len)
		return -1;
	if (type == MNL_TYPE_NUL_STRING && (!len || v[len - 1])) {
		errno = EINVAL;
		return -1;
	}
	if (type == MNL_TYPE_NESTED && len && len < MNL_ATTR_HDRLEN)
		return -1;
	return 0;
}

static int mnl_parse(const void *at, const void *end, mnl_attr_cb_t fn,
		     void *data)
{
	const struct nlattr *a = at;
	int rc = MNL_CB_OK;

	for (;
	     rc > MNL_CB_STOP && mnl_attr_ok(a, (int)((char *)end - (char *)a));
	     a = mnl_attr_next(a))
		rc = fn(a, data);
	return rc;
}

int mnl_attr_parse(const struct nlmsghdr *nlh, unsigned offset,
		   mnl_attr_cb_t fn, void *data)
{
	return mnl_parse(mnl_nlmsg_get_payload_offset(nlh, offset),
			 mnl_nlmsg_get_payload_tail(nlh), fn, data);
}

int mnl_attr_parse_nested(const struct nlattr *nest, mnl_attr_cb_t fn,
			  void *data)
{
	const char *at = mnl_attr_get_payload(nest);

	return mnl_parse(at, at + mnl_attr_get_payload_len(nest), fn, data);
}

/* --- attributes: written -----------------------------------------------------*/

void mnl_attr_put(struct nlmsghdr *nlh, uint16_t type, size_t len,
		  const void *data)
{
	struct nlattr *a = mnl_nlmsg_get_payload_tail(nlh);
	char *v = mnl_attr_get_payload(a);

	a->nla_type = type;
	a->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + len);
	if (len)
		memcpy(v, data, len);
	memset(v + len, 0, MNL_ALIGN(len) - len);
	nlh->nlmsg_len += (uint32_t)MNL_ALIGN(a->nla_len);
}

void mnl_attr_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t v)
{
	mnl_attr_put(nlh, type, sizeof(v), &v);
}

void mnl_attr_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t v)
{
	mnl_attr_put(nlh, type, sizeof(v), &v);
}

void mnl_attr_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	mnl_attr_put(nlh, type, sizeof(v), &v);
}

void mnl_attr_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	mnl_attr_put(nlh, type, sizeof(v), &v);
}

void mnl_attr_put_str(struct nlmsghdr *nlh, uint16_t type, const char *v)
{
	mnl_attr_put(nlh, type, strlen(v), v);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *v)
{
	mnl_attr_put(nlh, type, strlen(v) + 1, v);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *a = mnl_nlmsg_get_payload_tail(nlh);

	a->nla_type = NLA_F_NESTED | type;
	nlh->nlmsg_len += (uint32_t)MNL_ALIGN(sizeof(*a));
	return a;
}

void mnl_attr_nest_end(struct nlmsghdr *nlh, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(nlh) -
				   (char *)nest);
}
