// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ctl.c - vifctl's pure parts: words, MACs, records */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/shortcut.h"

static void words_take_a_whole_vif(void **state)
{
	char *argv[] = { "vif3.1", "bridge=br0", "mtu=1400", "isolated=yes" };
	struct err e = { "" };
	struct vif v;

	(void)state;
	assert_int_equal(ctl_words(&v, 4, argv, &e), 0);
	assert_int_equal(v.domid, 3);
	assert_int_equal(v.handle, 1);
	assert_string_equal(v.bridge, "br0");
	assert_int_equal(v.mtu, 1400);
	assert_true(v.port & VIF_ISOLATED);
	assert_int_equal(ctl_words(&v, 1, argv, &e), 0);
	assert_string_equal(v.bridge, "xenbr0");
}

static void words_refuse_and_name_the_vif(void **state)
{
	static const char *const row[] = { "brigde=br0", "mac=1:2", "mtu=1",
					   "bridge=", "noword" };
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		char *argv[] = { "vif3.1", (char *)row[i] };
		struct err e = { "" };
		struct vif v;

		assert_int_equal(ctl_words(&v, 2, argv, &e), CTL_USAGE);
		assert_ptr_equal(strstr(e.text, "vif3.1: "), e.text);
	}
}

static void name_takes_one_word(void **state)
{
	char *argv[] = { "vif3.1", "bridge=br0" };
	struct err e = { "" };
	struct vif v;

	(void)state;
	assert_int_equal(ctl_name(&v, 1, argv, &e), 0);
	assert_int_equal(ctl_name(&v, 2, argv, &e), CTL_USAGE);
	assert_int_equal(ctl_name(&v, 0, argv, &e), CTL_USAGE);
	argv[0] = "eth0";
	assert_int_equal(ctl_name(&v, 1, argv, &e), CTL_USAGE);
}

static uint32_t make_mac(unsigned domid, unsigned handle, const char *id)
{
	struct vif v;

	vif_init(&v, (uint16_t)domid, (uint16_t)handle);
	ctl_make_mac(&v, id);
	assert_true(v.has_mac);
	assert_memory_equal(v.mac, "\x00\x16\x3e", 3);
	assert_true(v.mac[3] < 0x80);
	return (uint32_t)v.mac[3] << 16 | (uint32_t)v.mac[4] << 8 | v.mac[5];
}

/* Every domain with a device below 16: no two alike, each the same again. */
static void macs_differ_on_one_host(void **state)
{
	static uint8_t seen[1 << 20];
	unsigned d, h;
	uint32_t n;

	(void)state;
	for (d = 0; d <= VIF_DOMID_MAX; d++)
		for (h = 0; h < 16; h++) {
			n = make_mac(d, h, "f00d");
			assert_false(seen[n >> 3] & 1 << (n & 7));
			seen[n >> 3] |= (uint8_t)(1 << (n & 7));
		}
	assert_int_equal(make_mac(7, 1, "f00d"), make_mac(7, 1, "f00d"));
	assert_int_not_equal(make_mac(7, 1, "f00d"), make_mac(7, 1, "beef"));
	assert_int_not_equal(make_mac(7, 1, "f00d"), make_mac(7, 257, "f00d"));
}

static char *record(bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct out o;

	assert_non_null(f);
	assert_int_equal(out_open(&o, f, json), 0);
	out_begin(&o, "vif1.0");
	out_num(&o, "domain", 1);
	out_str(&o, "ip", "10.0.0.1 10.0.0.2");
	out_str(&o, "bad", "a\"\\\x1b[2J\xff");
	out_str(&o, "empty", "");
	out_bool(&o, "up", true);
	out_null(&o, "worker");
	out_end(&o);
	assert_int_equal(out_close(&o), 0);
	fclose(f);
	return text;
}

static void a_record_is_a_line(void **state)
{
	char *text = record(false);

	(void)state;
	assert_string_equal(text, "vif1.0 domain=1 ip=\"10.0.0.1 10.0.0.2\" "
				  "bad=\"a\\\"\\\\\\x1b[2J\\xff\" empty=\"\" "
				  "up=yes worker=none\n");
	free(text);
}

static void a_record_is_an_object(void **state)
{
	char *text = record(true);
	json_t *list = json_loads(text, 0, NULL), *o;

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	o = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(o, "name")),
			    "vif1.0");
	assert_int_equal(json_integer_value(json_object_get(o, "domain")), 1);
	assert_string_equal(json_string_value(json_object_get(o, "bad")), "?");
	assert_true(json_is_true(json_object_get(o, "up")));
	assert_true(json_is_null(json_object_get(o, "worker")));
	json_decref(list);
	free(text);
}

/* What netbackd reads is what it would write, or it would take it for nothing. */
static void a_direct_way_is_told(void **state)
{
	static const struct {
		const char *words, *text;
	} row[] = {
		{ "direct=yes", "xenbr0 00:16:3e:00:00:01 any" },
		{ "direct=yes bridge=br0 ip=10.0.0.5/24,FD00::0/64",
		  "br0 00:16:3e:00:00:01 10.0.0.5 fd00::/64" },
		{ "direct=yes ip=10.0.0.0/28,fd00::1/64",
		  "xenbr0 00:16:3e:00:00:01 10.0.0.0/28 fd00::1" },
		{ "direct=yes link=down", "" },
		{ "ip=10.0.0.1", "" },
	};
	char words[128], text[DIRECT_TEXT], *save, *word;
	struct direct d;
	struct vif v;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		vif_init(&v, 1, 0);
		assert_int_equal(vif_parse(&v, "mac=00:16:3e:00:00:01", NULL),
				 0);
		str_put(words, sizeof(words), row[i].words);
		for (word = strtok_r(words, " ", &save); word;
		     word = strtok_r(NULL, " ", &save))
			assert_int_equal(vif_parse(&v, word, NULL), 0);
		shortcut_text(&v, text);
		assert_string_equal(text, row[i].text);
		assert_int_equal(direct_parse(&d, text), text[0] ? 0 : -EINVAL);
	}
	vif_init(&v, 1, 0);
	v.direct = true; /* without a MAC: whose would it be? */
	shortcut_text(&v, text);
	assert_string_equal(text, "");
}

static void a_full_disk_is_said(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	struct out o;

	(void)state;
	assert_non_null(f);
	assert_int_equal(out_open(&o, f, false), 0);
	out_begin(&o, "vif1.0");
	out_end(&o);
	assert_int_equal(out_close(&o), -EIO);
	fclose(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_take_a_whole_vif),
		cmocka_unit_test(words_refuse_and_name_the_vif),
		cmocka_unit_test(name_takes_one_word),
		cmocka_unit_test(macs_differ_on_one_host),
		cmocka_unit_test(a_record_is_a_line),
		cmocka_unit_test(a_record_is_an_object),
		cmocka_unit_test(a_direct_way_is_told),
		cmocka_unit_test(a_full_disk_is_said),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
