// SPDX-License-Identifier: GPL-2.0-or-later
/* storeserver.c - the store server alone: storeserver RUN */
#include <stdio.h>

#include "base/log.h"
#include "store/server.h"

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: storeserver RUN\n");
		return 2;
	}
	log_open("storeserver", LOG_INFO);
	return store_server_main(argv[1]);
}
