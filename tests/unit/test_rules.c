// SPDX-License-Identifier: GPL-2.0-or-later
/* test_rules.c - iptables' words: what is understood, and what is refused */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "rules.h"

enum { WORDS = 40 };

static int parse(const char *line, struct rule *r, struct err *e)
{
	const char *argv[WORDS];
	char buf[RULES_TEXT];
	int argc = 0;
	char *s;

	strcpy(buf, line);
	for (s = strtok(buf, " "); s; s = strtok(NULL, " "))
		argv[argc++] = s;
	return rules_parse(argc, argv, r, e);
}

static void prints(void **state)
{
	static const struct {
		const char *in, *want;
	} row[] = {
		{ "-A FORWARD -m physdev --physdev-in vif1.0 "
		  "--physdev-is-bridged -p tcp --dport 5201 -j DROP",
		  "-A FORWARD -p tcp -m physdev --physdev-in vif1.0 "
		  "--physdev-is-bridged -m tcp --dport 5201 -j DROP" },
		{ "--append FORWARD --protocol tcp --destination-port 80 "
		  "--jump ACCEPT",
		  "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT" },
		{ "-A FORWARD -s 10.0.0.77/20 ! -d 10.1.2.3 -j x",
		  "-A FORWARD -s 10.0.0.0/20 ! -d 10.1.2.3/32 -j x" },
		{ "-A FORWARD -s 0.0.0.0/0 -j x", "-A FORWARD -j x" },
		{ "-t filter -D FORWARD -m physdev ! --physdev-out vif+",
		  "-A FORWARD -m physdev ! --physdev-out vif+" },
		{ "-A FORWARD -m physdev --physdev-is-bridged "
		  "--physdev-is-out --physdev-out b --physdev-is-in "
		  "--physdev-in a",
		  "-A FORWARD -m physdev --physdev-is-in --physdev-in a "
		  "--physdev-is-out --physdev-out b --physdev-is-bridged" },
	};
	char text[RULES_TEXT];
	struct rule r;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(parse(row[i].in, &r, NULL), 0);
		assert_int_equal(rules_print(&r, text, sizeof(text)),
				 strlen(row[i].want));
		assert_string_equal(text, row[i].want);
	}
	assert_int_equal(rules_print(&r, text, 20), -ENOSPC);
}

static void refuses(void **state)
{
	static const struct {
		const char *in;
		int rc;
		const char *says; /* part of the sentence */
	} row[] = {
		{ "", -EINVAL, "no command" },
		{ "-j DROP", -EINVAL, "no command" },
		{ "-A", -EINVAL, "-A: what follows" },
		{ "-A FORWARD -A INPUT", -EINVAL, "a command already" },
		{ "-A FORWARD !", -EINVAL, "!: what follows" },
		{ "-A FORWARD ! ! -s 10.0.0.1", -EINVAL, "! is there twice" },
		{ "-A FORWARD ! -j DROP", -EINVAL, "! cannot stand" },
		{ "-A abcdefghijklmnopqrstuvwxyzabc", -EINVAL, "28" },
		{ "-A FORWARD -s 10.0.0", -EINVAL, "-s '10.0.0'" },
		{ "-A FORWARD -s 10.0.0.1/33", -EINVAL, "10.0.0.1/33" },
		{ "-A FORWARD -s fd00::1", -EINVAL, "not an IPv4" },
		{ "-A FORWARD --dport 1", -EINVAL, "-p tcp or -p udp" },
		{ "-A FORWARD -p tcp --dport 65536", -EINVAL, "65536" },
		{ "-A FORWARD -p tcp --dport 1:2", -EOPNOTSUPP, "ranges" },
		{ "-A FORWARD ! -p tcp --dport 1", -EINVAL, "-p tcp" },
		{ "-A FORWARD -p udp -m tcp", -EINVAL, "-m tcp: say -p tcp" },
		{ "-A FORWARD -p tcp ! --sport 1 ! --dport 2", -EOPNOTSUPP,
		  "two rules" },
		{ "-A FORWARD -m physdev", -EINVAL, "at least one" },
		{ "-A FORWARD --physdev-is-in", -EINVAL, "-m physdev before" },
		{ "-A FORWARD -m physdev --physdev-in +", -EINVAL, "every" },
		{ "-A FORWARD -m physdev --physdev-in abcdefghijklmnop",
		  -EINVAL, "15" },
		{ "-A FORWARD -m physdev --physdev-in a --physdev-in b",
		  -EINVAL, "twice" },
		{ "-A FORWARD -m comment --comment x", -EOPNOTSUPP,
		  "-m comment" },
		{ "-A FORWARD -j LOG", -EOPNOTSUPP, "-j LOG" },
		{ "-A FORWARD --frob", -EOPNOTSUPP, "'--frob'" },
		{ "-t nat -A POSTROUTING", -EOPNOTSUPP, "-t nat" },
		/* hotplug's truth table: what can never match */
		{ "-A INPUT -m physdev --physdev-in a --physdev-is-bridged",
		  -EINVAL, "never match" },
		{ "-A INPUT -m physdev --physdev-out a", -EINVAL, "never" },
		{ "-A OUTPUT -m physdev --physdev-in a", -EINVAL, "never" },
		{ "-A OUTPUT -m physdev --physdev-is-bridged", -EINVAL,
		  "never" },
	};
	struct rule r;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct err e = { "" };

		assert_int_equal(parse(row[i].in, &r, &e), row[i].rc);
		if (!strstr(e.text, row[i].says))
			fail_msg("%s: said '%s'", row[i].in, e.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
