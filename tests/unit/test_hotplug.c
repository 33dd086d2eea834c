// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hotplug.c - what each caller gives, as it gives it */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "ctl/hotplug.h"

enum { WORDS = 8 };

/* One call, and what it should be taken for. */
struct row {
	const char *name;
	const char *argv[WORDS], *env[WORDS];
	int rc;
	struct hotplug want;
	const char *why; /* stands in the sentence */
};

static void check(const struct row *r)
{
	struct err e = { "" };
	struct hotplug h;
	int argc = 0, rc;

	while (argc < WORDS && r->argv[argc])
		argc++;
	rc = hotplug_parse(&h, r->name, argc, (char **)r->argv, (char **)r->env,
			   &e);
	assert_int_equal(rc, r->rc);
	if (r->why && !strstr(e.text, r->why))
		fail_msg("'%s' says nothing of '%s'", e.text, r->why);
	if (rc)
		return;
	assert_int_equal(h.mode, r->want.mode);
	assert_int_equal(h.on, r->want.on);
	assert_int_equal(h.tap, r->want.tap);
	assert_int_equal(h.stranger, r->want.stranger);
	assert_int_equal(h.domid, r->want.domid);
	assert_int_equal(h.handle, r->want.handle);
	assert_string_equal(h.dev, r->want.dev);
	assert_string_equal(h.path, r->want.path);
	if (r->want.bridge)
		assert_string_equal(h.bridge, r->want.bridge);
	if (r->want.network)
		assert_string_equal(h.network, r->want.network);
	if (r->want.netdev)
		assert_string_equal(h.netdev, r->want.netdev);
	if (r->want.ip)
		assert_string_equal(h.ip, r->want.ip);
}

static void check_all(const struct row *r, unsigned n)
{
	for (; n; n--, r++)
		check(r);
}

#define VIF(up, d)                                                             \
	{                                                                      \
		.on = up, .domid = 1, .handle = 2, .dev = "vif1.2", .path = d  \
	}
#define EMU(up, d)                                                             \
	{                                                                      \
		.on = up, .tap = true, .domid = 1, .handle = 2,                \
		.dev = "vif1.2-emu", .path = d                                 \
	}
#define REL "backend/vif/1/2"
#define ABS "/local/domain/0/backend/vif/1/2"
#define VIF_ENV                                                                \
	{                                                                      \
		"vif=vif1.2", "XENBUS_PATH=" REL                               \
	}

static void libxl(void **state)
{
	static const struct row row[] = {
		{ "vif-bridge",
		  { "online", "type_if=vif" },
		  { "script=/x", "XENBUS_TYPE=vif", "XENBUS_PATH=" REL,
		    "XENBUS_BASE_PATH=backend", "netdev=", "vif=vif1.2" },
		  0,
		  VIF(true, REL),
		  NULL },
		{ "vif-bridge",
		  { "offline", "type_if=vif" },
		  VIF_ENV,
		  0,
		  VIF(false, REL),
		  NULL },
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { "INTERFACE=vif1.2-emu", "vif=vif1.2", "XENBUS_PATH=" REL },
		  0,
		  EMU(true, REL),
		  NULL },
		{ "vif-bridge",
		  { "remove", "type_if=tap" },
		  { "INTERFACE=vif1.2-emu", "vif=vif1.2", "XENBUS_PATH=" REL },
		  0,
		  EMU(false, REL),
		  NULL },
		/* a driver domain: nothing is dom0's by nature */
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { "INTERFACE=vif1.2-emu",
		    "XENBUS_PATH=/local/domain/7/backend/vif/1/2" },
		  0,
		  EMU(true, "/local/domain/7/backend/vif/1/2"),
		  NULL },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

static void xend_and_udev(void **state)
{
	struct hotplug odd = VIF(true, ABS);
	struct row row[] = {
		{ "vif-bridge",
		  { "bridge=xenbr1", "online" },
		  { "vif=vif1.2", "XENBUS_PATH=" ABS "/", "bridge=xenbr9" },
		  0,
		  VIF(true, ABS),
		  NULL },
		/* udev's own name for a tap */
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { "INTERFACE=vif1.2-emu", "UDEV_CALL=1" },
		  0,
		  EMU(true, REL),
		  NULL },
		/* the uevent of a device that was renamed */
		{ "vif-bridge",
		  { "offline", "type_if=vif" },
		  { "vif=web", "XENBUS_PATH=" REL },
		  0,
		  VIF(false, REL),
		  NULL },
		{ "vif-bridge",
		  { "x=$(touch /tmp/x)", "=", "online", "ip=a b",
		    "command=offline" },
		  { "vif=vif1.2", "XENBUS_PATH=" ABS },
		  0,
		  odd,
		  NULL },
	};

	(void)state;
	row[0].want.bridge = "xenbr1";
	row[3].want.ip = "a b";
	check_all(row, ARRAY_SIZE(row));
}

static void modes_by_name(void **state)
{
	static const struct row row[] = {
		{ "vif-route",
		  { "netdev=eth1", "online" },
		  { "vif=vif1.2", "XENBUS_PATH=" ABS, "netdev=eth0" },
		  0,
		  { .mode = HOTPLUG_ROUTE,
		    .on = true,
		    .domid = 1,
		    .handle = 2,
		    .dev = "vif1.2",
		    .path = ABS,
		    .netdev = "eth1" },
		  NULL },
		/* vifctl hotplug, as what libxl was told */
		{ "hotplug",
		  { "online", "type_if=vif" },
		  { "vif=vif1.2", "XENBUS_PATH=" ABS,
		    "script=/etc/xen/scripts/vif-route" },
		  0,
		  { .mode = HOTPLUG_ROUTE,
		    .on = true,
		    .domid = 1,
		    .handle = 2,
		    .dev = "vif1.2",
		    .path = ABS },
		  NULL },
		{ "vif-nat",
		  { "network=lan", "online" },
		  { "vif=vif1.2", "XENBUS_PATH=" ABS },
		  0,
		  { .mode = HOTPLUG_NAT,
		    .on = true,
		    .domid = 1,
		    .handle = 2,
		    .dev = "vif1.2",
		    .path = ABS,
		    .network = "lan" },
		  NULL },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

static void one_word(void **state)
{
	static const struct row row[] = {
		{ "qemu-ifup",
		  { "tap0" },
		  { NULL },
		  0,
		  { .on = true, .stranger = true, .dev = "tap0" },
		  NULL },
		{ "qemu-ifdown",
		  { "tap0" },
		  { NULL },
		  0,
		  { .stranger = true, .dev = "tap0" },
		  NULL },
		{ "vif-bridge",
		  { "vnet3" },
		  { "bridge=br0" },
		  0,
		  { .on = true, .stranger = true, .dev = "vnet3" },
		  NULL },
		{ "vif-bridge",
		  { "vif1.2-emu" },
		  { NULL },
		  0,
		  EMU(true, REL),
		  NULL },
		{ "vif-bridge",
		  { "vif1.2" },
		  { NULL },
		  0,
		  VIF(true, REL),
		  NULL },
		{ "vif-bridge",
		  { "a b" },
		  { NULL },
		  -EINVAL,
		  { 0 },
		  "nor a device" },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

static void wrong_pairs(void **state)
{
	static const struct row row[] = {
		{ "vif-bridge",
		  { "online", "type_if=tap" },
		  VIF_ENV,
		  1,
		  { 0 },
		  NULL },
		{ "vif-bridge",
		  { "offline", "type_if=tap" },
		  VIF_ENV,
		  1,
		  { 0 },
		  NULL },
		{ "vif-bridge",
		  { "add", "type_if=vif" },
		  VIF_ENV,
		  1,
		  { 0 },
		  NULL },
		{ "vif-bridge", { "remove" }, VIF_ENV, 1, { 0 }, NULL },
		{ "vif-bridge",
		  { "online" },
		  VIF_ENV,
		  0,
		  VIF(true, REL),
		  NULL },
		{ "vif-bridge",
		  { "online", "type_if=ovs" },
		  VIF_ENV,
		  -EINVAL,
		  { 0 },
		  "type_if" },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

/* long function: a table */
static void bad(void **state)
{
	static const struct row row[] = {
		{ "vif-bridge",
		  { NULL },
		  VIF_ENV,
		  -EINVAL,
		  { 0 },
		  "no command" },
		{ "vif-bridge",
		  { "start" },
		  VIF_ENV,
		  -EINVAL,
		  { 0 },
		  "command" },
		{ "vif-bridge",
		  { "online" },
		  { "vif=vif1.2" },
		  -EINVAL,
		  { 0 },
		  "XENBUS_PATH is not set" },
		{ "vif-bridge",
		  { "online" },
		  { "XENBUS_PATH=" REL },
		  -EINVAL,
		  { 0 },
		  "vif is not set" },
		{ "vif-bridge",
		  { "online" },
		  { "vif=", "XENBUS_PATH=" REL },
		  -EINVAL,
		  { 0 },
		  "vif is not set" },
		{ "vif-bridge",
		  { "online" },
		  { "vif=vif1.3", "XENBUS_PATH=" REL },
		  -EINVAL,
		  { 0 },
		  "device 2 of domain 1" },
		{ "vif-bridge",
		  { "online" },
		  { "vif=vif1.2/..", "XENBUS_PATH=" REL },
		  -EINVAL,
		  { 0 },
		  "vif" },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

static void bad_emulated(void **state)
{
	static const struct row row[] = {
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { NULL },
		  -EINVAL,
		  { 0 },
		  "INTERFACE" },
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { "INTERFACE=web-emu" },
		  -EINVAL,
		  { 0 },
		  "XENBUS_PATH" },
		{ "vif-bridge",
		  { "add", "type_if=tap" },
		  { "INTERFACE=x-emu", "XENBUS_PATH=backend/vif/32000/6553" },
		  -EINVAL,
		  { 0 },
		  "longer" },
	};

	(void)state;
	check_all(row, ARRAY_SIZE(row));
}

static void bad_paths(void **state)
{
	static const char *const path[] = {
		"backend/vif/1",	   "backend/vif/1/2/3",
		"backend/vif/01/2",	   "backend/vif/1.2",
		"backend/vif/99999/0",	   "backend/vbd/1/2",
		"/backend/vif/1/2",	   "/local/domain/backend/vif/1/2",
		"backend/vif/1/2 x",	   "/local/domain/0/backend/vif//2",
		"backend/vif/../../x/1/2", "backend/vif/",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(path); i++) {
		char env[128] = "XENBUS_PATH=";
		struct row r = {
			"vif-bridge", { "online" }, { env, "vif=vif1.2" },
			-EINVAL,      { 0 },	    "XENBUS_PATH"
		};

		strcat(env, path[i]);
		check(&r);
	}
}

static void names(void **state)
{
	(void)state;
	assert_true(hotplug_is("vif-bridge"));
	assert_true(hotplug_is("vif-route"));
	assert_true(hotplug_is("vif-nat"));
	assert_true(hotplug_is("vif-setup"));
	assert_false(hotplug_is("vifctl"));
	assert_false(hotplug_is("hotplug"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libxl),
		cmocka_unit_test(xend_and_udev),
		cmocka_unit_test(modes_by_name),
		cmocka_unit_test(one_word),
		cmocka_unit_test(wrong_pairs),
		cmocka_unit_test(bad),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(bad_emulated),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
