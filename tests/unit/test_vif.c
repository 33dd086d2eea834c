// SPDX-License-Identifier: GPL-2.0-or-later
/* test_vif.c - one guest's card as text: what is taken, refused, and said */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "vif.h"

/* Splits at blanks, as a shell would, and parses word by word. */
static int parse_all(struct vif *v, const char *text, struct err *e)
{
	char buf[VIF_TEXT], *word, *save;
	int rc = 0;

	assert_int_equal(str_put(buf, sizeof(buf), text), 0);
	for (word = strtok_r(buf, " ", &save); word && !rc;
	     word = strtok_r(NULL, " ", &save))
		rc = vif_parse(v, word, e);
	return rc;
}

/* long function: it is a table */
static void vif_accepts(void **state)
{
	static const struct {
		const char *word, *key, *want;
	} row[] = {
		{ "mac=00:16:3E:aa:bb:CC", "mac", "00:16:3e:aa:bb:cc" },
		{ "mode=bridge", "mode", "bridge" },
		{ "bridge=br-lan.5", "bridge", "br-lan.5" },
		{ "bridge=abcdefghijklmno", "bridge", "abcdefghijklmno" },
		{ "vifname=web", "vifname", "web" },
		{ "vifname=vif1.0", "vifname", "" },
		{ "ip=10.0.0.2", "ip", "10.0.0.2" },
		{ "ip=10.0.0.2/32", "ip", "10.0.0.2" },
		{ "ip=10.0.0.0/24 fd00:0::2", "ip", "10.0.0.0/24 fd00::2" },
		{ "ip=10.0.0.1,10.0.0.2", "ip", "10.0.0.1 10.0.0.2" },
		{ "ip=  10.0.0.1 , 10.0.0.2 ", "ip", "10.0.0.1 10.0.0.2" },
		{ "ip=fd00::/64", "ip", "fd00::/64" },
		{ "mtu=68", "mtu", "68" },
		{ "mtu=65535", "mtu", "65535" },
		{ "isolated=yes", "isolated", "yes" },
		{ "ip=learn", "ip", "learn" },
		{ "ip=dhcp", "ip", "dhcp" },
		{ "allow=router", "allow", "router" },
		{ "rules=web", "rules", "web" },
		{ "packets=1000/s", "packets", "1000/s" },
		{ "connections=7", "connections", "7/s" },
		{ "rules=web,/a/b.rules", "rules", "web /a/b.rules" },
		{ "allow=router,dhcp-server", "allow", "dhcp-server router" },
		{ "allow=shared,router", "allow", "router shared" },
		{ "isolated=no", "isolated", "" },
		{ "hairpin=yes", "hairpin", "yes" },
		{ "flood=no", "flood", "no" },
		{ "flood=yes", "flood", "" },
		{ "mcast_flood=no", "mcast_flood", "no" },
		{ "bcast_flood=no", "bcast_flood", "no" },
		{ "create=yes", "create", "yes" },
		{ "link=down", "link", "down" },
		{ "link=up", "link", "" },
		{ "accept=auto", "accept", "auto" },
		{ "accept=always", "accept", "always" },
		{ "accept=never", "accept", "" },
		{ "direct=yes", "direct", "yes" },
		{ "direct=no", "direct", "" },
		{ "vlan=10", "vlan", "10p" },
		{ "vlan=4094p", "vlan", "4094p" },
		{ "vlan=10p/20", "vlan", "10p/20" },
		{ "vlan=20u/10p/30-40u", "vlan", "20u/10p/30-40u" },
		{ "vlan=10p/100+10x4", "vlan", "10p/100+10x4" },
		{ "vlan=10p/100+1x4u", "vlan", "10p/100-104u" },
		{ "vlan=10p/30-30", "vlan", "10p/30" },
		{ "vlan=1p/2/3/4/5/6/7/8", "vlan", "1p/2/3/4/5/6/7/8" },
		{ "vlan=1-4093/4094p", "vlan", "1-4093/4094p" },
		{ "rate=1MB/s", "rate", "50000,50000" },
		{ "rate=8Mb/s", "rate", "50000,50000" },
		{ "rate=8000Kb/s@50ms", "rate", "50000,50000" },
		{ "rate=1000000B/s@20us", "rate", "20,20" },
		{ "rate=10Mb/s@20ms", "rate", "25000,20000" },
		{ "rate=1GB/s@1s", "rate", "1000000000,1000000" },
		{ "rate=1Kb/s@4294s", "rate", "536750,4294000000" },
		{ "rate=1250000,50000", "rate", "1250000,50000" },
	};
	struct err e;
	struct vif v;
	char buf[VIF_TEXT];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		e.text[0] = '\0';
		vif_init(&v, 1, 0);
		if (vif_parse(&v, row[i].word, &e))
			fail_msg("%s: %s", row[i].word, e.text);
		assert_true(vif_get(&v, row[i].key, buf, sizeof(buf)) >= 0);
		assert_string_equal(buf, row[i].want);
		if (vif_check(&v, &e))
			fail_msg("%s: %s", row[i].word, e.text);
	}
}

/* Each refusal leaves v alone and says what the row wants to read.
 * long function: it is a table
 */
static void vif_refuses(void **state)
{
	static const struct {
		const char *word, *says;
	} row[] = {
		{ "", "key=value" },
		{ "=x", "key=value" },
		{ "bridge", "key=value" },
		{ "brigde=br0", "did you mean 'bridge'" },
		{ "bridgename=br0", "the keys are mac, mode, bridge" },
		{ "xy=1", "no such key: 'xy'; the keys" },
		{ "MAC=00:16:3e:00:00:01", "no such key" },
		{ "averyveryverylongkey=1", "no such key" },
		{ "\033[2J=1", "'?[2J'" },
		{ "mac=", "mac= has no value" },
		{ "mac=00:16:3e:00:00", "six pairs" },
		{ "mac=00:16:3e:00:00:01:02", "six pairs" },
		{ "mac=00-16-3e-00-00-01", "six pairs" },
		{ "mac=0:16:3e:00:00:001", "six pairs" },
		{ "mac=00:16:3e:00:00:0g", "six pairs" },
		{ "mac=00:16:3e:00:00:01\n", "six pairs" },
		{ "mac= 00:16:3e:00:00:1", "six pairs" },
		{ "mac=01:16:3e:00:00:01", "group" },
		{ "mac=ff:ff:ff:ff:ff:ff", "group" },
		{ "mac=00:00:00:00:00:00", "zeros" },
		{ "mode=nat2", "there is: bridge, route" },
		{ "mode=bridge ", "no such mode" },
		{ "gatewaydev=a/b", "gatewaydev: device name 'a/b'" },
		{ "gatewaydev=all", "keeps that word" },
		{ "gateway=", "no value" },
		{ "gateway= , ", "names no address" },
		{ "gateway=10.0.0.1/24", "without a length" },
		{ "gateway=10.0.0", "is not an address" },
		{ "gateway=127.0.0.1", "is not an address" },
		{ "gateway=ff02::1", "is not an address" },
		{ "gateway=::", "is not an address" },
		{ "gateway=$(touch x)", "gateway=$(touch is not" },
		{ "gateway=10.0.0.1,10.0.0.2", "second IPv4" },
		{ "gateway=fe80::1,fe80::2", "second IPv6" },
		{ "gateway=10.0.0.1,fe80::1,10.0.0.2", "one too many" },
		{ "mode=", "no value" },
		{ "bridge=abcdefghijklmnop", "longer than 15" },
		{ "bridge=", "no value" },
		{ "hairpin=on", "hairpin=on: write yes or no" },
		{ "flood=", "no value" },
		{ "create=1", "write yes or no" },
		{ "vlan=0", "'0' is not a VLAN" },
		{ "vlan=4095", "'4095' is not a VLAN" },
		{ "vlan=010", "'010' is not a VLAN" },
		{ "vlan=10x", "'10x' is not a VLAN" },
		{ "vlan=10pu", "'10pu' is not a VLAN" },
		{ "vlan=10p/", "'' is not a VLAN" },
		{ "vlan=/10p", "'' is not a VLAN" },
		{ "vlan=10-20p", "'10-20p' is not a VLAN" },
		{ "vlan=20-10/5p", "'20-10' is not a VLAN" },
		{ "vlan=5p/100+10", "'100+10' is not a VLAN" },
		{ "vlan=5p/100+0x4", "is not a VLAN" },
		{ "vlan=5p/100+10x0", "is not a VLAN" },
		{ "vlan=5p/100+1000x4", "is not a VLAN" },
		{ "vlan=5p/100+10x99999", "is not a VLAN" },
		{ "vlan=99999999999999999999999999999999", "is not a VLAN" },
		{ "vlan=10/20", "none is marked with p" },
		{ "vlan=10-20", "none is marked with p" },
		{ "vlan=10-10u/20", "none is marked with p" },
		{ "vlan=10p/20p", "two are marked with p" },
		{ "vlan=10p/5-15", "'5-15' names a VLAN that is there" },
		{ "vlan=1p/2/3/4/5/6/7/8/9", "more than 8 terms" },
		{ "vlan=$(touch x)", "vlan=$(touch x)" },
		{ "rate=0b/s", "write a number" },
		{ "rate=010Mb/s", "write a number" },
		{ "rate=0x10Mb/s", "write a number" },
		{ "rate=10", "write a number" },
		{ "rate=10Mb", "write a number" },
		{ "rate=10mb/s", "write a number" },
		{ "rate=10Mb/s@", "write a number" },
		{ "rate=10Mb/s@20", "write a number" },
		{ "rate=10Mb/s@20u", "write a number" },
		{ "rate=10Mb/s@020ms", "write a number" },
		{ "rate=10Mb/s@20msx", "write a number" },
		{ "rate=10Mb/s@4295s", "write a number" },
		{ "rate=99999999999Mb/s", "write a number" },
		{ "rate=1b/s@1us", "not a byte in an interval" },
		{ "rate=4294967295GB/s@4294s", "more than 4 GB" },
		{ "rate=1,", "write a number" },
		{ "rate=0,50000", "write a number" },
		{ "rate=5,0", "write a number" },
		{ "rate=5,6,7", "write a number" },
		{ "bridge=..", "keeps that word" },
		{ "bridge=.", "keeps that word" },
		{ "bridge=all", "keeps that word" },
		{ "bridge=default", "keeps that word" },
		{ "bridge=a/b", "only letters" },
		{ "bridge=eth0:1", "only letters" },
		{ "bridge=br0\n", "'br0?'" },
		{ "bridge=$(touch x)", "only letters" },
		{ "bridge=`id`", "only letters" },
		{ "bridge=br\xc3\xb6", "only letters" },
		{ "bridge=vif%d", "only letters" },
		{ "bridge=vif+", "only letters" },
		{ "bridge=vif*", "only letters" },
		{ "bridge=-all", "dash" },
		{ "vifname=a b", "only letters" },
		{ "vifname=abcdefghijklmnop", "longer than 15" },
		{ "ip=", "no value" },
		{ "ip= , ", "names no address" },
		{ "ip=0.0.0.0/0", "ip=0.0.0.0/0 is not" },
		{ "ip=10.0.0.0/0", "is not an address" },
		{ "ip=0.0.0.0", "is not an address" },
		{ "ip=::/0", "is not an address" },
		{ "ip=::", "is not an address" },
		{ "ip=::1", "is not an address" },
		{ "ip=::ffff:10.0.0.1", "is not an address" },
		{ "ip=127.0.0.1", "is not an address" },
		{ "ip=224.0.0.1", "is not an address" },
		{ "ip=255.255.255.255", "is not an address" },
		{ "ip=ff02::1", "is not an address" },
		{ "ip=10.0.0", "is not an address" },
		{ "ip=10.0.0.256", "is not an address" },
		{ "ip=010.0.0.1", "is not an address" },
		{ "ip=10.0.0.1/33", "is not an address" },
		{ "ip=10.0.0.1/", "is not an address" },
		{ "ip=10.0.0.1/-1", "is not an address" },
		{ "ip=10.0.0.1/08", "is not an address" },
		{ "ip=fd00::1/129", "is not an address" },
		{ "ip=10.0.0.1\n10.0.0.2", "10.0.0.1?10" },
		{ "ip=$(touch x)", "ip=$(touch is not" },
		{ "ip=10.0.0.1 10.0.0.1", "twice" },
		{ "ip=1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
		  "..." },
		{ "ip=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 "
		  "10.0.0.7 10.0.0.8 10.0.0.9 10.0.0.10 10.0.0.11 10.0.0.12 "
		  "10.0.0.13 10.0.0.14 10.0.0.15 10.0.0.16 10.0.0.17",
		  "more than 16" },
		{ "mtu=67", "68 to 65535" },
		{ "mtu=65536", "68 to 65535" },
		{ "mtu=99999999999999", "68 to 65535" },
		{ "mtu=-1", "68 to 65535" },
		{ "mtu=1500 ", "68 to 65535" },
		{ "mtu=0x5dc", "68 to 65535" },
		{ "isolated=true", "yes or no" },
		{ "ip=learned", "ip=learned" },
		{ "allow=routers", "there is: dhcp-server" },
		{ "packets=0", "packets=1000/s" },
		{ "packets=10000001/s", "1 to 10000000" },
		{ "connections=5/m", "how many in a second" },
		{ "rules=../x", "is not a file of rules" },
		{ "rules=abcdefghijklm", "is not a file of rules" },
		{ "rules=,", "names no file" },
		{ "pair=10.0.0.1", "pair=10.0.0.1" },
		{ "pair=01:00:5e:00:01:07/10.0.0.1", "not a MAC" },
		{ "pair=00:00:5e:00:01:07/0.0.0.0", "not a MAC" },
		{ "pair=,", "names none" },
		{ "isolated=YES", "yes or no" },
		{ "direct=1", "direct=1: write yes or no" },
	};
	struct err e;
	struct vif v, before;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		e.text[0] = '\0';
		vif_init(&v, 1, 0);
		before = v;
		if (vif_parse(&v, row[i].word, &e) != -EINVAL)
			fail_msg("%s: taken", row[i].word);
		if (!strstr(e.text, row[i].says))
			fail_msg("%s: says %s", row[i].word, e.text);
		if (strpbrk(e.text, "\n\033"))
			fail_msg("%s: raw bytes in the message", row[i].word);
		assert_memory_equal(&v, &before, sizeof(v));
	}
}

static void vif_key_is_taken_once(void **state)
{
	struct err e;
	struct vif v;

	(void)state;
	vif_init(&v, 1, 0);
	assert_int_equal(parse_all(&v, "mtu=1500 bridge=br0", &e), 0);
	assert_int_equal(vif_parse(&v, "mtu=1400", &e), -EINVAL);
	assert_string_equal(e.text, "mtu is given twice; leave one out");
	assert_int_equal(v.mtu, 1500);
	v.given = 0;
	assert_int_equal(vif_parse(&v, "mtu=1400", &e), 0);
	assert_int_equal(v.mtu, 1400);
}

static void vif_print_parse_same(void **state)
{
	static const char *const row[] = {
		"",
		"mac=00:16:3e:00:00:01",
		"mac=00:16:3e:00:00:01 bridge=br0 vifname=web "
		"ip=10.0.0.2,fd00::/64 mtu=9000 isolated=yes",
		"mode=route gatewaydev=eth0 gateway=10.0.0.1,fe80::1 "
		"ip=10.0.0.2,fd00::2",
		"mode=route gateway=fe80::1 ip=fd00::2",
		"mac=00:16:3e:00:00:01 ip=dhcp allow=dhcp-server,router",
		"mac=00:16:3e:00:00:01 bridge=br0 ip=10.0.0.2 direct=yes",
		"mac=00:16:3e:00:00:01 ip=10.0.0.2 "
		"pair=00:00:5e:00:01:07/10.0.0.1,00:00:5e:00:02:07/fe80::7",
		/* the longest there is */
		"mac=00:16:3e:00:00:01 bridge=abcdefghijklmno "
		"vifname=abcdefghijklmnp ip="
		"1111:1111:1111:1111:1111:1111:1111:1100/120,"
		"1111:1111:1111:1111:1111:1111:1111:1200/120,"
		"1111:1111:1111:1111:1111:1111:1111:1300/120,"
		"1111:1111:1111:1111:1111:1111:1111:1400/120,"
		"1111:1111:1111:1111:1111:1111:1111:1500/120,"
		"1111:1111:1111:1111:1111:1111:1111:1600/120,"
		"1111:1111:1111:1111:1111:1111:1111:1700/120,"
		"1111:1111:1111:1111:1111:1111:1111:1800/120,"
		"1111:1111:1111:1111:1111:1111:1111:1900/120,"
		"1111:1111:1111:1111:1111:1111:1111:2000/120,"
		"1111:1111:1111:1111:1111:1111:1111:2100/120,"
		"1111:1111:1111:1111:1111:1111:1111:2200/120,"
		"1111:1111:1111:1111:1111:1111:1111:2300/120,"
		"1111:1111:1111:1111:1111:1111:1111:2400/120,"
		"1111:1111:1111:1111:1111:1111:1111:2500/120,"
		"1111:1111:1111:1111:1111:1111:1111:2600/120"
		" mtu=65535 isolated=yes",
	};
	char buf[VIF_TEXT], small[VIF_TEXT];
	struct err e;
	struct vif v, w;
	unsigned i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		vif_init(&v, 1, 0);
		if (parse_all(&v, row[i], &e))
			fail_msg("%s: %s", row[i], e.text);
		assert_int_equal(vif_print(&v, buf, sizeof(buf)),
				 strlen(row[i]));
		assert_string_equal(buf, row[i]);
		vif_init(&w, 1, 0);
		assert_int_equal(parse_all(&w, buf, &e), 0);
		assert_memory_equal(&v, &w, sizeof(v));
		for (n = 0; n <= strlen(row[i]); n++)
			assert_int_equal(vif_print(&v, small, n), -ENOSPC);
	}
}

static void vif_names(void **state)
{
	static const struct {
		const char *s;
		int rc;
		uint16_t domid, handle;
	} row[] = {
		{ "vif1.0", 0, 1, 0 },
		{ "1.0", 0, 1, 0 },
		{ "vif32751.65535", 0, 32751, 65535 },
		{ "vif32752.0", -EINVAL, 0, 0 },
		{ "vif1.65536", -EINVAL, 0, 0 },
		{ "vif01.0", -EINVAL, 0, 0 },
		{ "vif1.00", -EINVAL, 0, 0 },
		{ "vif1", -EINVAL, 0, 0 },
		{ "vif.0", -EINVAL, 0, 0 },
		{ "vif1.", -EINVAL, 0, 0 },
		{ "vif1.0-emu", -EINVAL, 0, 0 },
		{ "vif1.0.0", -EINVAL, 0, 0 },
		{ "vif-1.0", -EINVAL, 0, 0 },
		{ "vif99999999999.0", -EINVAL, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "vif1.0\n", -EINVAL, 0, 0 },
	};
	struct err e;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint16_t d = 0, h = 0;

		e.text[0] = '\0';
		assert_int_equal(vif_parse_name(row[i].s, &d, &h, &e),
				 row[i].rc);
		assert_int_equal(d, row[i].domid);
		assert_int_equal(h, row[i].handle);
		assert_int_equal(e.text[0] != '\0', row[i].rc != 0);
	}
}

static void vif_whole(void **state)
{
	static const struct {
		const char *text, *says;
	} row[] = {
		{ "vifname=br0 bridge=br0", "both 'br0'" },
		{ "vifname=vif2.0", "device 0 of domain 2" },
		{ "mac=fe:ff:ff:ff:ff:ff", "host's side" },
		{ "mode=route", "mode=route needs ip=" },
		{ "mode=route ip=10.0.0.2 isolated=yes", "mode=bridge" },
		{ "mode=route ip=10.0.0.2 vifname=e gatewaydev=e", "both 'e'" },
		{ "mode=route ip=10.0.0.2 gateway=fe80::1", "no IPv6 address" },
		{ "mode=route ip=fd00::2 gateway=10.0.0.1", "no IPv4 address" },
		{ "mode=route ip=10.0.0.2 gateway=10.0.0.2", "both 10.0.0.2" },
		{ "mode=route ip=10.0.0.2/24 gateway=10.0.0.2", "10.0.0.2;" },
		{ "gateway=10.0.0.1", "gateway= belongs to mode=route" },
		{ "gatewaydev=eth0", "gatewaydev= belongs to mode=route" },
		{ "mtu=1279 ip=10.0.0.1,fd00::2", "IPv6 needs" },
		{ "network=lan", "network=lan belongs to mode=nat; write" },
		{ "mode=nat", "mode=nat needs network=" },
		{ "mode=route ip=10.0.0.2 network=lan", "leave it out" },
		{ "mode=nat ip=10.0.0.2 network=lan bridge=br0",
		  "has a bridge of its own" },
		{ "mode=nat network=lan bridge=nb-lan create=yes",
		  "create=yes belongs to mode=bridge" },
		{ "mode=nat network=lan bridge=nb-lan vlan=5",
		  "vlan= belongs to mode=bridge" },
		{ "mode=nat network=lan bridge=nb-lan vifname=nb-lan",
		  "both 'nb-lan'" },
		{ "mode=route ip=10.0.0.2 hairpin=yes", "hairpin=yes" },
		{ "mode=route ip=10.0.0.2 flood=no", "flood=no" },
		{ "mode=route ip=10.0.0.2 mcast_flood=no", "mcast_flood=no" },
		{ "mode=route ip=10.0.0.2 bcast_flood=no", "bcast_flood=no" },
		{ "mode=route ip=10.0.0.2 vlan=5", "vlan=" },
		{ "mode=route ip=10.0.0.2 create=yes", "create=yes" },
		{ "mode=nat ip=10.0.0.2 isolated=yes", "isolated=yes" },
		{ "mode=route ip=10.0.0.2 direct=yes", "to mode=bridge" },
		{ "mode=nat network=lan bridge=nb-lan direct=yes",
		  "to mode=bridge" },
		{ "direct=yes ip=learn", "addresses that are known" },
		{ "direct=yes ip=dhcp", "addresses that are known" },
		{ "direct=yes isolated=yes", "held to isolated=yes" },
		{ "direct=yes vlan=5", "held to vlan=" },
		{ "direct=yes rate=1MB/s", "held to rate=" },
		{ "direct=yes packets=5/s", "held to packets=" },
		{ "direct=yes connections=5/s", "held to connections=" },
		{ "direct=yes rules=web", "held to rules=" },
	};
	struct err e;
	struct vif v;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		vif_init(&v, 1, 0);
		assert_int_equal(parse_all(&v, row[i].text, &e), 0);
		assert_int_equal(vif_check(&v, &e), -EINVAL);
		if (!strstr(e.text, row[i].says))
			fail_msg("%s: says %s", row[i].text, e.text);
	}
}

/* What no text can say, but a message could. */
static void vif_beyond_words(void **state)
{
	struct err e;
	struct vif v;

	(void)state;
	vif_init(&v, 1, 0);
	assert_int_equal(vif_check(&v, &e), 0);
	assert_true(vif_bridged(&v));
	v.mode = 77;
	assert_int_equal(vif_check(&v, &e), -EINVAL);
	assert_string_equal(e.text, "mode 77: no such mode");
	assert_false(vif_bridged(&v));
	v.domid = 0x7ff0;
	assert_int_equal(vif_check(&v, &e), -EINVAL);
	assert_non_null(strstr(e.text, "numbers end at"));
	vif_init(&v, 1, 0);
	strcpy(v.bridge, "br/0");
	assert_int_equal(vif_check(&v, &e), -EINVAL);
	vif_init(&v, 1, 0);
	v.npair = 1;
	assert_int_equal(vif_check(&v, &e), -EINVAL);
	assert_non_null(strstr(e.text, "pair= stands beside ip="));
}

/* A toolstack writes a bridge's name whatever the mode is. */
static void vif_route_has_no_bridge(void **state)
{
	char buf[VIF_TEXT];
	struct err e;
	struct vif v;

	(void)state;
	vif_init(&v, 1, 0);
	assert_int_equal(parse_all(&v, "bridge=br0 mode=route ip=10.0.0.2", &e),
			 0);
	assert_int_equal(vif_check(&v, &e), 0);
	assert_int_equal(vif_get(&v, "bridge", buf, sizeof(buf)), 0);
	assert_true(vif_print(&v, buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "mode=route ip=10.0.0.2");
}

static void vif_addr_kinds(void **state)
{
	static const struct {
		const char *s;
		bool net, local;
	} row[] = {
		{ "10.0.0.2", false, false },
		{ "10.0.0.2/24", false, false },
		{ "10.0.0.0/24", true, false },
		{ "10.0.0.0/7", true, false },
		{ "10.0.0.1/31", false, false },
		{ "169.254.1.1", false, true },
		{ "fd00::2", false, false },
		{ "fd00::/64", true, false },
		{ "fd00::1/64", false, false },
		{ "fe80::1/64", false, true },
		{ "fec0::1", false, false },
		{ "fe80::/10", true, true },
	};
	struct vif_addr a, b;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(vif_parse_addr(row[i].s, &a), 0);
		if (vif_addr_is_net(&a) != row[i].net ||
		    vif_addr_is_local(&a) != row[i].local)
			fail_msg("%s", row[i].s);
	}
	vif_parse_addr("10.0.0.2/24", &a);
	vif_parse_addr("10.0.0.2", &b);
	assert_true(vif_addr_same(&a, &b));
	vif_parse_addr("a00:2::", &b); /* the same first four bytes */
	assert_false(vif_addr_same(&a, &b));
}

static void vif_get_knows_keys(void **state)
{
	char buf[VIF_TEXT];
	struct vif v;
	unsigned i;

	(void)state;
	vif_init(&v, 1, 0);
	for (i = 0; vif_keys[i]; i++)
		assert_true(vif_get(&v, vif_keys[i], buf, sizeof(buf)) >= 0);
	assert_int_equal(vif_get(&v, "colour", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(vif_get(&v, "bridge", buf, 6), -ENOSPC);
	assert_int_equal(vif_get(&v, "bridge", buf, 7), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vif_accepts),
		cmocka_unit_test(vif_refuses),
		cmocka_unit_test(vif_key_is_taken_once),
		cmocka_unit_test(vif_print_parse_same),
		cmocka_unit_test(vif_names),
		cmocka_unit_test(vif_whole),
		cmocka_unit_test(vif_beyond_words),
		cmocka_unit_test(vif_route_has_no_bridge),
		cmocka_unit_test(vif_addr_kinds),
		cmocka_unit_test(vif_get_knows_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
