// SPDX-License-Identifier: GPL-2.0-or-later
/* modes.c - drives modes/ from a script: real devices, or facts made up
 *
 *   modes attach|undo|check|plan|json [-g HOW] N.M KEY=VALUE..
 *   modes delete DEVICE
 *   modes made-up <FILE             (what tests/golden/NAME.in holds)
 *
 * The guard says "guard on|off DEV", and misbehaves when put on with -g HOW: fail,
 * del:DEV (deletes a device and succeeds), delfail:DEV (and fails), look:DEV
 * (shows the device as it is then).
 * made-up reads lines: "vif N.M key=value ..", then facts "link=no",
 * "bridge=eth", "bridge_mtu=9000", ..; prints the plan twice, or the error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "mode.h"

static const char *guard_how = "";

static int guard(const struct policy *p, bool on, struct err *e)
{
	const char *dev = strchr(guard_how, ':');
	char cmd[64];

	printf("guard %s %s\n", on ? "on" : "off", p->dev);
	fflush(stdout);
	if (!on)
		return 0;
	if (dev) {
		snprintf(cmd, sizeof(cmd), "ip -o link %s %s",
			 strncmp(guard_how, "look", 4) ? "del" : "show",
			 dev + 1);
		if (system(cmd))
			return err_set(e, -ENXIO, "%s", cmd);
	}
	if (strstr(guard_how, "fail"))
		return err_set(e, -ENOBUFS, "%s: guard refused", p->dev);
	return 0;
}

static int say(int rc, const struct err *e)
{
	if (rc < 0)
		fprintf(stderr, "error %s: %s\n", strerrorname_np(-rc),
			e->text[0] ? e->text : "(nothing said)");
	return rc < 0 ? 2 : rc;
}

static int read_vif(struct vif *v, const char *name, char **word, struct err *e)
{
	uint16_t domid, handle;
	int rc = vif_parse_name(name, &domid, &handle, e);

	if (rc)
		return rc;
	vif_init(v, domid, handle);
	for (; *word && !rc; word++)
		rc = vif_parse(v, *word, e);
	return rc;
}

static int on_host(const char *verb, const struct vif *v, struct err *e)
{
	struct facts f;
	struct plan p;
	bool undo = !strcmp(verb, "undo");
	int rc = undo ? 0 : mode_facts(v, &f, e);

	if (!rc)
		rc = mode_plan(v, undo ? NULL : &f, &p, e);
	if (rc)
		return rc;
	if (undo)
		return mode_undo(&p, guard, e);
	if (!strcmp(verb, "attach"))
		return mode_apply(&p, guard, e);
	if (!strcmp(verb, "check"))
		return mode_check(&p, stdout, e);
	mode_print(&p, stdout, !strcmp(verb, "json"));
	return 0;
}

/* --- made up -----------------------------------------------------------------*/

static void made_up_fact(struct facts *f, const char *key, const char *value)
{
	bool yes = strcmp(value, "no") != 0;
	unsigned num = (unsigned)strtoul(value, NULL, 10);

	if (!strcmp(key, "link"))
		f->link = yes;
	else if (!strcmp(key, "tap"))
		f->link_is_tap = yes;
	else if (!strcmp(key, "link_kind"))
		str_put(f->link_kind, sizeof(f->link_kind), value);
	else if (!strcmp(key, "master"))
		str_put(f->master, sizeof(f->master), value);
	else if (!strcmp(key, "bridge"))
		f->bridge = yes;
	else if (!strcmp(key, "bridge_kind"))
		f->bridge_is_bridge = !str_put(f->bridge_kind, 16, value) &&
				      !strcmp(value, "bridge");
	else if (!strcmp(key, "bridge_mtu"))
		f->bridge_mtu = num;
	else if (!strcmp(key, "can_vlan"))
		f->can_vlan = yes;
	else if (!strcmp(key, "bridge_vlan"))
		f->bridge_vlan = yes;
	else if (!strcmp(key, "ipv6"))
		f->ipv6 = yes;
	else if (!strcmp(key, "can_lock"))
		f->can_lock = yes;
	else if (!strcmp(key, "routed"))
		f->routed = yes;
	else if (!strcmp(key, "twin"))
		f->twin = yes;
	else if (!strcmp(key, "emulated"))
		f->emulated = yes;
	else if (!strcmp(key, "forward6"))
		f->forward6 = yes;
	else if (!strcmp(key, "force6"))
		f->force6 = yes;
	else if (!strcmp(key, "gatewaydev"))
		f->gatewaydev = yes;
	else if (!strcmp(key, "gatewaydev_mtu"))
		f->gatewaydev_mtu = num;
	else if (!strcmp(key, "gatewaydev_addr"))
		vif_parse_addr(value, &f->gatewaydev_addr);
	else if (!strcmp(key, "own"))
		vif_parse_addr(value, &f->own);
	else if (!strcmp(key, "ra"))
		str_put(f->ra[f->nra++], IFNAMSIZ, value);
	else
		fprintf(stderr, "no such fact: %s\n", key), exit(3);
}

static int made_up_vif(struct vif *v, char *line, struct err *e)
{
	char *word[32] = { 0 }, *save;
	unsigned n = 0;

	for (line = strtok_r(line, " \n", &save); line && n < 31;
	     line = strtok_r(NULL, " \n", &save))
		word[n++] = line;
	if (n < 2 || strcmp(word[0], "vif"))
		fprintf(stderr, "want: vif N.M key=value ..\n"), exit(3);
	return read_vif(v, word[1], word + 2, e);
}

static int made_up(struct err *e)
{
	struct facts f = { .link = true,
			   .link_is_tap = true,
			   .bridge = true,
			   .bridge_is_bridge = true,
			   .bridge_mtu = 1500,
			   .ipv6 = true,
			   .can_lock = true,
			   .can_vlan = true,
			   .gatewaydev = true,
			   .gatewaydev_mtu = 1500,
			   .force6 = true };
	char line[1024], *eq;
	struct plan p;
	struct vif v;
	int rc;

	if (!fgets(line, sizeof(line), stdin))
		return -EIO;
	rc = made_up_vif(&v, line, e);
	while (!rc && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		eq = strchr(line, '=');
		if (!eq)
			continue;
		*eq = '\0';
		made_up_fact(&f, line, eq + 1);
	}
	if (!rc)
		rc = mode_plan(&v, &f, &p, e);
	if (rc)
		return rc;
	mode_print(&p, stdout, false);
	mode_print(&p, stdout, true);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = { "" };
	struct vif v;
	int rc;

	if (argc == 2 && !strcmp(argv[1], "made-up"))
		return say(made_up(&e), &e);
	if (argc == 3 && !strcmp(argv[1], "delete"))
		return say(mode_delete_tap(argv[2], &e), &e);
	if (argc > 4 && !strcmp(argv[2], "-g")) {
		guard_how = argv[3];
		argv[3] = argv[1];
		argv += 2;
		argc -= 2;
	}
	if (argc < 3)
		return 3;
	rc = read_vif(&v, argv[2], argv + 3, &e);
	return say(rc ? rc : on_host(argv[1], &v, &e), &e);
}
