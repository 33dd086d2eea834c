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

#define COUNTERS                                                               \
	"\tcounter drop_mac {\n\t\tpackets 0 bytes 0\n\t}\n\n"                 \
	"\tcounter drop_linklocal {\n\t\tpackets 0 bytes 0\n\t}\n\n"           \
	"\tcounter drop_ethertype {\n\t\tpackets 0 bytes 0\n\t}\n\n"           \
	"\tcounter drop_arp {\n\t\tpackets 0 bytes 0\n\t}\n\n"                 \
	"\tcounter drop_ip {\n\t\tpackets 0 bytes 0\n\t}\n\n"                  \
	"\tcounter drop_ip6 {\n\t\tpackets 0 bytes 0\n\t}\n"

static const char nothing_known[] =
	"table netdev netback-vif1.0 {\n" COUNTERS "\n"
	"\tchain from_guest {\n"
	"\t\ttype filter hook ingress device \"vif1.0\" priority -500; policy "
	"accept;\n"
	"\t\tether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter name "
	"\"drop_linklocal\" drop\n"
	"\t\tether type ip return\n"
	"\t\tether type ip6 return\n"
	"\t\tether type arp goto check_arp\n"
	"\t\tcounter name \"drop_ethertype\" drop\n"
	"\t}\n\n"
	"\tchain check_arp {\n"
	"\t\tarp htype 1 arp ptype ip arp hlen 6 arp plen 4 return\n"
	"\t\tcounter name \"drop_arp\" drop\n"
	"\t}\n"
	"}\n";

#define FROM_GUEST                                                             \
	"\n\tchain from_guest {\n"                                             \
	"\t\ttype filter hook ingress device \"vif1.0\" priority -500; policy" \
	" accept;\n"                                                           \
	"\t\tether saddr != 00:16:3e:00:00:01 counter name \"drop_mac\" "      \
	"drop\n"                                                               \
	"\t\tether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter "    \
	"name \"drop_linklocal\" drop\n"                                       \
	"\t\tether type ip goto check_ip\n"                                    \
	"\t\tether type ip6 goto check_ip6\n"                                  \
	"\t\tether type arp goto check_arp\n"                                  \
	"\t\tcounter name \"drop_ethertype\" drop\n"                           \
	"\t}\n"

static const char both_families[] =
	"table netdev netback-vif1.0 {\n" COUNTERS "\n"
	"\tset addr4 {\n\t\ttype ipv4_addr\n"
	"\t\telements = { 10.0.0.5 }\n\t}\n\n"
	"\tset addr6 {\n\t\ttype ipv6_addr\n"
	"\t\telements = { 2001:db8::5, fe80::216:3eff:fe00:1 }\n"
	"\t}\n" FROM_GUEST "\n"
	"\tchain check_arp {\n"
	"\t\tarp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether "
	"00:16:3e:00:00:01 goto check_arp_ip\n"
	"\t\tcounter name \"drop_arp\" drop\n"
	"\t}\n\n"
	"\tchain check_arp_ip {\n"
	"\t\tarp saddr ip @addr4 return\n"
	"\t\tarp saddr ip 10.1.0.0/16 return\n"
	"\t\tarp operation request arp saddr ip 0.0.0.0 return\n"
	"\t\tcounter name \"drop_arp\" drop\n"
	"\t}\n\n"
	"\tchain check_ip {\n"
	"\t\tip saddr @addr4 return\n"
	"\t\tip saddr 10.1.0.0/16 return\n"
	"\t\tip saddr 0.0.0.0 ip daddr 255.255.255.255 ip frag-off & 8191 == 0 "
	"udp sport 68 udp dport 67 return\n"
	"\t\tcounter name \"drop_ip\" drop\n"
	"\t}\n\n"
	"\tchain check_ip6 {\n"
	"\t\tip6 saddr @addr6 return\n"
	"\t\tip6 saddr :: icmpv6 type nd-neighbor-solicit return\n"
	"\t\tip6 saddr :: icmpv6 type nd-router-solicit return\n"
	"\t\tip6 saddr :: icmpv6 type mld2-listener-report return\n"
	"\t\tip6 saddr :: icmpv6 type mld-listener-report return\n"
	"\t\tcounter name \"drop_ip6\" drop\n"
	"\t}\n"
	"}\n";

static const char only_ipv6[] =
	"table netdev netback-vif1.0 {\n" COUNTERS "\n"
	"\tset addr6 {\n\t\ttype ipv6_addr\n"
	"\t\telements = { fe80::216:3eff:fe00:1 }\n\t}\n" FROM_GUEST "\n"
	"\tchain check_arp {\n"
	"\t\tcounter name \"drop_arp\" drop\n"
	"\t}\n\n"
	"\tchain check_ip {\n"
	"\t\tcounter name \"drop_ip\" drop\n"
	"\t}\n\n"
	"\tchain check_ip6 {\n"
	"\t\tip6 saddr @addr6 return\n"
	"\t\tip6 saddr 2001:db8:8::/45 return\n"
	"\t\tip6 saddr :: icmpv6 type nd-neighbor-solicit return\n"
	"\t\tip6 saddr :: icmpv6 type nd-router-solicit return\n"
	"\t\tip6 saddr :: icmpv6 type mld2-listener-report return\n"
	"\t\tip6 saddr :: icmpv6 type mld-listener-report return\n"
	"\t\tcounter name \"drop_ip6\" drop\n"
	"\t}\n"
	"}\n";

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

static void same(const struct policy *p, const char *want)
{
	static char text[FILTER_TEXT];

	assert_int_equal(filter_print(p, text, sizeof(text)), strlen(want));
	assert_string_equal(text, want);
}

static void prints(void **state)
{
	struct policy p = bare();

	(void)state;
	same(&p, nothing_known);
	p = with_mac();
	add(&p, "10.0.0.5", 24); /* an address and its network's length */
	add(&p, "10.1.0.0", 16); /* a prefix */
	add(&p, "10.0.0.5", 32); /* once is enough */
	add(&p, "2001:db8::5", 128);
	same(&p, both_families);
	p = with_mac();
	add(&p, "2001:db8:8::", 45);
	same(&p, only_ipv6);
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
	char name[GUARD_NAME];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(guard_table(row[i].dev, name), 0);
		assert_string_equal(name, row[i].want);
	}
	assert_int_equal(guard_table("abcdefghijklmnop", name), -EINVAL);
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
		cmocka_unit_test(most_fits),
		cmocka_unit_test(refuses),
		cmocka_unit_test(table_names),
		cmocka_unit_test(a_missing_piece_is_named),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
