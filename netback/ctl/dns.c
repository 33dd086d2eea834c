// SPDX-License-Identifier: GPL-2.0-or-later
/* dns.c - one dnsmasq for each network: DHCP, router advertisements, DNS,
 * TFTP
 *
 * It finds a guest's lease as a file in hosts/, which it watches by itself; one
 * that is gone it hears of by SIGHUP. Whoever starts or ends it holds the
 * network's lock, so there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/net.h"

enum { DNS_SAID = 512, DNS_STOP_MS = 3000, DNS_POLL_MS = 10 };

static const char *const dns_programs[] = { "/usr/sbin/dnsmasq",
					    "/usr/bin/dnsmasq",
					    "/usr/local/sbin/dnsmasq" };

/* NETBACK_DNSMASQ names another. */
static const char *dns_program(void)
{
	const char *own = getenv("NETBACK_DNSMASQ");
	unsigned i;

	if (own && own[0])
		return access(own, X_OK) ? NULL : own;
	for (i = 0; i < ARRAY_SIZE(dns_programs); i++)
		if (!access(dns_programs[i], X_OK))
			return dns_programs[i];
	return NULL;
}

int dns_there(struct err *e)
{
	if (dns_program())
		return 0;
	return err_set(
		e, -ENOENT,
		"dnsmasq: it is not installed, and a network's DHCP, DNS "
		"and router advertisements are its work; install it "
		"(apt-get install dnsmasq-base), or say dhcp=no");
}

/* --- its configuration ---------------------------------------------------------*/

/* Where only one user is known (a user namespace) it cannot become another. */
static bool dns_one_user(void)
{
	FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned long in, out, n = 0;

	if (!f)
		return false;
	if (fscanf(f, "%lu %lu %lu", &in, &out, &n) != 3)
		n = 0;
	fclose(f);
	return n == 1;
}

static void dns_conf_ranges(const struct network *n, FILE *f)
{
	struct vif_addr net = n->addr[0];
	char text[64];
	uint32_t mask;

	if (net.family) {
		mask = ~0u << (32 - net.len);
		net.addr[3] &= (uint8_t)mask;
		net.len = 32;
		vif_print_addr(&net, text, sizeof(text));
		fprintf(f, "dhcp-range=%s,static,%u.%u.%u.%u,12h\n", text,
			mask >> 24, mask >> 16 & 255, mask >> 8 & 255,
			mask & 255);
	}
	net = n->addr[1];
	if (net.family) {
		net.addr[15] = 0;
		net.len = 128;
		vif_print_addr(&net, text, sizeof(text));
		fprintf(f, "enable-ra\ndhcp-range=%s,static,slaac,64,12h\n",
			text);
	}
	if (n->kind == NETWORK_HOSTONLY || n->kind == NETWORK_ISOLATED) {
		/* no way out: nobody is a router */
		fprintf(f, "dhcp-option=3\n");
		if (n->addr[1].family)
			fprintf(f, "ra-param=%s,0,0\n", n->bridge);
	}
}

static void dns_conf_dns(const struct network *n, FILE *f)
{
	char text[64];
	unsigned i;

	if (n->kind == NETWORK_ISOLATED) {
		fprintf(f, "port=0\n");
		return;
	}
	if (n->kind == NETWORK_HOSTONLY || n->ndns)
		fprintf(f, "no-resolv\n");
	for (i = 0; i < n->ndns; i++)
		if (vif_print_addr(&n->dns[i], text, sizeof(text)) > 0)
			fprintf(f, "server=%s\n", text);
	fprintf(f,
		"domain=%s\nlocal=/%s/\nexpand-hosts\ndomain-needed\n"
		"bogus-priv\n",
		n->name, n->name);
}

static int dns_conf(const struct ctl *c, const struct network *n,
		    const char *path)
{
	char hosts[NET_PATH], leases[NET_PATH], pid[NET_PATH];
	FILE *f;
	int rc = net_path(c, n->name, "hosts", hosts);

	if (!rc)
		rc = net_path(c, n->name, "leases", leases);
	if (!rc)
		rc = net_path(c, n->name, "pid", pid);
	if (rc)
		return rc;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f,
		"# network %s: written anew when it starts\n"
		"interface=%s\nexcept-interface=lo\nbind-interfaces\n"
		"no-hosts\ndhcp-authoritative\n",
		n->name, n->bridge);
	fprintf(f, "pid-file=%s\ndhcp-leasefile=%s\ndhcp-hostsdir=%s\n", pid,
		leases, hosts);
	if (dns_one_user())
		fprintf(f, "user=root\ngroup=root\n");
	dns_conf_ranges(n, f);
	dns_conf_dns(n, f);
	if (n->tftp[0])
		fprintf(f, "enable-tftp\ntftp-root=%s\n", n->tftp);
	if (n->boot[0])
		fprintf(f, "dhcp-boot=%s\n", n->boot);
	return fclose(f) ? -errno : 0;
}

/* --- its life ----------------------------------------------------------------------*/

/* Is that process this network's? A number may have gone to another by now. */
static bool dns_is(int pid, const char *conf)
{
	char path[32], line[2 * NET_PATH] = "";
	ssize_t n, i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	for (i = 0; i + 1 < n; i++)
		if (!line[i])
			line[i] = ' ';
	return strstr(line, conf);
}

int dns_pid(const struct ctl *c, const char *name)
{
	char path[NET_PATH], conf[NET_PATH];
	FILE *f;
	int pid = 0;

	if (net_path(c, name, "pid", path) ||
	    net_path(c, name, "dnsmasq.conf", conf))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid > 1 && dns_is(pid, conf) ? pid : 0;
}

static void dns_child(const char *program, const char *conf, int said)
{
	char arg[NET_PATH + 16];
	sigset_t none;

	snprintf(arg, sizeof(arg), "--conf-file=%s", conf);
	/* ours are held back, its are how it is ended */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(said, 2) >= 0)
		execl(program, "dnsmasq", arg, (char *)NULL);
	_exit(127);
}

/* It goes into the background once it serves; until then it says why not. */
static int dns_run(const char *program, const char *conf, char *said,
		   size_t size)
{
	int fd[2], status = -1;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	said[0] = '\0';
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		dns_child(program, conf, fd[1]);
	close(fd[1]);
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		status = -1;
	while (pid > 0 && status && n + 1 < size &&
	       (r = read(fd[0], said + n, size - 1 - n)) > 0)
		n += (size_t)r;
	close(fd[0]);
	said[n] = '\0';
	said[strcspn(said + (n && said[0] == '\n'), "\n")] = '\0';
	return pid < 0 ? -EAGAIN : status ? -EIO : 0;
}

int dns_start(const struct ctl *c, const struct network *n, struct err *e)
{
	char conf[NET_PATH], said[DNS_SAID];
	int rc;

	if (dns_pid(c, n->name))
		return 0;
	rc = dns_there(e);
	if (rc)
		return rc;
	rc = net_path(c, n->name, "dnsmasq.conf", conf);
	if (!rc)
		rc = dns_conf(c, n, conf);
	if (rc)
		return err_set(e, rc, "network %s: cannot write %s: %s",
			       n->name, conf, strerror(-rc));
	rc = dns_run(dns_program(), conf, said, sizeof(said));
	if (rc)
		return err_set(e, rc, "network %s: dnsmasq does not start: %s",
			       n->name,
			       said[0] ? said + (said[0] == '\n')
				       : "no reason given");
	return 0;
}

void dns_reload(const struct ctl *c, const char *name)
{
	int pid = dns_pid(c, name);

	if (pid)
		kill(pid, SIGHUP);
}

/* Its memory goes before its sockets do, and with that its name: gone is who has no
 * entry any more, or waits to be buried.
 */
static bool dns_gone(int pid)
{
	char path[32], line[128] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	p = fgets(line, sizeof(line), f);
	fclose(f);
	p = p ? strrchr(line, ')') : NULL;
	return !p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X';
}

int dns_stop(const struct ctl *c, const char *name, struct err *e)
{
	struct timespec nap = { .tv_nsec = DNS_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + DNS_STOP_MS * UINT64_C(1000000);
	int pid = dns_pid(c, name);

	if (!pid)
		return 0;
	kill(pid, SIGTERM);
	while (!dns_gone(pid)) {
		if (clock_ns() >= end)
			return err_set(e, -ETIMEDOUT,
				       "network %s: dnsmasq (process %d) does "
				       "not end",
				       name, pid);
		nanosleep(&nap, NULL);
	}
	return 0;
}
