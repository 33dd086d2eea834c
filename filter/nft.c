// SPDX-License-Identifier: GPL-2.0-or-later
/* nft.c - one netlink batch to nf_tables, and what is there now
 *
 * The kernel works a batch off inside sendmsg: when that returns, every answer
 * is queued. Only the last message asks for an acknowledgement, so a batch of
 * any size gets few answers, and silence is not taken for success.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/io_uring.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct nft {
	struct mnl_socket *nl;
	uint32_t seq; /* of the next question */
	bool freed;   /* something was deleted or refused through it */
};

/* Closed, and good for the next who opens. Our programs have one thread. */
static struct nft *nft_spare;

enum { NFT_WHAT = 128, NFT_WORDS = 8192 };

struct nft_batch {
	uint32_t gen;
	bool full;
	unsigned n;	       /* messages, begin and end not counted */
	size_t len;	       /* bytes */
	struct nlmsghdr *last; /* grown by whoever adds its payload */
	bool deletes;
	size_t room;   /* bytes of buf */
	unsigned msgs; /* rows of what */
	uint32_t *
		what; /* where words has those of message i; its seq is i + 2 */
	char *words;
	size_t wlen, wroom;
	char *buf;
};

enum { NFT_SEQ_BEGIN = 1, NFT_SEQ_FIRST = 2 };

int nft_open(struct nft **out, struct err *e)
{
	struct nft *nft = nft_spare;
	int rc = -ENOMEM, on = 1;

	nft_spare = NULL;
	if (nft) {
		/* of a dump that nobody read to its end */
		while (recv(mnl_socket_get_fd(nft->nl), &on, sizeof(on),
			    MSG_DONTWAIT | MSG_TRUNC) > 0)
			;
		*out = nft;
		return 0;
	}
	nft = calloc(1, sizeof(*nft));
	if (!nft)
		return err_set(e, rc, "nftables: out of memory");
	nft->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->nl || mnl_socket_bind(nft->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = nft_say(e, -errno, "netlink socket", "CONFIG_NF_TABLES");
		nft_close(nft);
		return rc;
	}
	/* A refusal need not carry the refused message back. */
	mnl_socket_setsockopt(nft->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	nft->seq = 1;
	*out = nft;
	return 0;
}

/* What was deleted is out of the ruleset when the batch is answered, and its
 * memory is freed after an RCU grace period. The kernel lets the close of a
 * netlink socket wait for that, 13 ms here, and so the exit of a program. With a
 * ring that holds the socket the last reference is dropped by a worker of the
 * kernel's, and it is that which waits. -1: no io_uring, or not for us.
 */
static int nft_holder(int fd)
{
	struct io_uring_params p = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &p);

	if (ring < 0)
		return -1;
	if (!syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd,
		     1))
		return ring;
	close(ring);
	return -1;
}

void nft_close(struct nft *nft)
{
	int ring = -1;

	if (!nft)
		return;
	if (nft->nl && !nft->freed && !nft_spare) {
		nft_spare = nft;
		return;
	}
	if (nft->nl && nft->freed)
		ring = nft_holder(mnl_socket_get_fd(nft->nl));
	if (nft->nl)
		mnl_socket_close(nft->nl);
	if (ring >= 0)
		close(ring);
	free(nft);
}

int nft_say(struct err *e, int rc, const char *what, const char *needs)
{
	switch (-rc) {
	case EPERM:
	case EACCES:
		return err_set(e, rc,
			       "nftables: %s: not permitted; CAP_NET_ADMIN is "
			       "needed (run as root)",
			       what);
	case ENOENT:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return err_set(e, -EOPNOTSUPP,
			       "nftables: this kernel cannot do '%s' (%s); it "
			       "needs %s, or their modules loaded",
			       what, strerror(-rc), needs);
	default:
		return err_set(e, rc, "nftables: %s: %s", what, strerror(-rc));
	}
}

/* --- a batch -------------------------------------------------------------- */

static void nft_batch_begin(struct nft_batch *b)
{
	struct nlmsghdr *nlh = nftnl_batch_begin(b->buf, NFT_SEQ_BEGIN);

	if (b->gen)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(b->gen));
	b->len = NLMSG_ALIGN(nlh->nlmsg_len);
}

int nft_batch_open(struct nft_batch **out, uint32_t gen)
{
	struct nft_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->room = NFT_BATCH_FIRST;
	b->msgs = NFT_MSGS;
	b->wroom = NFT_WORDS;
	b->buf = malloc(b->room);
	b->words = malloc(b->wroom);
	b->what = reallocarray(NULL, b->msgs, sizeof(*b->what));
	if (!b->buf || !b->words || !b->what) {
		nft_batch_close(b);
		return -ENOMEM;
	}
	b->gen = gen;
	nft_batch_begin(b);
	*out = b;
	return 0;
}

void nft_batch_any(struct nft_batch *b)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)b->buf;
	struct nlattr *a = mnl_nlmsg_get_payload_offset(
		nlh, sizeof(struct nfgenmsg));

	if (b->gen)
		memset(mnl_attr_get_payload(a), 0, sizeof(uint32_t));
	b->gen = 0;
}

/* The payload of the last message was added behind our back. */
static void nft_batch_settle(struct nft_batch *b)
{
	if (b->last)
		b->len += NLMSG_ALIGN(b->last->nlmsg_len);
	b->last = NULL;
}

/* Room for one message more, and the end. Nobody holds a pointer now. */
static int nft_batch_grow(struct nft_batch *b)
{
	uint32_t *what;
	char *buf;

	if (b->len + 2 * NFT_MSG_ROOM > b->room) {
		buf = b->room < NFT_BATCH_MOST ? realloc(b->buf, b->room * 2)
					       : NULL;
		if (!buf)
			return -ENOMEM;
		b->buf = buf;
		b->room *= 2;
	}
	if (b->wlen + NFT_WHAT > b->wroom) {
		buf = realloc(b->words, b->wroom * 2);
		if (!buf)
			return -ENOMEM;
		b->words = buf;
		b->wroom *= 2;
	}
	if (b->n == b->msgs) {
		what = reallocarray(b->what, b->msgs, 2 * sizeof(*what));
		if (!what)
			return -ENOMEM;
		b->what = what;
		b->msgs *= 2;
	}
	return 0;
}

/* vsnprintf for %s and %u, at a tenth of its price: these words are made for each
 * message, and read when one is refused.
 */
static size_t nft_words(char *buf, size_t size, const char *format, va_list ap)
{
	char num[16];
	size_t n = 0, len;
	const char *s;

	for (; *format && n + 1 < size; format++) {
		s = format;
		len = 1;
		if (*format == '%' && *++format == 'u') {
			len = (size_t)snprintf(num, sizeof(num), "%u",
					       va_arg(ap, unsigned));
			s = num;
		} else if (s != format) {
			s = va_arg(ap, const char *);
			len = strlen(s);
		}
		if (len > size - 1 - n)
			len = size - 1 - n;
		memcpy(buf + n, s, len);
		n += len;
	}
	buf[n] = '\0';
	return n + 1;
}

struct nlmsghdr *nft_batch_msg(struct nft_batch *b, uint16_t type,
			       uint16_t family, uint16_t flags,
			       const char *what, ...)
{
	va_list ap;

	nft_batch_settle(b);
	if (nft_batch_grow(b)) {
		b->full = true;
		return NULL;
	}
	va_start(ap, what);
	b->what[b->n] = (uint32_t)b->wlen;
	b->wlen += nft_words(b->words + b->wlen, NFT_WHAT, what, ap);
	va_end(ap);
	b->deletes |= type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN ||
		      type == NFT_MSG_DELRULE || type == NFT_MSG_DELSET ||
		      type == NFT_MSG_DELSETELEM || type == NFT_MSG_DELOBJ;
	b->last = nftnl_nlmsg_build_hdr(b->buf + b->len, type, family, flags,
					NFT_SEQ_FIRST + b->n);
	b->n++;
	return b->last;
}

unsigned nft_batch_count(const struct nft_batch *b)
{
	return b->n;
}

void nft_batch_close(struct nft_batch *b)
{
	if (b) {
		free(b->buf);
		free(b->words);
		free(b->what);
	}
	free(b);
}

struct nft_answer {
	bool last; /* the last message was acknowledged */
	int rc;	   /* of the first message that failed */
	uint32_t seq;
};

static void nft_batch_answer(struct nft_answer *a, unsigned n, char *buf,
			     int len)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		const struct nlmsgerr *m = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
			continue;
		if (m->error && (!a->rc || nlh->nlmsg_seq < a->seq)) {
			a->rc = m->error;
			a->seq = nlh->nlmsg_seq;
		}
		if (!m->error && nlh->nlmsg_seq == NFT_SEQ_FIRST + n - 1)
			a->last = true;
	}
}

/* Once. 0, or -errno and which message. */
static int nft_batch_try(struct nft *nft, const struct nft_batch *b, size_t len,
			 uint32_t *seq)
{
	struct nft_answer a = { 0 };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = mnl_socket_get_fd(nft->nl), size = (int)len + (1 << 16);
	char buf[8192] __attribute__((aligned(8)));
	ssize_t r;

	/* more than a socket takes by itself: the kernel copies it at once */
	if (len > NFT_BATCH)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	r = sendto(fd, b->buf, len, 0, (struct sockaddr *)&to, sizeof(to));
	if (r < 0)
		return -errno;
	for (;;) {
		r = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		nft_batch_answer(&a, b->n, buf, (int)r);
	}
	*seq = a.seq;
	if (a.rc)
		return a.rc;
	return a.last ? 0 : -EPROTO;
}

int nft_batch_send(struct nft *nft, struct nft_batch *b, const char **what)
{
	uint32_t seq = 0;
	unsigned i;
	size_t len;
	int rc = 0;

	*what = "batch";
	if (b->full || !b->n)
		return -E2BIG;
	if (b->last)
		b->last->nlmsg_flags |= NLM_F_ACK;
	nft_batch_settle(b);
	len = b->len +
	      NLMSG_ALIGN(nftnl_batch_end(b->buf + b->len, NFT_SEQ_FIRST + b->n)
				  ->nlmsg_len);
	for (i = 0; i < NFT_TRIES; i++) {
		rc = nft_batch_try(nft, b, len, &seq);
		if (rc == -ERESTART && b->gen)
			return rc;
		if (rc != -ERESTART && rc != -EINTR && rc != -EAGAIN)
			break;
	}
	nft->freed |= rc || b->deletes;
	i = seq - NFT_SEQ_FIRST;
	if (rc && seq >= NFT_SEQ_FIRST && i < b->n)
		*what = b->words + b->what[i];
	return rc;
}

/* --- what is there -------------------------------------------------------- */

int nft_ask(struct nft *nft, const struct nft_ask *a)
{
	char buf[NFT_ANSWER] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;

	nlh = nftnl_nlmsg_build_hdr(buf, a->type, a->family,
				    a->dump ? NLM_F_DUMP : NLM_F_ACK,
				    nft->seq++);
	if (a->build)
		a->build(nlh, a->arg);
	return nft_other_ask(nft->nl, nlh, a->each, a->data);
}

/* --- elements of a set ------------------------------------------------------ */

struct nft_elems {
	const char *table, *set;
	nft_elem_fn *each;
	void *data;
};

void nft_put_elems(struct nlmsghdr *nlh, const char *table, const char *set)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
}

static void nft_elems_build(struct nlmsghdr *nlh, const void *arg)
{
	const struct nft_elems *k = arg;

	nft_put_elems(nlh, k->table, k->set);
}

static int nft_elems_each(const struct nlmsghdr *nlh, void *data)
{
	const struct nft_elems *k = data;
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && !nftnl_set_elems_nlmsg_parse(nlh, s))
		nftnl_set_elem_foreach(s, k->each, k->data);
	if (s)
		nftnl_set_free(s);
	return MNL_CB_OK;
}

int nft_elems(struct nft *nft, uint16_t family, const char *table,
	      const char *set, nft_elem_fn *each, void *data)
{
	struct nft_elems k = { table, set, each, data };
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = family,
			     .dump = true,
			     .build = nft_elems_build,
			     .arg = &k,
			     .each = nft_elems_each,
			     .data = &k };

	return nft_ask(nft, &a);
}

/* --- the generation --------------------------------------------------------- */

static int nft_gen_each(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(
		attr, nlh,
		sizeof(struct nfgenmsg)) if (mnl_attr_get_type(attr) ==
						     NFTA_GEN_ID &&
					     mnl_attr_validate(
						     attr, MNL_TYPE_U32) == 0) *
		(uint32_t *)data = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

int nft_gen(struct nft *nft, uint32_t *gen)
{
	struct nft_ask a = { .type = NFT_MSG_GETGEN,
			     .family = AF_UNSPEC,
			     .each = nft_gen_each,
			     .data = gen };

	*gen = 0;
	return nft_ask(nft, &a);
}

/* --- other subsystems ------------------------------------------------------- */

struct nlmsghdr *nft_other_msg(void *buf, unsigned type, unsigned flags,
			       unsigned family, unsigned res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	nlh->nlmsg_type = (uint16_t)type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = (uint8_t)family;
	g->version = NFNETLINK_V0;
	g->res_id = htons((uint16_t)res_id);
	return nlh;
}

int nft_other_ask(struct mnl_socket *nl, const struct nlmsghdr *nlh,
		  mnl_cb_t each, void *data)
{
	char buf[NFT_ANSWER] __attribute__((aligned(8)));
	ssize_t r;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		r = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (r > 0)
			r = mnl_cb_run(buf, (size_t)r, nlh->nlmsg_seq,
				       mnl_socket_get_portid(nl), each, data);
	} while (r > 0);
	return r < 0 ? -errno : 0;
}

int nft_other_here(struct nft *nft, struct nlmsghdr *nlh)
{
	nlh->nlmsg_seq = nft->seq++;
	return nft_other_ask(nft->nl, nlh, NULL, NULL);
}
