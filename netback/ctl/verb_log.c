// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_log.c - log: what rules with -j NFLOG say, as JSON lines or pcap */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/pcaplib.h"
#include "ruleset.h"

enum { LOG_PORTS = 4, LOG_ETHER = 14 };

struct log_out {
	struct ctl *c;
	const char *vif; /* only this one's, NULL: all */
	uint32_t most, n;
	struct pcaplib lib;
	pcap_t *pcap;
	pcap_dumper_t *dump; /* NULL: JSON lines */
};

static void log_end(int sig)
{
	(void)sig; /* recvmsg returns: that is the end */
}

/* Addresses, protocol and ports, as far as the bytes go. */
static void log_json_ip(json_t *o, const struct ruleset_log *l)
{
	bool six = l->ip[0] >> 4 == 6;
	uint8_t proto = l->ip[six ? 6 : 9];
	size_t head = six ? 40 : (size_t)(l->ip[0] & 15) * 4;
	bool part = !six && (l->ip[6] & 0x1f || l->ip[7]);
	char text[INET6_ADDRSTRLEN];
	int af = six ? AF_INET6 : AF_INET;

	inet_ntop(af, l->ip + (six ? 8 : 12), text, sizeof(text));
	json_object_set_new(o, "src", json_string(text));
	inet_ntop(af, l->ip + (six ? 24 : 16), text, sizeof(text));
	json_object_set_new(o, "dst", json_string(text));
	json_object_set_new(o, "proto", json_integer(proto));
	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) && !part &&
	    l->size >= head + LOG_PORTS) {
		const uint8_t *p = l->ip + head;

		json_object_set_new(o, "sport", json_integer(p[0] << 8 | p[1]));
		json_object_set_new(o, "dport", json_integer(p[2] << 8 | p[3]));
	}
	json_object_set_new(o, "length",
			    json_integer(six ? 40 + (l->ip[4] << 8 | l->ip[5])
					     : l->ip[2] << 8 | l->ip[3]));
}

/* A prefix may hold any byte: what is no UTF-8 is left out by json_string. */
static int log_json(const struct ruleset_log *l)
{
	json_t *o = json_object();
	char time[32];

	str_fmt(time, sizeof(time), "%" PRIu64 ".%06" PRIu64,
		l->ns / 1000000000u, l->ns / 1000u % 1000000u);
	json_object_set_new(o, "time", json_string(time));
	json_object_set_new(o, "vif", json_string(l->vif));
	json_object_set_new(o, "way", json_string(l->way));
	json_object_set_new(o, "rule", json_string(l->rule));
	json_object_set_new(o, "prefix", json_string(l->prefix));
	json_object_set_new(o, "in", json_string(l->in));
	json_object_set_new(o, "out", json_string(l->out));
	if (l->ip)
		log_json_ip(o, l);
	json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
	putchar('\n');
	return fflush(stdout) ? -EPIPE : 0;
}

static int log_pcap(const struct log_out *k, const struct ruleset_log *l)
{
	static uint8_t frame[LOG_ETHER + 65535];
	struct pcap_pkthdr h = { .caplen = 0 };

	if (!l->ip)
		return 0;
	memset(frame, 0, LOG_ETHER);
	if (l->ether) {
		memcpy(frame, l->ether, LOG_ETHER);
	} else {
		frame[12] = l->ip[0] >> 4 == 6 ? 0x86 : 0x08;
		frame[13] = l->ip[0] >> 4 == 6 ? 0xdd : 0x00;
	}
	h.caplen = (uint32_t)(l->size < 65535 ? l->size : 65535);
	memcpy(frame + LOG_ETHER, l->ip, h.caplen);
	h.caplen += LOG_ETHER;
	h.len = h.caplen;
	h.ts.tv_sec = (time_t)(l->ns / 1000000000u);
	h.ts.tv_usec = (suseconds_t)(l->ns / 1000u % 1000000u);
	k->lib.dump((u_char *)k->dump, &h, frame);
	return k->lib.dump_flush(k->dump) ? -EPIPE : 0;
}

static int log_each(const struct ruleset_log *l, void *arg)
{
	struct log_out *k = arg;
	int rc;

	if (k->vif && strcmp(k->vif, l->vif))
		return 0;
	rc = k->dump ? log_pcap(k, l) : log_json(l);
	if (!rc && k->most && ++k->n >= k->most)
		rc = 1;
	return rc;
}

/* [-g GROUP] [-c COUNT] [-w FILE] [VIF] */
static int log_words(struct log_out *k, int argc, char **argv, uint32_t *group,
		     struct err *e)
{
	const char *file = NULL;
	FILE *f;
	int i, rc;

	for (i = 0; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "-g") &&
		    !num_parse(argv[i + 1], 65535, group))
			continue;
		if (!strcmp(argv[i], "-c") &&
		    !num_parse(argv[i + 1], UINT32_MAX, &k->most))
			continue;
		if (strcmp(argv[i], "-w"))
			break;
		file = argv[i + 1];
	}
	if (i + 1 < argc || (i < argc && argv[i][0] == '-'))
		return err_set(e, CTL_USAGE,
			       "log: [-g GROUP] [-c COUNT] [-w FILE] "
			       "[DEVICE], not %.40s",
			       argv[i]);
	k->vif = i < argc ? argv[i] : NULL;
	if (!file)
		return 0;
	rc = pcaplib_open(&k->lib, e);
	if (rc)
		return rc;
	f = strcmp(file, "-") ? fopen(file, "we") : stdout;
	if (!f)
		return err_set(e, -errno, "log: %s: %s", file, strerror(errno));
	k->pcap = k->lib.open_dead(DLT_EN10MB, 65535 + LOG_ETHER);
	k->dump = k->pcap ? k->lib.dump_fopen(k->pcap, f) : NULL;
	return k->dump ? 0
		       : err_set(e, -ENOMEM, "log: %s: cannot be written",
				 file);
}

int verb_log(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct sigaction sa = { .sa_handler = log_end };
	struct log_out k = { .c = c };
	uint32_t group = 0;
	int rc = log_words(&k, argc, argv, &group, e);

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (!rc)
		rc = ruleset_log((uint16_t)group, log_each, &k, e);
	if (k.dump)
		k.lib.dump_close(k.dump);
	if (k.pcap)
		k.lib.close(k.pcap);
	pcaplib_close(&k.lib);
	return rc == 1 || rc == -EPIPE ? 0 : rc;
}
