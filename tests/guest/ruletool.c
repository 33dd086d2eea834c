// SPDX-License-Identifier: GPL-2.0-or-later
/* ruletool.c - an administrator's rule from a command line, for tests
 *
 *   ruletool run|print WORD..       exit status 0, 1 (-C: no such rule), 2 error
 */
#include <stdio.h>
#include <string.h>

#include "rules.h"

int main(int argc, char **argv)
{
	const char *const *words = (const char *const *)argv + 2;
	struct err e = { "" }, note = { "" };
	char text[RULES_TEXT];
	struct rule r;
	int rc;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "print")) {
		rc = rules_parse(argc - 2, words, &r, &e);
		if (!rc && rules_print(&r, text, sizeof(text)) > 0)
			puts(text);
	} else {
		rc = rules_run(argc - 2, words, &note, &e);
	}
	if (note.text[0])
		fprintf(stderr, "note: %s\n", note.text);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	return rc < 0 ? 2 : rc;
}
