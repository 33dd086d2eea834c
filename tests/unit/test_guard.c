// SPDX-License-Identifier: GPL-2.0-or-later
/* test_guard.c - policies and the rules they become, as text; and refusals */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "filter.h"
#include "filter/guard.h"
#include "filter/nft.h"

static struct policy bare(void)
{
	struct policy p = { .dev = "vif1.0", .bridged = true };

	return p;
}

static struct policy with_mac(void)
{
	struct policy p = bare();

	p.has_mac = true;
	memcpy(p.mac, "\x00\x16\x3e\x00\x00\x01", 6);
	return p;
}

static void add(struct policy *p, const char *addr, uint8_t len)
{
	struct vif_addr *a = &p->addr[p->naddr++];

	a->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	a->len = len;
	assert_int_equal(inet_pton(a->family, addr, a->addr), 1);
}

static void learning(struct policy *p, unsigned how)
{
	p->learn = (uint8_t)how;
}

/* Lines that must stand in the text, and with a '!' that must not. */
static void says(const struct policy *p, const char *const *line)
{
	static char text[FILTER_TEXT];

	assert_true(filter_print(p, text, sizeof(text)) > 0);
	for (; *line; line++) {
		if (**line == '!')
			assert_null(strstr(text, *line + 1));
		else if (!strstr(text, *line))
			fail_msg("no \"%s\" in:\n%s", *line, text);
	}
}

static const char *const nothing_known[] = {
	"table netdev netback-vif1.0 {\n",
	"type filter hook ingress device \"vif1.0\" priority -500; policy "
	"accept;\n\t\tether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 "
	"counter name \"drop_linklocal\" drop\n\t\tether type ip goto in_ip\n",
	"arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation < 3 "
	"return\n\t\tcounter name \"drop_arp\" drop\n\t}\n",
	"\tcounter drop_own {\n\t\tpackets 0 bytes 0\n\t}\n",
	"!to_guest",
	"!@ll",
	"!addr4",
	"!nd0",
	NULL,
};

static const char *const both_families[] = {
	"priority -500; policy accept;\n"
	"\t\t@ll,48,64 0x00163e0000010800 @nh,96,32 0x0a000005 meta pkttype != "
	"multicast @th,16,16 & 0xfff8 != 0x0040 return\n"
	"\t\t@ll,48,64 0x00163e00000186dd @nh,64,128 "
	"0x20010db8000000000000000000000005 meta pkttype != multicast "
	"@nh,48,8 0x01-0x2a @th,16,16 != 0x0222 return\n"
	"\t\tether saddr != 00:16:3e:00:00:01 counter name \"drop_mac\" drop\n",
	"set addr4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.5 }\n\t}\n",
	"elements = { 2001:db8::5, fe80::216:3eff:fe00:1 }\n",
	"arp saddr ether 00:16:3e:00:00:01 goto check_arp_ip\n",
	"\t\tip saddr @addr4 goto in_ip\n\t\tip saddr 10.1.0.0/16 goto in_ip\n",
	"udp sport 68 udp dport 67 goto in_dhcp\n",
	"\t\tarp operation request arp saddr ip 0.0.0.0 goto check_probe\n",
	"\t\tudp dport != 546 return\n",
	"!nd-router-advert",
	"\tchain nd0 {\n\t\tip6 length 24 return\n"
	"\t\t@th,192,8 0x01-0x02 @th,200,56 0x0100163e000001 goto nd1\n"
	"\t\t@th,192,8 > 0x02 @th,200,8 0x01 goto nd1\n",
	"\tchain to_guest {\n\t\ttype filter hook egress device \"vif1.0\" "
	"priority -500; policy accept;\n\t\t@ll,48,48 0x00163e000001 counter "
	"name \"drop_own\" drop\n\t\tip saddr != 10.0.0.5 return\n"
	"\t\tmeta protocol ip counter name \"drop_own\" drop\n",
	NULL,
};

static const char *const only_ipv6[] = {
	"\tchain check_arp {\n\t\tcounter name \"drop_arp\" drop\n\t}\n",
	"\tchain check_ip {\n\t\tcounter name \"drop_ip\" drop\n\t}\n",
	"\t\tip6 saddr @addr6 goto in_ip6\n"
	"\t\tip6 saddr 2001:db8:8::/45 goto in_ip6\n",
	"@nh,64,128 & 0xfffffffffff800000000000000000000 == "
	"0x20010db8000800000000000000000000 meta pkttype",
	"!in_ip {",
	NULL,
};

static const char *const allowed[] = {
	"icmpv6 type nd-router-advert return\n",
	"icmpv6 type nd-redirect return\n",
	"!drop_dhcp\" drop",
	"!in_ip {",
	NULL,
};

static const char *const first_seen[] = {
	"set addr4 {\n\t\ttype ipv4_addr\n\t\tsize 1\n"
	"\t\tflags dynamic,timeout\n\t\ttimeout 3600s\n\t}\n",
	"ip saddr != 0.0.0.0 update @addr4 { ip saddr } goto in_ip\n",
	"arp saddr ip != 0.0.0.0 update @addr4 { arp saddr ip } return\n",
	"ip6 saddr != :: update @addr6 { ip6 saddr } goto in_ip6\n",
	"!@ll,48,64",
	NULL,
};

static const char *const leases[] = {
	"udp sport 67 udp dport 68 ip frag-off & 16383 == 0 @th,288,48 "
	"0x00163e000001 @th,1984,24 "
	"0x350105 @th,192,32 != 0x00000000 update @addr4 { @th,192,32 } \n",
	"timeout 86400s\n",
	"\t\tip saddr @addr4 goto in_ip\n",
	NULL,
};

static const char *const with_pair[] = {
	"ether saddr != 00:16:3e:00:00:01 ether saddr != 00:00:5e:00:01:07 "
	"counter name \"drop_mac\" drop\n",
	"ether saddr 00:16:3e:00:00:01 ip saddr @addr4 goto in_ip\n",
	"ether saddr 00:00:5e:00:01:07 ip saddr 10.0.0.1 goto in_ip\n",
	"ether saddr 00:00:5e:00:01:07 arp saddr ip 10.0.0.1 return\n",
	NULL,
};

static void prints(void **state)
{
	struct policy p = bare();

	(void)state;
	says(&p, nothing_known);
	p = with_mac();
	add(&p, "10.0.0.5", 24); /* an address and its network's length */
	add(&p, "10.1.0.0", 16); /* a prefix */
	add(&p, "10.0.0.5", 32); /* once is enough */
	add(&p, "2001:db8::5", 128);
	says(&p, both_families);
	p.allow = POLICY_ROUTER | POLICY_DHCP_SERVER;
	says(&p, allowed);
	p = with_mac();
	add(&p, "2001:db8:8::", 45);
	says(&p, only_ipv6);
	p = with_mac();
	learning(&p, VIF_LEARN_FIRST);
	says(&p, first_seen);
	learning(&p, VIF_LEARN_DHCP);
	says(&p, leases);
	p = with_mac();
	add(&p, "10.0.0.1", 32);
	p.pair[p.npair++].addr = p.addr[0];
	memcpy(p.pair[0].mac, "\x00\x00\x5e\x00\x01\x07", 6);
	says(&p, with_pair);
}

static void most_fits(void **state)
{
	static char text[FILTER_TEXT];
	struct policy p = with_mac();
	struct guard g;
	unsigned i;

	(void)state;
	for (i = 0; i < VIF_ADDRS; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr),
			 i % 2 ? "2001:db8:%x::" : "10.%u.0.0", 0x10 + i);
		add(&p, addr, i % 2 ? 48 : 16);
	}
	for (i = 0; i < VIF_PAIRS; i++) {
		p.pair[i].addr = p.addr[i];
		memcpy(p.pair[i].mac, "\x02\x00\x00\x00\x00", 5);
		p.pair[i].mac[5] = (uint8_t)i;
	}
	p.npair = VIF_PAIRS;
	assert_int_equal(guard_build(&p, &g, NULL), 0);
	assert_true(g.n + 8 < GUARD_RULES);
	assert_true(guard_print(&g, text, sizeof(text)) > 0);
	assert_int_equal(guard_print(&g, text, 100), -ENOSPC);
}

static void refuses(void **state)
{
	struct policy p = bare();
	struct err e = { "" };

	(void)state;
	strcpy(p.dev, "a\"b");
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "a\"b"));
	strcpy(p.dev, "");
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	p = bare();
	p.naddr = VIF_ADDRS + 1;
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	p = bare();
	add(&p, "10.0.0.0", 33);
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "address 1"));
	p = bare();
	add(&p, "10.0.0.5", 32);
	learning(&p, VIF_LEARN_FIRST);
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "learned"));
	p = bare();
	p.npair = 1;
	p.pair[0].addr.family = AF_INET;
	assert_int_equal(filter_apply(&p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "own MAC"));
}

/* What the bridge gives back is not told from what is forged. */
static void hairpin_hears_itself(void **state)
{
	static const char *const given[] = { "!to_guest", NULL };
	static const char *const leased[] = { "chain to_guest {",
					      "!name \"drop_own\"", NULL };
	struct policy p = with_mac();

	(void)state;
	p.hairpin = true;
	add(&p, "10.0.0.5", 32);
	add(&p, "2001:db8::5", 128);
	says(&p, given);
	p = with_mac();
	p.hairpin = true;
	learning(&p, VIF_LEARN_DHCP);
	says(&p, leased);
}

/* Two devices never share a table. */
static void table_names(void **state)
{
	static const struct {
		const char *dev, *want;
	} row[] = {
		{ "vif1.0", "netback-vif1.0" },
		{ "abcdefghijklmno", "netback-abcdefghijklmno" },
		{ "a@b", "netback-a/40b" },
		{ "@@@@@@@@@@@@@@@",
		  "netback-/40/40/40/40/40/40/40/40/40/40/40/40/40/40/40" },
	};
	char name[GUARD_NAME], dev[IFNAMSIZ];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(guard_table(row[i].dev, name), 0);
		assert_string_equal(name, row[i].want);
		assert_int_equal(guard_device(name, dev), 0);
		assert_string_equal(dev, row[i].dev);
	}
	assert_int_equal(guard_table("abcdefghijklmnop", name), -EINVAL);
	assert_int_equal(guard_device("netback-", dev), -EINVAL);
	assert_int_equal(guard_device("netback-a/4", dev), -EINVAL);
	assert_int_equal(guard_device("netback-abcdefghijklmnop", dev),
			 -EINVAL);
	assert_int_equal(guard_device("filter", dev), -EINVAL);
}

static void what_a_guard_allows(void **state)
{
	static const struct {
		const char *addr;
		bool may;
	} row[] = {
		{ "10.0.0.5", true },
		{ "10.0.0.6", false },
		{ "10.1.255.1", true },
		{ "10.2.0.1", false },
		{ "fd00::5", true },
		{ "fd00::6", false },
		{ "fd01::77", true },
		{ "fd01:0:0:1::1", false },
		{ "fe80::216:3eff:fe00:1", true },
	};
	struct policy p = with_mac(), q;
	struct guard g;
	unsigned i;

	(void)state;
	add(&p, "10.0.0.5", 32);
	add(&p, "10.1.0.0", 16);
	add(&p, "fd00::5", 128);
	add(&p, "fd01::", 64);
	assert_int_equal(guard_build(&p, &g, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		q = bare();
		add(&q, row[i].addr, 32);
		assert_int_equal(guard_allows(&g, &q.addr[0]), row[i].may);
	}
	p = with_mac();
	assert_int_equal(guard_build(&p, &g, NULL), 0);
	assert_true(guard_allows(&g, &q.addr[0]));
}

static void a_missing_piece_is_named(void **state)
{
	struct err e = { "" };

	(void)state;
	assert_int_equal(nft_say(&e, -ENOENT, "netdev ingress chain",
				 "CONFIG_NF_TABLES_NETDEV"),
			 -EOPNOTSUPP);
	assert_non_null(strstr(e.text, "netdev ingress chain"));
	assert_non_null(strstr(e.text, "CONFIG_NF_TABLES_NETDEV"));
	assert_int_equal(nft_say(&e, -EPERM, "x", "y"), -EPERM);
	assert_non_null(strstr(e.text, "CAP_NET_ADMIN"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(hairpin_hears_itself),
		cmocka_unit_test(most_fits),
		cmocka_unit_test(refuses),
		cmocka_unit_test(table_names),
		cmocka_unit_test(what_a_guard_allows),
		cmocka_unit_test(a_missing_piece_is_named),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
