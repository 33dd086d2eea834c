// SPDX-License-Identifier: GPL-2.0-or-later
/* test_modes.c - what a plan carries, and where a name may not lead */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "mode.h"
#include "modes/nl.h"

static void mode_plan_carries_policy(void **state)
{
	static const char *const word[] = { "mac=00:16:3e:00:00:01",
					    "ip=10.0.0.2,fd00::/64",
					    "vifname=web" };
	struct plan p;
	struct err e;
	struct vif v;
	unsigned i;

	(void)state;
	vif_init(&v, 1, 0);
	for (i = 0; i < ARRAY_SIZE(word); i++)
		assert_int_equal(vif_parse(&v, word[i], &e), 0);
	assert_int_equal(mode_plan(&v, NULL, &p, &e), 0);
	assert_string_equal(p.policy.dev, "web");
	assert_true(p.policy.bridged);
	assert_true(p.policy.has_mac);
	assert_memory_equal(p.policy.mac, v.mac, sizeof(v.mac));
	assert_int_equal(p.policy.naddr, 2);
	assert_memory_equal(p.policy.addr, v.addr, sizeof(v.addr));
}

static const struct facts usual = { .link = true,
				    .link_is_tap = true,
				    .bridge = true,
				    .bridge_is_bridge = true,
				    .bridge_mtu = 1500,
				    .ipv6 = true,
				    .can_lock = true };

/* Up is last, and nothing that lets a frame pass stands before the guard. */
static void mode_plan_guards_first(void **state)
{
	unsigned i, guard = 0, master = 0;
	struct plan p;
	struct err e;
	struct vif v;

	(void)state;
	vif_init(&v, 1, 0);
	assert_int_equal(mode_plan(&v, &usual, &p, &e), 0);
	for (i = 0; i < p.n; i++) {
		if (p.v[i].kind == STEP_GUARD)
			guard = i;
		if (p.v[i].kind == STEP_MASTER)
			master = i;
	}
	assert_int_equal(p.v[0].kind, STEP_DOWN);
	assert_true(0 < guard && guard < master);
	assert_int_equal(p.v[p.n - 1].kind, STEP_UP);
}

/* The largest vif there can be, on the host with the most to keep. */
static void mode_plan_has_room(void **state)
{
	struct facts f = usual;
	unsigned i, guard = 0, up = 0;
	char word[32];
	struct plan p;
	struct err e = { "" };
	struct vif v;

	(void)state;
	vif_init(&v, 1, 0);
	assert_int_equal(vif_parse(&v, "mode=route", &e), 0);
	assert_int_equal(vif_parse(&v, "gatewaydev=eth0", &e), 0);
	assert_int_equal(vif_parse(&v, "mac=00:16:3e:00:00:01", &e), 0);
	v.naddr = VIF_ADDRS;
	for (i = 0; i < VIF_ADDRS; i++) {
		snprintf(word, sizeof(word), i % 2 ? "10.0.0.%u" : "fd00::%u",
			 i + 2);
		assert_int_equal(vif_parse_addr(word, &v.addr[i]), 0);
	}
	f.gatewaydev = true;
	f.gatewaydev_mtu = 1500;
	f.nra = MODE_RA;
	for (i = 0; i < MODE_RA; i++)
		snprintf(f.ra[i], IFNAMSIZ, "ra%u", i);
	for (f.force6 = 0;; f.force6 = 1) {
		if (mode_plan(&v, &f, &p, &e))
			fail_msg("%s", e.text);
		for (i = 0; i < p.n; i++) {
			guard = p.v[i].kind == STEP_GUARD ? i : guard;
			up = p.v[i].kind == STEP_UP ? i : up;
		}
		assert_true(0 < guard && guard < up);
		assert_int_equal(p.v[0].kind, STEP_DOWN);
		assert_false(p.policy.bridged);
		if (f.force6)
			break;
	}
	assert_int_equal(p.n, MODE_STEPS - 1);
}

static void mode_plan_refuses_and_keeps(void **state)
{
	const struct facts none = { .link = true };
	struct plan p, before;
	struct err e = { "" };
	struct vif v;

	(void)state;
	memset(&p, 0x5a, sizeof(p));
	before = p;
	vif_init(&v, 1, 0);
	assert_int_equal(mode_plan(&v, &none, &p, &e), -ENODEV);
	assert_non_null(strstr(e.text, "xenbr0"));
	assert_memory_equal(&p, &before, sizeof(p));
	assert_int_equal(mode_plan(&v, &none, &p, NULL), -ENODEV);
}

/* The name goes into a path below /proc/sys. */
static void nl_names_stay_inside(void **state)
{
	static const char *const row[] = { "",	  ".",	  "..",	 "../all",
					   "a/b", "/etc", "all", "lo/../all" };
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(nl_ipv6_off(row[i]), -EINVAL);
		assert_int_equal(nl_ipv6_off_set(row[i], 0), -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (strcmp(row[i], "all"))
			assert_int_equal(
				nl_sysctl_set(STEP_IP4_FORWARD, row[i], 0),
				-EINVAL);
	assert_int_equal(nl_ipv6_off("no-such-device"), -ENOENT);
	assert_int_equal(nl_sysctl_get(STEP_IP6_FORCE, "no-such-device"),
			 -ENOENT);
	assert_int_equal(mode_delete_tap("a/b", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_plan_carries_policy),
		cmocka_unit_test(mode_plan_guards_first),
		cmocka_unit_test(mode_plan_has_room),
		cmocka_unit_test(mode_plan_refuses_and_keeps),
		cmocka_unit_test(nl_names_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
