// SPDX-License-Identifier: GPL-2.0-or-later
/* test_keys.c - what a frontend may and may not have written */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	struct pair v[400];
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
		"\xc2\x9b\062J", /* a terminal's command, in one character */
		"00000000001",
		"99999999999999999999999999999999999999"
	};
	unsigned i, k;
	const char *c;

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
			for (c = e.text; *c; c++)
				assert_in_range(*c, ' ', '~');
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
	refused("multi-queue-num-queues", "65");
	refused("multi-queue-num-queues", "4294967295");
	refused("feature-sg", "2");
}

/* --- several queues ------------------------------------------------------- */

static char names[64][4][32], numbers[64 * 4][8];

/* n queues as a good guest writes them; queue i has grants and ports of its own. */
static struct dir queues(unsigned n)
{
	static const char *const key[] = { "tx-ring-ref", "rx-ring-ref",
					   "event-channel-tx",
					   "event-channel-rx" };
	static char count[8];
	struct dir d = good;
	unsigned i, k;

	for (k = 0; k < ARRAY_SIZE(key); k++)
		set(&d, key[k], NULL);
	snprintf(count, sizeof(count), "%u", n);
	set(&d, "multi-queue-num-queues", count);
	for (i = 0; i < n; i++) {
		for (k = 0; k < ARRAY_SIZE(key); k++) {
			char *number = numbers[i * 4 + k];

			snprintf(names[i][k], sizeof(names[i][k]),
				 "queue-%u/%s", i, key[k]);
			snprintf(number, sizeof(numbers[0]), "%u",
				 10 + i * 4 + k);
			set(&d, names[i][k], number);
		}
	}
	return d;
}

static void many_queues(void **state)
{
	static const unsigned count[] = { 2, 8, 64 };
	unsigned i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(count); i++) {
		struct dir d = queues(count[i]);
		struct err e = { "" };
		struct keys k;

		assert_int_equal(keys_read(&k, get, &d, &e), 0);
		assert_int_equal(k.nqueue, count[i]);
		for (n = 0; n < count[i]; n++) {
			assert_int_equal(k.queue[n].tx_ref, 10 + n * 4);
			assert_int_equal(k.queue[n].rx_ref, 11 + n * 4);
			assert_int_equal(k.queue[n].tx_port, 12 + n * 4);
			assert_int_equal(k.queue[n].rx_port, 13 + n * 4);
		}
	}
}

/* With 4 queues, one key changed: refused, with the word in the sentence. */
static void refused_of_4(const char *key, const char *value, const char *word)
{
	struct dir d = queues(4);
	struct err e = { "" };
	struct keys k = { .nqueue = 77 };

	set(&d, key, value);
	assert_int_equal(keys_read(&k, get, &d, &e), -EINVAL);
	assert_non_null(strstr(e.text, word));
	assert_int_equal(k.nqueue, 77);
}

static void wrong_queues(void **state)
{
	(void)state;
	refused_of_4("queue-3/tx-ring-ref", NULL,
		     "queue-3/tx-ring-ref is missing");
	refused_of_4("queue-3/event-channel-tx", NULL,
		     "queue-3/event-channel is missing");
	refused_of_4("queue-2/event-channel-rx", NULL,
		     "queue-2/event-channel-rx is missing");
	refused_of_4("queue-1/rx-ring-ref", "0x1", "queue-1/rx-ring-ref=0x1");
	refused_of_4("queue-1/rx-ring-ref", "14", "queue-1/rx-ring-ref");
	refused_of_4("queue-2/tx-ring-ref", "10", "queue-0 and queue-2");
	refused_of_4("queue-2/rx-ring-ref", "10", "one grant");
	refused_of_4("queue-2/event-channel-tx", "13", "one event channel");
	refused_of_4("multi-queue-num-queues", "5", "queue-4/tx-ring-ref");
	refused_of_4("multi-queue-num-queues", "65", "1 to 64");
	refused_of_4("multi-queue-num-queues", "many", "=many");
	refused_of_4("multi-queue-num-queues", "1", "tx-ring-ref is missing");
}

/* What a frontend with one queue left behind: the next one has several. */
static void left_behind(void **state)
{
	struct dir d = queues(4);
	struct err e = { "" };
	struct keys k;

	(void)state;
	set(&d, "tx-ring-ref", "900");
	set(&d, "rx-ring-ref", "901");
	set(&d, "event-channel", "902");
	set(&d, "event-channel-tx", "903");
	set(&d, "event-channel-rx", "10");
	assert_int_equal(keys_read(&k, get, &d, &e), 0);
	assert_int_equal(k.nqueue, 4);
	assert_int_equal(k.queue[0].tx_ref, 10);
	assert_int_equal(k.queue[3].rx_port, 25);
}

static void control_ring(void **state)
{
	static const struct {
		const char *ref, *port, *names;
		int rc;
	} row[] = {
		{ "20", "7", NULL, 0 },
		{ NULL, "7", NULL, 1 }, /* no ring: its channel is not read */
		{ NULL, "banana", NULL, 1 },
		{ "20", NULL, "event-channel-ctrl", -EINVAL },
		{ "20", "0", "event-channel-ctrl", -EINVAL },
		{ "8", "7", "ctrl-ring-ref", -EINVAL }, /* the TX ring */
		{ "9", "7", "ctrl-ring-ref", -EINVAL },
		{ "20", "3", "event-channel-ctrl", -EINVAL },
		{ "20", "4", "event-channel-ctrl", -EINVAL },
		{ "0x20", "7", "ctrl-ring-ref", -EINVAL },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct dir d = good;
		struct err e = { "" };
		struct keys k;

		set(&d, "ctrl-ring-ref", row[i].ref);
		set(&d, "event-channel-ctrl", row[i].port);
		assert_int_equal(keys_read(&k, get, &d, &e),
				 row[i].rc < 0 ? row[i].rc : 0);
		if (row[i].rc < 0) {
			assert_non_null(strstr(e.text, row[i].names));
			continue;
		}
		assert_int_equal(k.has_ctrl, !row[i].rc);
		if (!row[i].rc) {
			assert_int_equal(k.ctrl_ref, 20);
			assert_int_equal(k.ctrl_port, 7);
		}
	}
}

static void wishes(void **state)
{
	struct ring_wish w = { 7, true };
	struct dir d = good;
	struct keys k;

	(void)state;
	assert_int_equal(keys_wish(&w, get, &d, NULL), 0);
	assert_int_equal(w.headroom, 0);
	assert_false(w.multicast);
	set(&d, "xdp-headroom", "256");
	set(&d, "request-multicast-control", "1");
	assert_int_equal(keys_read(&k, get, &d, NULL), 0);
	assert_int_equal(k.wish.headroom, 256);
	assert_true(k.wish.multicast);
	set(&d, "xdp-headroom", "32768");
	assert_int_equal(keys_wish(&w, get, &d, NULL), -EINVAL);
	assert_int_equal(w.headroom, 0); /* as it was */
	set(&d, "xdp-headroom", "32767");
	set(&d, "request-multicast-control", "2");
	assert_int_equal(keys_wish(&w, get, &d, NULL), -EINVAL);
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
		cmocka_unit_test(many_queues),
		cmocka_unit_test(wrong_queues),
		cmocka_unit_test(left_behind),
		cmocka_unit_test(control_ring),
		cmocka_unit_test(wishes),
		cmocka_unit_test(no_channel_at_all),
		cmocka_unit_test(store_errors_pass),
		cmocka_unit_test(tap_offloads),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
