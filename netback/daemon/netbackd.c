// SPDX-License-Identifier: GPL-2.0-or-later
/* netbackd.c - options, then the supervisor or the store */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "daemon/supervisor.h"
#include "store/server.h"

#ifndef NETBACK_VERSION
#define NETBACK_VERSION "0.1"
#endif

static const char usage_text[] =
	"usage: netbackd [-nv] [--run DIR] [--uid NAME] [--workers N]\n"
	"                [--hv KIND] [--stall SECONDS]\n"
	"       netbackd --store [-nv] [--run DIR]\n"
	"\n"
	"  --run DIR    run directory (default $NETBACK_RUN or /run/netback)\n"
	"  --uid NAME   user of the workers (default netback, else nobody)\n"
	"  --take-over  of the netbackd that serves there; vifctl daemon "
	"upgrade\n"
	"  --workers N  processes that guests are spread over (default 1)\n"
	"  --hv KIND    whose guests: xen, local (default: as this host has)\n"
	"  --stall N    seconds until a guest that takes nothing has no "
	"carrier\n"
	"               (default 60; 0 = never)\n"
	"  --store      serve the store, where there is no Xen\n"
	"  -n           check the options, print them in canonical form, exit\n"
	"  -v           say more\n"
	"  --version, --help\n";

enum {
	OPT_RUN = 256,
	OPT_UID,
	OPT_WORKERS,
	OPT_TAKE_OVER,
	OPT_HV,
	OPT_STALL,
	OPT_STORE,
	OPT_VERSION,
	OPT_HELP
};

struct options {
	struct supervisor_conf conf;
	bool check, store, verbose;
};

static const char *const hv_names[] = {
	[SUPERVISOR_AUTO] = "auto",
	[SUPERVISOR_LOCAL] = "local",
	[SUPERVISOR_XEN] = "xen",
};

static int parse_hv(struct options *o, const char *word)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(hv_names); i++) {
		if (!strcmp(hv_names[i], word)) {
			o->conf.hv = (enum supervisor_hv)i;
			return 0;
		}
	}
	fprintf(stderr, "netbackd: --hv %s: is none of auto, local, xen\n",
		word);
	return 2;
}

static int parse_stall(struct options *o, const char *word)
{
	if (!num_parse(word, SUPERVISOR_STALL_MAX, &o->conf.stall))
		return 0;
	fprintf(stderr, "netbackd: --stall %s: must be 0 to %d seconds\n", word,
		SUPERVISOR_STALL_MAX);
	return 2;
}

static int parse_workers(struct options *o, const char *word)
{
	if (!num_parse(word, SUPERVISOR_WORKERS, &o->conf.workers) &&
	    o->conf.workers)
		return 0;
	fprintf(stderr, "netbackd: --workers %s: must be 1 to %d\n", word,
		SUPERVISOR_WORKERS);
	return 2;
}

/* -1: go on; else an exit status. */
static int parse_rest(int argc, char **argv)
{
	if (optind == argc)
		return -1;
	fprintf(stderr, "netbackd: %s: unexpected; see netbackd --help\n",
		argv[optind]);
	return 2;
}

/* -1: go on; else an exit status. long function: a case for each option. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option words[] = {
		{ "run", required_argument, NULL, OPT_RUN },
		{ "uid", required_argument, NULL, OPT_UID },
		{ "workers", required_argument, NULL, OPT_WORKERS },
		{ "take-over", no_argument, NULL, OPT_TAKE_OVER },
		{ "stall", required_argument, NULL, OPT_STALL },
		{ "store", no_argument, NULL, OPT_STORE },
		{ "hv", required_argument, NULL, OPT_HV },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "nvh", words, NULL)) != -1) {
		switch (c) {
		case OPT_RUN:
			o->conf.run = optarg;
			break;
		case OPT_UID:
			o->conf.uid = optarg;
			break;
		case OPT_TAKE_OVER:
			o->conf.take_over = true;
			break;
		case OPT_WORKERS:
			if (parse_workers(o, optarg))
				return 2;
			break;
		case OPT_STALL:
			if (parse_stall(o, optarg))
				return 2;
			break;
		case OPT_STORE:
			o->store = true;
			break;
		case OPT_HV:
			if (parse_hv(o, optarg))
				return 2;
			break;
		case 'n':
			o->check = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case OPT_VERSION:
			puts("netbackd " NETBACK_VERSION);
			return 0;
		case 'h':
		case OPT_HELP:
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("netbackd: see netbackd --help\n", stderr);
			return 2;
		}
	}
	return parse_rest(argc, argv);
}

/* The longest name below it, dom/32751/store, must fit a socket's address. */
static int check_run(const struct options *o)
{
	if (o->conf.run[0] != '/') {
		log_error("--run %s: must begin with /", o->conf.run);
		return 2;
	}
	if (strlen(o->conf.run) > 88) {
		log_error("--run: %zu bytes is too long, 88 is the most",
			  strlen(o->conf.run));
		return 2;
	}
	return -1;
}

static void print(const struct options *o)
{
	printf("run=%s\n", o->conf.run);
	if (o->conf.uid)
		printf("uid=%s\n", o->conf.uid);
	if (o->conf.hv != SUPERVISOR_AUTO)
		printf("hv=%s\n", hv_names[o->conf.hv]);
	if (o->store)
		puts("store=yes");
	else
		printf("workers=%u\nstall=%u\n", o->conf.workers,
		       o->conf.stall);
}

int main(int argc, char **argv)
{
	struct options o = {
		.conf.run = getenv("NETBACK_RUN"),
		.conf.workers = 1,
		.conf.argv = argv,
		.conf.stall = SUPERVISOR_STALL,
	};
	int rc;

	if (!o.conf.run || !o.conf.run[0])
		o.conf.run = "/run/netback";
	rc = parse(&o, argc, argv);
	if (rc >= 0)
		return rc;
	log_open(o.store ? "netbackd-store" : "netbackd",
		 o.verbose ? LOG_DEBUG : LOG_INFO);
	rc = check_run(&o);
	if (rc >= 0)
		return rc;
	if (o.check) {
		print(&o);
		return 0;
	}
	if (o.store)
		return store_server_main(o.conf.run);
	return supervisor_main(&o.conf);
}
