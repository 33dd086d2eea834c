// SPDX-License-Identifier: GPL-2.0-or-later
/* test_import.c - other toolstacks' grammars: what is taken, noted, refused */
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
#include "ctl/import.h"
#include "ctl/xlcfg.h"

/* A spec as our words; "" ends in an error, whose text is in buf. */
static int as_words(const char *spec, bool strict, char *buf, size_t size,
		    struct xlvif *x)
{
	static const struct import none;
	struct vif v = { .domid = 1 };
	struct err e = { "" };
	int rc = xlvif_parse(x, spec, strict, &e);

	if (!rc)
		rc = import_vif(&none, x, 0, &v, &e);
	if (!rc)
		return vif_print(&v, buf, size) < 0 ? -ENOSPC : 0;
	snprintf(buf, size, "%s", e.text);
	return rc;
}

/* Taken by both readings, and without a note. */
static void specs_are_taken(void **state)
{
	static const struct {
		const char *spec, *words;
	} row[] = {
		{ "", "" },
		{ ",,", "" },
		{ "bridge=br0", "bridge=br0" },
		{ "  bridge=br0,  mtu=1400", "bridge=br0 mtu=1400" },
		{ "mac=00:16:3E:01:02:03", "mac=00:16:3e:01:02:03" },
		{ "ip=10.0.0.1 10.0.0.2", "ip=10.0.0.1,10.0.0.2" },
		{ "ip=fd00::1", "ip=fd00::1" },
		{ "script=vif-route,ip=10.0.0.1,gatewaydev=eth0",
		  "mode=route gatewaydev=eth0 ip=10.0.0.1" },
		{ "script=/etc/xen/scripts/vif-bridge", "" },
		{ "rate=10Mb/s", "rate=62500,50000" },
		{ "rate=10Mb/s@20ms", "rate=25000,20000" },
		{ "rate=1GB/s@1s", "rate=1000000000,1000000" },
		{ "rate=250KB/s", "rate=12500,50000" },
		{ "rate=1MB/s@20ms", "rate=20000,20000" },
		{ "rate=1MB/s@20us", "rate=20,20" },
		{ "vlan=10", "vlan=10p" },
		{ "vlan=10p/20", "vlan=10p/20" },
		{ "vlan=10p/100+10x4", "vlan=10p/100+10x4" },
		{ "vifname=web", "vifname=web" },
		{ "type=vif,trusted", "" },
		{ "backend=netvm", "" },
		{ "devid=3", "" },
	};
	char got[VIF_TEXT];
	struct xlvif x;
	unsigned i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++)
		for (k = 0; k < 2; k++) {
			if (as_words(row[i].spec, k, got, sizeof(got), &x))
				fail_msg("%s: %s", row[i].spec, got);
			assert_string_equal(got, row[i].words);
			if (x.nnote)
				fail_msg("%s: %s", row[i].spec, x.note[0]);
		}
}

/* Taken as libxl does, with a note; refused when strict. */
static void quirks_are_noted(void **state)
{
	static const struct {
		const char *spec, *words, *note;
	} row[] = {
		{ "mac=0:16:3e:1:2:3", "mac=00:16:3e:01:02:03", "form" },
		{ "mac=00-16-3e-01-02-03", "mac=00:16:3e:01:02:03", "form" },
		{ "mac=00:16:3e:01:02:03xyz", "mac=00:16:3e:01:02:03", "form" },
		{ "mac=0x0:016:3e:01:02:03", "mac=00:16:3e:01:02:03", "form" },
		{ "mac=00:00:00:00:00:00", "", "generate" },
		{ "netdev=eth0,script=vif-route,ip=10.0.0.1",
		  "mode=route gatewaydev=eth0 ip=10.0.0.1", "old name" },
		{ "accel=x", "", "ignores" },
		{ "accel", "", "ignores" },
		{ "colour=red", "", "no word of a vif" },
		{ "Bridge=br0", "", "no word of a vif" },
		{ "bridge", "", "no word of a vif" },
		{ "colo_x=y", "", "COLO" },
		{ "forwarddev=eth0", "", "COLO" },
		{ "bridge=br0,bridge=br1", "bridge=br1", "twice" },
		{ "rate=010Mb/s", "rate=50000,50000", "octal" },
		{ "rate=10Mb/s@1", "rate=1250000,1000000", "seconds" },
		{ "rate=10Mb/s@20m", "rate=25000,20000", "takes m for ms" },
		{ "rate=10Mb/s@20u", "rate=25,20", "takes u for us" },
	};
	char got[VIF_TEXT];
	struct xlvif x;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (as_words(row[i].spec, false, got, sizeof(got), &x))
			fail_msg("%s: %s", row[i].spec, got);
		assert_string_equal(got, row[i].words);
		if (!x.nnote || !strstr(x.note[0], row[i].note))
			fail_msg("%s: %s", row[i].spec, x.note[0]);
		if (!as_words(row[i].spec, true, got, sizeof(got), &x))
			fail_msg("%s: strict took it", row[i].spec);
		if (!strstr(got, row[i].note))
			fail_msg("%s: %s", row[i].spec, got);
	}
}

/* long function: it is a table */
static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *spec, *says;
	} row[] = {
		{ "mac=00:16:3e:01:02", "mac=00:16:3e:01:02 is not" },
		{ "mac=00:16:3e:01:02:", "is not a MAC" },
		{ "mac=", "is not a MAC" },
		{ "mac=00:16:3e:01:02:100", "is not a MAC" },
		{ "mac=xx:16:3e:01:02:03", "is not a MAC" },
		{ "mac=01:16:3e:01:02:03", "group" },
		{ "type=pci", "write vif or ioemu" },
		{ "mtu=abc", "mtu=abc is not a number" },
		{ "mtu=1", "mtu=1: not a number of bytes" },
		{ "mtu=4294967296", "is not a number" },
		{ "devid=-1", "is not a number" },
		{ "devid=70000", "from 0 to 65535" },
		{ "rate=", "write a number" },
		{ "rate=10", "write a number" },
		{ "rate=0b/s", "write a number" },
		{ "rate=0x10b/s", "write a number" },
		{ "rate=089b/s", "write a number" },
		{ "rate=4294967296b/s", "write a number" },
		{ "rate=10mb/s", "write a number" },
		{ "rate=10Mb/s@", "write a number" },
		{ "rate=10Mb/s@0", "write a number" },
		{ "rate=10Mb/s@5000s", "write a number" },
		{ "rate=10Mb/s@1x", "write a number" },
		{ "rate=10Mb/s@0x1s", "write a number" },
		{ "rate=1b/s@1us", "rate" },
		{ "rate=4294967295GB/s@4294s", "write a number" },
		{ "vlan=0", "is not a VLAN" },
		{ "vlan=10/20", "marked with p" },
		{ "vifname=abcdefghijklmnop", "longer than 15" },
		{ "vifname=a/b", "only letters" },
		{ "vifname=vif7.0", "is the name of device 0 of domain 7" },
		{ "bridge=abcdefghijklmnop", "longer than 15" },
		{ "bridge=$(touch x)", "only letters" },
		{ "bridge=br0\n", "br0?" },
		{ "ip=0.0.0.0/0", "is not an address" },
		{ "ip=$(touch x)", "is not an address" },
		{ "script=vif-openvswitch", "no mode does" },
		{ "script=vif-route", "needs ip=" },
	};
	char got[VIF_TEXT], spec[1200];
	struct xlvif x;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (!as_words(row[i].spec, false, got, sizeof(got), &x))
			fail_msg("%s: taken as %s", row[i].spec, got);
		if (!strstr(got, row[i].says))
			fail_msg("%s: %s", row[i].spec, got);
		if (!as_words(row[i].spec, true, got, sizeof(got), &x))
			fail_msg("%s: strict took it", row[i].spec);
	}
	memset(spec, 'a', sizeof(spec) - 1);
	spec[sizeof(spec) - 1] = '\0';
	assert_int_equal(as_words(spec, false, got, sizeof(got), &x), -EINVAL);
	memcpy(spec, "bridge=", 7);
	spec[100] = '\0';
	assert_int_equal(as_words(spec, false, got, sizeof(got), &x), -EINVAL);
}

/* --- files -------------------------------------------------------------------*/

struct file {
	struct import f;
	struct err e;
	int rc;
};

static struct file *read_file(const char *text)
{
	struct file *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	o->f.card = calloc(IMPORT_CARDS, sizeof(*o->f.card));
	assert_non_null(o->f.card);
	o->rc = import_read(&o->f, text, &o->e);
	return o;
}

static void drop_file(struct file *o)
{
	free(o->f.card);
	free(o);
}

/* The specs, a line each. */
static void specs_of(const struct file *o, char *buf, size_t size)
{
	size_t n = 0;
	unsigned i;

	buf[0] = '\0';
	for (i = 0; i < o->f.n; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s|",
				      o->f.card[i].spec);
}

static void files_are_read(void **state)
{
	static const struct {
		const char *text, *guest, *specs;
	} row[] = {
		{ "name='a'\nvif=['bridge=x','']", "a", "bridge=x||" },
		{ "name=\"a\"; vif = [ \"mtu=9\" , ]", "a", "mtu=9|" },
		{ "vif += ['a=1']\n# vif = ['b']\n", "", "a=1|" },
		{ "vif = [ # one\n 'x=1',\n\n 'y=2'\n]\nmemory = 512\n", "",
		  "x=1|y=2|" },
		{ "disk=['a','b']\nvif=[]\nlists=[['x'],[1,2]]\n", "", "" },
		{ "vif=['\\x62r=\\101\\t']", "", "br=A\t|" },
		{ "on_reboot = \"restart\"\r\nvif=['a=b']\r\n", "", "a=b|" },
		{ "n = -5\nvif=['a=b']", "", "a=b|" },
		{ "(domain (name g) (device (vif (mac 1) (bridge br0))))", "g",
		  "mac=1,bridge=br0|" },
		{ "(domain (device (vif)) (device (vif (ip '1 2'))))", "",
		  "|ip=1 2|" },
		{ "(a (b (c (d (e (f (g (h (i (j (k))))))))))) (device (vif))",
		  "", "|" },
		{ "<domain><name>g</name><devices><interface type='bridge'>"
		  "<source bridge='b'/></interface></devices></domain>",
		  "g", "bridge=b|" },
		{ "<!-- <x> --><domain><name>a&lt;&#98;</name><devices/>"
		  "</domain>",
		  "a<b", "" },
	};
	char got[2048];
	struct file *o;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		o = read_file(row[i].text);
		if (o->rc)
			fail_msg("%s: %s", row[i].text, o->e.text);
		specs_of(o, got, sizeof(got));
		assert_string_equal(o->f.guest, row[i].guest);
		assert_string_equal(got, row[i].specs);
		drop_file(o);
	}
}

static void files_are_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} row[] = {
		{ "import os\n", "line 1: '=' is expected" },
		{ "\nname = os.system('x')", "line 2: a string in quotes" },
		{ "vif = [ 'a' + 'b' ]", "line 1: ',' or ']'" },
		{ "name = 'a' 'b'", "only one value" },
		{ "name = 'a", "has no end" },
		{ "name = 'a\nb'", "has no end" },
		{ "name = 'a\\q'", "means nothing" },
		{ "name = 'a\\x00'", "means nothing" },
		{ "vif = [ 'a'", "',' or ']'" },
		{ "vif = 'bridge=br0'", "vif is a list" },
		{ "vif = [[[[[[[[[[[[", "too many lists" },
		{ "if x:\n  y=1", "'=' is expected" },
		{ "(a (b)", "')' is missing" },
		{ "(a))", "')' without '('" },
		{ "(a 'b)", "has no end" },
		{ "(a) b", "a list is expected" },
		{ "<a>", "an element is not closed" },
		{ "<a></b>", "closes what is not open" },
		{ "<a b></a>", "'=' is expected" },
		{ "<a b='c></a>", "no end" },
		{ "<a>&nbsp;</a>", "entity" },
		{ "<a>&#0;</a>", "entity" },
		{ "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "declarations" },
		{ "<!-- ", "no end" },
		{ "<", "a name is expected" },
	};
	struct file *o;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		o = read_file(row[i].text);
		if (!o->rc)
			fail_msg("%s: taken", row[i].text);
		if (!strstr(o->e.text, row[i].says))
			fail_msg("%s: %s", row[i].text, o->e.text);
		drop_file(o);
	}
}

static void defaults_are_read(void **state)
{
	struct file *o = read_file("vif.default.bridge=\"br9\"\n"
				   "vifscript = 'vif-route'\n"
				   "vif.default.gatewaydev='eth3'\n"
				   "vif.default.backend='netvm'\n");
	struct xlvif x = { 0 };

	(void)state;
	assert_int_equal(o->rc, 0);
	assert_string_equal(o->f.conf.bridge, "br9");
	assert_string_equal(o->f.conf.script, "vif-route");
	assert_string_equal(o->f.conf.gatewaydev, "eth3");
	assert_false(o->f.is_guest);
	assert_false(import_local(&o->f, &x));
	strcpy(x.backend, "0");
	assert_true(import_local(&o->f, &x));
	drop_file(o);
	o = read_file("(vif-script 'vif-bridge bridge=br8')\n"
		      "(network-script 'network-nat netdev=eth1')\n");
	assert_int_equal(o->rc, 0);
	assert_string_equal(o->f.conf.script, "vif-bridge");
	assert_string_equal(o->f.conf.bridge, "br8");
	assert_string_equal(o->f.conf.gatewaydev, "eth1");
	assert_string_equal(o->f.conf.network, "network-nat netdev=eth1");
	drop_file(o);
}

static void xml_interfaces(void **state)
{
	static const struct {
		const char *inside, *spec, *why;
	} row[] = {
		{ "<mac address='1'/><mtu size='9'/>", "mac=1,mtu=9", "" },
		{ "<ip address='10.0.0.1'/><ip address='fd00::1'/>",
		  "ip=10.0.0.1 fd00::1", "" },
		{ "<bandwidth><inbound average='5'/>"
		  "<outbound average='1000'/></bandwidth>",
		  "rate=1024000B/s", "" },
		{ "<bandwidth><outbound average='x'/></bandwidth>", "",
		  "average=\"x\" is no number" },
		{ "<vlan><tag id='7'/></vlan>", "vlan=7", "" },
		{ "<source bridge='a,mac=2'/>", "", "a comma cannot" },
		{ "<virtualport type='openvswitch'/>", "", "Open vSwitch" },
		{ "<filterref filter='clean-traffic'/>", "", "nwfilter" },
		{ "<backenddomain name='netvm'/>", "backend=netvm", "" },
	};
	char text[512];
	struct file *o;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		snprintf(text, sizeof(text),
			 "<domain><devices><interface type='bridge'>%s"
			 "</interface></devices></domain>",
			 row[i].inside);
		o = read_file(text);
		assert_int_equal(o->rc, 0);
		assert_int_equal(o->f.n, 1);
		assert_string_equal(o->f.card[0].spec, row[i].spec);
		if (!strstr(o->f.card[0].why, row[i].why) ||
		    !row[i].why[0] != !o->f.card[0].why[0])
			fail_msg("%s: %s", text, o->f.card[0].why);
		drop_file(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs_are_taken),
		cmocka_unit_test(quirks_are_noted),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(files_are_refused),
		cmocka_unit_test(defaults_are_read),
		cmocka_unit_test(xml_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
