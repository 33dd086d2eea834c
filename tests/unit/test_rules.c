// SPDX-License-Identifier: GPL-2.0-or-later
/* test_rules.c - iptables' words: what is understood, and what is refused */
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
#include "rules.h"
#include "ruleset.h"

enum { WORDS = 40 };

static int parse(const char *line, char *text, size_t size, struct err *e)
{
	const char *argv[WORDS];
	char buf[RULES_TEXT];
	struct rules rs = { 0 };
	int argc = 0, rc;
	char *s;

	strcpy(buf, line);
	for (s = strtok(buf, " "); s; s = strtok(NULL, " "))
		argv[argc++] = s;
	rc = rules_parse(argc, argv, 0, &rs, e);
	if (!rc)
		rc = rules_never(&rs.v[0], e);
	rc = rc ? rc : rules_print(&rs.v[0], text, size);
	rules_free(&rs);
	return rc;
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
		{ "-6 -A FORWARD -s fd00::1/64 -p icmpv6 --icmpv6-type 135",
		  "-A FORWARD -s fd00::/64 -p ipv6-icmp -m icmp6 "
		  "--icmpv6-type 135" },
		{ "-I FORWARD 3 -i br0 -m mark --mark 7/0xff -j LOG",
		  "-A FORWARD -i br0 -m mark --mark 0x7/0xff -j LOG" },
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
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(parse(row[i].in, text, sizeof(text), NULL),
				 strlen(row[i].want));
		assert_string_equal(text, row[i].want);
	}
	assert_int_equal(parse(row[0].in, text, 20, NULL), -ENOSPC);
}

static void several(void **state)
{
	static const char *const words[] = { "-A", "FORWARD",
					     "-s", "10.0.0.1,10.0.0.2",
					     "-d", "10.1.0.0/16,10.2.0.1",
					     "-j", "DROP" };
	static const char want[] =
		"-A FORWARD -s 10.0.0.2/32 -d 10.1.0.0/16 -j DROP";
	struct rules rs = { 0 };
	char text[RULES_TEXT];

	(void)state;
	assert_int_equal(rules_parse(ARRAY_SIZE(words), words, 4, &rs, NULL),
			 0);
	assert_int_equal(rs.n, 4);
	assert_true(rules_print(&rs.v[2], text, sizeof(text)) > 0);
	assert_string_equal(text, want);
	/* what fails adds nothing */
	assert_int_equal(rules_parse(3, words, 4, &rs, NULL), -EINVAL);
	assert_int_equal(rs.n, 4);
	rules_free(&rs);
}

/* long function: it is a table */
static void refuses(void **state)
{
	static const struct {
		const char *in;
		const char *says; /* part of the sentence */
	} row[] = {
		{ "", "no command" },
		{ "-j DROP", "no command" },
		{ "-A", "-A: what follows" },
		{ "-A FORWARD -A INPUT", "a command already" },
		{ "-A FORWARD !", "!: what follows" },
		{ "-A FORWARD ! ! -s 10.0.0.1", "! is there twice" },
		{ "-A FORWARD ! -j DROP", "! cannot stand" },
		{ "-A abcdefghijklmnopqrstuvwxyzabc", "28" },
		{ "-A FORWARD -s some.host", "not an address" },
		{ "-A FORWARD -s 10.0.0.1/33", "33" },
		{ "-A FORWARD -s 10.0.0.1 -s 10.0.0.2", "already" },
		{ "-4 -6 -A FORWARD", "the family is IPv4" },
		{ "-A FORWARD --dport 1", "-p tcp or -p udp" },
		{ "-A FORWARD -p tcp --dport 65536", "65536" },
		{ "-A FORWARD ! -p tcp --dport 1", "! -p says" },
		{ "-A FORWARD -p udp -m tcp", "-m tcp: say -p tcp" },
		{ "-A FORWARD -p tcp ! --sport 1 ! --dport 2", "two rules" },
		{ "-A FORWARD -m physdev", "physdev" },
		{ "-A FORWARD --physdev-is-in", "-m physdev before" },
		{ "-A FORWARD -m physdev --physdev-in +", "every" },
		{ "-A FORWARD -m physdev --physdev-in abcdefghijklmnop", "15" },
		{ "-A FORWARD -m physdev --physdev-in a --physdev-in b",
		  "once" },
		{ "-A FORWARD -m nothere", "nothere" },
		{ "-A FORWARD --frob", "'--frob'" },
		{ "-t frob -A POSTROUTING", "-t frob" },
		{ "-R FORWARD -j DROP", "number" },
		{ "-D FORWARD 0", "number" },
		{ "-A FORWARD ! -s 0/0", "never" },
		{ "-A FORWARD one", "too many" },
		{ "-A INPUT -m physdev --physdev-in a --physdev-is-bridged",
		  "never match" },
		{ "-A INPUT -m physdev --physdev-out a", "never" },
		{ "-A PREROUTING -t raw -m physdev --physdev-is-out", "never" },
		{ "-A OUTPUT -m physdev --physdev-in a", "never" },
		{ "-A OUTPUT -m physdev --physdev-is-bridged", "never" },
		{ "-A OUTPUT -m physdev ! --physdev-out a", "refuses" },
		{ "-A FORWARD -m physdev --physdev-out a ! "
		  "--physdev-is-bridged",
		  "never" },
		{ "-A FORWARD -m physdev --physdev-in a ! --physdev-is-in",
		  "never" },
	};
	char text[RULES_TEXT];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct err e = { "" };

		if (parse(row[i].in, text, sizeof(text), &e) != -EINVAL)
			fail_msg("%s: not refused", row[i].in);
		if (!strstr(e.text, row[i].says))
			fail_msg("%s: said '%s'", row[i].in, e.text);
	}
}

/* A file of rules with `n` lines between *filter and COMMIT, each of them `line`. */
static int many(const char *head, const char *line, unsigned n, struct err *e)
{
	struct ruleset *s = NULL;
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);
	unsigned i;
	int rc;

	fprintf(f, "vif v1\n%s*filter\n", head);
	for (i = 0; i < n; i++) {
		fprintf(f, line, i);
		fputc('\n', f);
	}
	fputs("COMMIT\n", f);
	fclose(f);
	rc = ruleset_parse("f.rules", text, size, &s, e);
	ruleset_free(s);
	free(text);
	return rc;
}

/* What would take hours or all memory is refused at once. */
static void bounds(void **state)
{
	struct err e = { "" };
	char *set;
	size_t size;
	FILE *f = open_memstream(&set, &size);
	unsigned i;

	(void)state;
	for (i = 0; i < 4000; i++)
		fprintf(f, "set a addr 10.0.%u.%u\n", i / 250, i % 250);
	fclose(f);
	assert_int_equal(many("", ":c%u - [0:0]", 1000, &e), 0);
	assert_int_equal(many("", ":c%u - [0:0]", 1001, &e), -EINVAL);
	assert_non_null(
		strstr(e.text, "f.rules:1003:1: more than 1000 chains"));
	assert_int_equal(many(set, "-A to-guest -s @a", 1, &e), 0);
	assert_int_equal(many(set, "-A to-guest -s @a -d @a", 1, &e), -EINVAL);
	assert_non_null(strstr(e.text, "4000 addresses of -s with 4000 of"));
	assert_int_equal(many(set, "-A to-guest -s @a", 26, &e), -EINVAL);
	assert_non_null(strstr(e.text, "f.rules:4028:1: more than 100000"));
	free(set);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(several),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
