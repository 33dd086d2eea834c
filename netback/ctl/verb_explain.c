// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_explain.c - explain: what the live ruleset does with a frame, and whose rule */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/nodes.h"
#include "ctl/pcaplib.h"
#include "ctl/run.h"
#include "ctl/way.h"
#include "drops.h"
#include "explain.h"

#define EXPLAIN_RULE "NETFILTER_DROP" /* whichever rule, of whatever tables */

struct explain_call {
	struct ctl *c;
	struct explain x;
	bool has_src, has_dst;
	uint8_t src[6], dst[6];
	const char *hex, *pcap;
	const char *want; /* the device whose MAC is looked for in the store */
	uint8_t *found;
	struct direct from, to; /* what netbackd is told of the two vifs */
};

static int explain_on_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct explain_call *k = arg;
	struct nodes n;

	if (nodes_read(k->c->store, domid, handle, &n, NULL) || !n.back ||
	    !n.vif.has_mac || strcmp(n.vif.name, k->want))
		return 0;
	memcpy(k->found, n.vif.mac, 6);
	return 1;
}

/* The MAC of a vif's guest, as the store has it. */
static bool explain_guest_mac(struct explain_call *k, const char *dev,
			      uint8_t mac[6])
{
	if (run_store(k->c, NULL))
		return false;
	k->want = dev;
	k->found = mac;
	return nodes_each(k->c->store, explain_on_vif, k, NULL) == 1;
}

static int explain_macs(struct explain_call *k, struct err *e)
{
	const struct explain *x = &k->x;

	if (!k->has_src && !explain_guest_mac(k, x->in, k->src))
		return err_set(e, CTL_USAGE,
			       "explain: no vif %s with a MAC is attached; "
			       "say --smac",
			       x->in);
	if (k->has_dst)
		return 0;
	if (x->out[0] ? explain_guest_mac(k, x->out, k->dst)
		      : way_mac(x->bridge[0] ? x->bridge : x->in, k->dst))
		return 0;
	return err_set(e, CTL_USAGE,
		       "explain: no vif %s with a MAC is attached; say --dmac",
		       x->out);
}

static int explain_dev(char dst[IFNAMSIZ], const char *s, struct err *e)
{
	int rc = vif_check_devname(s, e);

	if (!rc && !if_nametoindex(s))
		rc = err_set(e, -ENODEV, "%s: no such device", s);
	return rc ? rc : str_put(dst, IFNAMSIZ, s);
}

/* A destination may be a group. */
static bool explain_any_mac(const char *s, uint8_t mac[6])
{
	unsigned v[6], i;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5]) != 6)
		return false;
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return true;
}

static int explain_options(struct explain_call *k, int argc, char **argv,
			   struct err *e)
{
	static const struct option longs[] = {
		{ "in", required_argument, NULL, 'i' },
		{ "out", required_argument, NULL, 'o' },
		{ "smac", required_argument, NULL, 's' },
		{ "dmac", required_argument, NULL, 'd' },
		{ "mark", required_argument, NULL, 'm' },
		{ "hex", required_argument, NULL, 'x' },
		{ "pcap", required_argument, NULL, 'p' },
		{ 0 },
	};
	int o, rc = 0;

	opterr = optind = 0;
	while (!rc && (o = getopt_long(argc, argv, "+", longs, NULL)) >= 0)
		switch (o) {
		case 'i':
			rc = explain_dev(k->x.in, optarg, e);
			break;
		case 'o':
			rc = explain_dev(k->x.out, optarg, e);
			break;
		case 's':
			k->has_src = !vif_parse_mac(optarg, k->src);
			rc = k->has_src ? 0 : -EINVAL;
			break;
		case 'd':
			k->has_dst = explain_any_mac(optarg, k->dst);
			rc = k->has_dst ? 0 : -EINVAL;
			break;
		case 'm':
			rc = num_parse(optarg, UINT32_MAX, &k->x.mark);
			break;
		case 'x':
			k->hex = optarg;
			break;
		case 'p':
			k->pcap = optarg;
			break;
		default:
			return err_set(e, CTL_USAGE,
				       "explain: bad option; see vifctl help "
				       "explain");
		}
	if (rc == -EINVAL && !e->text[0])
		err_set(e, rc, "explain: '%.40s' is not what is expected there",
			optarg);
	return rc;
}

static int explain_on_direct(void *arg, uint16_t domid, uint16_t handle)
{
	struct explain_call *k = arg;
	struct nodes n;

	if (nodes_read(k->c->store, domid, handle, &n, NULL) || !n.back)
		return 0;
	if (!strcmp(n.vif.name, k->x.in))
		nodes_direct_now(k->c->store, &n.vif, &k->from);
	if (!strcmp(n.vif.name, k->x.out))
		nodes_direct_now(k->c->store, &n.vif, &k->to);
	return 0;
}

/* Both, where the frame goes from a vif to a vif. */
static void explain_direct_read(struct explain_call *k)
{
	if (k->x.out[0] && !run_store(k->c, NULL))
		nodes_each(k->c->store, explain_on_direct, k, NULL);
}

/* Nothing of the host's sees it, if it goes that way; whether it does is known
 * to the worker alone.
 */
static void explain_direct(const struct explain_call *k)
{
	const struct explain *x = &k->x;

	if (direct_may(&k->from, &k->to, x->frame, x->len, (uint32_t)x->len))
		printf("direct %s %s # netbackd may hand it over itself, and "
		       "then nothing below sees it\n",
		       x->in, x->out);
}

static int explain_one(struct explain_call *k, struct err *e)
{
	int rc = way_fill(&k->x, e);

	explain_direct(k);
	if (!rc)
		rc = explain_run(&k->x, stdout, e);

	if (rc < 0)
		return rc;
	if (fflush(stdout) || ferror(stdout))
		return err_set(e, -EIO, "cannot write to stdout");
	return 0;
}

/* Each frame of a file, numbered. */
static int explain_file(struct explain_call *k, struct err *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct pcaplib lib;
	pcap_t *p;
	const uint8_t *data;
	struct pcap_pkthdr *h;
	unsigned n = 0;
	int rc = pcaplib_open(&lib, e);

	if (rc)
		return rc;
	p = lib.open_offline(k->pcap, why);
	if (!p)
		rc = err_set(e, -EIO, "%s", why);
	else if (lib.datalink(p) != DLT_EN10MB)
		rc = err_set(e, -EINVAL, "%s: no Ethernet frames", k->pcap);
	while (!rc && lib.next_ex(p, &h, &data) == 1) {
		printf("frame %u\n", ++n);
		if (h->caplen < 14 || h->caplen > EXPLAIN_FRAME) {
			printf("verdict: cannot know, it is too short or too "
			       "long\n");
			continue;
		}
		k->x.len = h->caplen;
		memcpy(k->x.frame, data, h->caplen);
		rc = explain_one(k, e);
	}
	if (p)
		lib.close(p);
	pcaplib_close(&lib);
	return rc;
}

int verb_explain(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct explain_call k = { .c = c };
	char other[IFNAMSIZ];
	/* argv[-1] is the verb */
	int rc = explain_options(&k, argc + 1, argv - 1, e);

	if (rc)
		return rc;
	argc -= optind - 1;
	argv += optind - 1;
	if (!k.x.in[0])
		return err_set(e, CTL_USAGE, "explain: --in DEVICE is needed");
	if (drops_names(EXPLAIN_RULE))
		str_put(k.x.rule_reason, EXPLAIN_REASON, EXPLAIN_RULE);
	way_master(k.x.in, k.x.bridge);
	if (k.x.out[0]) {
		way_master(k.x.out, other);
		k.x.routed = strcmp(other, k.x.bridge);
		if (k.x.routed)
			str_put(k.x.to, sizeof(k.x.to), other);
	}
	explain_direct_read(&k);
	if (k.pcap)
		return explain_file(&k, e);
	if (k.hex) {
		rc = explain_hex(&k.x, k.hex, e);
	} else {
		rc = explain_macs(&k, e);
		if (!rc)
			rc = explain_words(&k.x, k.dst, k.src, argc, argv, e);
	}
	return rc == -EINVAL ? CTL_USAGE : rc ? rc : explain_one(&k, e);
}
