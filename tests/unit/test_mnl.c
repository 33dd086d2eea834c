// SPDX-License-Identifier: GPL-2.0-or-later
/* test_mnl.c - filter/mnl.c does what libmnl does
 *
 * Ours is linked here and libmnl is loaded, and both do the same, drawn by lot:
 * messages are the same byte for byte, and of damaged ones both read as much, with
 * the same errno.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "base/num.h"

enum { MNL_ROOM = 2048, MNL_ROUNDS = 20000, MNL_SEEN = 512, MNL_DEPTH = 3 };

/* One of the two, by its functions. */
struct mnl {
	__typeof__(mnl_nlmsg_put_header) *put_header;
	__typeof__(mnl_nlmsg_put_extra_header) *put_extra_header;
	__typeof__(mnl_nlmsg_get_payload_len) *payload_len;
	__typeof__(mnl_nlmsg_ok) *ok;
	__typeof__(mnl_nlmsg_next) *next;
	__typeof__(mnl_attr_put) *put;
	__typeof__(mnl_attr_put_u8) *put_u8;
	__typeof__(mnl_attr_put_u16) *put_u16;
	__typeof__(mnl_attr_put_u32) *put_u32;
	__typeof__(mnl_attr_put_u64) *put_u64;
	__typeof__(mnl_attr_put_str) *put_str;
	__typeof__(mnl_attr_put_strz) *put_strz;
	__typeof__(mnl_attr_nest_start) *nest_start;
	__typeof__(mnl_attr_nest_end) *nest_end;
	__typeof__(mnl_attr_get_type) *type;
	__typeof__(mnl_attr_get_u8) *get_u8;
	__typeof__(mnl_attr_get_u16) *get_u16;
	__typeof__(mnl_attr_get_u32) *get_u32;
	__typeof__(mnl_attr_get_u64) *get_u64;
	__typeof__(mnl_attr_type_valid) *type_valid;
	__typeof__(mnl_attr_validate) *validate;
	__typeof__(mnl_attr_parse) *parse;
	__typeof__(mnl_attr_parse_nested) *parse_nested;
	__typeof__(mnl_cb_run) *run;
};

static const struct mnl ours = {
	mnl_nlmsg_put_header,
	mnl_nlmsg_put_extra_header,
	mnl_nlmsg_get_payload_len,
	mnl_nlmsg_ok,
	mnl_nlmsg_next,
	mnl_attr_put,
	mnl_attr_put_u8,
	mnl_attr_put_u16,
	mnl_attr_put_u32,
	mnl_attr_put_u64,
	mnl_attr_put_str,
	mnl_attr_put_strz,
	mnl_attr_nest_start,
	mnl_attr_nest_end,
	mnl_attr_get_type,
	mnl_attr_get_u8,
	mnl_attr_get_u16,
	mnl_attr_get_u32,
	mnl_attr_get_u64,
	mnl_attr_type_valid,
	mnl_attr_validate,
	mnl_attr_parse,
	mnl_attr_parse_nested,
	mnl_cb_run,
};
static struct mnl theirs;

static int mnl_load(void **state)
{
	static const char *const name[] = {
		"mnl_nlmsg_put_header",
		"mnl_nlmsg_put_extra_header",
		"mnl_nlmsg_get_payload_len",
		"mnl_nlmsg_ok",
		"mnl_nlmsg_next",
		"mnl_attr_put",
		"mnl_attr_put_u8",
		"mnl_attr_put_u16",
		"mnl_attr_put_u32",
		"mnl_attr_put_u64",
		"mnl_attr_put_str",
		"mnl_attr_put_strz",
		"mnl_attr_nest_start",
		"mnl_attr_nest_end",
		"mnl_attr_get_type",
		"mnl_attr_get_u8",
		"mnl_attr_get_u16",
		"mnl_attr_get_u32",
		"mnl_attr_get_u64",
		"mnl_attr_type_valid",
		"mnl_attr_validate",
		"mnl_attr_parse",
		"mnl_attr_parse_nested",
		"mnl_cb_run",
	};
	void *lib = dlopen("libmnl.so.0", RTLD_NOW | RTLD_LOCAL), *fn;
	unsigned i;

	(void)state;
	assert_non_null(lib);
	assert_int_equal(sizeof(theirs), sizeof(name));
	for (i = 0; i < ARRAY_SIZE(name); i++) {
		fn = dlsym(lib, name[i]);
		assert_non_null(fn);
		memcpy((char *)&theirs + i * sizeof(fn), &fn, sizeof(fn));
	}
	assert_ptr_not_equal(theirs.put, ours.put);
	return 0;
}

/* The same for both: a generator of theirs own, begun with the same number. */
static uint32_t mnl_lot(uint32_t *s, uint32_t below)
{
	*s = *s * 1664525 + 1013904223;
	return (*s >> 8) % below;
}

static void mnl_put_any(const struct mnl *m, struct nlmsghdr *nlh, uint32_t *s,
			unsigned depth)
{
	static const char text[] = "a text, of which a part is taken";
	uint16_t type = (uint16_t)mnl_lot(s, 40);
	const char *part = text + mnl_lot(s, sizeof(text));
	struct nlattr *nest;
	unsigned i, n;

	switch (mnl_lot(s, depth ? 8 : 7)) {
	case 0:
		m->put(nlh, type, strlen(part), part);
		break;
	case 1:
		m->put_u8(nlh, type, (uint8_t)mnl_lot(s, 256));
		break;
	case 2:
		m->put_u16(nlh, type, (uint16_t)mnl_lot(s, 65536));
		break;
	case 3:
		m->put_u32(nlh, type, mnl_lot(s, UINT32_MAX));
		break;
	case 4:
		m->put_u64(nlh, type, (uint64_t)mnl_lot(s, UINT32_MAX) << 31);
		break;
	case 5:
		m->put_str(nlh, type, part);
		break;
	case 6:
		m->put_strz(nlh, type, part);
		break;
	default:
		nest = m->nest_start(nlh, type);
		n = mnl_lot(s, 4);
		for (i = 0; i < n; i++)
			mnl_put_any(m, nlh, s, depth - 1);
		m->nest_end(nlh, nest);
	}
}

/* Messages one behind the other; bytes. */
static size_t mnl_write(const struct mnl *m, char *buf, uint32_t seed)
{
	static const uint16_t type[] = { NLMSG_NOOP,	 NLMSG_ERROR,
					 NLMSG_DONE,	 NLMSG_MIN_TYPE,
					 NLMSG_MIN_TYPE, NLMSG_MIN_TYPE };
	unsigned i, k, n = 1 + mnl_lot(&seed, 3), nattr;
	struct nlmsghdr *nlh;
	size_t len = 0;
	int *extra;

	for (i = 0; i < n; i++) {
		nlh = m->put_header(buf + len);
		nlh->nlmsg_type = type[mnl_lot(&seed, ARRAY_SIZE(type))];
		nlh->nlmsg_seq = mnl_lot(&seed, 8) ? 7 : mnl_lot(&seed, 3);
		nlh->nlmsg_pid = mnl_lot(&seed, 8) ? 9 : mnl_lot(&seed, 3);
		if (!mnl_lot(&seed, 16))
			nlh->nlmsg_flags = NLM_F_DUMP_INTR;
		extra = m->put_extra_header(nlh, mnl_lot(&seed, 24));
		if (nlh->nlmsg_len > MNL_NLMSG_HDRLEN)
			*extra = mnl_lot(&seed, 2) ? -(int)mnl_lot(&seed, 99)
						   : 0;
		nattr = mnl_lot(&seed, 6);
		for (k = 0; k < nattr; k++)
			mnl_put_any(m, nlh, &seed, MNL_DEPTH);
		len += nlh->nlmsg_len;
	}
	return len;
}

static void mnl_same_bytes(void **state)
{
	char a[MNL_ROOM], b[MNL_ROOM];
	uint32_t i;
	size_t n;

	(void)state;
	for (i = 0; i < MNL_ROUNDS; i++) {
		memset(a, 0, sizeof(a)); /* not all versions pad */
		memset(b, 0, sizeof(b));
		n = mnl_write(&theirs, a, i);
		assert_in_range(n, MNL_NLMSG_HDRLEN, sizeof(a));
		assert_int_equal(mnl_write(&ours, b, i), n);
		assert_memory_equal(a, b, sizeof(a));
	}
}

/* What one of them read, in its order. */
struct mnl_seen {
	const struct mnl *m;
	unsigned n, depth;
	uint32_t stop; /* at which of them its reader says so */
	uint64_t v[MNL_SEEN];
};

static void mnl_note(struct mnl_seen *s, uint64_t v)
{
	if (s->n < MNL_SEEN)
		s->v[s->n++] = v;
}

/* What it returns, and why. */
static void mnl_note_rc(struct mnl_seen *s, int rc)
{
	mnl_note(s, (uint64_t)(int64_t)rc);
	mnl_note(s, rc < 0 ? (uint64_t)errno : 0);
	errno = 0;
}

static int mnl_on_attr(const struct nlattr *attr, void *data)
{
	struct mnl_seen *s = data;
	unsigned i;
	int rc;

	mnl_note(s, s->m->type(attr));
	mnl_note_rc(s, s->m->type_valid(attr, 20));
	for (i = 0; i <= MNL_TYPE_MAX; i++) {
		rc = s->m->validate(attr, (enum mnl_attr_data_type)i);
		mnl_note_rc(s, rc);
		if (rc)
			continue;
		if (i == MNL_TYPE_U8)
			mnl_note(s, s->m->get_u8(attr));
		if (i == MNL_TYPE_U16)
			mnl_note(s, s->m->get_u16(attr));
		if (i == MNL_TYPE_U32)
			mnl_note(s, s->m->get_u32(attr));
		if (i == MNL_TYPE_U64)
			mnl_note(s, s->m->get_u64(attr));
	}
	if (s->depth < MNL_DEPTH) {
		s->depth++;
		mnl_note_rc(s, s->m->parse_nested(attr, mnl_on_attr, s));
		s->depth--;
	}
	if (s->stop && !--s->stop)
		return MNL_CB_STOP;
	return MNL_CB_OK;
}

static int mnl_on_msg(const struct nlmsghdr *nlh, void *data)
{
	struct mnl_seen *s = data;
	int rc;

	mnl_note(s, s->m->payload_len(nlh));
	rc = s->m->parse(nlh, 4, mnl_on_attr, s);
	mnl_note_rc(s, rc);
	return rc;
}

static void mnl_read(struct mnl_seen *s, const char *buf, size_t len)
{
	int left = (int)len;

	errno = 0;
	mnl_note_rc(s, s->m->run(buf, len, 7, 9, mnl_on_msg, s));
	mnl_note_rc(s, s->m->run(buf, len, 0, 0, NULL, NULL));
	mnl_note(s, s->m->ok((const struct nlmsghdr *)buf, left));
	mnl_note(s, (uint64_t)((char *)s->m->next((const struct nlmsghdr *)buf,
						  &left) -
			       buf));
	mnl_note(s, (uint64_t)(int64_t)left);
}

/* A length of 2^31 and more, which libmnl takes for a negative one. */
static bool mnl_lost(const char *buf, size_t len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int left = (int)len;

	while (mnl_nlmsg_ok(nlh, left))
		nlh = mnl_nlmsg_next(nlh, &left);
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len > INT32_MAX;
}

static void mnl_same_reading(void **state)
{
	struct mnl_seen a, b;
	/* room for what a length that lies reads behind its attribute */
	char buf[MNL_ROOM] __attribute__((aligned(8)));
	uint32_t i, k, s;
	size_t n;

	(void)state;
	for (i = 0; i < MNL_ROUNDS; i++) {
		memset(buf, 0, sizeof(buf));
		n = mnl_write(&theirs, buf, i);
		s = i + 1;
		for (k = mnl_lot(&s, 4); k; k--)
			buf[mnl_lot(&s, (uint32_t)n)] = (char)mnl_lot(&s, 256);
		if (!mnl_lot(&s, 4))
			n = mnl_lot(&s, (uint32_t)n + 1);
		if (mnl_lost(buf, n))
			continue;
		memset(&a, 0, sizeof(a));
		a.stop = mnl_lot(&s, 8);
		b = a;
		a.m = &theirs;
		b.m = &ours;
		mnl_read(&a, buf, n);
		mnl_read(&b, buf, n);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.v, b.v, sizeof(a.v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mnl_same_bytes),
		cmocka_unit_test(mnl_same_reading),
	};

	return cmocka_run_group_tests(tests, mnl_load, NULL);
}
