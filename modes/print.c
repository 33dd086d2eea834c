// SPDX-License-Identifier: GPL-2.0-or-later
/* print.c - a plan as text that can be run, and as JSON */
#include <stdio.h>
#include <sys/socket.h>

#include "base/num.h"
#include "plan.h"

const struct plan_port plan_ports[PLAN_PORTS] = {
	{ STEP_PORT_LOCKED, "locked", false },
	{ STEP_PORT_NOLEARN, "learning", true },
	{ STEP_PORT_ISOLATED, "isolated", false },
	{ STEP_PORT_HAIRPIN, "hairpin", false },
	{ STEP_PORT_NO_FLOOD, "flood", true },
	{ STEP_PORT_NO_MCAST, "mcast_flood", true },
	{ STEP_PORT_NO_BCAST, "bcast_flood", true },
};

const char *plan_onoff(bool on)
{
	return on ? "on" : "off";
}

static void print_guard(const struct policy *p, FILE *out)
{
	char text[64];
	unsigned i;

	fprintf(out, "# guard %s:", p->dev);
	if (p->has_mac) {
		vif_print_mac(p->mac, text);
		fprintf(out, " mac %s", text);
	} else {
		fprintf(out, " any mac");
	}
	fprintf(out, p->learn == VIF_LEARN_FIRST  ? " ip learned"
		     : p->learn == VIF_LEARN_DHCP ? " ip by DHCP"
		     : p->naddr			  ? " ip"
						  : " any ip");
	for (i = 0; i < p->naddr; i++)
		if (vif_print_addr(&p->addr[i], text, sizeof(text)) >= 0)
			fprintf(out, " %s", text);
	for (i = 0; i < p->npair; i++) {
		vif_print_mac(p->pair[i].mac, text);
		fprintf(out, " and %s", text);
		vif_print_addr(&p->pair[i].addr, text, sizeof(text));
		fprintf(out, " %s", text);
	}
	if (p->allow & POLICY_DHCP_SERVER)
		fprintf(out, " a DHCP server");
	if (p->allow & POLICY_ROUTER)
		fprintf(out, " a router");
	if (p->allow & POLICY_SHARED)
		fprintf(out, " shared with others");
	if (p->hairpin)
		fprintf(out, " hears itself");
	fputc('\n', out);
}

static const char *print_ip(const struct vif_addr *a)
{
	return a->family == AF_INET6 ? "ip -6" : "ip";
}

static void print_text_ip(const struct step *s, FILE *out)
{
	char mac[18], addr[64] = "", src[64] = "", path[96] = "";

	vif_print_mac(s->mac, mac);
	vif_print_addr(&s->addr, addr, sizeof(addr));
	vif_print_addr(&s->src, src, sizeof(src));
	if (s->kind == STEP_SYSCTL) {
		nl_sysctl_path(s->key, s->dev, path, sizeof(path));
		fprintf(out, "sysctl -qw %s=%u\n", path, s->num);
	} else if (s->kind == STEP_ADDR) {
		fprintf(out, "%s addr replace %s dev %s%s\n",
			print_ip(&s->addr), addr, s->dev,
			s->addr.family == AF_INET6    ? " nodad"
			: vif_addr_is_local(&s->addr) ? " scope link"
						      : "");
	} else if (s->kind == STEP_NEIGH) {
		fprintf(out,
			"%s neigh replace %s lladdr %s dev %s nud permanent\n",
			print_ip(&s->addr), addr, mac, s->dev);
	} else if (s->kind == STEP_ROUTE) {
		fprintf(out,
			"%s route add %s dev %s%s%s metric %u proto static\n",
			print_ip(&s->addr), addr, s->dev, src[0] ? " src " : "",
			src, s->num);
	} else if (s->kind == STEP_PROXY) {
		fprintf(out, "%s neigh replace proxy %s dev %s protocol %d\n",
			print_ip(&s->addr), addr, s->dev, NL_OURS);
	} else if (s->kind == STEP_CLEAR) {
		fprintf(out, "ip addr flush dev %s\n", s->dev);
	}
}

static void print_port(const struct step *s, FILE *out)
{
	unsigned i;

	fprintf(out, "bridge link set dev %s learning %s isolated %s locked %s",
		s->dev, plan_onoff(!(s->num & STEP_PORT_NOLEARN)),
		plan_onoff(s->num & STEP_PORT_ISOLATED),
		plan_onoff(s->num & STEP_PORT_LOCKED));
	for (i = PLAN_PORTS_SAID; i < ARRAY_SIZE(plan_ports); i++)
		if (s->num & plan_ports[i].bit)
			fprintf(out, " %s %s", plan_ports[i].name,
				plan_onoff(!plan_ports[i].inverted));
	fputc('\n', out);
}

static void print_text(const struct plan *p, const struct step *s, FILE *out)
{
	char mac[18];

	vif_print_mac(s->mac, mac);
	switch ((enum step_kind)s->kind) {
	case STEP_BRIDGE:
		fprintf(out, "ip link add %s group %d up type bridge%s\n",
			s->other, PLAN_GROUP,
			s->num ? " vlan_filtering 1" : "");
		break;
	case STEP_DOWN:
		fprintf(out, "ip link set dev %s down\n", s->dev);
		break;
	case STEP_MAC:
		fprintf(out, "ip link set dev %s address %s\n", s->dev, mac);
		break;
	case STEP_MTU:
		fprintf(out, "ip link set dev %s mtu %u\n", s->dev, s->num);
		break;
	case STEP_NO_IPV6:
		fprintf(out, "sysctl -qw net/ipv6/conf/%s/disable_ipv6=1\n",
			s->dev);
		break;
	case STEP_GUARD:
		print_guard(&p->policy, out);
		break;
	case STEP_MASTER:
		fprintf(out, "ip link set dev %s master %s\n", s->dev,
			s->other);
		break;
	case STEP_PORT:
		print_port(s, out);
		break;
	case STEP_VLAN:
		port_vlan_print(p, s, out);
		break;
	case STEP_FDB:
		fprintf(out,
			"bridge fdb replace %s dev %s master static sticky\n",
			mac, s->dev);
		break;
	case STEP_GROUP:
		fprintf(out, "ip link set dev %s group %u\n", s->dev, s->num);
		break;
	case STEP_UP:
		fprintf(out, "ip link set dev %s up\n", s->dev);
		break;
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		print_text_ip(s, out);
		break;
	}
}

/* Names and addresses hold nothing that JSON would escape (vif.h). */
static void json_guard(const struct policy *p, FILE *out)
{
	char text[64];
	unsigned i;

	fprintf(out, "\"do\":\"guard\",\"dev\":\"%s\"", p->dev);
	if (p->has_mac) {
		vif_print_mac(p->mac, text);
		fprintf(out, ",\"mac\":\"%s\"", text);
	}
	fprintf(out, ",\"ip\":[");
	for (i = 0; i < p->naddr; i++)
		if (vif_print_addr(&p->addr[i], text, sizeof(text)) >= 0)
			fprintf(out, "%s\"%s\"", i ? "," : "", text);
	fprintf(out, "]");
	if (p->learn)
		fprintf(out, ",\"learn\":\"%s\"",
			p->learn == VIF_LEARN_FIRST ? "first" : "dhcp");
	for (i = 0; i < p->npair; i++) {
		vif_print_mac(p->pair[i].mac, text);
		fprintf(out, "%s{\"mac\":\"%s\"", i ? "," : ",\"pairs\":[",
			text);
		vif_print_addr(&p->pair[i].addr, text, sizeof(text));
		fprintf(out, ",\"ip\":\"%s\"}%s", text,
			i + 1 < p->npair ? "" : "]");
	}
	if (p->allow & POLICY_DHCP_SERVER)
		fprintf(out, ",\"dhcp_server\":true");
	if (p->allow & POLICY_ROUTER)
		fprintf(out, ",\"router\":true");
	if (p->allow & POLICY_SHARED)
		fprintf(out, ",\"shared\":true");
	if (p->hairpin)
		fprintf(out, ",\"hairpin\":true");
}

static const char *json_bool(bool b)
{
	return b ? "true" : "false";
}

static void json_ip(const struct step *s, FILE *out)
{
	char text[96] = "";

	if (s->kind == STEP_CLEAR)
		return;
	if (s->kind == STEP_SYSCTL) {
		nl_sysctl_path(s->key, s->dev, text, sizeof(text));
		fprintf(out, ",\"name\":\"%s\",\"value\":%u", text, s->num);
		return;
	}
	vif_print_addr(&s->addr, text, sizeof(text));
	fprintf(out, ",\"ip\":\"%s\"", text);
	if (s->kind == STEP_NEIGH) {
		vif_print_mac(s->mac, text);
		fprintf(out, ",\"mac\":\"%s\"", text);
	} else if (s->kind == STEP_ROUTE) {
		if (vif_print_addr(&s->src, text, sizeof(text)) >= 0)
			fprintf(out, ",\"src\":\"%s\"", text);
		fprintf(out, ",\"metric\":%u", s->num);
	}
}

static void json_port(const struct step *s, FILE *out)
{
	unsigned i;

	fprintf(out, ",\"learning\":%s,\"isolated\":%s,\"locked\":%s",
		json_bool(!(s->num & STEP_PORT_NOLEARN)),
		json_bool(s->num & STEP_PORT_ISOLATED),
		json_bool(s->num & STEP_PORT_LOCKED));
	for (i = PLAN_PORTS_SAID; i < ARRAY_SIZE(plan_ports); i++)
		if (s->num & plan_ports[i].bit)
			fprintf(out, ",\"%s\":%s", plan_ports[i].name,
				json_bool(!plan_ports[i].inverted));
}

static void print_json(const struct plan *p, const struct step *s, FILE *out)
{
	static const char *const verb[] = {
		[STEP_DOWN] = "down",	    [STEP_MAC] = "address",
		[STEP_MTU] = "mtu",	    [STEP_NO_IPV6] = "no-ipv6",
		[STEP_GUARD] = "guard",	    [STEP_MASTER] = "master",
		[STEP_PORT] = "port",	    [STEP_FDB] = "fdb",
		[STEP_BRIDGE] = "bridge",   [STEP_VLAN] = "vlan",
		[STEP_GROUP] = "group",	    [STEP_UP] = "up",
		[STEP_SYSCTL] = "sysctl",   [STEP_ADDR] = "gateway",
		[STEP_NEIGH] = "neighbour", [STEP_ROUTE] = "route",
		[STEP_PROXY] = "proxy",	    [STEP_CLEAR] = "clear",
	};
	char mac[18], text[VIF_TEXT / 4];

	if (s->kind == STEP_GUARD) {
		json_guard(&p->policy, out);
		return;
	}
	vif_print_mac(s->mac, mac);
	fprintf(out, "\"do\":\"%s\",\"dev\":\"%s\"", verb[s->kind], s->dev);
	switch ((enum step_kind)s->kind) {
	case STEP_MAC:
	case STEP_FDB:
		fprintf(out, ",\"mac\":\"%s\"", mac);
		break;
	case STEP_MTU:
		fprintf(out, ",\"mtu\":%u", s->num);
		break;
	case STEP_GROUP:
		fprintf(out, ",\"group\":%u", s->num);
		break;
	case STEP_MASTER:
		fprintf(out, ",\"bridge\":\"%s\"", s->other);
		break;
	case STEP_PORT:
		json_port(s, out);
		break;
	case STEP_BRIDGE:
		fprintf(out, ",\"bridge\":\"%s\",\"vlans\":%s", s->other,
			json_bool(s->num));
		break;
	case STEP_VLAN:
		if (vif_print_vlan(p->vlan, p->nvlan, text, sizeof(text)) >= 0)
			fprintf(out, ",\"vlan\":\"%s\"", text);
		break;
	case STEP_DOWN:
	case STEP_NO_IPV6:
	case STEP_GUARD:
	case STEP_UP:
		break;
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		json_ip(s, out);
		break;
	}
}

void mode_print(const struct plan *p, FILE *out, bool json)
{
	unsigned i;

	if (json)
		fputc('[', out);
	for (i = 0; i < p->n; i++) {
		if (!json) {
			print_text(p, &p->v[i], out);
			continue;
		}
		fprintf(out, "%s{", i ? ",\n " : "");
		print_json(p, &p->v[i], out);
		fputc('}', out);
	}
	if (json)
		fprintf(out, "]\n");
}
