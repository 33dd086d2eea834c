// SPDX-License-Identifier: GPL-2.0-or-later
/* test_network.c - a network's words, and the subnets that are chosen */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "network.h"

static int read_words(struct network *n, const char *text, struct err *e)
{
	char copy[512], *word, *save;
	int rc = network_init(n, "lan", e);

	assert_false(str_put(copy, sizeof(copy), text));
	for (word = strtok_r(copy, " ", &save); word && !rc;
	     word = strtok_r(NULL, " ", &save))
		rc = network_parse(n, word, e);
	return rc ? rc : network_check(n, e);
}

static void words(void **state)
{
	static const char *const row[][2] = {
		{ "", "kind=nat" },
		{ "kind=open subnet=10.0.0.9/24",
		  "kind=open subnet=10.0.0.1/24" },
		{ "subnet6=fd00:1::9/64 subnet=none",
		  "kind=nat subnet=none subnet6=fd00:1::1/64" },
		{ "dns=192.0.2.53,2001:db8::53 dhcp=no",
		  "kind=nat dhcp=no dns=192.0.2.53,2001:db8::53" },
		{ "forward=udp:53:10.0.0.2:5353,tcp:1:[fd00::2]:65535",
		  "kind=nat forward=udp:53:10.0.0.2:5353,"
		  "tcp:1:[fd00::2]:65535" },
		{ "tftp=/srv/a boot=b", "kind=nat tftp=/srv/a boot=b" },
	};
	char text[NETWORK_TEXT];
	struct network n;
	struct err e;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(read_words(&n, row[i][0], &e), 0);
		assert_true(network_print(&n, text, sizeof(text)) >= 0);
		assert_string_equal(text, row[i][1]);
		/* what is printed is read */
		assert_int_equal(read_words(&n, text, &e), 0);
	}
	assert_string_equal(n.bridge, "nb-lan");
}

static void bad(void **state)
{
	static const char *const row[] = {
		"kind=",
		"kind=NAT",
		"x=1",
		"=1",
		"kind",
		"subnet=10.0.0.0",
		"subnet=fd00::/64",
		"subnet6=fd00::/63",
		"subnet=0.0.0.0/8",
		"subnet=10.0.0.0/30",
		"subnet=10.0.0.0/7",
		"forward=tcp:0:10.0.0.2:80",
		"forward=tcp:80:10.0.0.2:70000",
		"forward=tcp:80:10.0.0.2/24:80",
		"forward=icmp:80:10.0.0.2:80",
		"forward=tcp:80:80",
		"forward=tcp:80",
		"forward=tcp:",
		"forward=tcp:80:[fd00::2:80",
		"forward=tcp:1:10.0.0.2:1,tcp:1:10.0.0.3:1",
		"kind=open forward=tcp:1:10.0.0.2:1",
		"dns=10.0.0.0/24",
		"dns=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4",
		"tftp=srv",
		"tftp=/a,b",
		"tftp=/a#b",
		"boot=x",
		"tftp=/a dhcp=no",
		"subnet=none subnet6=none",
	};
	static const char *const name[] = {
		"", "-a", "a-", "A", "a.b", "a/b", "thirteenchars", "a b",
	};
	struct network n;
	struct err e;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		e.text[0] = '\0';
		if (read_words(&n, row[i], &e) != -EINVAL || !e.text[0])
			fail_msg("'%s' was taken", row[i]);
	}
	for (i = 0; i < ARRAY_SIZE(name); i++)
		assert_int_equal(network_init(&n, name[i], &e), -EINVAL);
}

static void subnets(void **state)
{
	struct vif_addr a, b;
	unsigned i, k;

	(void)state;
	for (i = 0; i < NETWORK_TRIES; i++)
		for (k = 0; k < i; k++) {
			network_subnet("lan", "host", AF_INET, i, &a);
			network_subnet("lan", "host", AF_INET, k, &b);
			assert_false(network_overlap(&a, &b));
			assert_int_equal(a.addr[0], 192);
			assert_int_equal(a.addr[3], 1);
		}
	network_subnet("lan", "host", AF_INET6, 0, &a);
	network_subnet("lan", "other", AF_INET6, 0, &b);
	assert_false(network_overlap(&a, &b));
	assert_int_equal(a.addr[0], 0xfd);
	assert_int_equal(a.len, 64);
}

static void eui64(void **state)
{
	static const uint8_t mac[] = { 0x00, 0x16, 0x3e, 0x01, 0x02, 0x03 };
	char text[64];
	struct network n;
	struct vif_addr a;
	struct err e;

	(void)state;
	assert_int_equal(read_words(&n, "subnet6=fd00:1::/64", &e), 0);
	network_eui64(&n, mac, &a);
	vif_print_addr(&a, text, sizeof(text));
	assert_string_equal(text, "fd00:1::216:3eff:fe01:203");
	assert_true(network_has(&n, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(bad),
		cmocka_unit_test(subnets),
		cmocka_unit_test(eui64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
