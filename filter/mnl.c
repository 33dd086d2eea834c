// SPDX-License-Identifier: GPL-2.0-or-later
/* mnl.c - what vifhotplug needs of libmnl's interface, for a program without
 * shared libraries
 *
 * Debian has no archive of libmnl, and one shared library brings the loader, the C
 * library's relocation and the search for its names with it: a fifth of what
 * attaching a vif costs. The other programs have libmnl itself. What it does is
 * what its header's documentation says; tests/unit/test_mnl.c holds the two
 * against each other.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a socket --------------------------------------------------------------- */

struct mnl_socket {
	int fd;
	struct sockaddr_nl addr;
};

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return NULL;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
	if (nl->fd >= 0)
		return nl;
	free(nl);
	return NULL;
}

struct mnl_socket *mnl_socket_open(int bus)
{
	return mnl_socket_open2(bus, 0);
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned groups, pid_t pid)
{
	socklen_t len = sizeof(nl->addr);

	nl->addr = (struct sockaddr_nl){ .nl_family = AF_NETLINK,
					 .nl_groups = groups,
					 .nl_pid = (uint32_t)pid };
	if (bind(nl->fd, (struct sockaddr *)&nl->addr, len))
		return -1;
	if (getsockname(nl->fd, (struct sockaddr *)&nl->addr, &len))
		return -1;
	if (len == sizeof(nl->addr) && nl->addr.nl_family == AF_NETLINK)
		return 0;
	errno = EINVAL;
	return -1;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	int r = close(nl->fd);

	free(nl);
	return r;
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return nl->fd;
}

unsigned mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return nl->addr.nl_pid;
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf,
			  socklen_t len)
{
	return setsockopt(nl->fd, SOL_NETLINK, type, buf, len);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req,
			  size_t size)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	return sendto(nl->fd, req, size, 0, (struct sockaddr *)&to, sizeof(to));
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec v = { .iov_base = buf, .iov_len = size };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &v,
			    .msg_iovlen = 1 };
	ssize_t r = recvmsg(nl->fd, &m, 0);

	if (r < 0)
		return r;
	if (!(m.msg_flags & MSG_TRUNC) && m.msg_namelen == sizeof(from))
		return r;
	errno = m.msg_flags & MSG_TRUNC ? ENOSPC : EINVAL;
	return -1;
}

/* --- a message -------------------------------------------------------------- */

void *mnl_nlmsg_get_payload(const struct nlmsghdr *nlh)
{
	return (char *)nlh + MNL_NLMSG_HDRLEN;
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *nlh, size_t offset)
{
	return (char *)nlh + MNL_NLMSG_HDRLEN + MNL_ALIGN(offset);
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *nlh)
{
	return (char *)nlh + MNL_ALIGN(nlh->nlmsg_len);
}

size_t mnl_nlmsg_get_payload_len(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_len - MNL_NLMSG_HDRLEN;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *nlh, size_t size)
{
	char *p = mnl_nlmsg_get_payload_tail(nlh);
	size_t len = MNL_ALIGN(size);

	nlh->nlmsg_len += (uint32_t)len;
	return memset(p, 0, len);
}

struct nlmsghdr *mnl_nlmsg_put_header(void *buf)
{
	struct nlmsghdr *nlh = memset(buf, 0, MNL_NLMSG_HDRLEN);

	nlh->nlmsg_len = MNL_NLMSG_HDRLEN;
	return nlh;
}

bool mnl_nlmsg_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)len;
}

struct nlmsghdr *mnl_nlmsg_next(const struct nlmsghdr *nlh, int *len)
{
	*len -= (int)MNL_ALIGN(nlh->nlmsg_len);
	return mnl_nlmsg_get_payload_tail(nlh);
}

/* --- its attributes --------------------------------------------------------- */

uint16_t mnl_attr_get_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attr)
{
	return (uint16_t)(attr->nla_len - MNL_ATTR_HDRLEN);
}

void *mnl_attr_get_payload(const struct nlattr *attr)
{
	return (char *)attr + MNL_ATTR_HDRLEN;
}

bool mnl_attr_ok(const struct nlattr *attr, int len)
{
	return len >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) &&
	       (int)attr->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *attr)
{
	return (struct nlattr *)((char *)attr + MNL_ALIGN(attr->nla_len));
}

int mnl_attr_type_valid(const struct nlattr *attr, uint16_t max)
{
	if (mnl_attr_get_type(attr) <= max)
		return 1;
	errno = EOPNOTSUPP;
	return -1;
}

/* What each kind of payload is long: 0 = as it comes. */
static const uint8_t mnl_size[MNL_TYPE_MAX] = {
	[MNL_TYPE_U8] = 1,  [MNL_TYPE_U16] = 2,	  [MNL_TYPE_U32] = 4,
	[MNL_TYPE_U64] = 8, [MNL_TYPE_MSECS] = 8,
};

static int mnl_wrong(const struct nlattr *attr, enum mnl_attr_data_type type)
{
	const char *p = mnl_attr_get_payload(attr);
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (mnl_size[type] && len != mnl_size[type])
		return ERANGE;
	if (type == MNL_TYPE_FLAG && len)
		return ERANGE;
	if ((type == MNL_TYPE_STRING || type == MNL_TYPE_NUL_STRING) && !len)
		return ERANGE;
	if (type == MNL_TYPE_NUL_STRING && p[len - 1])
		return EINVAL;
	if (type == MNL_TYPE_NESTED && len && len < MNL_ATTR_HDRLEN)
		return ERANGE;
	return 0;
}

int mnl_attr_validate(const struct nlattr *attr, enum mnl_attr_data_type type)
{
	int wrong = type < MNL_TYPE_MAX ? mnl_wrong(attr, type) : EINVAL;

	if (!wrong)
		return 0;
	errno = wrong;
	return -1;
}

uint8_t mnl_attr_get_u8(const struct nlattr *attr)
{
	return *(const uint8_t *)mnl_attr_get_payload(attr);
}

uint16_t mnl_attr_get_u16(const struct nlattr *attr)
{
	return *(const uint16_t *)mnl_attr_get_payload(attr);
}

uint32_t mnl_attr_get_u32(const struct nlattr *attr)
{
	return *(const uint32_t *)mnl_attr_get_payload(attr);
}

/* Attributes are aligned to four bytes. */
uint64_t mnl_attr_get_u64(const struct nlattr *attr)
{
	uint64_t v;

	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return v;
}

const char *mnl_attr_get_str(const struct nlattr *attr)
{
	return mnl_attr_get_payload(attr);
}

static int mnl_attr_each(const char *p, const char *end, mnl_attr_cb_t cb,
			 void *data)
{
	const struct nlattr *attr = (const struct nlattr *)p;
	int r = MNL_CB_OK;

	while (r > MNL_CB_STOP &&
	       mnl_attr_ok(attr, (int)(end - (const char *)attr))) {
		r = cb(attr, data);
		attr = mnl_attr_next(attr);
	}
	return r;
}

int mnl_attr_parse(const struct nlmsghdr *nlh, unsigned offset,
		   mnl_attr_cb_t cb, void *data)
{
	return mnl_attr_each(mnl_nlmsg_get_payload_offset(nlh, offset),
			     mnl_nlmsg_get_payload_tail(nlh), cb, data);
}

int mnl_attr_parse_nested(const struct nlattr *nested, mnl_attr_cb_t cb,
			  void *data)
{
	const char *p = mnl_attr_get_payload(nested);

	return mnl_attr_each(p, p + mnl_attr_get_payload_len(nested), cb, data);
}

void mnl_attr_put(struct nlmsghdr *nlh, uint16_t type, size_t len,
		  const void *data)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);
	size_t used = MNL_ATTR_HDRLEN + len;
	char *p = mnl_attr_get_payload(attr);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)used;
	if (len)
		memcpy(p, data, len);
	memset(p + len, 0, MNL_ALIGN(used) - used);
	nlh->nlmsg_len += (uint32_t)MNL_ALIGN(used);
}

void mnl_attr_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_str(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	mnl_attr_put(nlh, type, strlen(data), data);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	mnl_attr_put(nlh, type, strlen(data) + 1, data);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *start = mnl_nlmsg_get_payload_tail(nlh);

	/* its length comes with its end */
	start->nla_type = NLA_F_NESTED | type;
	nlh->nlmsg_len += (uint32_t)MNL_ATTR_HDRLEN;
	return start;
}

void mnl_attr_nest_end(struct nlmsghdr *nlh, struct nlattr *start)
{
	start->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(nlh) -
				    (char *)start);
}

/* --- answers ---------------------------------------------------------------- */

/* MNL_CB_ERROR with errno, or whether there is more to come. */
static int mnl_control(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_DONE)
		return MNL_CB_STOP;
	if (nlh->nlmsg_type != NLMSG_ERROR)
		return MNL_CB_OK;
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*err)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (!err->error)
		return MNL_CB_STOP;
	errno = abs(err->error);
	return MNL_CB_ERROR;
}

static int mnl_stray(const struct nlmsghdr *nlh, unsigned seq, unsigned portid)
{
	if (nlh->nlmsg_pid && portid && nlh->nlmsg_pid != portid)
		return ESRCH;
	if (nlh->nlmsg_seq && seq && nlh->nlmsg_seq != seq)
		return EPROTO;
	return nlh->nlmsg_flags & NLM_F_DUMP_INTR ? EINTR : 0;
}

int mnl_cb_run(const void *buf, size_t size, unsigned seq, unsigned portid,
	       mnl_cb_t cb, void *data)
{
	const struct nlmsghdr *nlh = buf;
	int len = (int)size, r = MNL_CB_OK, stray;

	while (r > MNL_CB_STOP && mnl_nlmsg_ok(nlh, len)) {
		stray = mnl_stray(nlh, seq, portid);
		if (stray) {
			errno = stray;
			return MNL_CB_ERROR;
		}
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			r = mnl_control(nlh);
		else if (cb)
			r = cb(nlh, data);
		nlh = mnl_nlmsg_next(nlh, &len);
	}
	return r;
}

/* --- not for us ------------------------------------------------------------- */

/* libnftnl asks whether a kernel knows batches by means of these; we do not ask it:
 * each kernel since Linux 3.13 does.
 */
struct mnl_nlmsg_batch *mnl_nlmsg_batch_start(void *buf, size_t size)
{
	(void)buf;
	(void)size;
	abort();
}

bool mnl_nlmsg_batch_next(struct mnl_nlmsg_batch *b)
{
	(void)b;
	abort();
}

void mnl_nlmsg_batch_stop(struct mnl_nlmsg_batch *b)
{
	(void)b;
	abort();
}

size_t mnl_nlmsg_batch_size(struct mnl_nlmsg_batch *b)
{
	(void)b;
	abort();
}

void *mnl_nlmsg_batch_head(struct mnl_nlmsg_batch *b)
{
	(void)b;
	abort();
}

void *mnl_nlmsg_batch_current(struct mnl_nlmsg_batch *b)
{
	(void)b;
	abort();
}

/* Names of hosts and protocols, which libnl looks up in functions that we do not
 * call: what the C library has for it loads shared libraries.
 */
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	*res = NULL;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *res)
{
	(void)res;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int proto)
{
	(void)proto;
	return NULL;
}
