// SPDX-License-Identifier: GPL-2.0-or-later
/* test_keys.c - what a frontend may and may not have written */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/if_tun.h>

#include "base/num.h"
#include "daemon/keys.h"
#include "daemon/tap.h"

/* A frontend's directory: what a good guest writes, with some keys changed. */
struct pair {
	const char *key, *value; /* value NULL: absent */
};

struct dir {
	struct pair v[16];
	int rc; /* not 0: every read fails so */
};

static const struct dir good = { .v = {
					 { "tx-ring-ref", "8" },
					 { "rx-ring-ref", "9" },
					 { "event-channel-tx", "3" },
					 { "event-channel-rx", "4" },
					 { "request-rx-copy", "1" },
					 { "feature-sg", "1" },
					 { "feature-gso-tcpv4", "1" },
					 { "feature-gso-tcpv6", "1" },
					 { "feature-ipv6-csum-offload", "1" },
					 { "feature-rx-notify", "1" },
				 } };

static int get(void *arg, const char *key, char *buf, size_t size)
{
	const struct dir *d = arg;
	unsigned i;

	if (d->rc)
		return d->rc;
	for (i = 0; i < ARRAY_SIZE(d->v) && d->v[i].key; i++) {
		if (strcmp(d->v[i].key, key))
			continue;
		if (!d->v[i].value)
			return -ENOENT;
		if (strlen(d->v[i].value) >= size)
			return -E2BIG;
		strcpy(buf, d->v[i].value);
		return (int)strlen(buf);
	}
	return -ENOENT;
}

static void set(struct dir *d, const char *key, const char *value)
{
	unsigned i;

	for (i = 0; d->v[i].key && strcmp(d->v[i].key, key);)
		i++;
	d->v[i].key = key;
	d->v[i].value = value;
}

static void good_keys(void **state)
{
	struct dir d = good;
	struct err e = { "" };
	struct keys k;

	(void)state;
	assert_int_equal(keys_read(&k, get, &d, &e), 0);
	assert_int_equal(k.nqueue, 1);
	assert_int_equal(k.queue[0].tx_ref, 8);
	assert_int_equal(k.queue[0].rx_ref, 9);
	assert_int_equal(k.queue[0].tx_port, 3);
	assert_int_equal(k.queue[0].rx_port, 4);
	assert_true(k.features.sg && k.features.gso4 && k.features.gso6);
	assert_true(k.features.csum4 && k.features.csum6);
	assert_true(k.features.rx_notify);
}

static void least_keys(void **state)
{
	struct dir d = { .v = { { "tx-ring-ref", "4294967295" },
				{ "rx-ring-ref", "0" },
				{ "event-channel", "7" },
				{ "multi-queue-num-queues", "1" },
				{ "request-rx-copy", "1" } } };
	struct keys k;

	(void)state;
	assert_int_equal(keys_read(&k, get, &d, NULL), 0);
	assert_int_equal(k.queue[0].tx_ref, UINT32_MAX);
	assert_int_equal(k.queue[0].tx_port, 7);
	assert_int_equal(k.queue[0].rx_port, 7);
	assert_false(k.features.sg || k.features.gso4 || k.features.gso6);
	assert_true(k.features.csum4); /* absent = on, by the protocol */
	assert_false(k.features.csum6 || k.features.rx_notify);
}

/* Large packets need slots to lie in and sums that can be made per part. */
static void gso_needs_sg_and_sums(void **state)
{
	struct dir d = good;
	struct keys k;

	(void)state;
	set(&d, "feature-sg", "0");
	assert_int_equal(keys_read(&k, get, &d, NULL), 0);
	assert_false(k.features.gso4 || k.features.gso6);
	set(&d, "feature-sg", "1");
	set(&d, "feature-no-csum-offload", "1");
	assert_int_equal(keys_read(&k, get, &d, NULL), 0);
	assert_false(k.features.gso4);
	assert_true(k.features.gso6);
}

static void hostile_text(void **state)
{
	static const char *const number[] = { "tx-ring-ref", "rx-ring-ref",
					      "event-channel-tx",
					      "event-channel-rx",
					      "multi-queue-num-queues" };
	static const char *const flag[] = {
		"request-rx-copy",	   "feature-sg",
		"feature-gso-tcpv4",	   "feature-gso-tcpv6",
		"feature-no-csum-offload", "feature-ipv6-csum-offload",
		"feature-rx-notify"
	};
	static const char *const bad[] = {
		"",
		"-1",
		"+1",
		"4294967296",
		"1 ",
		" 1",
		"0x1",
		"1x",
		"1e0",
		"one",
		"1\n",
		"00000000001",
		"99999999999999999999999999999999999999"
	};
	unsigned i, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(bad); k++) {
		for (i = 0; i < ARRAY_SIZE(number) + ARRAY_SIZE(flag); i++) {
			const char *key =
				i < ARRAY_SIZE(number)
					? number[i]
					: flag[i - ARRAY_SIZE(number)];
			struct keys out = { .nqueue = 77 };
			struct err e = { "" };
			struct dir d = good;

			set(&d, key, bad[k]);
			assert_int_equal(keys_read(&out, get, &d, &e), -EINVAL);
			assert_non_null(strstr(e.text, key));
			assert_int_equal(out.nqueue, 77);
		}
	}
}

static void refused(const char *key, const char *value)
{
	struct err e = { "" };
	struct dir d = good;
	struct keys k;

	set(&d, key, value);
	assert_int_equal(keys_read(&k, get, &d, &e), -EINVAL);
	assert_non_null(strstr(e.text, key));
}

static void wrong_values(void **state)
{
	(void)state;
	refused("request-rx-copy", NULL);
	refused("request-rx-copy", "0");
	refused("request-rx-copy", "2");
	refused("tx-ring-ref", NULL);
	refused("rx-ring-ref", NULL);
	refused("rx-ring-ref", "8"); /* the TX ring again */
	refused("event-channel-tx", "0");
	refused("event-channel-rx", "0");
	refused("event-channel-rx", NULL);
	refused("multi-queue-num-queues", "0");
	refused("multi-queue-num-queues", "2");
	refused("multi-queue-num-queues", "4294967295");
	refused("feature-sg", "2");
}

static void no_channel_at_all(void **state)
{
	struct err e = { "" };
	struct dir d = good;
	struct keys k;

	(void)state;
	set(&d, "event-channel-tx", NULL);
	set(&d, "event-channel-rx", NULL);
	assert_int_equal(keys_read(&k, get, &d, &e), -EINVAL);
	assert_non_null(strstr(e.text, "event-channel is missing"));
}

static void store_errors_pass(void **state)
{
	static const int rc[] = { -ENOTCONN, -EACCES };
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rc); i++) {
		struct dir d = { .rc = rc[i] };
		struct keys k;

		assert_int_equal(keys_read(&k, get, &d, NULL), rc[i]);
	}
}

/* What the kernel may hand a tap, by what its guest takes. */
static void tap_offloads(void **state)
{
	struct ring_features f = { .sg = true,
				   .gso4 = true,
				   .gso6 = true,
				   .csum4 = true,
				   .csum6 = true };

	(void)state;
	assert_int_equal(tap_offload_bits(&f),
			 TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
	f.gso6 = false;
	assert_int_equal(tap_offload_bits(&f), TUN_F_CSUM | TUN_F_TSO4);
	f.sg = false;
	assert_int_equal(tap_offload_bits(&f), TUN_F_CSUM);
	f.csum6 = false;
	assert_int_equal(tap_offload_bits(&f), TUN_F_CSUM);
	f.sg = f.gso6 = true; /* a guest may say so; it takes none */
	assert_int_equal(tap_offload_bits(&f), TUN_F_CSUM | TUN_F_TSO4);
	f.csum6 = true;
	f.csum4 = false;
	assert_int_equal(tap_offload_bits(&f), TUN_F_CSUM | TUN_F_TSO6);
	f.csum6 = false;
	assert_int_equal(tap_offload_bits(&f), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_keys),
		cmocka_unit_test(least_keys),
		cmocka_unit_test(gso_needs_sg_and_sums),
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(no_channel_at_all),
		cmocka_unit_test(store_errors_pass),
		cmocka_unit_test(tap_offloads),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
